"""Following the theme: what every widget that paints with `Ink` shares.

In a class with another widget base it stands last: Textual takes default styles from the first one.
"""

from __future__ import annotations

from typing import Any

from textual.app import App
from textual.widget import Widget

from limatui.ink import Ink
from limatui.themes import THEMES


class Inked(Widget):
    """A widget with the inks of the theme; it paints itself again when the theme changes."""

    _ink: Ink | None = None

    def on_mount(self) -> None:
        """Follow the theme."""
        self.watch(self.app, "theme", self._forget_ink, init=False)

    def _forget_ink(self) -> None:
        self._ink = None
        self.recolour()

    def recolour(self) -> None:
        """Paint again in other colours."""
        self.refresh()

    @property
    def ink(self) -> Ink:
        """The colours of the theme."""
        self._ink = self._ink or _ink_of(self.app)
        return self._ink


def _ink_of(app: App[Any]) -> Ink:
    # Textual's own variables are those of the theme before until its stylesheets have been parsed again.
    theme = THEMES.get(app.theme)
    return Ink(theme.variables if theme else app.theme_variables)
