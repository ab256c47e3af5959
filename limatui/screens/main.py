"""The main screen: the list, the panes of the instance under the cursor, and the keys of both."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.reactive import var
from textual.screen import Screen
from textual.widget import Widget

from limacore.model.instance import Instance
from limatui import filter
from limatui.actions import ACTIONS, BY_ID, unbound
from limatui.lean import forget_watchers
from limatui.present import layout, listing, overview, rows
from limatui.present.listing import View
from limatui.present.work import at_work
from limatui.screens import mainkeys
from limatui.screens.panes import INDEX, PANES, Panes
from limatui.settings.keymap import named
from limatui.verbs import bulk, deeds
from limatui.widgets.filterline import FilterLine
from limatui.widgets.footer import Footer
from limatui.widgets.header import Header
from limatui.widgets.lines import Lines, set_rows
from limatui.widgets.overview import OverviewPane
from limatui.widgets.table import InstanceTable
from limatui.widgets.tabs import TabBar
from limatui.widgets.work import Events, Jobs

if TYPE_CHECKING:
    from limatui.app import Dashboard


class MainScreen(Screen[None]):
    """Everything at a glance."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(each.key or unbound(each.id), f"do('{each.id}')", each.label, show=False, id=each.id)
          for each in ACTIONS),
        *named("panes", [
            *(Binding(str(index + 1), f"pane({index})", pane.title, show=False) for index, pane in enumerate(PANES)),
            Binding("left_square_bracket", "turn(-1)", "pane before", show=False),
            Binding("right_square_bracket", "turn(1)", "pane after", show=False),
            Binding("enter", "enter", "open", show=False),
            Binding("tab,shift+tab", "other", "list or pane", show=False),
            Binding("escape", "back", "back", show=False),
        ]),
    ]
    AUTO_FOCUS = "InstanceTable"
    pane: var[int] = var(0, init=False)
    zoomed: var[bool] = var(False, init=False)
    mode: var[str] = var("medium", init=False)
    view: var[View] = var(View(), init=False)

    def __init__(self, view: View | None = None) -> None:
        super().__init__()
        self._filter = filter.parse("")
        self._work: dict[str, str] = {}
        self.stopping = deeds.Countdown(self)
        self.set_reactive(MainScreen.view, view or View())

    def compose(self) -> ComposeResult:
        """Header, list and work on one side, panes on the other, keys below."""
        self._class_by_size(layout.mode(*self.app.size))  # before there is anything that would have to be styled anew
        yield Header(id="header")
        with Container(id="body"):
            with Container(id="left"):
                yield InstanceTable()
                yield Lines(id="view")
                yield FilterLine(lambda: self.set_focus(self.table))
                yield Jobs()
                yield Events()
            with Container(id="detail"):
                yield Lines(id="rule")
                yield Lines(id="title")
                yield TabBar([pane.title for pane in PANES])
                yield Panes()
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
    def panes(self) -> Panes:
        """The panes."""
        return self.query_one(Panes)

    @property
    def shown(self) -> Widget | None:
        """The pane on the screen."""
        return self.panes.shown

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

    def on_screen_resume(self) -> None:
        """Whatever was over it is closed."""
        forget_watchers(self.app)

    # --- data up

    def _fleet_changed(self) -> None:
        if not self._stands:
            return
        fleet = self.dashboard.fleet
        seen = listing.arranged(fleet.instances, self.view, self._filter, self._cpu)
        hidden = len(fleet.instances) - len(seen)
        self.table.empty = rows.empty(hidden)
        lines = rows.lines(seen, self.view.group, self.view.folded, self._row())
        set_rows(self.table, layout.list_rows(self.mode, len(lines), self.size.height))
        self.table.show(lines, fleet.instances, self.view.sort, self.view.backwards)
        self._draw_view()
        self._draw_rest()

    def _cpu(self, name: str) -> tuple[float, ...]:
        return self.dashboard.bridge.history.of(name, 8)

    def _row(self) -> Callable[[Instance], rows.Row]:
        """How a row is made now: a thousand at once."""
        now, past, work = self.dashboard.now(), self.dashboard.bridge.history.of, self._work
        return lambda each: rows.Row(each, past(each.name, 8), now, work.get(each.name, ""))

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
        self.dashboard.keep_view(self.view)

    @on(InstanceTable.Titled)
    def _title_clicked(self, event: InstanceTable.Titled) -> None:
        self.view = listing.by_column(self.view, event.column)

    @on(InstanceTable.Folded)
    def fold(self) -> None:
        """Fold the group of the cursor, or open it."""
        head = self.table.group
        if head is not None:
            self.view = listing.fold(self.view, head.group.value)

    def _draw_view(self) -> None:
        hidden = len(self.dashboard.fleet.instances) - len(self.table.names)
        line = listing.told(self.view, hidden, len(self.table.marked))
        view = self.query_one("#view", Lines)
        view.display = bool(line)
        view.show([line] if line else [])

    @on(InstanceTable.Marked)
    def _marks_changed(self) -> None:
        self._draw_view()
        self._draw_rest()

    def _draw_rest(self) -> None:
        if not self._stands:
            return
        self.query_one(Header).tell(self.dashboard, self.size.width)
        if self.mode == "wide":
            self._draw_work()
        alone = self.zoomed and self.mode == "narrow"
        self.query_one(TabBar).beside(((self.table.instance, "bold"),) if alone else ())
        current = self.table.current
        self.query_one(OverviewPane).group = current if isinstance(current, rows.Head) else None
        rule = self.query_one("#rule", Lines)
        rule.show([(("─" * rule.size.width, "hairline"),)])
        self._draw_keys()

    def _draw_work(self) -> None:
        board = self.dashboard
        self.query_one(Jobs).tell(board.jobs)
        self.query_one(Events).tell(board.bridge.notices)
        subject = self.subject
        self.query_one("#title", Lines).show([overview.title(subject, board.now())] if subject else [])

    def _draw_keys(self) -> None:
        if self._stands:
            self.footer.keys(*mainkeys.keys(self))

    @property
    def _stands(self) -> bool:
        """False while it is taken down, when parts of it are gone already."""
        return self.is_mounted and bool(self.query(InstanceTable)) and bool(self.query(Footer))

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
        self._class_by_size(self.mode)
        self.query_one("#left").display = not self.zoomed  # at once, so that the list can take the keyboard back
        self.query_one(OverviewPane).titled = self.zoomed or self.mode == "narrow"
        self._fleet_changed()
        self.call_after_refresh(self._draw_rest)

    def _class_by_size(self, mode: str) -> None:
        self.update_classes({"-zoom": self.zoomed, **{f"-{each}": each == mode for each in layout.MODES}})

    def watch_zoomed(self) -> None:
        """The pane alone, or everything."""
        self._arrange()

    # --- panes

    def watch_pane(self, index: int) -> None:
        """Another pane."""
        self.query_one(TabBar).activate(index)
        self.panes.look_at(index, self.table.instance)

    @on(InstanceTable.Moved)
    def _moved(self) -> None:
        self.panes.follow(self.table.instance)
        self._draw_rest()

    def open(self, pane: str, *, zoom: bool, action: str = "") -> None:
        """Show a pane and give it the keyboard; `action` is one of the pane's."""
        self.pane = INDEX[pane]
        self.zoomed = zoom or self.mode == "narrow"
        self.panes.enter_when_made(action)

    def action_pane(self, index: int) -> None:
        """A pane by its number; in a small terminal it takes the whole screen."""
        self.pane = index
        if self.mode == "narrow":
            self.zoomed = index > 0
            if self.zoomed and not PANES[index].types:
                self.panes.enter_when_made()
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
        """Into the pane; on the head of a group: fold it, or open it."""
        if self.subject is None and self.table.group is not None:
            self.fold()
            return
        self.zoomed = self.zoomed or self.mode == "narrow"
        self.call_after_refresh(self.panes.enter)

    async def action_other(self) -> None:
        """From the list to the pane or back."""
        if self.focused is self.table or self.zoomed:
            await self.panes.enter()
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
        elif self.query_one(FilterLine).value:
            self.query_one(FilterLine).empty()

    @work(group="leave")
    async def leave(self) -> None:
        """End the app, once nothing is being made and nobody wants to go on with what is not saved."""
        from limatui.verbs import dialogs

        await self.panes.made()
        unsaved = self.panes.unsaved
        answer = await self.app.push_screen_wait(dialogs.unsaved(unsaved)) if unsaved else "leave"
        if answer == "drop":
            await self.panes.drop_unsaved()
        if answer:
            self.app.exit()

    # --- filter

    @on(FilterLine.Chosen)
    def _filter_chosen(self, event: FilterLine.Chosen) -> None:
        self._filter = event.test
        self._fleet_changed()

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
