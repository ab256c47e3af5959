"""Looking for text in all that a terminal keeps: libghostty's search."""

from __future__ import annotations

from typing import Any

from pyghostty._ffi import check, ffi, lib
from pyghostty.core import Terminal, init_sized

from limatui.widgets.terminal.grid import Match


class Search:
    """One text that is looked for; `close` frees it, before the terminal goes."""

    def __init__(self, terminal: Terminal, text: str) -> None:
        self._terminal = terminal
        self._search = ffi.new("GhosttySearch*")
        check(lib.ghostty_search_new(ffi.NULL, self._search, terminal._t[0]), "search")
        data = text.encode()
        held = ffi.new("uint8_t[]", data)
        needle = ffi.new("GhosttyString*", {"ptr": held, "len": len(data)})
        check(lib.ghostty_search_set(self._search[0], lib.GHOSTTY_SEARCH_OPT_NEEDLE, needle), "needle")
        check(lib.ghostty_search_run(self._search[0]), "search")

    def total(self) -> int:
        """How many places there are."""
        return self._found("TOTAL_MATCHES")

    def _found(self, what: str) -> int:
        out = ffi.new("size_t*")
        missing = lib.ghostty_search_get(self._search[0], getattr(lib, f"GHOSTTY_SEARCH_DATA_{what}"), out)
        return 0 if missing else int(out[0])

    def seek(self, older: bool) -> Match:
        """Show the next older or newer place; number 0 when there is none."""
        check(lib.ghostty_search_run(self._search[0]), "search")
        step = lib.GHOSTTY_SEARCH_OPT_SELECT_NEXT if older else lib.GHOSTTY_SEARCH_OPT_SELECT_PREV
        total = self.total()
        if not total or lib.ghostty_search_set(self._search[0], step, ffi.NULL):
            return Match(0, total)
        return self._match(self._found("SELECTED_INDEX") + 1, total)

    def _match(self, number: int, total: int) -> Match:
        chosen, place = init_sized("GhosttySelection"), ffi.new("GhosttyPointCoordinate*")
        if lib.ghostty_search_get(self._search[0], lib.GHOSTTY_SEARCH_DATA_SELECTED_MATCH, chosen):
            return Match(number, total)
        start, end = ffi.addressof(chosen[0], "start"), chosen.end.x + 1
        where = lib.GHOSTTY_POINT_TAG_VIEWPORT
        if lib.ghostty_terminal_point_from_grid_ref(self._terminal._t[0], start, where, place):
            return Match(number, total)
        # A place that goes on in the next row is marked up to the end of its first one.
        return Match(number, total, place.y, place.x, end if end > place.x else self._terminal.size[0])

    def close(self) -> None:
        """Free it."""
        search: Any = self._search[0]
        lib.ghostty_search_free(search)
