"""The dialogs of what is done to an instance: what they say, what they check, what they return."""

from __future__ import annotations

from collections.abc import Sequence

from limacore.base.units import parse_size
from limacore.errors import LimaError
from limacore.model.instance import Fleet, Instance, Status
from limacore.model.snapshot import Snapshot
from limacore.paths import check_instance_name
from limatui.actions import BY_ID
from limatui.ink import Line, cut
from limatui.present import ports, snapshots
from limatui.present.disks import amount
from limatui.present.words import plural
from limatui.widgets.ask import Ask, Choice, Field, Fill, Form, TypeName, Values


def _label(name: str, value: str, mark: str = "") -> Line:
    return ((name.ljust(11), "faint"), (value, mark))


def wrong_new_name(new: str, fleet: Fleet) -> str:
    """What is wrong with the name of an instance to be."""
    try:
        check_instance_name(new)
    except LimaError as error:
        return f"the name: {error.hint or error.message}"
    return f"there is an instance {new} already" if fleet.get(new) else ""


def clone(subject: Instance, fleet: Fleet) -> Fill:
    """Ask for the name of the copy."""
    size, free = subject.usage.disk_allocated, fleet.host.disk_free
    short: tuple[Line, ...] = ((("more than the host has free", "warn"),),) if free and size > free else ()
    lines: list[Line] = [
        (("Clone ", "bold"), (subject.name, "bold number")), (),
        _label("copies", f"lima.yaml and {amount(size)} of disk"), *short,
        _label("not", "protection, additional disks", "dim"),
    ]
    taken = (f"{subject.name}-{number}" for number in range(2, len(fleet.instances) + 3))
    free_name = next(name for name in taken if fleet.get(name) is None)
    return Fill(Form(lines, (Field("name", "the new instance", free_name),),
                     lambda values: wrong_new_name(values[0], fleet),
                     lambda values: f"limatui clone {subject.name} {values[0]}", "clone"))


def rename(subject: Instance, fleet: Fleet) -> Fill:
    """Ask for the new name."""
    lines: list[Line] = [(("Rename ", "bold"), (subject.name, "bold number")), (),
                         _label("changes", "its directory, host name and ssh alias"),
                         _label("keeps", "everything in it", "dim")]

    def wrong(values: Values) -> str:
        return "that is its name" if values[0] == subject.name else wrong_new_name(values[0], fleet)

    return Fill(Form(lines, (Field("name", "its new name", subject.name),), wrong,
                     lambda values: f"limatui rename {subject.name} {values[0]}", "rename"))


def memory(subject: Instance) -> Fill:
    """Ask how much memory the guest may use."""
    lines: list[Line] = [(("Memory of ", "bold"), (subject.name, "bold number")), (),
                         _label("at most", amount(subject.memory)),
                         _label("until", "it stops; what it uses itself it keeps", "dim")]
    return Fill(Form(lines, (Field("size", "the guest may use", f"{subject.memory >> 20}MiB"),),
                     lambda values: wrong_memory(values[0], subject),
                     lambda values: f"limatui memory set {subject.name} {values[0]}", "set"))


def wrong_memory(text: str, subject: Instance) -> str:
    """What is wrong with a size that the guest may use."""
    try:
        wanted = parse_size(text)
    except LimaError as error:
        return f"the size: {error.hint or error.message}"
    return f"the size: at most {amount(subject.memory)}" if wanted > subject.memory else ""


def snapshot(subject: Instance, taken: frozenset[str]) -> Fill:
    """Ask for the tag."""
    used = subject.usage.guest_memory_used or subject.usage.memory_bytes
    kept = f"the disk and about {amount(used)} of memory" if subject.status.is_up else "the disk"
    more = _label("meanwhile", "the machine stands still", "warn") if subject.status.is_up else \
        _label("not", "additional disks", "dim")
    lines: list[Line] = [(("Snapshot of ", "bold"), (subject.name, "bold number")), (), _label("keeps", kept), more]
    return Fill(Form(lines, (Field("tag", "such as before-upgrade"),),
                     lambda values: snapshots.wrong_tag(values[0], taken),
                     lambda values: snapshots.command("create", subject.name, values[0]), "take it"))


def apply_snapshot(subject: Instance, each: Snapshot) -> Ask:
    """Whether a machine is to be taken back to a snapshot."""
    then = ("the machine goes on from there" if subject.status.is_up else
            "the machine boots from that disk; the memory in it is not used" if each.memory else
            "the machine boots from that disk")
    lines: list[Line] = [_label("taken", each.date), _label("then", then, "dim"), (),
                         ((snapshots.command("apply", subject.name, each.tag), "faint"),)]
    return Ask(f"Take {subject.name} back to {each.tag}?", lines, (Choice("y", "go back", "yes"),),
               warning="what was written since then is lost")


def delete_snapshot(name: str, each: Snapshot) -> Ask:
    """Whether a snapshot is to go."""
    lines: list[Line] = [_label("taken", each.date), (), ((snapshots.command("delete", name, each.tag), "faint"),)]
    return Ask(f"Delete snapshot {each.tag} of {name}?", lines, (Choice("y", "delete it", "yes"),),
               warning="the machine stays as it is; the way back goes")


def forward(name: str, guest: str = "") -> Fill:
    """Ask for both sides of a forward."""
    lines: list[Line] = [(("Forward a port of ", "bold"), (name, "bold number")), (),
                         _label("lasts", "until it stops; portForwards in its lima.yaml is for good", "dim")]
    return Fill(Form(lines, (Field("guest", "8080, ADDRESS:PORT or a socket", guest),
                             Field("host", "the same port of 127.0.0.1"),
                             Field("protocol", "tcp, udp or reverse", "tcp")),
                     lambda values: ports.wrong(*values),
                     lambda values: ports.add_command(name, *values), "forward"))


def delete(subject: Instance) -> TypeName:
    """What goes with an instance."""
    return TypeName((
        (("Delete ", "bold"), (subject.name, "bold bad"), ("?", "bold")), (),
        _label("directory", subject.dir),
        _label("disk", f"{amount(subject.usage.disk_allocated)} are given back"),
        _label("command", BY_ID["delete"].command(subject), "dim"), (),
        (("It cannot be brought back. Additional disks stay.", "warn"),), (),
    ), subject.name, "delete")


def reset(subject: Instance) -> TypeName:
    """What a factory reset takes."""
    stops: tuple[Line, ...] = (_label("first", "it is ended at once, without asking the guest", "warn"),) \
        if subject.status.is_up else ()
    return TypeName((
        (("Reset ", "bold"), (subject.name, "bold bad"), (" to what it was when it was made?", "bold")), (), *stops,
        _label("lost", f"its disk ({amount(subject.usage.disk_allocated)}), all snapshots, all logs"),
        _label("kept", "lima.yaml, additional disks"),
        _label("then", "the next start makes a new disk and provisions it again", "dim"),
        _label("command", BY_ID["reset"].command(subject), "dim"), (),
    ), subject.name, "reset")


def delete_all(subjects: Sequence[Instance]) -> TypeName:
    """What goes with several instances."""
    freed = sum(each.usage.disk_allocated for each in subjects)
    names = tuple(cut(_label("" if at else "instances", each.name), 60) for at, each in enumerate(subjects[:8]))
    more: tuple[Line, ...] = (_label("", f"and {len(subjects) - 8} more", "dim"),) if len(subjects) > 8 else ()
    words = " ".join(each.name for each in subjects)
    return TypeName((
        (("Delete ", "bold"), (plural(len(subjects), "instance"), "bold bad"), ("?", "bold")), (), *names, *more,
        _label("disks", f"{amount(freed)} are given back"), _label("command", f"limatui delete {words}", "dim"), (),
        (("They cannot be brought back. Additional disks stay.", "warn"),), (),
    ), f"delete {len(subjects)}", "delete")


def insist_all(subjects: Sequence[Instance]) -> Ask:
    """Whether several running machines are to be ended at once."""
    names = tuple(((each.name, "dim"),) for each in subjects)
    return Ask(f"End {plural(len(subjects), 'machine')} at once?", names, (Choice("X", "end them", "yes"),),
               warning="the guests are not asked: what they have not written is lost")


def insist(subject: Instance) -> Ask:
    """Whether a running machine is to be ended at once."""
    suspended = subject.status is Status.SUSPENDED
    told = ("Its memory is given up; the next start boots, as after a power cut." if suspended else
            "The guest is not asked: what it has not written is lost.")
    return Ask(f"End {subject.name} at once?", (((told, "dim"),),), (Choice("X", "end it", "yes"),))


def unsaved(names: Sequence[str]) -> Ask:
    """Whether to leave though texts of these are not saved."""
    return Ask("lima.yaml has changes that are not saved", [((name, ""),) for name in names],
               [Choice("l", "leave, they are offered again", "leave"), Choice("d", "drop them and leave", "drop")])
