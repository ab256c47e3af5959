"""Dialogs by mouse: a click on a key is as good as the key."""

from __future__ import annotations

from limatui.widgets.ask import Ask, Fill, KeyLine, TypeName
from tests.ui.board import Board, playing


async def click(board: Board, words: str) -> None:
    """Click the first cell of some words on the line of keys."""
    column = board.app.screen.query_one(KeyLine).lines[0]
    await board.pilot.click(KeyLine, offset=("".join(text for text, _ in column).index(words), 0))
    await board.pilot.pause()


async def test_a_question_is_answered_by_click() -> None:
    async with playing() as board:
        await board.press("8", "tab")
        await board.until(lambda: "before-upgrade" in board.text, "the snapshots")
        for words in ("esc leave it", "y delete it"):
            await board.press("d")
            assert isinstance(board.app.screen, Ask)
            await click(board, words)
            await board.until(lambda: board.app.screen is board.main, "it is answered")
            assert bool(board.app.jobs) == (words == "y delete it")


async def test_a_form_is_filled_in_by_click_once_nothing_is_wrong() -> None:
    async with playing() as board:
        await board.press("j", "j", "C")
        form = board.app.screen
        assert isinstance(form, Fill)
        await board.press("ctrl+u")
        await click(board, "enter clone")
        assert board.app.screen is form, "there is no name"
        await board.type("other")
        await click(board, "enter clone")
        await board.until(lambda: board.app.jobs and board.app.jobs[0].verb == "clone", "the job")


async def test_what_is_deleted_for_good_is_kept_by_click() -> None:
    async with playing() as board:
        await board.press("j", "j", "D")
        assert isinstance(board.app.screen, TypeName)
        await click(board, "enter delete")
        assert isinstance(board.app.screen, TypeName), "its name was not typed"
        await click(board, "esc keep it")
        await board.until(lambda: board.app.screen is board.main, "it is kept")
        assert not board.app.jobs
