"""Every key of every screen is pressed once, where a user would press it."""

from __future__ import annotations

import pytest

from tests.ui import every_key
from tests.ui.board import Board
from tests.ui.unhurt import unhurt


async def test_every_key_of_every_screen() -> None:
    """A new binding is pressed without a word here, or fails here: then PLACES lacks the way to it."""
    wanted = {each for each in every_key.declared() if each.action != "do('quit')"} - every_key.ELSEWHERE
    async with unhurt() as board:
        world = every_key.World(board)
        for place in every_key.PLACES:
            wanted -= await _press_all(board, world, place, wanted)
        await every_key.home(board)
    assert not wanted, sorted(wanted)


async def _press_all(board: Board, world: every_key.World, place: str, wanted: set[every_key.Bound]
                     ) -> set[every_key.Bound]:
    """Press what works at a place and was not pressed before; whoever was led away by a key comes back."""
    done: set[every_key.Bound] = set()
    at: tuple[object, ...] | None = None
    while True:
        fresh_way = await _be_at(board, world, place, at)
        at = every_key.where(board)
        fresh = [each for each in every_key.live(board) if each in wanted - done]
        if fresh:
            done.add(fresh[0])
            await board.press(fresh[0].key)
            assert board.app._exception is None and "internal error" not in board.toasts, (place, fresh[0])
        elif fresh_way or not every_key.near(board) & (wanted - done):
            return done
        else:
            at = None  # what was pressed last may have made the others impossible


async def _be_at(board: Board, world: every_key.World, place: str, at: tuple[object, ...] | None) -> bool:
    """Be at a place; whether the whole way was gone. One step back is often enough."""
    if at is not None and every_key.where(board) != at:
        await board.press("escape")
    if at is not None and every_key.where(board) == at:
        return False
    await every_key.home(board)
    await world.restore(board)
    await every_key.go(board, place)
    return True


@pytest.mark.parametrize("key", ["q", "ctrl+q"])
async def test_the_keys_that_quit(key: str) -> None:
    async with unhurt() as board:
        await board.press("2", "3", "1", key)
        await board.until(lambda: board.app._exit, "the end")
