"""All keys on one screen, generated."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen

from limatui.present.console import CONSOLE_KEYS
from limatui.present.keys import Key, help_lines, help_section
from limatui.present.logs import LOG_KEYS
from limatui.settings.keymap import named
from limatui.settings.scopes import sections
from limatui.widgets.bar import Bar, Block
from limatui.widgets.footer import Footed, Footer


class HelpScreen(ModalScreen[None], Footed):
    """Scrolls; any of the keys that mean back leave it."""

    BINDINGS: ClassVar[list[BindingType]] = named("help", [
        Binding("escape,q,question_mark", "dismiss", "back"),
        Binding("j", "scroll(2)", "down", show=False), Binding("k", "scroll(-2)", "up", show=False),
    ])
    DEFAULT_CSS = "HelpScreen VerticalScroll { padding: 1 2; scrollbar-size-vertical: 1; }"

    def compose(self) -> ComposeResult:
        """Title, keys, footer."""
        yield Bar(ground="panel-ground")
        with VerticalScroll():
            yield Block()
        yield Footer()

    def on_mount(self) -> None:
        """The lists."""
        self.query_one(Bar).show((("lima", "bold"), ("tui", "bold accent-key"), ("  all keys", "dim")))
        self.query_one(Footer).keys((Key("j k", "scroll"), Key("esc", "back", True, "dismiss")), ())
        self.query_one(VerticalScroll).focus()

    def on_resize(self) -> None:
        """As wide as there is room."""
        cells = min(110, self.size.width - 6)
        named = [line for title, keys in sections() for line in help_section(title, keys, cells)]
        self.query_one(Block).show((*help_lines(CONSOLE_KEYS, cells), *help_section("LOGS", LOG_KEYS, cells), (),
                                    (("ALL OF THEM, AS THE SETTINGS FILE CALLS THEM", "faint"),), *named))

    def action_scroll(self, lines: int) -> None:
        """Up or down."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)
