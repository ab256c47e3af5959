"""The main screen: the list, the panes of the instance under the cursor, and the keys of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.reactive import var
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import AwaitMount, Widget
from textual.widgets import Input

from limacore.model.instance import Instance
from limatui import bulk, deeds, filter
from limatui.actions import ACTIONS, BY_ID, unbound
from limatui.ink import Line
from limatui.present import layout, listing, overview, rows
from limatui.present.header import header
from limatui.present.keys import Key, list_keys
from limatui.present.listing import View
from limatui.present.work import at_work
from limatui.present.work import jobs as job_lines
from limatui.present.work import notices as notice_lines
from limatui.screens.panes import INDEX, PANES
from limatui.widgets.ask import Ask, Choice
from limatui.widgets.footer import Footer, help_hint
from limatui.widgets.lines import Lines
from limatui.widgets.overview import OverviewPane
from limatui.widgets.shown import Shown
from limatui.widgets.table import InstanceTable
from limatui.widgets.tabs import TabBar

if TYPE_CHECKING:
    from limatui.app import Dashboard

_SETTLE = 0.15
"""Seconds the cursor rests before a pane that opens sockets or files follows it."""


class Header(Lines):
    """The first line."""

    ground = "panel-ground"


class MainScreen(Screen[None]):
    """Everything at a glance."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(each.key or unbound(each), f"do('{each.id}')", each.label, show=False, id=each.id)
          for each in ACTIONS),
        *(Binding(str(index + 1), f"pane({index})", pane.title, show=False) for index, pane in enumerate(PANES)),
        Binding("left_square_bracket", "turn(-1)", "pane before", show=False),
        Binding("right_square_bracket", "turn(1)", "pane after", show=False),
        Binding("enter", "enter", "open", show=False),
        Binding("tab,shift+tab", "other", "list or pane", show=False),
        Binding("escape", "back", "back", show=False),
    ]
    AUTO_FOCUS = "InstanceTable"
    pane: var[int] = var(0, init=False)
    zoomed: var[bool] = var(False, init=False)
    mode: var[str] = var("medium", init=False)
    view: var[View] = var(View(), init=False)

    def __init__(self) -> None:
        super().__init__()
        self._filter = filter.parse("")
        self._work: dict[str, str] = {}
        self._settling: Timer | None = None
        self.stopping = deeds.Countdown(self)
        self._mounting: AwaitMount | None = None

    def compose(self) -> ComposeResult:
        """Header, list and work on one side, panes on the other, keys below."""
        yield Header(id="header")
        with Container(id="body"):
            with Container(id="left"):
                yield InstanceTable()
                yield Lines(id="view")
                yield Input(placeholder="text, regex, !not, status:running", id="filter")
                yield Lines(id="jobs", classes="-work")
                yield Lines(id="events", classes="-work")
            with Container(id="detail"):
                yield Lines(id="rule")
                yield Lines(id="title")
                yield TabBar([pane.title for pane in PANES])
                with Container(id="panes"):
                    yield OverviewPane(id="pane-overview")
        yield Footer(id="footer")

    @property
    def dashboard(self) -> Dashboard:
        """The app."""
        return cast("Dashboard", self.app)

    @property
    def table(self) -> InstanceTable:
        """The list."""
        return self.query_one(InstanceTable)

    @property
    def footer(self) -> Footer:
        """The last line."""
        return self.query_one(Footer)

    @property
    def subject(self) -> Instance | None:
        """The instance under the cursor."""
        return self.dashboard.fleet.get(self.table.cursor)

    def on_mount(self) -> None:
        """Follow what the app knows."""
        self.table.empty = rows.empty()
        self.watch(self.app, "fleet", self._fleet_changed)
        self.watch(self.app, "jobs", self._jobs_changed)
        self.watch(self.app, "settings", self._settings_changed)
        self.watch(self.app, "trouble", self._draw_rest, init=False)
        self.bindings_updated_signal.subscribe(self, lambda _: self._draw_keys())

    # --- data up

    def _fleet_changed(self) -> None:
        if not self._stands:
            return
        now, history = self.dashboard.now(), self.dashboard.bridge.history
        fleet = self.dashboard.fleet
        seen = listing.arranged(fleet.instances, self.view, self._filter, lambda name: history.of(name, 8))
        _set_height(self.table, layout.list_rows(self.mode, len(seen), self.size.height))
        self.table.show([rows.Row(each, history.of(each.name, 8), now, self._work.get(each.name, ""))
                         for each in seen], fleet.instances, self.view.sort)
        self._draw_view(len(seen))
        self._draw_rest()

    def _jobs_changed(self) -> None:
        work = at_work(self.dashboard.jobs)
        if work != self._work:
            self._work = work
            self._fleet_changed()
        else:
            self._draw_rest()

    def _settings_changed(self) -> None:
        self.table.choose(self.dashboard.settings.columns)

    def watch_view(self) -> None:
        """Another order, or others are shown."""
        self._fleet_changed()

    def _draw_view(self, shown: int) -> None:
        hidden = len(self.dashboard.fleet.instances) - shown
        line = listing.told(self.view, hidden, len(self.table.marked))
        view = self.query_one("#view", Lines)
        view.display = bool(line)
        view.show([line] if line else [])

    @on(InstanceTable.Marked)
    def _marks_changed(self) -> None:
        self._draw_view(self.table.count)
        self._draw_rest()

    def _draw_rest(self) -> None:
        if not self._stands:
            return
        board, width = self.dashboard, self.size.width
        top = self.query_one(Header)
        top.show([header(board.fleet, board.bridge.history.host(8), board.jobs, width, board.home, board.trouble)])
        if self.mode == "wide":
            self._draw_work()
        alone = self.zoomed and self.mode == "narrow"
        self.query_one(TabBar).beside(((self.table.cursor, "bold"),) if alone else ())
        rule = self.query_one("#rule", Lines)
        rule.show([(("─" * rule.size.width, "hairline"),)])
        self._draw_keys()

    def _draw_work(self) -> None:
        board = self.dashboard
        jobs, events_ = self.query_one("#jobs", Lines), self.query_one("#events", Lines)
        lines = job_lines(board.jobs, jobs.size.width, 8)
        _set_height(jobs, len(lines))
        jobs.show(lines)
        events_.show(notice_lines(board.bridge.notices, events_.size.width, max(1, events_.size.height - 1)))
        subject = self.subject
        self.query_one("#title", Lines).show([overview.title(subject, board.now())] if subject else [])

    def _draw_keys(self) -> None:
        if self._stands:
            self.footer.keys(*self._keys())

    @property
    def _stands(self) -> bool:
        """False while it is taken down, when parts of it are gone already."""
        return self.is_mounted and bool(self.query(InstanceTable)) and bool(self.query(Footer))

    def _keys(self) -> tuple[tuple[Key, ...], Line]:
        inside = self.focused is not None and self.query_one("#panes") in self.focused.ancestors
        if not inside:
            zoom = (Key("esc", "list", True, "back"),) if self.zoomed else ()
            return (*zoom, *list_keys(self.subject, self.table.marked)), help_hint()
        typing = bool(getattr(self.focused, "typing", False))
        found = [
            Key(self.app.get_key_display(each.binding), each.binding.description, each.enabled, each.binding.action)
            for each in self.active_bindings.values()
            if each.binding.show and each.node is not self and each.node is not self.app
        ]
        if typing:
            return tuple(found), (("all other keys go to the guest", "dim"),)
        out = () if any(each.key == "esc" for each in found) else (Key("esc", "list", True, "back"),)
        return (*found, *out), help_hint()

    def go_to(self, name: str) -> None:
        """The cursor on an instance, if it is there."""
        if self.dashboard.fleet.get(name) is not None:
            self.table.cursor = name

    # --- size

    def on_resize(self, event: events.Resize) -> None:
        """Another arrangement."""
        self.mode = layout.mode(*event.size)
        self._arrange()

    def _arrange(self) -> None:
        for name in layout.MODES:
            self.set_class(name == self.mode, f"-{name}")
        self.set_class(self.zoomed, "-zoom")
        self.query_one("#left").display = not self.zoomed  # at once, so that the list can take the keyboard back
        self.query_one(OverviewPane).titled = self.zoomed or self.mode == "narrow"
        self._fleet_changed()
        self.call_after_refresh(self._draw_rest)

    def watch_zoomed(self) -> None:
        """The pane alone, or everything."""
        self._arrange()

    # --- panes

    def watch_pane(self, index: int) -> None:
        """Another pane, made when it is first looked at."""
        self.query_one(TabBar).activate(index)
        wanted = PANES[index]
        holder = self.query_one("#panes", Container)
        if not holder.query(f"#pane-{wanted.id}"):
            self._mounting = holder.mount(wanted.make(self.table.cursor))
            self.complete(self._mounting)
        for each in holder.children:
            each.display = each.id == f"pane-{wanted.id}"
        self._follow_cursor()
        self.call_after_refresh(self._tell_pane)

    def _tell_pane(self) -> None:
        if isinstance(self.shown, Shown):
            self.shown.be_told()

    @property
    def shown(self) -> Widget | None:
        """The pane on the screen."""
        return next((each for each in self.query_one("#panes").children if each.display), None)

    @on(InstanceTable.Moved)
    def _moved(self) -> None:
        if self._settling is not None:
            self._settling.stop()
        if self.pane == INDEX["overview"]:
            self._follow_cursor()
        else:
            self._settling = self.set_timer(_SETTLE, self._follow_cursor)
        self._draw_rest()

    def _follow_cursor(self) -> None:
        shown = self.shown
        if shown is not None and shown.is_mounted and getattr(shown, "instance", None) != self.table.cursor:
            shown.instance = self.table.cursor  # type: ignore[attr-defined]

    def open(self, pane: str, *, zoom: bool) -> None:
        """Show a pane and give it the keyboard."""
        self.pane = INDEX[pane]
        self.zoomed = zoom or self.mode == "narrow"
        self.enter_when_made()

    @work(group="enter", exclusive=True)
    async def enter_when_made(self) -> None:
        """A pane that is just being made has nothing yet that could take the keyboard."""
        if self._mounting is not None:
            await self._mounting
        self.call_after_refresh(self._enter_pane)

    def _enter_pane(self) -> None:
        shown = self.shown
        target = next((each for each in shown.query("*") if each.can_focus and each.display), None) if shown else None
        if target is not None:
            target.focus()

    def action_pane(self, index: int) -> None:
        """A pane by its number; in a small terminal it takes the whole screen."""
        self.pane = index
        if self.mode == "narrow":
            self.zoomed = index > 0
            if self.zoomed and not PANES[index].types:
                self.enter_when_made()
            else:
                self.set_focus(self.table)

    def action_turn(self, step: int) -> None:
        """The pane beside."""
        self.action_pane((self.pane + step) % len(PANES))

    @on(TabBar.Chosen)
    def _tab_clicked(self, event: TabBar.Chosen) -> None:
        self.action_pane(event.index)

    @on(InstanceTable.Opened)
    def action_enter(self) -> None:
        """Into the pane."""
        self.zoomed = self.zoomed or self.mode == "narrow"
        self.call_after_refresh(self._enter_pane)

    def action_other(self) -> None:
        """From the list to the pane or back."""
        if self.focused is self.table or self.zoomed:
            self._enter_pane()
        else:
            self.set_focus(self.table)

    def action_back(self) -> None:
        """One step out: countdown, pane, zoom, filter."""
        if self.stopping.cancel():
            return
        if self.focused is self.table and self.table.marked and not self.zoomed:
            self.table.unmark()
        elif self.focused is not self.table or self.zoomed:
            self.zoomed = False
            if self.mode == "narrow":
                self.pane = 0
            self.set_focus(self.table)
        elif self.query_one("#filter", Input).value:
            self.query_one("#filter", Input).value = ""
            self._close_filter()

    @work(group="panes")
    async def complete(self, mounting: AwaitMount) -> None:
        """The cursor may have moved while a pane was being made."""
        await mounting
        self._follow_cursor()
        self.call_after_refresh(self._tell_pane)

    @work(group="leave")
    async def leave(self) -> None:
        """End the app, once a pane that is just being made is complete: half of one cannot be taken down."""
        if self._mounting is not None:
            await self._mounting
        answer = await self.app.push_screen_wait(self._question()) if self._unsaved() else "leave"
        if answer == "drop":
            for pane in self.query("#pane-config"):
                await pane.drop_all()  # type: ignore[attr-defined]
        if answer:
            self.app.exit()

    def _unsaved(self) -> list[str]:
        return [name for pane in self.query("#panes > *") for name in getattr(pane, "unsaved", ())]

    def _question(self) -> Ask:
        return Ask("lima.yaml has changes that are not saved", [((name, ""),) for name in self._unsaved()],
                   [Choice("l", "leave, they are offered again", "leave"), Choice("d", "drop them and leave", "drop")])

    # --- filter

    def open_filter(self) -> None:
        """Type a filter."""
        entry = self.query_one("#filter", Input)
        entry.add_class("-open")
        entry.focus()

    @on(Input.Changed, "#filter")
    def _filter_typed(self, event: Input.Changed) -> None:
        self._filter = filter.parse(event.value)
        self._fleet_changed()

    @on(Input.Submitted, "#filter")
    def _close_filter(self) -> None:
        entry = self.query_one("#filter", Input)
        entry.set_class(bool(entry.value), "-open")
        self.set_focus(self.table)

    # --- verbs

    def action_do(self, action: str) -> None:
        """Do what a key, the palette or a click asks for, or say why not."""
        if self.table.marked and action in bulk.VERBS and action != "mark":
            deeds.all_marked(self, action)
            return
        reason = BY_ID[action].reason(self.subject)
        if reason:
            self.dashboard.tell(reason, severity="warning")
        else:
            deeds.DEEDS[action](self)

    @on(Footer.Pressed)
    def _footer_clicked(self, event: Footer.Pressed) -> None:
        if event.key.action in BY_ID:
            self.action_do(event.key.action)
        elif event.key.action == "back":
            self.action_back()
        else:
            for each in self.active_bindings.values():
                if each.binding.action == event.key.action:
                    self.app.call_next(self.app.run_action, each.binding.action, each.node)
                    break


def _set_height(widget: Widget, rows_high: int) -> None:
    """Only when it differs: setting a style lays the whole screen out again."""
    if widget.styles.height is None or widget.styles.height.value != rows_high:
        widget.styles.height = rows_high
