"""The dashboard: holds what is known (fleet, jobs), passes wishes to the engine, tells how they ended."""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from msgspec.structs import replace
from rich.console import RenderableType
from textual import events, on, work
from textual._compositor import CompositorUpdate
from textual.app import App, SuspendNotSupported
from textual.binding import BindingType
from textual.driver import Driver
from textual.filter import LineFilter
from textual.reactive import var
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from limacore.errors import LimaError
from limacore.model.instance import Fleet, Instance
from limacore.model.job import Job, JobState
from limacore.model.template import TemplateInfo
from limatui import afterwards
from limatui.actions import bind
from limatui.api import EngineApi
from limatui.assets import stylesheets
from limatui.bridge import Bridge
from limatui.host import clipboard
from limatui.host.colourless import Colourless
from limatui.host.outside import run_in_terminal
from limatui.host.painted import Changes, Painted
from limatui.lean import forget_pictures
from limatui.messages import CreateWanted, JobWanted, ManyWanted, Wanted
from limatui.notices import Notice
from limatui.present.listing import View
from limatui.sanitize import sanitize
from limatui.screens.main import MainScreen
from limatui.settings import viewfile
from limatui.settings.file import Settings, save
from limatui.themes import THEMES
from limatui.typeahead import Passed, TypeAhead
from limatui.verbs import calls
from limatui.verbs.batch import Outcomes

if TYPE_CHECKING:
    from limatui.settings.tomledit import Value

_AFTERWARDS = 5.0
"""Seconds after a job in which what happens to its instance is its doing."""
_AT_ONCE = 3
"""Toasts for one look at the fleet; the rest is in the list of events."""
RETRY = 3.0
"""Seconds before an engine that broke is followed again."""
_AGAIN = 60.0
_TELL_STALLS = 2.0
_PATIENCE = 0.5
"""Seconds that the rest waits for an engine that has not answered yet."""
_GROWN = 2.0
"""Seconds after which all that lives long is there."""
Severity = Literal["information", "warning", "error"]


class Dashboard(App[None], inherit_bindings=False):
    """`clock` tells the epoch seconds that uptimes are counted from."""

    BINDINGS: ClassVar[list[BindingType]] = []
    ENABLE_COMMAND_PALETTE = False
    alone = False
    """Whether the process is for this app only."""
    TITLE = "limatui"
    fleet: var[Fleet] = var(Fleet(home=""), init=False)
    jobs: var[tuple[Job, ...]] = var((), init=False)
    settings: var[Settings] = var(Settings(), init=False)
    trouble: var[str] = var("", init=False)
    """Why the fleet that is shown is not current; empty when it is."""

    def __init__(self, engine: EngineApi, *, clock: Callable[[], float] = time.time, settings: Settings | None = None,
                 driver_class: type[Driver] | None = None, view: View | None = None) -> None:
        super().__init__(driver_class=driver_class, css_path=stylesheets()[0])
        forget_pictures()
        self.now = clock
        self.bridge = Bridge(engine, self, clock)
        self.set_reactive(Dashboard.settings, settings or Settings())
        self._view = view
        self.typeahead = TypeAhead(self, super().on_event)
        self._saving = asyncio.Lock()
        self._colourless = [Colourless()]
        self._painted = Painted()
        self.toast_seconds = 4.0
        self.last_command = ""
        self._outcomes = Outcomes(self)
        self._lamented: set[tuple[str, float]] = set()
        for theme in THEMES.values():
            self.register_theme(theme)
        self.theme = self.settings.theme
        self.stylesheet.set_variables(self.get_css_variables())
        self._coloured = self.theme
        self.bridge.engine.interval = self.settings.refresh
        self.set_keymap(bind(self.settings.keys))

    @property
    def home(self) -> str:
        """The Lima home as people write it."""
        return self.fleet.home.replace(str(Path.home()), "~", 1) if self.fleet.home else ""

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What changes lines before they are written."""
        return self._colourless if self.no_color else super().get_line_filters()

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """Write only what differs from what stands there."""
        if isinstance(renderable, CompositorUpdate):
            renderable = Changes(self._painted, renderable)
        super()._display(screen, renderable)

    def on_resize(self) -> None:
        """The terminal has moved or cut its lines."""
        self._painted.forget()

    def get_default_screen(self) -> Screen[None]:
        """The main screen."""
        return MainScreen(self._view)

    def refresh_css(self, animate: bool = True) -> None:
        """Other colours; Textual asks for it at every start, where it would parse all sheets once more."""
        if self._coloured != self.theme:
            self._coloured = self.theme
            super().refresh_css(animate)

    def on_mount(self) -> None:
        """Begin to follow the engine."""
        self.follow()
        self.complete()
        if self.alone:
            # A full round of the collector through widgets and styles holds keys up for 50 ms: it leaves them out.
            self.set_timer(_GROWN, gc.freeze)
        if os.environ.get("LIMATUI_MONITOR"):
            self.watch_the_loop()
        if self.settings.problems:
            self.tell("\n".join(self.settings.problems), title="settings that are not used", severity="warning")

    @work(group="afterwards", exit_on_error=False)
    async def complete(self) -> None:
        """Get what the first picture did not wait for."""
        await self.bridge.first_fleet(_PATIENCE)
        painted = asyncio.Event()
        self.call_after_refresh(painted.set)
        await painted.wait()
        await afterwards.dress(self)
        if self.alone:
            await asyncio.to_thread(afterwards.load, self.bridge.engine)

    @work(group="bridge", exit_on_error=False)
    async def follow(self) -> None:
        """The one worker that listens to the engine; when it breaks, that is told and it is tried again."""
        while True:
            try:
                await self.bridge.follow()
            except* Exception as errors:  # noqa: BLE001 (a defect of the engine must not freeze the list in silence)
                self._lost(errors.exceptions[0])
            else:
                return
            await asyncio.sleep(RETRY)

    def _lost(self, error: Exception) -> None:
        """What is shown is not current any more; the same trouble is told once a minute."""
        told = error if isinstance(error, LimaError) else LimaError(f"the engine failed: {error!r}")
        self.trouble = told.message
        if (told.message, self.now() // _AGAIN) not in self._lamented:
            self._lamented = {(told.message, self.now() // _AGAIN)}
            self.fail(told)

    @work(group="monitor", exit_on_error=False)
    async def watch_the_loop(self) -> None:
        """Tell the worst that held the loop up, at most once in so many seconds."""
        from limatui.monitor import Monitor, line, watching

        with watching(Monitor()) as monitor:
            while True:
                await asyncio.sleep(_TELL_STALLS)
                stalls, monitor.stalls = monitor.stalls, []
                if stalls:
                    worst = max(stalls, key=lambda each: each.busy)
                    self.tell(line(worst), title=f"the loop was held up {len(stalls)} times", severity="warning")

    def exit(self, result: None = None, return_code: int = 0, message: RenderableType | None = None) -> None:
        """Leave; nothing new is shown while the widgets go, one after the other."""
        self.workers.cancel_group(self, "bridge")
        super().exit(result, return_code, message)

    async def on_unmount(self) -> None:
        """Let the engine end what it does for us."""
        await self.bridge.engine.close()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A worker that broke is a defect of ours: say so instead of going on in silence."""
        if event.state is WorkerState.ERROR:
            self.log.error(event.worker.error)
            self.tell(f"{event.worker.error!r}", title="limatui: internal error", severity="error")

    # --- keys

    async def on_event(self, event: events.Event) -> None:
        """What is typed goes on in its order."""
        if isinstance(event, (events.Key, events.Paste)) and not event.is_forwarded:
            await self.typeahead.take(event)
        else:
            await super().on_event(event)

    @on(Passed)
    async def _key_passed(self, message: Passed) -> None:
        await self.typeahead.passed(message)

    def on_key(self, event: events.Key) -> None:
        """A key that came before anybody had the keyboard is for who has it now."""
        if self.typeahead.came_early(event):
            event.prevent_default().stop()

    # --- wishes down

    @on(Wanted)
    def _wanted(self, wish: Wanted) -> None:
        subject = self.fleet.get(wish.name)
        if subject is not None:
            self.begin(lambda: calls.VERBS[wish.action](self.bridge.engine, subject, wish.value))

    @on(ManyWanted)
    def _many_wanted(self, wish: ManyWanted) -> None:
        self._outcomes.begin(wish)

    @on(JobWanted)
    def _job_wanted(self, wish: JobWanted) -> None:
        self.begin(lambda: wish.begin(self.bridge.engine))

    @on(CreateWanted)
    def _create_wanted(self, wish: CreateWanted) -> None:
        self.begin(lambda: calls.create(self.bridge.engine, wish))

    def begin(self, verb: Callable[[], int]) -> None:
        """Start a job, or say at once why it cannot be."""
        try:
            verb()
        except LimaError as error:
            self.fail(error)

    @work(group="form", exclusive=True, exit_on_error=False)
    async def open_form(self) -> None:
        """Ask for a new instance; the engine looks for templates on disk, so not in the loop."""
        try:
            templates = await asyncio.to_thread(self.bridge.engine.describe_templates)
        except LimaError as error:
            self.fail(error)
        else:
            await self.ask_for_instance(templates)

    async def ask_for_instance(self, templates: tuple[TemplateInfo, ...], template: str = "") -> bool:
        """The form; whether one is being made now."""
        from limatui.screens.new import NewScreen

        taken = frozenset(each.name for each in self.fleet.instances)
        wish = await self.push_screen_wait(NewScreen(templates, taken, template))
        if wish is not None:
            self.post_message(wish)
        return wish is not None

    @work(group="form", exclusive=True, exit_on_error=False)
    async def open_snapshot(self, subject: Instance) -> None:
        """Ask for the tag of a new snapshot, unless there can be none; QEMU is asked for those that are taken."""
        from limatui.present.snapshots import why_none
        from limatui.verbs import dialogs

        reason = why_none(subject, self.fleet.disks)
        if reason:
            self.tell(reason, severity="warning")
            return
        try:
            taken = frozenset(each.tag for each in await self.bridge.engine.snapshots(subject.name))
        except LimaError as error:
            self.fail(error)
            return
        values = await self.push_screen_wait(dialogs.snapshot(subject, taken))
        if values is not None:
            self.post_message(Wanted("snapshot", subject.name, values[0]))

    # --- answers up

    def watch_jobs(self, jobs: tuple[Job, ...]) -> None:
        """Tell each failure once, and remember the last command."""
        if jobs:
            self.last_command = jobs[0].command
        self._outcomes.see(jobs)

    def heard(self, news: tuple[Notice, ...]) -> None:
        """Tell what others did: a machine started by another program, a guest that powered itself off."""
        now = self.now()
        ours = {word for job in self.jobs for word in (job.target, *job.command.split()[2:])
                if job.state is JobState.RUNNING or now - job.started_at - job.seconds < _AFTERWARDS}
        for notice in [each for each in news if each.name not in ours and not each.passing][:_AT_ONCE]:
            self.tell(f"{notice.name} {notice.text}", severity="warning" if notice.mark in ("warn", "bad") else
                      "information")

    def fail(self, error: LimaError) -> None:
        """Show an error with what to do about it."""
        self.tell("\n".join(part for part in (error.message, error.detail, error.hint) if part), severity="error")

    def tell(self, message: str, *, title: str = "", severity: Severity = "information") -> None:
        """A toast; guest text in it is harmless."""
        self.notify(sanitize(message), title=sanitize(title), severity=severity, markup=False,
                    timeout=self.toast_seconds * (2 if severity == "error" else 1))

    # --- things outside

    @work(group="clipboard", exit_on_error=False)
    async def copy(self, text: str) -> None:
        """Copy text, and say where it went."""
        where = await clipboard.copy(text)
        if not where:
            self.copy_to_clipboard(text)
        self.tell(text, title=f"copied with {where}" if where else "copied through the terminal")

    @work(group="shell", exclusive=True, exit_on_error=False)
    async def open_shell(self, name: str) -> None:
        """A shell of an instance in the real terminal; jobs and watches go on meanwhile."""
        try:
            argv = self.bridge.engine.shell_argv(name)
            with self.suspend():
                await run_in_terminal(argv)
            self._painted.forget()
        except LimaError as error:
            self.fail(error)
        except (OSError, SuspendNotSupported) as error:
            self.tell(f"cannot open a shell here: {error}", severity="error")

    # --- settings

    def next_theme(self) -> None:
        """The theme after this one, remembered."""
        names = list(THEMES)
        self.choose("theme", names[(names.index(self.theme) + 1) % len(names)])
        self.tell(f"theme: {self.theme}")

    @work(group="settings", exit_on_error=False)
    async def choose(self, key: str, value: Value) -> None:
        """Use another value at once, and remember it."""
        self.settings = replace(self.settings, **{key: value})
        try:
            async with self._saving:
                lines = await asyncio.to_thread(save, key, value)
        except LimaError as error:
            self.fail(error)
        else:
            self.settings = replace(self.settings, lines=lines)

    @work(group="view", exit_on_error=False)
    async def keep_view(self, view: View) -> None:
        """Remember how the list is looked at, if it was remembered; only the newest view counts."""
        if self._view is None:
            return
        self._view = view
        try:
            async with self._saving:
                await asyncio.to_thread(viewfile.save, self._view)
        except LimaError as error:
            self.fail(error)

    def watch_settings(self, settings: Settings) -> None:
        """Other ones are in force."""
        self.theme = settings.theme
        self.bridge.engine.interval = settings.refresh
