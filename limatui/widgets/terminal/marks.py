"""What is marked in a terminal, to be copied: libghostty keeps it on its text while other text comes and goes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyghostty._ffi import ffi, lib, union_fn
from pyghostty.core import Terminal, init_sized

_WIDE, _TAIL = lib.GHOSTTY_CELL_WIDE_WIDE, lib.GHOSTTY_CELL_WIDE_SPACER_TAIL
_TRACK = "GhosttyResult(*)(GhosttyTerminal, GhosttyPointS, GhosttyTrackedGridRef*)"
_HISTORY = lib.GHOSTTY_POINT_TAG_SCREEN


class Place:
    """A cell that is followed wherever its text goes."""

    def __init__(self, terminal: Terminal, x: int, y: int) -> None:
        self._terminal, self._ref = terminal, ffi.new("GhosttyTrackedGridRef*")
        point = ffi.new("GhosttyPointS*", {"tag": lib.GHOSTTY_POINT_TAG_VIEWPORT, "value": {"x": x, "y": y}})
        union_fn("ghostty_terminal_grid_ref_track", _TRACK)(terminal._t[0], point[0], self._ref)

    def now(self) -> tuple[int, int] | None:
        """Column, and row counted from the oldest one that is kept; None when its text is gone."""
        point = ffi.new("GhosttyPointCoordinate*")
        if not self._ref[0] or not lib.ghostty_tracked_grid_ref_has_value(self._ref[0]):
            return None
        return None if lib.ghostty_tracked_grid_ref_point(self._ref[0], _HISTORY, point) else (point.x, point.y)

    def cell(self) -> Any:
        """The cell, until the terminal changes."""
        ref = init_sized("GhosttyGridRef")
        return None if lib.ghostty_tracked_grid_ref_snapshot(self._ref[0], ref) else ref

    def close(self) -> None:
        """Follow it no longer."""
        if self._ref[0]:
            lib.ghostty_tracked_grid_ref_free(self._ref[0])
            self._ref[0] = ffi.NULL


class Marks:
    """A range of cells, words or lines from where it began to where it was last drawn to."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._from: Place | None = None
        self._unit = "cell"
        self._text = ""

    def begin(self, x: int, y: int, unit: str) -> None:
        """Begin at a visible place; nothing is marked yet."""
        self.clear()
        self._from, self._unit = Place(self._terminal, x, y), unit

    def extend(self, x: int, y: int) -> None:
        """Mark up to a visible place, on either side of where it began."""
        anchor = self._from.cell() if self._from is not None and self._from.now() is not None else None
        if anchor is None:
            return
        ends = sorted((*self._around(anchor), *self._around(self._terminal.ref(x, y, "viewport"))), key=self._order)
        chosen = init_sized("GhosttySelection")
        chosen.start, chosen.end = ends[0][0], ends[-1][0]
        lib.ghostty_terminal_set(self._terminal._t[0], lib.GHOSTTY_TERMINAL_OPT_SELECTION, chosen)
        self._text = self._read()

    def _around(self, ref: Any) -> tuple[Any, Any]:
        """First and last cell of the unit at a cell."""
        if self._unit == "cell" or (found := self._unit_at(ref)) is None:
            return self._whole(ref)
        start, end = init_sized("GhosttyGridRef"), init_sized("GhosttyGridRef")
        start[0], end[0] = found.start, found.end
        return self._whole(start)[0], self._whole(end)[1]

    def _unit_at(self, ref: Any) -> Any:
        found, kind = init_sized("GhosttySelection"), self._unit.title()
        options = init_sized(f"GhosttyTerminalSelect{kind}Options")
        options.ref = ref[0]
        select = getattr(lib, f"ghostty_terminal_select_{self._unit}")
        return None if select(self._terminal._t[0], options, found) else found

    @staticmethod
    def _whole(ref: Any) -> tuple[Any, Any]:
        """Both halves of a wide character."""
        cell = ffi.new("GhosttyCell*")
        lib.ghostty_grid_ref_cell(ref, cell)
        width = int(cell[0]) >> 42 & 0x3
        first, last = init_sized("GhosttyGridRef"), init_sized("GhosttyGridRef")
        first[0] = last[0] = ref[0]
        first.x -= width == _TAIL
        last.x += width == _WIDE
        return first, last

    def _order(self, ref: Any) -> tuple[int, int]:
        point = ffi.new("GhosttyPointCoordinate*")
        lib.ghostty_terminal_point_from_grid_ref(self._terminal._t[0], ref, _HISTORY, point)
        return point.y, point.x

    def _read(self) -> str:
        chosen = init_sized("GhosttySelection")
        if lib.ghostty_terminal_get(self._terminal._t[0], lib.GHOSTTY_TERMINAL_DATA_SELECTION, chosen):
            return ""
        return str(self._terminal._format_sel(chosen, unwrap=True))

    def text(self) -> str:
        """What is marked, wrapped lines joined; nothing, and no mark, once the guest has changed it."""
        if self._text and self._read() != self._text:
            self.clear()
        return self._text

    def spans(self, state: Any, rows: Any) -> Iterator[tuple[int, tuple[int, int]]]:
        """The marked cells of the visible rows: row, and its first and last cell."""
        if not self.text():
            return
        found, y = init_sized("GhosttyRenderStateRowSelection"), 0
        lib.ghostty_render_state_get(state, lib.GHOSTTY_RENDER_STATE_DATA_ROW_ITERATOR, rows)
        while lib.ghostty_render_state_row_iterator_next(rows[0]):
            if not lib.ghostty_render_state_row_get(rows[0], lib.GHOSTTY_RENDER_STATE_ROW_DATA_SELECTION, found):
                yield y, (int(found.start_x), int(found.end_x))
            y += 1

    def clear(self) -> None:
        """Mark nothing."""
        if self._from is not None:
            self._from.close()
            self._from = None
            lib.ghostty_terminal_set(self._terminal._t[0], lib.GHOSTTY_TERMINAL_OPT_SELECTION, ffi.NULL)
        self._text = ""
