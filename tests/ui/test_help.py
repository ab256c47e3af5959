"""All keys on one screen: it scrolls, and a click on its footer is as good as a key."""

from __future__ import annotations

from limatui.screens.help import HelpScreen
from tests.ui.board import playing


async def test_it_is_left_by_key_or_click() -> None:
    async with playing((80, 24)) as board:
        for leave in ("click", "q", "question_mark"):
            await board.press("question_mark")
            assert isinstance(board.app.screen, HelpScreen)
            if leave == "click":
                await board.pilot.click("Footer", offset=(board.footer.index("esc back"), 0))
            else:
                await board.press(leave)
            await board.until(lambda: board.app.screen is board.main, f"left by {leave}")


async def test_it_scrolls() -> None:
    async with playing((80, 24)) as board:
        await board.press("question_mark")
        first = board.text
        await board.press("j")
        assert board.text != first
        await board.press("k")
        assert board.text == first
