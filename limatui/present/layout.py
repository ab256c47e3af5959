"""Which arrangement a terminal gets, and how much of it the list may take."""

from __future__ import annotations

MODES = ("narrow", "medium", "wide")


def mode(cells: int, rows: int) -> str:
    """`narrow` (80x24: list, detail below), `medium` (120x36: list, panes below), `wide` (200x60: side by side)."""
    if cells >= 160 and rows >= 40:
        return "wide"
    return "medium" if cells >= 100 and rows >= 30 else "narrow"


def list_rows(kind: str, count: int, rows: int) -> int:
    """Height of the list with its titles."""
    wanted = max(count, 3) + 1
    share = {"narrow": rows - 17, "medium": rows // 2 - 4, "wide": rows // 2}[kind]
    return min(wanted, max(6, share))
