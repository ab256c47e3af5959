"""The logs pane as its user sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot

from limatui.ink import plain
from limatui.present.logs import tabs
from limatui.screens.logs import LogsPane
from tests.ui.pane_app import FileEngine, PaneApp, screen_text, until


@asynccontextmanager
async def logs(home: Path) -> AsyncIterator[tuple[PaneApp, LogsPane, Pilot[None]]]:
    pane = LogsPane("default")
    app = PaneApp(pane, FileEngine(home))
    async with app.run_test(size=(100, 14)) as pilot:
        pane.view.focus()
        await pilot.pause()
        yield app, pane, pilot


def on_screen(app: PaneApp, text: str) -> Callable[[], bool]:
    return lambda: any(text in line for line in screen_text(app))


def serial_log(home: Path, lines: int = 500) -> Path:
    (home / "default").mkdir(exist_ok=True)
    path = home / "default" / "serial.log"
    path.write_bytes(b"".join(b"line %d of the kernel\r\n" % number for number in range(lines)))
    return path


async def test_follows_the_end_until_moved_and_again_with_g(lima_home: Path) -> None:
    path = serial_log(lima_home)
    async with logs(lima_home) as (app, _pane, pilot):
        await until(pilot, on_screen(app, "line 499 "))
        await pilot.press("pageup")
        await until(pilot, lambda: not on_screen(app, "line 499 ")())
        with path.open("ab") as file:
            file.write(b"fresh one\r\nfresh two\r\n")
        await until(pilot, on_screen(app, "↓ 2 new"))
        assert not on_screen(app, "fresh")()
        await pilot.press("G")
        await until(pilot, on_screen(app, "fresh two"))
        await until(pilot, on_screen(app, "following"))
        await pilot.press("g")
        await until(pilot, on_screen(app, "line 0 "))


async def test_search_counts_and_moves(lima_home: Path) -> None:
    serial_log(lima_home)
    async with logs(lima_home) as (app, pane, pilot):
        await until(pilot, on_screen(app, "line 499 "))
        await pilot.press("slash", *"line 42", "enter")
        await until(pilot, on_screen(app, "1/11"))
        await until(pilot, on_screen(app, "line 42 "))
        await pilot.press("n", "n")
        await until(pilot, on_screen(app, "3/11"))
        await until(pilot, on_screen(app, "line 421 "))
        await pilot.press("N")
        await until(pilot, on_screen(app, "2/11"))
        await pilot.press("slash", *"absent", "enter")
        await until(pilot, on_screen(app, "not found"))
        await pilot.press("escape")
        await until(pilot, lambda: not pane.view.found.text)
        assert app.recorded == [], "letters of the search are not keys of the app"


async def test_other_logs_by_brackets_json_as_words(lima_home: Path) -> None:
    serial_log(lima_home)
    agent = lima_home / "default" / "ha.stderr.log"
    agent.write_text('{"level":"info","msg":"hello","time":"2026-11-21T01:02:03Z"}\n')
    async with logs(lima_home) as (app, _pane, pilot):
        await until(pilot, on_screen(app, "line 499 "))
        await pilot.press("right_square_bracket")
        await until(pilot, on_screen(app, "01:02:03  info    hello"))
        await pilot.press("left_square_bracket")
        await until(pilot, on_screen(app, "line 499 "))


def test_the_current_log_is_always_in_the_row() -> None:
    labels = [f"serial {number} back" for number in range(9)]
    assert plain(tabs(labels, 0, 40)).startswith("serial 0 back")
    row = plain(tabs(labels, 8, 40))
    assert ("serial 8 back" in row[:40], row[0]) == (True, "…")


async def test_no_logs_says_what_to_do_and_then_they_come(lima_home: Path) -> None:
    (lima_home / "default").mkdir()
    async with logs(lima_home) as (app, _pane, pilot):
        await until(pilot, on_screen(app, "no logs yet: they appear when it starts"))
        serial_log(lima_home)
        await until(pilot, on_screen(app, "line 499 "))


async def test_a_new_boot_replaces_the_log(lima_home: Path) -> None:
    path = serial_log(lima_home)
    async with logs(lima_home) as (app, _pane, pilot):
        await until(pilot, on_screen(app, "line 499 "))
        path.rename(path.with_name("serial.1.log"))
        path.write_bytes(b"second boot\r\n")
        await until(pilot, on_screen(app, "second boot"))


async def test_hidden_it_reads_nothing(lima_home: Path) -> None:
    path = serial_log(lima_home)
    async with logs(lima_home) as (app, pane, pilot):
        await until(pilot, on_screen(app, "line 499 "))
        pane.display = False
        await until(pilot, lambda: not any(str(path) == link for link in open_files()))
        pane.display = True
        await until(pilot, on_screen(app, "line 499 "))


def open_files() -> list[str]:
    links = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            links.append(str(entry.readlink()))
        except OSError:
            continue
    return links
