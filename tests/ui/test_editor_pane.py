"""The config pane: stories of people who edit lima.yaml."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot

from limacore.model.instance import Fleet, Instance, Status
from limatui.screens.config import ConfigPane
from limatui.widgets.ask import Ask
from tests.ui.pane_app import FileEngine, PaneApp, screen_text, until

YAML = "# the machine\ncpus: 2\nmemory: 4GiB\n"
Shown = tuple[PaneApp, ConfigPane, Pilot[None]]


@pytest.fixture
def config(lima_home: Path) -> Path:
    for name in ("default", "other"):
        (lima_home / name).mkdir()
        (lima_home / name / "lima.yaml").write_text(YAML.replace("machine", name))
    return lima_home / "default" / "lima.yaml"


@asynccontextmanager
async def editing(config: Path, *, size: tuple[int, int] = (110, 18)) -> AsyncIterator[Shown]:
    pane = ConfigPane("default")
    app = PaneApp(pane, FileEngine(config.parents[1]))
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: pane.buffer is not None)
        pane.editor.focus()
        await pilot.pause()
        yield app, pane, pilot


def on_screen(app: PaneApp, text: str) -> Callable[[], bool]:
    return lambda: any(text in line for line in screen_text(app))


def asks(app: PaneApp) -> Callable[[], bool]:
    return lambda: isinstance(app.screen, Ask)


async def type_at_end_of_line(pilot: Pilot[None], pane: ConfigPane, row: int, *keys: str) -> None:
    pane.editor.go_to(row, 1000)
    await pilot.press(*keys)


async def test_an_error_marks_its_line_and_is_told(config: Path) -> None:
    async with editing(config) as (app, pane, pilot):
        await type_at_end_of_line(pilot, pane, 1, "x")
        await until(pilot, lambda: bool(pane.problems))
        line = next(line for line in screen_text(app) if "cpus: 2x" in line)
        assert line.startswith(" ✗    2 ▎ cpus: 2x")
        await until(pilot, on_screen(app, "1 error"))
        await until(pilot, on_screen(app, "✗ 2  cpus: not a number  write a number"))
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert (asks(app)(), config.read_text()) == (False, YAML.replace("machine", "default"))
        await pilot.press("backspace")
        await until(pilot, lambda: not pane.problems)
        await until(pilot, on_screen(app, "no problems"))


async def test_save_shows_the_change_first(config: Path) -> None:
    async with editing(config) as (app, pane, pilot):
        await type_at_end_of_line(pilot, pane, 1, "backspace", "8")
        await until(pilot, on_screen(app, "1 change, not saved"))
        await pilot.press("ctrl+s")
        await until(pilot, asks(app))
        await until(pilot, on_screen(app, "- cpus: 2"))
        await until(pilot, on_screen(app, "+ cpus: 8"))
        assert "cpus: 2" in config.read_text()
        await pilot.press("enter")
        await until(pilot, lambda: "cpus: 8" in config.read_text())
        await until(pilot, lambda: pane.unsaved == ())


async def test_escape_from_the_question_saves_nothing(config: Path) -> None:
    async with editing(config) as (app, pane, pilot):
        await type_at_end_of_line(pilot, pane, 1, "0")
        await pilot.press("ctrl+s")
        await until(pilot, asks(app))
        await pilot.press("escape")
        await until(pilot, lambda: not asks(app)())
        assert "cpus: 20" not in config.read_text()
        assert pane.unsaved == ("default",)


@pytest.mark.parametrize("answer", ["k", "r", "o", "d"])
async def test_a_file_changed_underneath_is_not_overwritten(config: Path, answer: str) -> None:
    async with editing(config) as (app, pane, pilot):
        await type_at_end_of_line(pilot, pane, 1, "0")
        theirs = config.read_text().replace("4GiB", "8GiB")
        config.write_text(theirs)
        await pilot.press("ctrl+s")
        await until(pilot, asks(app))
        await pilot.press("enter")
        await until(pilot, on_screen(app, "changed by someone else"))
        assert config.read_text() == theirs
        await until(pilot, on_screen(app, "+ memory: 8GiB"))
        await pilot.press(answer)
        if answer == "o":
            await until(pilot, lambda: "cpus: 20" in config.read_text())
            assert "4GiB" in config.read_text()
            return
        if answer == "d":
            await until(pilot, on_screen(app, "+ cpus: 20"))
            await pilot.press("escape")
            await until(pilot, on_screen(app, "changed by someone else"))
            await pilot.press("escape")
            return
        await until(pilot, lambda: not asks(app)())
        assert config.read_text() == theirs
        if answer == "r":
            assert (pane.editor.text, pane.unsaved) == (theirs, ())
            return
        assert ("cpus: 20" in pane.editor.text, pane.unsaved) == (True, ("default",))
        await pilot.press("ctrl+s")
        await until(pilot, asks(app))
        await until(pilot, on_screen(app, "- memory: 8GiB"))
        await pilot.press("enter")
        await until(pilot, lambda: "cpus: 20" in config.read_text())


async def test_a_text_not_saved_is_kept_for_each_instance(config: Path) -> None:
    async with editing(config) as (app, pane, pilot):
        await type_at_end_of_line(pilot, pane, 1, "0")
        pane.instance = "other"
        await until(pilot, on_screen(app, "# the other"))
        assert (pane.unsaved, on_screen(app, "saved")()) == (("default",), True)
        pane.instance = "default"
        await until(pilot, on_screen(app, "cpus: 20"))
        await until(pilot, on_screen(app, "1 change, not saved"))


LEAVING = (("d", (), False), ("k", ("default",), False), ("s", (), True))


@pytest.mark.parametrize(("answer", "unsaved", "saved"), LEAVING)
async def test_leaving_with_changes_asks(config: Path, answer: str, unsaved: tuple[str, ...], saved: bool) -> None:
    async with editing(config) as (app, pane, pilot):
        await type_at_end_of_line(pilot, pane, 1, "0")
        await pilot.press("escape")
        await until(pilot, on_screen(app, "not saved"))
        await until(pilot, asks(app))
        await pilot.press(answer)
        if saved:
            await until(pilot, on_screen(app, "Save lima.yaml?"))
            await pilot.press("enter")
            await until(pilot, lambda: "cpus: 20" in config.read_text())
        await until(pilot, lambda: pane.unsaved == unsaved and not asks(app)())
        assert ("cpus: 20" in config.read_text()) == saved


async def test_a_running_instance_says_that_the_change_waits(config: Path) -> None:
    async with editing(config) as (app, pane, pilot):
        app.fleet = Fleet(home="", instances=(Instance("default", "", Status.RUNNING),))
        await type_at_end_of_line(pilot, pane, 1, "0")
        await until(pilot, on_screen(app, "default is running: the changes"))


async def test_next_problem_goes_round(config: Path) -> None:
    config.write_text("cpus: x\nok: 1\ncpus: y\n")
    async with editing(config) as (_app, pane, pilot):
        await until(pilot, lambda: len(pane.problems) == 2)
        rows = []
        for _ in range(3):
            await pilot.press("f8")
            rows.append(pane.editor.cursor_location[0])
        assert rows == [2, 0, 2]


async def test_paste_and_file_text_are_harmless(config: Path) -> None:
    config.write_text("# \x1b]0;owned\x07 \u202e\n" + YAML)
    async with editing(config) as (app, pane, pilot):
        pane.editor.go_to(1, 0)
        pane.editor.post_message(events.Paste("a: \x1b[31m\x9b1m\u202e\nb: 1\n"))
        await until(pilot, lambda: "b: 1" in pane.editor.text)
        assert all(char not in "".join(screen_text(app)) for char in "\x1b\x07\x9b\u202e")
        assert "\x1b[31m" not in pane.editor.text


async def test_a_narrow_pane_has_no_column_beside(config: Path) -> None:
    async with editing(config, size=(80, 18)) as (app, _pane, _pilot):
        assert not on_screen(app, "PROBLEMS")()


async def test_no_file_says_so(config: Path) -> None:
    async with editing(config) as (app, pane, pilot):
        config.unlink()
        pane.instance = "other"
        await until(pilot, on_screen(app, "# the other"))
        pane.instance = "default"
        await until(pilot, on_screen(app, "No such file"))
        assert pane.editor.disabled
