"""The keys that the footer of the main screen shows: those that work where the keyboard is now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from limatui.ink import Line
from limatui.present.keys import Key, group_keys, list_keys
from limatui.present.rows import Head
from limatui.widgets.filterline import FilterLine
from limatui.widgets.footer import help_hint

if TYPE_CHECKING:
    from limatui.screens.main import MainScreen

_LIST = Key("esc", "list", True, "back")
Keys = tuple[tuple[Key, ...], Line]
"""The keys, and what stands at the right end."""


def keys(screen: MainScreen) -> Keys:
    """Of the filter, the list or a pane."""
    if isinstance(screen.focused, FilterLine):
        return (Key("enter", "keep it", True, "back"), _LIST), help_hint()
    return _of_pane(screen) if screen.panes.has_keyboard else (_of_list(screen), help_hint())


def _of_list(screen: MainScreen) -> tuple[Key, ...]:
    current, marked = screen.table.current, screen.table.marked
    if isinstance(current, Head) and not marked:
        return group_keys(current.folded)
    return (*((_LIST,) if screen.zoomed else ()), *list_keys(screen.subject, marked))


def _of_pane(screen: MainScreen) -> Keys:
    """What of the pane works now; the keys around it stay where they are."""
    app = screen.app
    found = tuple(
        Key(app.get_key_display(each.binding), each.binding.description, each.enabled, each.binding.action)
        for each in screen.active_bindings.values()
        if each.binding.show and each.node is not screen and each.node is not app
    )
    if getattr(screen.focused, "typing", False):
        return found, (("all other keys go to the guest", "dim"),)
    return (*found, *(() if any(each.key == "esc" for each in found) else (_LIST,))), help_hint()
