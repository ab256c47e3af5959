"""Marking and copying: with keys and with the mouse, over wide and wrapped text, while more is printed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from limatui.present.copymode import cells, moved
from limatui.widgets.terminal.grid import Cursor, Grid, open_grid
from tests.ui.console_app import console, on_screen, serial
from tests.ui.pane_app import until

TEXT = "hello wörld 中文 this wraps\r\ntwo\r\n"


@pytest.fixture
def grid() -> Iterator[Grid]:
    made = open_grid(10, 5)
    made.feed(TEXT.encode())
    made.refresh()
    yield made
    made.close()


@pytest.mark.parametrize(("unit", "start", "end", "text", "spans"), [
    ("cell", (2, 0), (3, 0), "ll", {0: (2, 3)}),
    ("cell", (3, 0), (2, 0), "ll", {0: (2, 3)}),
    ("cell", (3, 1), (3, 1), "中", {1: (2, 3)}),
    ("cell", (2, 1), (4, 1), "中文", {1: (2, 5)}),
    ("cell", (6, 0), (0, 1), "wörld", {0: (6, 9), 1: (0, 0)}),
    ("cell", (8, 1), (1, 3), "his wraps\ntw", {1: (8, 9), 2: (0, 9), 3: (0, 1)}),
    ("word", (4, 1), (4, 1), "中文", {1: (2, 5)}),
    ("word", (4, 1), (7, 0), "wörld 中文", {0: (6, 9), 1: (0, 5)}),
    ("line", (4, 1), (4, 1), "hello wörld 中文 this wraps", {0: (0, 9), 1: (0, 9), 2: (0, 6)}),
    ("line", (0, 3), (4, 2), "hello wörld 中文 this wraps\ntwo", {0: (0, 9), 1: (0, 9), 2: (0, 9), 3: (0, 2)}),
])
def test_what_is_marked(grid: Grid, unit: str, start: tuple[int, int], end: tuple[int, int], text: str,
                        spans: dict[int, tuple[int, int]]) -> None:
    grid.mark(*start, unit)
    assert (grid.marked(), grid.marks()) == ("", {}), "nothing before the mouse has moved"
    grid.mark_to(*end)
    grid.refresh()
    assert (grid.marked(), grid.marks()) == (text, spans)
    grid.unmark()
    grid.refresh()
    assert (grid.marked(), grid.marks()) == ("", {})


def test_it_stays_on_its_text_while_more_is_printed(grid: Grid) -> None:
    grid.mark(6, 0)
    grid.mark_to(0, 1)
    grid.feed(b"three\r\nfour\r\nfive\r\n")
    grid.refresh()
    assert (grid.marked(), grid.marks()) == ("wörld", {}), "above the window"
    grid.scroll(-3)
    grid.refresh()
    assert grid.marks() == {0: (6, 9), 1: (0, 0)}


@pytest.mark.parametrize("news", [b"\x1b[1;8HX", b"\x1b[2J", b"\x1b[?1049h", b"x\r\n" * 20_000, b"\x1bc"])
def test_it_is_dropped_when_its_text_changes_or_goes(grid: Grid, news: bytes) -> None:
    grid.mark(6, 0)
    grid.mark_to(0, 1)
    grid.feed(b"\x1b[4;1Helsewhere")
    assert grid.marked() == "wörld", "other text is no reason"
    grid.feed(news)
    grid.refresh()
    assert (grid.marked(), grid.marks()) == ("", {})


def test_another_width_keeps_it_on_its_text(grid: Grid) -> None:
    grid.mark(6, 0)
    grid.mark_to(0, 1)
    grid.resize(30, 5)
    grid.refresh()
    assert (grid.marked(), grid.marks()) == ("wörld", {0: (6, 10)})


def test_a_pin_follows_its_text(grid: Grid) -> None:
    grid.pin(Cursor(1, 3))
    grid.feed(b"a\r\n" * 4)
    assert grid.pinned() == Cursor(1, -1)
    grid.pin(None)
    assert grid.pinned() is None


ROWS = [cells(row, 20) for row in ("first word, 中文 end", "", "  indented  text")]


@pytest.mark.parametrize(("move", "at", "to"), [
    ("right", (11, 0), (12, 0)), ("right", (12, 0), (14, 0)), ("left", (14, 0), (12, 0)), ("left", (0, 0), (0, 0)),
    ("right", (19, 2), (19, 2)), ("end", (3, 0), (19, 0)), ("start", (5, 2), (0, 2)), ("first", (9, 2), (2, 2)),
    ("end", (4, 1), (0, 1)), ("word", (0, 0), (6, 0)), ("word", (17, 0), (2, 2)), ("word", (12, 2), (0, 3)),
    ("word_end", (0, 0), (4, 0)), ("back", (6, 0), (0, 0)), ("back", (2, 2), (17, 0)), ("back", (0, 0), (0, -1)),
    ("up", (3, 0), (3, -1)), ("down", (3, 2), (3, 3)), ("top", (1, 2), (1, 0)), ("bottom", (1, 0), (1, 2)),
    ("page_down", (0, 0), (0, 1)), ("half_up", (0, 0), (0, -1)),
])
def test_moves(move: str, at: tuple[int, int], to: tuple[int, int]) -> None:
    assert moved(ROWS, Cursor(*at), move) == Cursor(*to)


async def test_keys_mark_and_copy(lima_home: Path) -> None:
    (lima_home / "default").mkdir()
    log = b"".join(b"line %d has words\r\n" % number for number in range(60))
    (lima_home / "default/serial.log").write_bytes(log)
    async with console(lima_home, size=(100, 14)) as (app, pane, pilot):
        await until(pilot, on_screen(app, "line 59"))
        await pilot.press("v")
        await until(pilot, on_screen(app, "MARK  space begins"))
        await pilot.press("g", "j", "w", "v", "e", "j")
        await until(pilot, on_screen(app, "MARK  y copies"))
        await pilot.press("x", "s", "9")
        assert (app.recorded, pane.source) == ([], "serial"), "no key of the app or the pane while marking"
        await pilot.press("y")
        await until(pilot, lambda: app.clipboard == pane.terminal.copied == "1 has words\nline 2 has")
        assert not pane.terminal.copying and not pane.terminal.marks
        await pilot.press("slash", *"line 42", "enter", "v", "n", "V")
        await pilot.press("enter")
        await until(pilot, lambda: app.clipboard == "line 42 has words")


async def test_the_caret_goes_with_its_text(lima_home: Path) -> None:
    async with serial(lima_home) as peer, console(lima_home, size=(100, 14)) as (app, pane, pilot):
        await until(pilot, lambda: pane.link.state == "live")
        peer.print(b"first\r\nsecond\r\n")
        await until(pilot, on_screen(app, "second"))
        await pilot.press("v", "k", "V")
        peer.print(b"".join(b"more %d\r\n" % number for number in range(40)))
        await until(pilot, lambda: pane.terminal.grid is not None and pane.terminal.grid.position()[1] > 0)
        assert on_screen(app, "second")(), "what is marked stays in the window"
        await pilot.press("y")
        await until(pilot, lambda: app.clipboard == "second")
        await until(pilot, on_screen(app, "more 39"))


async def test_the_mouse_marks(lima_home: Path) -> None:
    (lima_home / "default").mkdir()
    (lima_home / "default/serial.log").write_bytes(b"".join(b"line %d has words\r\n" % n for n in range(60)))
    async with console(lima_home, size=(100, 14)) as (app, pane, pilot):
        await until(pilot, on_screen(app, "line 59"))
        terminal = pane.terminal
        height = len(terminal.grid.rows)
        await pilot.mouse_down(terminal, offset=(1 + 5, height - 3))
        assert not terminal.marks
        await pilot.hover(terminal, offset=(1 + 10, height - 3))
        await until(pilot, lambda: terminal.grid.marked() == "58 has")
        await pilot.mouse_up(terminal, offset=(1 + 10, height - 3))
        await pilot.hover(terminal, offset=(1 + 2, 2))
        assert terminal.grid.marked() == "58 has", "the button is up"
        await pilot.press("y")
        await until(pilot, lambda: app.clipboard == "58 has")
        await pilot.press("escape")
        assert not terminal.marks
        await pilot.click(terminal, offset=(1 + 13, height - 3), times=2)
        await until(pilot, lambda: terminal.grid.marked() == "words")
        await pilot.click(terminal, offset=(1 + 1, height - 3), times=3)
        await until(pilot, lambda: terminal.grid.marked() == "line 58 has words")


async def test_past_the_edge_the_text_comes_to_the_mouse(lima_home: Path) -> None:
    (lima_home / "default").mkdir()
    (lima_home / "default/serial.log").write_bytes(b"".join(b"line %d has words\r\n" % n for n in range(60)))
    async with console(lima_home, size=(100, 14)) as (app, pane, pilot):
        await until(pilot, on_screen(app, "line 59"))
        terminal = pane.terminal
        await pilot.mouse_down(terminal, offset=(1 + 5, 3))
        await pilot.hover(app.query_one(".head"), offset=(3, 0))
        await until(pilot, lambda: "line 20 " in terminal.grid.marked())
        await pilot.mouse_up(app.query_one(".head"), offset=(3, 0))
        assert not terminal.is_dragging
