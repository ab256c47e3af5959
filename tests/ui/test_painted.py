"""What is written to the terminal piece by piece shows the same as the whole screen written at once."""

from __future__ import annotations

import os
import random
from typing import Any

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.events import Resize
from textual.geometry import Region
from textual.strip import Strip

from limacore.drivers.demo import DemoEngine
from limatui.app import Dashboard
from limatui.host.painted import Changes, Painted
from limatui.widgets.terminal.grid import Row
from limatui.widgets.terminal.vt import VtGrid
from tests.ui import every_key
from tests.ui.board import NOW, Board, playing
from tests.ui.unhurt import Hands

MASH = int(os.environ.get("LIMATUI_PAINTED", "3"))


class Mirrored(Dashboard):
    """Writes to a terminal emulator what it would write to a terminal."""

    written = 0

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.grid = VtGrid(120, 36)

    def _display(self, screen: Any, renderable: Any) -> None:
        super()._display(screen, renderable)
        if isinstance(renderable, CompositorUpdate) and not self._batch_count and self._running:
            self.mirror(Changes(self._painted, renderable))

    def mirror(self, update: CompositorUpdate) -> None:
        data = update.render_segments(self.console).encode("utf-8", "replace")
        self.written += len(data)
        self.grid.feed(data)

    def on_resize(self, event: Resize) -> None:  # type: ignore[override]
        self.grid.resize(*event.size)


def shown(grid: VtGrid) -> list[Row]:
    grid.refresh()
    return list(grid.rows)


async def test_pieces_show_the_same_as_the_whole() -> None:
    seed = int(os.environ.get("LIMATUI_SEED", "5"))
    dice = random.Random(seed)
    engine = DemoEngine(5, frozen=NOW)
    async with playing((120, 36), engine=engine, kind=Mirrored) as board:
        hands = Hands(board, dice)
        for place in ("", *dice.sample(every_key.PLACES, MASH)):
            if board.app._exit:
                break
            await every_key.home(board)
            await every_key.go(board, place)
            for _ in range(4):
                await board.until(lambda: not differing(board), f"seed {seed}, {place}, {hands.did}")
                if not board.app._exit:
                    await hands.anything()


def differing(board: Board) -> list[tuple[Row, Row]]:
    """Rows of the terminal that are not what the whole screen, written now, would be."""
    app = board.app
    assert isinstance(app, Mirrored)
    whole = VtGrid(*app.size)
    update = app.screen._compositor.render_full_update()
    whole.feed(update.render_segments(app.console).encode("utf-8", "replace"))
    rows = zip(shown(app.grid), shown(whole), strict=False)
    return [(pieces, at_once) for pieces, at_once in rows if pieces != at_once]


async def test_a_second_in_which_nothing_changes_writes_nothing() -> None:
    async with playing((120, 36), kind=Mirrored) as board:
        assert isinstance(board.app, Mirrored)
        board.app.written = 0
        board.app.screen.refresh(Region(0, 0, 120, 20))
        await board.pilot.pause()
        assert board.app.written == 0
        await board.press("j")
        assert 0 < board.app.written < 9000


def pieces(y: int, *strips: Strip) -> ChopsUpdate:
    """An update of one row whose pieces stand side by side."""
    begins = [0]
    for each in strips:
        begins.append(begins[-1] + each.cell_length)
    line = dict(zip(begins[:-1], strips, strict=True))
    return ChopsUpdate([{}] * y + [line], [(y, 0, begins[-1])], [[]] * y + [begins[1:]])


def strip(*texts: str) -> Strip:
    return Strip([Segment(text, Style(bold=True)) for text in texts])


def test_only_what_differs_is_written() -> None:
    console, painted = Console(color_system="truecolor", width=80), Painted()
    first = painted.changes(pieces(2, strip("abc", "世界"), strip("xyz")), console)
    assert all(word in first for word in ("abc", "世界", "xyz"))
    assert painted.changes(pieces(2, strip("abc", "世界"), strip("xyz")), console) == ""
    assert painted.changes(pieces(2, strip("abc", "世界"), strip("xyZ")), console) == "\x1b[3;8H\x1b[1mxyZ\x1b[0m"
    painted.changes(pieces(2, strip("ab", "cde")), console)
    again = painted.changes(pieces(2, strip("abc", "世界"), strip("xyZ")), console)
    assert "abc" in again and "世界" in again and "xyZ" not in again, "what was overwritten in part is written again"
    painted.forget()
    assert "xyZ" in painted.changes(pieces(2, strip("abc", "世界"), strip("xyZ")), console)


def test_a_whole_screen_is_written_whole() -> None:
    console, painted = Console(color_system="truecolor", width=80), Painted()
    update = LayoutUpdate([[strip("abc")], [strip("def")]], Region(0, 0, 3, 2))
    assert painted.changes(update, console) == painted.changes(update, console) != ""
