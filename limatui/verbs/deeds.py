"""What each action of limatui.actions does on the main screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec.structs import replace
from textual.timer import Timer

from limacore.model.instance import Status
from limacore.model.job import JobState
from limatui.actions import BY_ID, key
from limatui.messages import ManyWanted, Wanted
from limatui.present import listing
from limatui.present.listing import View
from limatui.verbs import bulk
from limatui.widgets.filterline import FilterLine

if TYPE_CHECKING:
    from limatui.screens.main import MainScreen


class Countdown:
    """Seconds before an instance is stopped, in which esc keeps it running."""

    def __init__(self, screen: MainScreen) -> None:
        self._screen = screen
        self._timer: Timer | None = None
        self._left = 0
        self.name = ""
        self._names: tuple[str, ...] = ()

    @property
    def runs(self) -> bool:
        """Whether something is about to be stopped."""
        return self._timer is not None

    def begin(self, *names: str) -> None:
        """Count down for instances, or stop at once when it counts for them already."""
        if self.runs and self._names == names:
            self._done()
            return
        self.cancel()
        self._names, self.name = names, names[0] if len(names) == 1 else f"{len(names)} instances"
        self._left = self._screen.dashboard.settings.countdown
        if self._left <= 0:
            self._done()
            return
        self._timer = self._screen.set_interval(1.0, self._tick)
        self._show()

    def _tick(self) -> None:
        self._left -= 1
        if self._left <= 0:
            self._done()
        else:
            self._show()

    def _show(self) -> None:
        kept = "it" if len(self._names) == 1 else "them"
        self._screen.footer.say((
            ("stopping ", "warn"), (self.name, "bold"), (f" in {self._left} s   ", "warn"), ("esc", "bold accent-key"),
            (f" keeps {kept} running   ", "dim"), (key("stop"), "bold accent-key"), (" now   ", "dim"),
            (key("insist"), "bold accent-key"), (" at once, without asking the guest", "dim"),
        ))

    def _done(self) -> None:
        self.cancel()
        if len(self._names) > 1:
            _each(self._screen, "stop", self._names)
        else:
            self._screen.post_message(Wanted("stop", self._names[0]))

    def cancel(self) -> bool:
        """Forget it; returns whether there was something to forget."""
        counted = self._timer is not None
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self._screen.footer.say(())
        return counted


def _wanted(action: str) -> Callable[[MainScreen], None]:
    def deed(screen: MainScreen) -> None:
        if screen.subject is not None:
            screen.post_message(Wanted(action, screen.subject.name))
    return deed


def _stop(screen: MainScreen) -> None:
    subject = screen.subject
    if subject is None:
        return
    if subject.status is Status.STARTING:
        _cancel_start(screen, subject.name)
    else:
        screen.stopping.begin(subject.name)


def _cancel_start(screen: MainScreen, name: str) -> None:
    ours = [job.id for job in screen.dashboard.jobs
            if job.target == name and job.state is JobState.RUNNING and job.verb in ("start", "create", "restart")]
    for job in ours:
        screen.dashboard.bridge.engine.cancel(job)
    if not ours:
        screen.post_message(Wanted("insist", name))


def _insist(screen: MainScreen) -> None:
    subject = screen.subject
    if subject is None:
        return
    counting = screen.stopping.cancel()
    if counting or subject.status not in (Status.RUNNING, Status.SUSPENDED):
        screen.post_message(Wanted("insist", subject.name))
        return
    from limatui.verbs import dialogs

    screen.app.push_screen(dialogs.insist(subject), _then(screen, Wanted("insist", subject.name)))


def _then(screen: MainScreen, wish: Wanted) -> Callable[[object], None]:
    def answered(answer: object) -> None:
        if answer:
            screen.post_message(wish)
    return answered


def _typed(screen: MainScreen, action: str, name: str) -> Callable[[tuple[str, ...] | None], None]:
    def answered(values: tuple[str, ...] | None) -> None:
        if values is not None:
            screen.post_message(Wanted(action, name, values[0]))
    return answered


def _delete(screen: MainScreen) -> None:
    from limatui.verbs import dialogs

    if screen.subject is not None:
        screen.app.push_screen(dialogs.delete(screen.subject), _then(screen, Wanted("delete", screen.subject.name)))


def _reset(screen: MainScreen) -> None:
    from limatui.verbs import dialogs

    if screen.subject is not None:
        screen.app.push_screen(dialogs.reset(screen.subject), _then(screen, Wanted("reset", screen.subject.name)))


def _clone(screen: MainScreen) -> None:
    from limatui.verbs import dialogs

    subject = screen.subject
    if subject is not None:
        screen.app.push_screen(dialogs.clone(subject, screen.dashboard.fleet), _typed(screen, "clone", subject.name))


def _rename(screen: MainScreen) -> None:
    from limatui.verbs import dialogs

    subject = screen.subject
    if subject is not None:
        screen.app.push_screen(dialogs.rename(subject, screen.dashboard.fleet), _typed(screen, "rename", subject.name))


def _snapshot(screen: MainScreen) -> None:
    if screen.subject is not None:
        screen.dashboard.open_snapshot(screen.subject)


def _memory(screen: MainScreen) -> None:
    from limatui.verbs import dialogs

    if screen.subject is not None:
        screen.app.push_screen(dialogs.memory(screen.subject), _typed(screen, "memory", screen.subject.name))


def _templates(screen: MainScreen) -> None:
    from limatui.screens.templates import TemplatesScreen

    screen.app.push_screen(TemplatesScreen())


def _cache(screen: MainScreen) -> None:
    from limatui.screens.cache import CacheScreen

    screen.app.push_screen(CacheScreen())


def _doctor(screen: MainScreen, name: str) -> None:
    from limatui.screens.doctor import DoctorScreen

    def answered(answer: str | None) -> None:
        pane, _, about = (answer or "").partition(" ")
        if pane:
            screen.table.cursor = about
            screen.open(pane, zoom=True)

    screen.app.push_screen(DoctorScreen(name), answered)


def _in_pane(pane: str, action: str = "") -> Callable[[MainScreen], None]:
    """The pane with the keyboard; an action that needs nothing chosen there is begun at once."""
    def deed(screen: MainScreen) -> None:
        screen.open(pane, zoom=False, action=action)
    return deed


def _new(screen: MainScreen) -> None:
    screen.dashboard.open_form()


def _jobs(screen: MainScreen) -> None:
    from limatui.screens.jobs import JobsScreen

    screen.app.push_screen(JobsScreen())


def _events(screen: MainScreen) -> None:
    from limatui.screens.events import EventsScreen

    screen.app.push_screen(EventsScreen(), lambda name: screen.go_to(name or ""))


def _help(screen: MainScreen) -> None:
    from limatui.screens.help import HelpScreen

    screen.app.push_screen(HelpScreen())


def _palette(screen: MainScreen) -> None:
    from limatui.verbs.palette import Palette

    screen.app.push_screen(Palette(screen.subject), lambda action: screen.action_do(action) if action else None)


def _shell(screen: MainScreen) -> None:
    if screen.subject is not None:
        screen.dashboard.open_shell(screen.subject.name)


def _copy(screen: MainScreen) -> None:
    board = screen.dashboard
    board.copy(board.last_command or BY_ID["shell"].command(screen.subject))


def _zoom(screen: MainScreen) -> None:
    screen.zoomed = not screen.zoomed


def _mark(screen: MainScreen) -> None:
    if screen.focused is screen.table:
        screen.table.mark()


def _group(screen: MainScreen) -> None:
    screen.view = listing.next_group(screen.view, screen.dashboard.fleet.instances)


def _fold(screen: MainScreen) -> None:
    if screen.view.group:
        screen.fold()
    else:
        screen.dashboard.tell(f"there are no groups: {key('group')} makes some", severity="warning")


def _view(change: Callable[[View], View]) -> Callable[[MainScreen], None]:
    def deed(screen: MainScreen) -> None:
        screen.view = change(screen.view)
    return deed


def _quit(screen: MainScreen) -> None:
    if screen.zoomed or screen.focused not in (None, screen.table):
        screen.action_back()
    else:
        screen.leave()


def _theme(screen: MainScreen) -> None:
    screen.dashboard.next_theme()


def _settings(screen: MainScreen) -> None:
    from limatui.screens.settings import SettingsScreen

    screen.app.push_screen(SettingsScreen())


def all_marked(screen: MainScreen, action: str) -> None:
    """Do it to every marked instance to which it can be done; tell why not to the others."""
    can, cannot = bulk.split(action, screen.table.marked)
    if cannot:
        screen.dashboard.tell("\n".join(cannot), title=f"left out: {len(cannot)}", severity="warning")
    names = tuple(each.name for each in can)
    if not names:
        return
    if action == "stop":
        screen.stopping.begin(*names)
        return
    screen.stopping.cancel()
    if action in ("delete", "insist"):
        from limatui.verbs import dialogs

        question = dialogs.delete_all(can) if action == "delete" else dialogs.insist_all(can)
        screen.app.push_screen(question, lambda answer: _each(screen, action, names) if answer else None)
    else:
        _each(screen, action, names)


def _each(screen: MainScreen, action: str, names: tuple[str, ...]) -> None:
    """One job for each: they run side by side."""
    screen.post_message(ManyWanted(action, bulk.word(action, screen.table.marked), names))
    screen.table.unmark()


DEEDS: dict[str, Callable[[MainScreen], None]] = {
    "start": _wanted("start"), "restart": _wanted("restart"), "protect": _wanted("protect"),
    "pause": _wanted("pause"), "suspend": _wanted("suspend"), "memory": _memory,
    "stop": _stop, "insist": _insist, "delete": _delete, "new": _new, "shell": _shell,
    "console": lambda screen: screen.open("console", zoom=True),
    "logs": lambda screen: screen.open("logs", zoom=True),
    "edit": lambda screen: screen.open("config", zoom=True),
    "disks": lambda screen: screen.open("disks", zoom=False),
    "clone": _clone, "rename": _rename, "snapshot": _snapshot, "reset": _reset, "cache": _cache,
    "templates": _templates, "checkup": lambda screen: _doctor(screen, ""),
    "doctor": lambda screen: _doctor(screen, screen.subject.name if screen.subject else ""),
    "snapshots": lambda screen: screen.open("snapshots", zoom=False),
    "disk_create": _in_pane("disks", "create"), "disk_import": _in_pane("disks", "import"),
    **dict.fromkeys(("disk_resize", "disk_unlock", "disk_delete"), _in_pane("disks")),
    **dict.fromkeys(("snapshot_apply", "snapshot_delete"), _in_pane("snapshots")),
    "forward_add": _in_pane("ports", "add"), "forward_remove": _in_pane("ports"), "remount": _in_pane("mounts"),
    "jobs": _jobs, "events": _events, "help": _help, "palette": _palette, "copy": _copy, "zoom": _zoom, "quit": _quit,
    "filter": lambda screen: screen.query_one(FilterLine).open(),
    "mark": _mark, "mark_all": lambda screen: screen.table.mark_all(),
    "sort": _view(listing.next_sort), "reverse": _view(lambda view: replace(view, backwards=not view.backwards)),
    "group": _group, "fold": _fold,
    "hide": _view(lambda view: replace(view, up_only=not view.up_only)),
    "faults": _view(lambda view: replace(view, faults_only=not view.faults_only)),
    "theme": _theme, "settings": _settings,
}
