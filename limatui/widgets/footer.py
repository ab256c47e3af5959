"""The last line: the keys that work where the keyboard is now, or something that is being said."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.message import Message
from textual.widget import Widget

from limatui.actions import any_rebound, is_rebound, key
from limatui.ink import Line, spread
from limatui.present.keys import Key, footer, key_at, renamed
from limatui.settings.keymap import shown
from limatui.widgets.lines import Lines


def help_hint() -> Line:
    """The key of the help, for the right end."""
    return ((key("help"), "bold accent-key"), (" help", "dim"))


class Footer(Lines):
    """Shows keys; while `say` says something, that instead."""

    ground = "panel-ground"

    class Pressed(Message):
        """A key was clicked."""

        def __init__(self, key: Key) -> None:
            super().__init__()
            self.key = key

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._keys: tuple[Key, ...] = ()
        self._right: Line = ()
        self._said: Line = ()

    def keys(self, keys: Sequence[Key], right: Line | None = None) -> None:
        """Other keys."""
        self._keys, self._right = renamed(keys, self._own()), help_hint() if right is None else right
        self._draw()

    def _own(self) -> dict[str, str]:
        """Keys of the user's own on this screen, by what they do."""
        if not any_rebound():
            return {}
        return {each.binding.action: shown(each.binding.key) for each in reversed(self.screen.active_bindings.values())
                if is_rebound(each.binding.id or "")}

    def say(self, line: Line) -> None:
        """Say something instead; an empty line brings the keys back."""
        self._said = line
        self._draw()

    def on_resize(self) -> None:
        """Other keys fit."""
        self._draw()

    def _draw(self) -> None:
        width = self.size.width
        said = spread(((" ", ""), *self._said), (), width)
        self.show([said if self._said else footer(self._keys, width, self._right)])

    def on_click(self, event: events.Click) -> None:
        """Press the key under the pointer."""
        pressed = key_at(self._keys, self.size.width, event.x, self._right)
        if pressed is not None and pressed.enabled:
            self.post_message(self.Pressed(pressed))


class Footed(Widget):
    """A screen whose keys do, clicked, what they do typed. In a class with another widget base it stands last."""

    def on_footer_pressed(self, event: Footer.Pressed) -> None:
        """A key was clicked; its action may end the screen, so not within this message."""
        if event.key.action:
            self.call_next(self.run_action, event.key.action)
