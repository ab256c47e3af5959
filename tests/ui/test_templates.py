"""Stories in the template gallery: look, search, edit a copy, make an instance."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from limacore.engine import Engine
from limacore.model.template import TemplateInfo
from limatui.app import Dashboard
from limatui.ink import plain
from limatui.present import templates as present
from limatui.screens.new import NewScreen
from limatui.screens.templates import TemplateEditor, TemplatesScreen
from limatui.settings.file import Settings
from limatui.widgets.editor.area import YamlEditor
from limatui.widgets.editor.pane import TextPane
from tests.ui.board import Board, playing
from tests.ui.pane_app import screen_text, until

HOSTILE = "# \x1b]0;owned\x07 \u202eEVIL [red]x[/red]\nbase:\n- \"template:\\x1b[31m\"\ncpus: 1\n"


async def gallery(board: Board) -> TemplatesScreen:
    await board.press("T")
    await board.until(lambda: isinstance(board.app.screen, TemplatesScreen) and board.app.screen.infos, "the gallery")
    await board.pilot.pause()
    screen = board.app.screen
    assert isinstance(screen, TemplatesScreen)
    return screen


async def find(board: Board, name: str) -> None:
    await board.press("slash", *name, "enter")


def text_of(screen: TemplatesScreen) -> str:
    return screen.query_one(YamlEditor).text


async def test_look_and_search() -> None:
    async with playing() as board:
        screen = await gallery(board)
        assert "templates" in board.text and "_images/debian-13" not in board.text
        await find(board, "debian-13")
        await board.until(lambda: "template:_images/debian-13" in text_of(screen), "the text")
        assert "composes" in board.text and "$" not in board.text.splitlines()[0]
        assert "limatui start template:debian-13" in board.text
        await board.press("slash", *"zzz")
        assert "no template is like that" in board.text
        await board.press("escape")
        assert screen.query_one(Input).value == ""
        await board.press("escape", "escape")
        assert board.app.screen is board.main


async def test_as_written_and_with_its_bases() -> None:
    async with playing() as board:
        screen = await gallery(board)
        await find(board, "debian-13")
        await board.until(lambda: "base:" in text_of(screen))
        await board.press("v")
        await board.until(lambda: "images:" in text_of(screen) and "base:" not in text_of(screen))
        assert "with its bases" in board.text
        await board.press("v")
        await board.until(lambda: "base:" in text_of(screen))


async def test_building_blocks_only_when_asked_for() -> None:
    async with playing() as board:
        screen = await gallery(board)
        await board.press("b")
        await find(board, "_images/debian-13")
        await board.until(lambda: "a building block" in board.text)
        await board.press("n")
        assert board.app.screen is screen, "no instance is made of a part"


async def test_an_instance_of_it() -> None:
    async with playing() as board:
        screen = await gallery(board)
        await find(board, "tiny")
        await board.press("n")
        await board.until(lambda: isinstance(board.app.screen, NewScreen), "the form")
        assert "template:tiny" in board.text and "--name=tiny" in board.text
        await board.press("escape")
        await board.until(lambda: board.app.screen is screen, "back in the gallery")
        await board.press("n")
        await board.until(lambda: isinstance(board.app.screen, NewScreen) and board.app.screen.editor.text)
        await board.press("ctrl+s")
        await board.until(lambda: board.app.fleet.get("tiny"))
        await board.until(lambda: board.app.screen is board.main, "the list, to watch it")


async def test_editing_a_copy() -> None:
    async with playing() as board:
        screen = await gallery(board)
        await find(board, "debian-13")
        await board.press("e")
        await board.until(lambda: "Edit a copy of debian-13" in board.text)
        assert "my-debian-13" in board.text
        await board.press("ctrl+u", *"../up")
        assert "cannot be the name of a template" in board.text
        await board.press("ctrl+u", *"mine", "enter")
        await board.until(lambda: isinstance(board.app.screen, TemplateEditor), "the editor")
        pane = board.app.screen.query_one(TextPane)
        await board.until(lambda: pane.buffer)
        await board.press("ctrl+end", *"cpus: 7")
        await board.until(lambda: not pane.problems and pane.buffer and "cpus: 7" in pane.buffer.text)
        await board.press("ctrl+s")
        await board.until(lambda: "Save template:mine?" in board.text, "the question")
        await board.press("enter")
        saved = Path(board.engine.home) / "_templates" / "mine.yaml"
        await board.until(saved.exists, "the file")
        assert saved.read_text().endswith("cpus: 7")
        await board.press("escape")
        await board.until(lambda: board.app.screen is screen)
        await board.press("slash", "ctrl+u", *"mine", "enter")
        await board.until(lambda: "◆ your own" in board.text and "1 of your own" in board.text)
        await board.press("e")
        await board.until(lambda: isinstance(board.app.screen, TemplateEditor), "one's own is edited at once")
        await board.until(lambda: "cpus: 7" in board.text)


async def test_leaving_a_copy_untouched_makes_no_file() -> None:
    async with playing() as board:
        screen = await gallery(board)
        await board.press("e")
        await board.until(lambda: "Edit a copy of" in board.text)
        await board.press("enter")
        await board.until(lambda: isinstance(board.app.screen, TemplateEditor))
        await board.until(lambda: board.app.screen.query_one(TextPane).buffer)
        await board.press("escape")
        await board.until(lambda: board.app.screen is screen)
        assert not (Path(board.engine.home) / "_templates").exists()


async def test_an_unsaved_template_is_offered_again() -> None:
    async with playing() as board:
        await gallery(board)
        for answer in ("k", ""):
            await board.press("e")
            await board.until(lambda: "Edit a copy of" in board.text)
            await board.press("enter")
            await board.until(lambda: isinstance(board.app.screen, TemplateEditor) or "never saved" in board.text)
            if answer:
                await board.until(lambda: board.app.screen.query_one(TextPane).buffer)
                await board.press(*"# typed", "escape")
                await board.until(lambda: "not saved" in board.text)
                await board.press(answer)
                await board.until(lambda: isinstance(board.app.screen, TemplatesScreen))
        await board.until(lambda: "a text that was never saved" in board.text)
        await board.press("r")
        await board.until(lambda: isinstance(board.app.screen, TemplateEditor))
        assert "# typed" in board.app.screen.query_one(TextPane).editor.text


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_at_every_size(size: tuple[int, int]) -> None:
    async with playing(size=size) as board:
        screen = await gallery(board)
        assert "NAME" in board.text and "n new instance" in board.footer
        await find(board, "debian-13")
        await board.until(lambda: "base:" in text_of(screen))
        assert ("composes" in board.text) == (size[0] >= 100)
        await board.press("enter")
        await board.until(lambda: "composes" in board.text)
        await board.press("escape")
        assert board.app.focused is screen.list and "NAME" in board.text


async def test_hostile_text_in_templates(lima_home: Path) -> None:
    (lima_home / "_templates").mkdir()
    (lima_home / "_templates" / "aaa.yaml").write_text(HOSTILE)
    (lima_home / "_templates" / "\x1b[31mred.yaml").write_text(HOSTILE)
    app = Dashboard(Engine(lima_home, interval=0.1), settings=Settings())
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.fleet.home)
        await pilot.press("T")
        await until(pilot, lambda: isinstance(app.screen, TemplatesScreen) and "aaa" in "".join(screen_text(app)))
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, TemplateEditor))
        await pilot.pause(0.3)
        assert not [char for char in "\x1b\x07\x9b\u202e" if char in "".join(screen_text(app))]


# --- pure

INFOS = (TemplateInfo("docker", "", "Docker without root"), TemplateInfo("k8s", "", "Kubernetes, with docker too"),
         TemplateInfo("mine", "/h/_templates/mine.yaml", "own thing", own=True),
         TemplateInfo("_images/debian", "", "Images", hidden=True))


@pytest.mark.parametrize(("query", "names"), [
    ("", ["docker", "k8s", "mine"]), ("docker", ["docker", "k8s"]), ("own", ["mine"]), ("DOCKER root", ["docker"]),
    ("debian", []),
])
def test_searching(query: str, names: list[str]) -> None:
    assert [each.name for each in present.matching(INFOS, query)] == names


def test_blocks_are_found_when_asked_for() -> None:
    assert [each.name for each in present.matching(INFOS, "debian", blocks=True)] == ["_images/debian"]


def test_names_for_copies() -> None:
    assert present.copy_name(INFOS[0], INFOS) == "my-docker"
    assert present.copy_name(INFOS[0], (*INFOS, TemplateInfo("my-docker", ""))) == "my-docker1"
    assert present.copy_name(TemplateInfo("experimental/vnc", ""), INFOS) == "experimental/my-vnc"


def test_what_is_told_of_a_template() -> None:
    info = TemplateInfo("x", "/h/x.yaml", "What it is", ("template:a", "template:b"), own=True)
    lines = [plain(line).rstrip() for line in present.about(info, 60)]
    assert lines == ["x  ◆ your own", "What it is", "", "composes  template:a", "          template:b",
                     "file      /h/x.yaml", "command   limatui start template:x"]
