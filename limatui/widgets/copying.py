"""Copying several lines out of a pane."""

from __future__ import annotations

from textual.widget import Widget

from limatui.host import clipboard
from limatui.present.words import plural


async def copy_lines(widget: Widget, text: str) -> None:
    """Give the text to the desktop, or to the terminal, and say which."""
    where = await clipboard.copy(text)
    if not where:
        widget.app.copy_to_clipboard(text)
    said = plural(len(text.splitlines()), "line")
    widget.notify(f"{said} copied {f'with {where}' if where else 'through the terminal'}", markup=False)
