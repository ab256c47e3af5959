"""What has been opened and closed leaves nothing behind, neither widgets nor their painted lines."""

from __future__ import annotations

import gc

import pytest
from textual._styles_cache import StylesCache
from textual.dom import DOMNode

from tests.ui.board import Board, playing


def _alive() -> tuple[int, int]:
    """Widgets and the caches of their lines."""
    gc.collect()
    everything = gc.get_objects()
    return (sum(isinstance(each, DOMNode) for each in everything),
            sum(type(each) is StylesCache for each in everything))


async def _open_and_close(board: Board, key: str) -> None:
    await board.press(key)
    await board.until(lambda: len(board.app.screen_stack) == 2)
    await board.press("escape")
    await board.until(lambda: len(board.app.screen_stack) == 1)
    await board.pilot.pause()


@pytest.mark.parametrize("key", ["T", "comma", "J", "E", "I", "question_mark", "colon"])
async def test_a_closed_screen_is_gone(key: str) -> None:
    async with playing() as board:
        for _ in range(2):
            await _open_and_close(board, key)
        widgets, caches = _alive()
        for _ in range(4):
            await _open_and_close(board, key)
        more_widgets, more_caches = _alive()
    # One screen may still be known to something that remembers the last one, such as a key that is under way.
    assert more_widgets - widgets < 20 and more_caches - caches < 20
