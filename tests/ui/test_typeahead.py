"""Keys that arrive in one burst do what they would do one by one: letters for a line that opens are never verbs."""

from __future__ import annotations

import pytest

from limacore.model.job import Job
from limatui.verbs.palette import Palette
from limatui.widgets.filterline import FilterLine
from tests.ui.board import Board, playing
from tests.ui.terminal import terminal


def burst(board: Board, *keys: str) -> None:
    """All at once, as one read of a terminal brings them."""
    for key in keys:
        board.app.simulate_key(key)


def begun(board: Board) -> tuple[Job, ...]:
    return board.app.jobs


async def test_letters_after_a_slash_are_the_filter() -> None:
    async with playing() as board:
        burst(board, "slash", *"xsrpk8s", "enter", "j")
        line = board.main.query_one(FilterLine)
        await board.until(lambda: line.value == "xsrpk8s" and board.main.focused is board.main.table)
        assert not begun(board) and "stopping" not in board.footer
        burst(board, "escape", "escape", "slash", *"k8s", "enter")
        await board.until(lambda: line.value == "k8s" and "build" not in board.main.table.text)
        assert not begun(board)


async def test_letters_after_a_colon_are_for_the_palette() -> None:
    async with playing() as board:
        burst(board, "j", "j", "colon", *"protect", "enter")
        await board.until(lambda: board.one("k8s").protected and board.app.screen is board.main)
        assert [job.verb for job in begun(board)] == ["protect"]
        burst(board, "colon", *"sx", "escape")
        await board.until(lambda: not isinstance(board.app.screen, Palette))
        assert len(begun(board)) == 1


async def test_a_pane_that_is_still_being_made_gets_what_is_typed_ahead() -> None:
    async with playing() as board:
        burst(board, "l", "slash", *"xsx", "escape", "escape")
        await board.until(lambda: board.main.focused is board.main.table)
        assert not begun(board) and "stopping" not in board.footer


async def test_letters_after_a_slash_in_the_logs_are_looked_for() -> None:
    async with playing() as board:
        burst(board, "l", "slash", *"xserver", "enter")
        view = lambda: getattr(board.main.shown, "view", None)  # noqa: E731
        await board.until(lambda: view() is not None and view().found.text == "xserver")
        assert not begun(board)


@pytest.mark.parametrize("pane", "356789")
async def test_tab_after_a_number_goes_into_the_pane_of_a_small_screen(pane: str) -> None:
    async with playing((80, 24)) as board:
        burst(board, pane, "tab")
        await board.until(lambda: board.main.panes.has_keyboard)
        await board.press("tab")
        assert board.main.panes.has_keyboard and not begun(board), "there is no list beside it"


async def test_a_dialog_gets_what_is_typed_ahead() -> None:
    async with playing() as board:
        burst(board, "j", "j", "D", *"k8s", "enter")
        await board.until(lambda: board.app.fleet.get("k8s") is None)
        assert [job.verb for job in begun(board)] == ["delete"]


async def test_who_is_stuck_does_not_take_the_keyboard_along() -> None:
    async with playing() as board:
        board.app.typeahead.hold()
        burst(board, "j")
        await board.until(lambda: board.main.table.cursor == "build", "it goes on after a while")


def test_one_write_through_a_terminal() -> None:
    with terminal("-m", "limatui", "--demo") as term:
        term.until(lambda text: "k8s" in text)
        term.press(b"jj/s\x1b", "esc list")
        term.until(lambda text: "esc list" not in text)
        assert "Starting" not in next(line for line in term.text.splitlines() if " k8s " in line)
        term.press(b"\x1b", "▌  k8s")
