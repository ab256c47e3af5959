"""The doctor: what is wrong with an instance or with everything, what shows it, and one key for each repair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from msgspec.structs import replace
from textual.binding import Binding, BindingType
from textual.widget import Widget

from limacore.model.finding import Finding
from limatui.bridge import clean
from limatui.ink import Line
from limatui.present import doctor as present
from limatui.present.bootview import rule
from limatui.present.keys import Key
from limatui.sanitize import sanitize_line
from limatui.settings.keymap import named
from limatui.widgets.ask import Ask, Choice
from limatui.widgets.lines import Lines
from limatui.widgets.listscreen import LookScreen

_SHARE = 2
"""The list takes at most one in so many rows."""
_ASIDE = 6
_SHEET = 62


class DoctorScreen(LookScreen[Finding, str]):
    """The chosen finding below the list. Returns the pane that the user wants to see of its instance, or nothing."""

    BINDINGS: ClassVar[list[BindingType]] = named("doctor", [
        Binding("escape,q,i,H", "leave('')", "back"), Binding("f", "repair", "put right"),
        Binding("h", "everything", "all or one"), Binding("r", "look", "look again"), Binding("y", "copy", "copy"),
        Binding("l", "leave('logs')", "logs"), Binding("c", "leave('console')", "console"),
    ])
    nothing = ((("✓ ", "running"), ("nothing is wrong", "")),)

    def __init__(self, name: str = "") -> None:
        super().__init__()
        self._subject = self._only = name
        self._detail = Lines(id="detail")
        self._known: dict[Finding, Finding] = {}
        """What the engine found, by what is shown of it."""

    def middle(self) -> Sequence[Widget]:
        """The chosen one below the list."""
        return self.list, self.empty, self._detail

    def line(self, item: Finding, cells: int) -> Line:
        """One finding."""
        return present.line(item, cells, subject=not self._only)

    def key(self, item: Finding) -> tuple[str, str, tuple[str, ...]]:
        """What is wrong, with whom, and what shows it."""
        return item.subject, item.id, item.evidence

    def keys(self) -> Sequence[Key]:
        """What can be done about the chosen one."""
        chosen = self.list.current
        known = present.remedy(chosen) if chosen else None
        about = bool(chosen and present.instance_of(chosen))
        both = (Key("h", "everything" if self._only else self._subject, True, "everything"),) if self._subject else ()
        return (Key("j k", "choose"), Key("f", known.label if known else "put right", known is not None, "repair"),
                Key("y", "copy", chosen is not None, "copy"), Key("esc", "back", True, "leave('')"),
                Key("l", "logs", about, "leave('logs')"), Key("c", "console", about, "leave('console')"), *both,
                Key("r", "look again", self.looked, "look"))

    async def find(self) -> Sequence[Finding]:
        """The engine's findings as people read them."""
        self._known = {self._shown(each): each for each in await self.engine.findings(self._only)}
        return tuple(self._known)

    def _shown(self, found: Finding) -> Finding:
        """Harmless, with the home's usual name."""
        safe = clean(found)
        return replace(safe, evidence=tuple(map(self.at_home, safe.evidence)), fix=self.at_home(safe.fix))

    def draw(self) -> None:
        """What was examined, and what was found."""
        self.fit(_SHARE)
        about = self._only or "this computer and everything on it"
        self.head.show((("doctor", "bold"), ("  ", ""), (about, "dim"), ("   ", ""),
                        *present.summary(self.list.items)))
        super().draw()

    def draw_chosen(self) -> None:
        """What shows it, why it is, what to do."""
        chosen, cells = self.list.current, self.size.width - _ASIDE
        self._detail.show((rule("finding", cells), *present.details(chosen, cells)) if chosen else ())
        super().draw_chosen()

    def action_everything(self) -> None:
        """The computer and all instances, or the one that was asked for."""
        if self._subject:
            self._only = "" if self._only else self._subject
            self.action_look()

    def action_leave(self, pane: str) -> None:
        """Back, or to a pane of the instance that the finding is about."""
        name = present.instance_of(self.list.current) if self.list.current else ""
        if not pane or name:
            self.dismiss(f"{pane} {name}" if pane else "")

    def action_copy(self) -> None:
        """Copy the command, or the advice."""
        if self.list.current is not None:
            self.board.copy(present.command_of(self.list.current))

    def action_repair(self) -> None:
        """Say what would be done, then ask."""
        chosen = self.list.current
        known = present.remedy(chosen) if chosen else None
        if chosen is None or known is None:
            self.board.tell("nothing that a key can do: see `fix`", severity="warning")
            return
        real, name = self._known[chosen], present.instance_of(chosen)
        planned = [self.at_home(sanitize_line(each)) for each in self.engine.planned((real,))]
        question = Ask("Put this right?", present.question(chosen, known, planned, _SHEET),
                       (Choice("y", known.label, "yes"),))
        self.ask(question, lambda engine: engine.stop(name, force=True) if known.action == "insist" else
                 engine.repair(name, real))
