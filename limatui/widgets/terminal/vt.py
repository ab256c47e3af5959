"""The terminal emulator, libghostty-vt through pyghostty; only `vt*` know it. Import is deferred (107 ms).

Cells are read whole rows at a time: asking the library cell by cell costs 15 us each, 150 ms a screen.
The layout of a cell word (pinned version 0.1.3): content tag 2 bits, content 24, style id 16, width 2.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import groupby
from typing import Any

from pyghostty._ffi import check, ffi, lib, union_fn
from pyghostty.core import Terminal, init_sized
from rich.cells import cell_len

from limatui.sanitize import sanitize_line
from limatui.widgets.terminal.grid import PLAIN, SLICE, Color, Cursor, Look, Match, Mouse, Row, Run, row_text
from limatui.widgets.terminal.keys import Encoder
from limatui.widgets.terminal.marks import Marks, Place
from limatui.widgets.terminal.search import Search

ffi.cdef("typedef struct { int tag; intptr_t delta; uint64_t padding; } LimaScroll;")
"""The library passes a union by value, which cffi cannot; a struct of the same layout can be passed."""
_SCROLL = "void(*)(GhosttyTerminal, LimaScroll)"

_TAG, _CHAR, _STYLE, _WIDE = 0x3, 0x1FFFFF, 0xFFFF, 0x3
_BLANK = 0x20
_GRAPHEME, _FIRST_COLOR_TAG = 1, 2
_STYLE_BITS = _STYLE << 26
_FULL = lib.GHOSTTY_RENDER_STATE_DIRTY_FULL
_UNSAFE = re.compile("[^\x20-\x7e]")


class VtGrid:
    """A terminal screen with scrollback; nothing that it gives out contains a control character."""

    interactive = True

    def __init__(self, cols: int, rows: int, history: int = 10_000) -> None:
        self._size = (max(2, cols), max(1, rows))
        self._history = history
        self.rows: list[Row] = []
        self.cursor: Cursor | None = None
        self._answers: list[bytes] = []
        self._open()

    def _open(self) -> None:
        self._owned = ExitStack()
        self._free = weakref.finalize(self, self._owned.close)
        self._terminal = self._owned.enter_context(Terminal(*self._size, scrollback=self._history))
        self._terminal.on_reply(self._answers.append)
        # No pictures: none is kept, and a guest that asks hears nothing and draws with letters.
        no_room = ffi.new("uint64_t*", 0)
        limit = lib.GHOSTTY_TERMINAL_OPT_KITTY_IMAGE_STORAGE_LIMIT
        check(lib.ghostty_terminal_set(self._terminal._t[0], limit, no_room), "no pictures")
        self._state = self._new("GhosttyRenderState", "render_state")
        self._lines = self._new("GhosttyRenderStateRowIterator", "render_state_row_iterator")
        self._cells = self._new("GhosttyRenderStateRowCells", "render_state_row_cells")
        self._encoder = Encoder(self._terminal, self._owned)
        self._marks = Marks(self._terminal)
        self._search: Search | None = None
        self._pin: Place | None = None
        self._view, self._style = ffi.new("GhosttyCellsView*"), init_sized("GhosttyStyle")
        self.rows = [()] * self._size[1]

    def _new(self, kind: str, name: str) -> Any:
        out = ffi.new(f"{kind}*")
        check(getattr(lib, f"ghostty_{name}_new")(ffi.NULL, out), name)
        self._owned.callback(getattr(lib, f"ghostty_{name}_free"), out[0])
        return out

    def feed(self, data: bytes) -> None:
        """Interpret what the guest printed; at most SLICE bytes at a time keep the loop live."""
        for start in range(0, len(data), SLICE):
            self._terminal.feed(data[start : start + SLICE])

    def refresh(self) -> tuple[int, ...]:
        """Bring `rows` and `cursor` up to date; the numbers of the rows that changed."""
        state = self._state[0]
        check(lib.ghostty_render_state_update(state, self._terminal._t[0]), "update")
        changed = {y for y in self._dirty_rows() if self._read_row(y)}
        check(lib.ghostty_render_state_clean(state), "clean")
        before, self.cursor = self.cursor, self._read_cursor()
        if before != self.cursor:
            changed |= {cursor.y for cursor in (before, self.cursor) if cursor is not None}
        return tuple(sorted(changed))

    def _dirty_rows(self) -> Iterator[int]:
        state, y = self._state[0], ffi.new("uint16_t*")
        check(lib.ghostty_render_state_get(state, lib.GHOSTTY_RENDER_STATE_DATA_ROW_ITERATOR, self._lines), "rows")
        del self.rows[self._size[1] :]
        self.rows += [()] * (self._size[1] - len(self.rows))
        while lib.ghostty_render_state_row_iterator_next_dirty(self._lines[0], y):
            if y[0] < len(self.rows):
                yield y[0]

    def _read_row(self, y: int) -> bool:
        get, line = lib.ghostty_render_state_row_get, self._lines[0]
        check(get(line, lib.GHOSTTY_RENDER_STATE_ROW_DATA_CELLS_RAW, self._view), "row")
        raw = bytes(ffi.buffer(self._view.ptr, self._view.len * 8)).rstrip(b"\0")
        words = memoryview(raw + bytes(-len(raw) % 8)).cast("Q")
        check(get(line, lib.GHOSTTY_RENDER_STATE_ROW_DATA_CELLS, self._cells), "cells")
        row = tuple(self._runs(words.tolist()))
        changed = self.rows[y] != row
        self.rows[y] = row
        return changed

    def _runs(self, words: list[int]) -> Iterator[Run]:
        x = 0
        for key, group in groupby(words, _style_key):
            cells = list(group)
            coloured = key > _STYLE_BITS
            look = PLAIN._replace(bg=_erased(key)) if coloured else self._look(x) if key else PLAIN
            text = " " * len(cells) if coloured else "".join([chr(word >> 2 & _CHAR or _BLANK) for word in cells])
            if _UNSAFE.search(text) or any(word & _TAG == _GRAPHEME for word in cells):
                text = "".join(self._character(word, x + at) for at, word in enumerate(cells))
            yield text, look
            x += len(cells)

    def _character(self, word: int, x: int) -> str:
        width = word >> 42 & _WIDE
        if width >= lib.GHOSTTY_CELL_WIDE_SPACER_TAIL:
            return " " if width == lib.GHOSTTY_CELL_WIDE_SPACER_HEAD else ""
        columns = 2 if width == lib.GHOSTTY_CELL_WIDE_WIDE else 1
        whole = self._cluster(x) if word & _TAG == _GRAPHEME else ""
        for text in (whole, chr(word >> 2 & _CHAR or _BLANK)):
            shown = text if text.isprintable() else sanitize_line(text)
            # Rich must agree with the emulator on the width, or the rest of the row would shift.
            if shown and cell_len(shown) == columns:
                return shown
        return "\ufffd".ljust(columns)

    def _cluster(self, x: int) -> str:
        buffer = ffi.new("GhosttyBuffer*")
        space = ffi.new("uint8_t[]", 256)
        buffer.ptr, buffer.cap = space, len(space)
        lib.ghostty_render_state_row_cells_select(self._cells[0], x)
        key = lib.GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_GRAPHEMES_UTF8
        if lib.ghostty_render_state_row_cells_get(self._cells[0], key, buffer):
            return ""
        return bytes(ffi.buffer(space, buffer.len)).decode("utf-8", "replace")

    def _look(self, x: int) -> Look:
        style = self._style
        lib.ghostty_render_state_row_cells_select(self._cells[0], x)
        lib.ghostty_render_state_row_cells_get(self._cells[0], lib.GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_STYLE, style)
        return Look(_color(style.fg_color), _color(style.bg_color), style.bold, style.faint, style.italic,
                    style.underline != 0, style.strikethrough, style.inverse, style.invisible)

    def _read_cursor(self) -> Cursor | None:
        cursor = init_sized("GhosttyRenderStateCursor")
        check(lib.ghostty_render_state_get(self._state[0], lib.GHOSTTY_RENDER_STATE_DATA_CURSOR, cursor), "cursor")
        shown = cursor.visible and cursor.viewport_has_value
        return Cursor(cursor.viewport_x, cursor.viewport_y) if shown else None

    def resize(self, cols: int, rows: int) -> None:
        """Another size; lines of the main screen are wrapped anew."""
        size = (max(2, cols), max(1, rows))
        if size != self._size:
            self._size = size
            self._terminal.resize(*size)

    def _scroll(self, tag: int, delta: int = 0) -> None:
        move = ffi.new("LimaScroll*", {"tag": tag, "delta": delta})
        union_fn("ghostty_terminal_scroll_viewport", _SCROLL)(self._terminal._t[0], move[0])

    def scroll(self, delta: int) -> None:
        """Move the visible rows; negative is back."""
        self._scroll(lib.GHOSTTY_SCROLL_VIEWPORT_DELTA, delta)

    def scroll_end(self) -> None:
        """Show the newest rows."""
        self._scroll(lib.GHOSTTY_SCROLL_VIEWPORT_BOTTOM)

    def position(self) -> tuple[int, int]:
        """Rows above the visible ones, and rows below them."""
        bar = self._terminal.get("scrollbar", "GhosttyTerminalScrollbar")
        return int(bar.offset), int(bar.total - bar.offset - bar.len)

    def reset(self) -> None:
        """A new, empty terminal of the same size."""
        self.close()
        self._open()

    def replies(self) -> bytes:
        """What the terminal wants to answer to the guest since the last call."""
        answer = b"".join(self._answers)
        self._answers.clear()
        return answer

    def key(self, key: str, character: str | None) -> bytes:
        """The bytes of a key as Textual names it, by the modes that the guest has set."""
        return self._encoder.key(key, character)

    def paste(self, text: str) -> bytes:
        """Text as typed: in brackets when the guest asked for that, controls other than tab and newline removed."""
        return self._encoder.paste(text)

    def brackets(self) -> bool:
        """Whether the guest asked to have pastes in brackets."""
        return self._encoder.brackets()

    def mouse(self, report: Mouse) -> bytes:
        """What the guest is told of the mouse; nothing when it has not asked."""
        return self._encoder.mouse(report, self._size)

    def search(self, text: str) -> int:
        """Look for `text` in everything that is kept; how many places. An empty text ends the search."""
        self._end_search()
        if text:
            self._search = Search(self._terminal, text)
        return self._search.total() if self._search is not None else 0

    def seek(self, *, older: bool = True) -> Match:
        """Show the next older or newer place; number 0 when there is none."""
        return self._search.seek(older) if self._search is not None else Match(0, 0)

    def _end_search(self) -> None:
        if self._search is not None:
            self._search.close()
            self._search = None

    def mark(self, x: int, y: int, unit: str = "cell") -> None:
        """Begin to mark cells, words or lines at a visible place."""
        self._marks.begin(x, y, unit)

    def mark_to(self, x: int, y: int) -> None:
        """Mark from there up to a visible place."""
        self._marks.extend(x, y)

    def unmark(self) -> None:
        """Mark nothing."""
        self._marks.clear()

    def marked(self) -> str:
        """The marked text, wrapped lines joined; empty once the guest has changed it."""
        return self._marks.text()

    def marks(self) -> dict[int, tuple[int, int]]:
        """By visible row its first and last marked cell; call it after `refresh`."""
        return dict(self._marks.spans(self._state[0], self._lines))

    def pin(self, place: Cursor | None) -> None:
        """Follow the text at a visible place from now on, or none."""
        if self._pin is not None:
            self._pin.close()
        self._pin = Place(self._terminal, *place) if place is not None else None

    def pinned(self) -> Cursor | None:
        """Where that text is now, from the first visible row on: a negative row is above; None when it is gone."""
        found = self._pin.now() if self._pin is not None else None
        return None if found is None else Cursor(found[0], found[1] - self.position()[0])

    def text(self) -> str:
        """The visible rows as text."""
        return "\n".join(map(row_text, self.rows)).rstrip()

    def close(self) -> None:
        """Free the terminal."""
        self._end_search()
        self.pin(None)
        self._marks.clear()
        self._free()


def _style_key(word: int) -> int:
    return word & 0x3FFFFFF | 1 << 50 if word & _TAG >= _FIRST_COLOR_TAG else word & _STYLE_BITS


def _erased(key: int) -> Color:
    """The colour of cells that were erased: a palette index, or one byte for each of red, green and blue."""
    red, green, blue = key >> 2 & 0xFF, key >> 10 & 0xFF, key >> 18 & 0xFF
    return red if key & _TAG == _FIRST_COLOR_TAG else (red, green, blue)


def _color(color: Any) -> Color:
    if color.tag == lib.GHOSTTY_STYLE_COLOR_PALETTE:
        return int(color.value.palette)
    if color.tag == lib.GHOSTTY_STYLE_COLOR_RGB:
        rgb = color.value.rgb
        return rgb.r, rgb.g, rgb.b
    return None
