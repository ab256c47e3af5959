"""Every verb of the dashboard, once: key, label, equivalent command, and why it is not possible now.

Bindings, footer, palette and help are made from this list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from limacore.model.instance import Instance, Status
from limatui.present.snapshots import why_none
from limatui.settings import keymap

Subject = Instance | None
Reason = str
"""Empty when the action is possible."""

_ORPHANS = (Status.ORPHAN_QEMU, Status.ORPHAN_AGENT)


def _always(subject: Subject) -> Reason:
    return ""


def _needs_one(subject: Subject) -> Reason:
    return "" if subject else "no instance is selected"


class Action(Struct, frozen=True):
    """One verb. `footer` is its place from the left in the footer, 0 for none."""

    id: str
    key: str
    label: str
    help: str
    group: str
    footer: int = 0
    shell: str = ""
    """The equivalent command, with `{}` for the instance name."""
    reason: Callable[[Subject], Reason] = _always
    name_for: Callable[[Subject], str] | None = None
    verbs: tuple[str, ...] = ()
    """The verbs of the engine that it leads to."""

    def word(self, subject: Subject) -> str:
        """The label for this instance."""
        return self.name_for(subject) if self.name_for else self.label

    def command(self, subject: Subject) -> str:
        """The equivalent command line, or empty."""
        if self.id == "protect" and subject and subject.protected:
            return f"limatui unprotect {subject.name}"
        if self.id == "pause" and subject and subject.status is Status.PAUSED:
            return f"limatui resume {subject.name}"
        if self.id == "insist" and subject and subject.status not in (Status.STOPPING, *_ORPHANS, Status.BROKEN):
            return f"limatui stop -f {subject.name}"
        return self.shell.format(subject.name if subject else "NAME")


def _start(subject: Subject) -> Reason:
    if subject is None:
        return "no instance is selected"
    if subject.status in (Status.STOPPED, Status.SUSPENDED, Status.BROKEN, *_ORPHANS):
        return ""
    if subject.status is Status.PAUSED:
        return f"{subject.name} is paused: {key('pause')} lets it go on"
    return f"{subject.name} is already {subject.status.value.lower()}"


def _stop(subject: Subject) -> Reason:
    if subject is None:
        return "no instance is selected"
    if subject.status is Status.STOPPED:
        return f"{subject.name} does not run"
    if subject.status is Status.SUSPENDED:
        return f"{subject.name} is suspended: {key('insist')} gives its memory up"
    if subject.status is Status.STOPPING:
        return f"{subject.name} is stopping already: {key('insist')} insists"
    lost = subject.status in (*_ORPHANS, Status.BROKEN)
    return f"{subject.name} lost its host agent: {key('insist')} ends it" if lost else ""


def _insist(subject: Subject) -> Reason:
    if subject is None:
        return "no instance is selected"
    return f"{subject.name} does not run" if subject.status is Status.STOPPED else ""


def _restart(subject: Subject) -> Reason:
    if subject is None:
        return "no instance is selected"
    runs = subject.status in (Status.RUNNING, Status.PAUSED, Status.PANICKED)
    return "" if runs else f"{subject.name} does not run"


def _pause(subject: Subject) -> Reason:
    if subject is None:
        return "no instance is selected"
    runs = subject.status in (Status.RUNNING, Status.STARTING, Status.PAUSED)
    return "" if runs else f"{subject.name} is {subject.status.value.lower()}"


def _runs(subject: Subject) -> Reason:
    """Suspend and memory: a guest that is ready."""
    if subject is None:
        return "no instance is selected"
    return "" if subject.status is Status.RUNNING else f"{subject.name} is {subject.status.value.lower()}"


def _shell(subject: Subject) -> Reason:
    if subject is None:
        return "no instance is selected"
    return "" if subject.status is Status.RUNNING else f"{subject.name} is not ready for a shell"


def _delete(subject: Subject) -> Reason:
    if subject is None:
        return "no instance is selected"
    if subject.protected:
        return f"{subject.name} is protected: {key('protect')} lifts it"
    if subject.status.is_up:
        return f"{subject.name} is {subject.status.value.lower()}: stop it first"
    return ""


def _reset(subject: Subject) -> Reason:
    if subject is None:
        return "no instance is selected"
    return f"{subject.name} is protected: {key('protect')} lifts it" if subject.protected else ""


def _moves(subject: Subject) -> Reason:
    """Clone and rename."""
    if subject is None:
        return "no instance is selected"
    if subject.status in (Status.STOPPED, Status.BROKEN):
        return ""
    if subject.status is Status.SUSPENDED:
        return f"{subject.name} is suspended: {key('start')} lets it go on, {key('insist')} gives its memory up"
    return f"{subject.name} is {subject.status.value.lower()}: stop it first"


def _snapshot(subject: Subject) -> Reason:
    return why_none(subject, ())


ACTIONS: tuple[Action, ...] = (
    Action("start", "s", "start", "start the instance", "instance", 1, "limatui start {}", _start,
           lambda each: "go on" if each and each.status is Status.SUSPENDED else "start", verbs=("start",)),
    Action("stop", "x", "stop", "stop it after a countdown that esc ends", "instance", 2, "limatui stop {}", _stop,
           lambda each: "cancel" if each and each.status is Status.STARTING else "stop", verbs=("stop",)),
    Action("insist", "X", "stop now", "end the machine at once, unsaved data in it is lost", "instance", 0,
           "limatui stop -f {}", _insist, verbs=("stop",)),
    Action("restart", "r", "restart", "stop, then start", "instance", 3, "limatui restart {}", _restart,
           verbs=("restart",)),
    Action("pause", "P", "pause", "let the machine stand still, or go on", "instance", 0, "limatui pause {}", _pause,
           lambda each: "resume" if each and each.status is Status.PAUSED else "pause", verbs=("pause", "resume")),
    Action("suspend", "Z", "suspend", "keep its memory in its disk and end it until it is started", "instance", 0,
           "limatui suspend {}", _runs, verbs=("suspend",)),
    Action("memory", "", "memory", "how much of its memory the guest may use now", "instance", 0,
           "limatui memory set {} SIZE", _runs, verbs=("set_memory",)),
    Action("protect", "p", "protect", "protect it against deletion, or lift that", "instance", 4,
           "limatui protect {}", _needs_one, lambda each: "unprotect" if each and each.protected else "protect",
           verbs=("protect",)),
    Action("shell", "t", "shell", "a shell in your real terminal; then back here", "instance", 5,
           "limatui shell {}", _shell),
    Action("console", "c", "console", "the serial console, full screen", "pane", 6, "", _needs_one),
    Action("logs", "l", "logs", "the logs, full screen", "pane", 7, "", _needs_one),
    Action("edit", "e", "edit", "lima.yaml in the editor", "pane", 8, "limatui edit {}", _needs_one),
    Action("disks", "d", "disks", "disks of this instance and additional ones", "pane", 10, "limatui disk list"),
    Action("new", "n", "new", "a new instance from a template", "instance", 9,
           "limatui create --name=NAME template:default", verbs=("create",)),
    Action("clone", "C", "clone", "a copy under another name, while it is stopped", "instance", 0,
           "limatui clone {} NEW", _moves, verbs=("clone",)),
    Action("rename", "R", "rename", "another name, while it is stopped", "instance", 0, "limatui rename {} NEW",
           _moves, verbs=("rename",)),
    Action("snapshot", "S", "snapshot", "keep its disk, its memory too if it runs", "instance", 0,
           "limatui snapshot create {} --tag TAG", _snapshot, verbs=("create_snapshot",)),
    Action("reset", "F", "factory reset", "as it was when it was made, after a question", "instance", 0,
           "limatui factory-reset {}", _reset, verbs=("factory_reset",)),
    Action("delete", "D", "delete", "delete it, after a question", "instance", 0, "limatui delete {}", _delete,
           verbs=("delete",)),
    Action("mark", "space", "mark", "mark it, for what is then done to all that are marked", "list"),
    Action("mark_all", "asterisk", "mark all", "mark all that are shown, or none", "list"),
    Action("sort", "o", "sort", "by name, status, cpu, memory, disk or uptime", "list"),
    Action("reverse", "O", "turn around", "the order the other way round", "list"),
    Action("group", "b", "group", "by status, template, architecture, driver or a label of lima.yaml", "list"),
    Action("fold", "f", "fold", "the group of the cursor without its members, and back", "list"),
    Action("hide", "h", "hide stopped", "only what is up, and back", "list"),
    Action("faults", "exclamation_mark", "only faults", "only what needs a look, and back", "list"),
    Action("snapshots", "", "snapshots", "the snapshots of this instance", "pane", 0, "limatui snapshot list {}",
           _needs_one),
    Action("disk_create", "", "new disk", "an additional disk", "pane", 0, "limatui disk create NAME --size SIZE",
           verbs=("create_disk",)),
    Action("disk_import", "", "import disk", "an additional disk of an image file", "pane", 0,
           "limatui disk import NAME FILE", verbs=("import_disk",)),
    Action("disk_resize", "", "resize disk", "in the pane of disks: choose it there", "pane", 0,
           "limatui disk resize NAME --size SIZE", verbs=("resize_disk",)),
    Action("disk_unlock", "", "unlock disk", "one that a dead instance holds: choose it in the pane", "pane", 0,
           "limatui disk unlock NAME", verbs=("unlock_disk",)),
    Action("disk_delete", "", "delete disk", "an additional one: choose it in the pane", "pane", 0,
           "limatui disk delete NAME", verbs=("delete_disk",)),
    Action("snapshot_apply", "", "go back", "to a snapshot: choose it in the pane", "pane", 0,
           "limatui snapshot apply {} --tag TAG", _snapshot, verbs=("apply_snapshot",)),
    Action("snapshot_delete", "", "drop snapshot", "delete one: choose it in the pane", "pane", 0,
           "limatui snapshot delete {} --tag TAG", _snapshot, verbs=("delete_snapshot",)),
    Action("forward_add", "", "forward port", "one more port or socket, until it stops", "pane", 0,
           "limatui forward add {} GUEST", _runs, verbs=("add_forward",)),
    Action("forward_remove", "", "stop forward", "of a port: choose it in the pane", "pane", 0,
           "limatui forward remove {} HOST", _runs, verbs=("remove_forward",)),
    Action("remount", "", "mount again", "a directory of this computer: choose it in the pane", "pane", 0,
           "limatui remount {} MOUNTPOINT", _runs, verbs=("remount",)),
    Action("templates", "T", "templates", "look, edit a copy, make an instance of one", "dashboard", 0,
           "limatui create --list-templates"),
    Action("cache", "I", "image cache", "downloaded images: what they take, who uses them, prune", "dashboard", 0,
           "limatui cache list", verbs=("prune",)),
    Action("doctor", "i", "doctor", "what is wrong with it, and a key for each repair", "pane", 0,
           "limatui doctor {}", _needs_one, verbs=("repair",)),
    Action("checkup", "H", "doctor for all", "what is wrong with this computer and all instances", "dashboard", 0,
           "limatui doctor", verbs=("repair",)),
    Action("jobs", "J", "jobs", "what runs, what failed and why", "dashboard", 11, verbs=("again",)),
    Action("events", "E", "events", "what happened to machines, whoever did it", "dashboard", 0,
           "limatui watch"),
    Action("filter", "slash", "filter", "filter the list: text, regular expression, !not, status:running", "dashboard",
           12),
    Action("palette", "colon,ctrl+p", "palette", "find an action by its name", "dashboard", 13),
    Action("help", "question_mark", "help", "all keys", "dashboard", 14),
    Action("copy", "y", "copy", "copy the command that does what you did last", "dashboard"),
    Action("zoom", "z", "zoom", "the pane on the whole screen, and back", "pane"),
    Action("settings", "comma", "settings", "keys, theme, columns, refresh: what is in force, and where from",
           "dashboard"),
    Action("theme", "", "theme", "another theme: dark, light, high-contrast, ansi", "dashboard"),
    Action("quit", "q,ctrl+q", "quit", "leave; machines go on", "dashboard"),
)
BY_ID = {action.id: action for action in ACTIONS}

MOVES: tuple[tuple[str, str], ...] = (
    ("j k ↓ ↑", "down, up"), ("g G", "first, last"), ("ctrl+d ctrl+u", "a page down, up"),
    ("enter", "go into the pane"), ("tab", "list or pane"), ("esc", "back"),
    ("1-9", "pane by number"), ("[ ]", "pane before, after"),
)


DEFAULTS: keymap.Keymap = {each.id: tuple(filter(None, map(keymap.known, each.key.split(",")))) for each in ACTIONS}
"""The keys that actions have by themselves."""
_bound: dict[str, keymap.Keys] = {}
"""Keys of the user's own: one dashboard to a process, and what names a key is everywhere."""


def bind(keys: keymap.Keymap) -> Mapping[str, str]:
    """Give actions other keys than their own; returns them as Textual wants them, by the id of the binding."""
    _bound.clear()
    _bound.update(keys)
    return {name: ",".join(those) or unbound(name) for name, those in keys.items()}


def unbound(action: str) -> str:
    """A key that no terminal sends: bindings want one."""
    return f"no-key-{action}"


def rebound(scope: str) -> keymap.Keymap:
    """Keys of the user's own in a pane or screen, by the names of their bindings there."""
    return {name.partition(".")[2]: keys for name, keys in _bound.items() if name.startswith(f"{scope}.")}


def any_rebound() -> bool:
    """Whether any pane or screen has keys of the user's own."""
    return any("." in name for name in _bound)


def is_rebound(binding: str) -> bool:
    """Whether a binding of a pane or screen has, by its id."""
    return "." in binding and binding in _bound


def keys_of(action: Action) -> keymap.Keys:
    """Those in force."""
    return _bound.get(action.id, DEFAULTS[action.id])


def shown_key(action: Action) -> str:
    """The key as people write it; empty when there is none."""
    return next(map(keymap.shown, keys_of(action)), "")


def key(action: str) -> str:
    """The key in force, for sentences: `:` names an action without one by the palette."""
    return shown_key(BY_ID[action]) or f"`{BY_ID[action].label}` in the palette"


def footer_actions() -> tuple[Action, ...]:
    """Those of the footer, from left to right."""
    return tuple(sorted((action for action in ACTIONS if action.footer), key=lambda action: action.footer))
