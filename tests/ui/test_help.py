"""All keys on one screen: it scrolls, and a click on its footer is as good as a key."""

from __future__ import annotations

import pytest

from limatui.ink import Line, plain
from limatui.present.keys import Key, footer, key_at
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


@pytest.mark.parametrize("right", [(), (("?", "dim"), (" help", "dim"))], ids=["alone", "with help"])
@pytest.mark.parametrize("cells", range(20, 60))
def test_a_click_finds_the_key_that_is_drawn_there(cells: int, right: Line) -> None:
    shown = (Key("j k", "choose"), Key("x", "cancel", False), Key("a", "again"), Key("esc", "back"))
    text = plain(footer(shown, cells, right))
    for key in shown:
        drawn = f"{key.key} {key.label}"
        if drawn in text:
            assert key_at(shown, cells, text.index(drawn), right) == key
