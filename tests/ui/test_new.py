"""Stories of people who make an instance: by the form, or by the text beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from limacore.config.schema import describe
from limacore.engine import Engine
from limacore.model.instance import HostUsage, Status
from limacore.model.job import JobState
from limacore.model.template import Effective
from limatui.app import Dashboard
from limatui.present import form as present
from limatui.screens.new import NewScreen
from limatui.settings.file import Settings
from limatui.widgets.form import TemplateEntry
from tests.ui.board import Board, playing
from tests.ui.pane_app import screen_text, until


async def opened(board: Board) -> NewScreen:
    await board.press("n")
    await board.until(lambda: isinstance(board.app.screen, NewScreen), "the form")
    screen = board.app.screen
    assert isinstance(screen, NewScreen)
    await board.until(lambda: screen.editor.text, "the text")
    return screen


async def fill(board: Board, *fields: str) -> None:
    """Type into the fields, one after the other."""
    for text in fields:
        await board.press("ctrl+u", *text, "tab")


async def test_a_new_instance() -> None:
    async with playing(size=(80, 40)) as board:
        screen = await opened(board)
        for name, wrong in (("../x", "not a valid identifier"), ("default", "there is an instance `default` already")):
            await board.press("ctrl+u", *name)
            assert wrong in board.text
        await board.press("ctrl+u", *"web", "tab", *"tiny", "tab", "x")
        assert "not a number of processors" in board.text
        await board.press("backspace", "2", "tab", *"2GB2", "tab", *"8GiB")
        assert "`2GB2` is not a size" in board.text
        await board.press("shift+tab", *("backspace",) * 4, *"2GB")
        assert "$ limatui start --name=web --cpus=2 --memory=2 --disk=8" in board.text
        await board.until(lambda: 'memory: "2GB"' in screen.editor.text and 'disk: "8GiB"' in screen.editor.text)
        await board.press("enter")
        await board.until(lambda: board.app.fleet.get("web"))
        made = board.one("web")
        assert (made.cpus, made.memory, made.disk, made.template) == (2, 2 << 30, 8 << 30, "template:tiny")
        await board.until(lambda: board.one("web").status is Status.STARTING)


async def test_create_without_start() -> None:
    async with playing(count=0) as board:
        assert "no instances yet" in board.text and "makes" in board.text
        await board.press("n")
        await board.until(lambda: "A new instance" in board.text)
        await board.press("ctrl+s")
        await board.until(lambda: board.app.fleet.get("default"))
        assert board.one("default").status is Status.STOPPED
        await board.until(lambda: board.main.table.cursor == "default", "the cursor goes to the first instance")


async def test_the_template_is_searched_and_chosen_with_arrows() -> None:
    async with playing(size=(120, 40)) as board:
        screen = await opened(board)
        await board.press("tab", *"debian")
        chooser = screen.query_one(TemplateEntry)
        assert chooser.value == "debian"
        await board.press("down", "down")
        assert chooser.value == "debian-12"
        await board.press("enter")
        assert isinstance(board.app.screen, NewScreen), "enter chooses, it does not create"
        await board.until(lambda: "images:" in screen.editor.text and "bookworm" in screen.editor.text)
        assert "template:debian-12" in board.text
        await board.press("shift+tab", "ctrl+u", *"nothing-like-that")
        assert "no template is like that" in board.text and "there is no template" in board.text
        await board.press("escape")
        assert board.app.screen is board.main


async def test_defaults_stand_in_the_empty_fields_and_choices_on_the_arrows() -> None:
    async with playing(size=(120, 40)) as board:
        screen = await opened(board)
        await board.until(lambda: "100GiB" in board.text, "the default of disk")
        await board.press("tab", "tab", "tab", "tab", "tab", *"~/src:w,/data", "tab", "down", "down")
        assert screen.form.typed["arch"] == "aarch64"
        assert "--mount-only=~/src:w --mount-only=/data" in board.text.replace("\n", "") or "--mount-only" in board.text
        await board.until(lambda: "- location: ~/src" in screen.editor.text or "~/src" in screen.editor.text)
        await board.press("ctrl+u", *"vax")
        assert "arch: `vax` is not one of x86_64" in board.text


async def test_the_text_may_be_written_by_hand() -> None:
    async with playing(size=(120, 40)) as board:
        screen = await opened(board)
        await board.press("ctrl+u", *"hand", "f2")
        assert board.app.focused is screen.editor
        screen.editor.load_text("images:\n- location: /x.img\ncpus: 3\nnope")
        await board.until(lambda: screen.by_hand and "could not find expected" in board.text, "the error of the text")
        assert "written by hand" in board.text
        await board.press("escape", "enter")
        assert isinstance(board.app.screen, NewScreen), "nothing wrong is made"
        await board.press("f2", "ctrl+end", *("backspace",) * 5)
        await board.until(lambda: "limatui start --name=hand - < hand.yaml" in board.text)
        await board.press("escape", "ctrl+s")
        await board.until(lambda: board.app.fleet.get("hand"))


async def test_back_to_the_form_drops_what_was_written_by_hand() -> None:
    async with playing(size=(120, 40)) as board:
        screen = await opened(board)
        before = screen.editor.text
        await board.press("f2", *"abc")
        await board.until(lambda: screen.by_hand)
        await board.press("ctrl+r")
        await board.until(lambda: screen.editor.text == before and not screen.by_hand)


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_everything_is_on_the_screen_at_every_size(size: tuple[int, int]) -> None:
    async with playing(size=size) as board:
        await opened(board)
        for word in ("name", "template", *present.PATHS, "$ limatui start --name=", "enter create and start"):
            assert word in board.text, word
        await board.press("f2")
        await board.until(lambda: "minimumLimaVersion" in board.text)


async def test_a_real_instance_is_made_from_the_form(lima_home: Path) -> None:
    """The real engine, with a template whose image is a file; it is created, not started."""
    (lima_home / "_templates").mkdir()
    (lima_home / "image.raw").write_bytes(bytes(2 << 20))
    (lima_home / "_templates" / "file.yaml").write_text(
        f"# An image of zeros.\nimages:\n- location: {lima_home}/image.raw\ncpus: 1\nmemory: 1GiB\n")
    app = Dashboard(Engine(lima_home, interval=0.1), settings=Settings())
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.fleet.home)
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, NewScreen) and app.screen.editor.text)
        await pilot.press("ctrl+u", *"made", "tab", *"file", "tab", "2", "tab", "tab", *"10MiB", "tab", *"none")
        await until(pilot, lambda: any("--mount-none" in line for line in screen_text(app)))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: app.jobs and app.jobs[0].state is not JobState.RUNNING)
        assert app.jobs[0].state is JobState.DONE, app.jobs[0]
    text = (lima_home / "made" / "lima.yaml").read_text()
    assert "cpus: 2" in text and "disk: 10MiB" in text and "mounts: []" in text


# --- what is typed, as values


def test_every_field_of_the_form_is_one_of_the_schema() -> None:
    for path in present.PATHS:
        info = describe((path,))
        assert info is not None and info.doc
        assert present.example(path)


@pytest.mark.parametrize(("path", "typed", "value"), [
    ("cpus", "", None), ("cpus", " 4 ", 4), ("memory", "4GiB", "4GiB"), ("arch", "aarch64", "aarch64"),
    ("mounts", "none", []), ("mounts", "~", [{"location": "~"}]),
    ("mounts", "/a b, ~/x:w", [{"location": "/a b"}, {"location": "~/x", "writable": True}]),
])
def test_values(path: str, typed: str, value: object) -> None:
    assert present.value(path, typed) == present.Value(value)


@pytest.mark.parametrize(("path", "typed"), [
    ("cpus", "0"), ("cpus", "-1"), ("cpus", "2.5"), ("cpus", "²"), ("memory", "much"), ("disk", "0"), ("arch", "vax"),
    ("mounts", "relative/path"), ("mountType", "nfs"), ("memory", "\x1b[31m"),
])
def test_wrong_values_are_told(path: str, typed: str) -> None:
    assert present.value(path, typed).wrong.startswith(f"{path}: ")


def test_the_command_of_a_form() -> None:
    form = present.Form("web", "docker", {"cpus": "4", "memory": "512MiB", "mounts": "~/a b:w,/c", "vmType": "qemu"})
    assert present.command(form) == ("limatui start --name=web --cpus=4 --memory=0.5 --mount-only='~/a b:w' "
                                     "--mount-only=/c --vm-type=qemu template:docker")
    none = present.Form("x", "tiny", {"mounts": "none"})
    assert present.command(none, start=False) == "limatui create --name=x --mount-none template:tiny"


def test_defaults_for_people() -> None:
    found = (Effective(("cpus",), "4", "built in"), Effective(("mounts", 0, "location"), '"~"', "instance"),
             Effective(("mounts", 0, "writable"), "false", "built in"),
             Effective(("mounts", 1, "location"), "/tmp/lima", "instance"),
             Effective(("mounts", 1, "writable"), "true", "instance"))
    assert present.defaults(found)["cpus"] == "4"
    assert present.defaults(found)["mounts"] == "~, /tmp/lima:w"
    assert present.defaults(())["mounts"] == "none"


def test_what_the_computer_lacks_is_said() -> None:
    host = HostUsage(cpus=2, memory_total=4 << 30, disk_free=10 << 30)
    assert "2 processors" in present.caution({"cpus": "4"}, host)
    assert "4 GiB of memory" in present.caution({"memory": "8GiB"}, host)
    assert "10 GiB are free" in present.caution({"disk": "20GiB"}, host)
    assert present.caution({"cpus": "2", "memory": "1GiB", "disk": "1GiB"}, host) == ""


def test_a_free_name() -> None:
    assert present.free_name(frozenset(), "experimental/vnc") == "vnc"
    assert present.free_name(frozenset({"vnc", "vnc-2"}), "experimental/vnc") == "vnc-3"
