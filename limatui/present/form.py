"""The form of a new instance, derived from the schema: its fields, what was typed in them, the command. All pure."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from msgspec import Struct

from limacore.base.units import parse_size
from limacore.config.schema import FieldInfo, describe
from limacore.errors import LimaError
from limacore.model.instance import HostUsage
from limacore.model.template import Effective
from limacore.paths import check_instance_name
from limatui.present.words import number, plural

PATHS = ("cpus", "memory", "disk", "mounts", "arch", "vmType", "mountType")
"""The fields of lima.yaml that the form has, in its order."""
_SIZES = ("memory", "disk")
_FLAGS = {"cpus": "--cpus", "arch": "--arch", "vmType": "--vm-type", "mountType": "--mount-type"}
_NONE = "none"
_EXAMPLES = {"memory": "such as 4GiB", "disk": "such as 100GiB", "mounts": "such as ~/src:w, /data, or none"}
Typed = Mapping[str, str]


class Form(Struct, frozen=True):
    """What was typed; `text` is a lima.yaml written by hand, which takes the place of template and fields."""

    name: str
    template: str
    typed: dict[str, str] = {}
    text: str | None = None


class Value(NamedTuple):
    """What a field comes to, and what is wrong with it."""

    value: object = None
    wrong: str = ""


def field(path: str) -> FieldInfo:
    """What is known of a field of the form."""
    info = describe((path,))
    assert info is not None, path
    return info


def example(path: str) -> str:
    """What a field takes, for an empty one without a default."""
    choices = [each for each in field(path).choices if each]
    return ", ".join(choices) if choices else _EXAMPLES.get(path, field(path).type)


def value(path: str, typed: str) -> Value:
    """The value of what was typed; nothing typed gives none, which is the template's."""
    text = typed.strip()
    if not text:
        return Value()
    info = field(path)
    if path in _SIZES:
        return _size(path, text)
    if path == "mounts":
        return _mounts(text)
    if info.choices:
        return Value(text) if text in info.choices else Value(wrong=f"{path}: `{text}` is not {_one_of(info.choices)}")
    if text.isdecimal() and int(text) > 0:
        return Value(int(text))
    what = "a number of processors" if path == "cpus" else "a number"
    return Value(wrong=f"{path}: `{text}` is not {what}")


def _one_of(words: Sequence[str]) -> str:
    return "one of " + ", ".join(word for word in words if word)


def _size(path: str, text: str) -> Value:
    try:
        count = parse_size(text)
    except LimaError as error:
        return Value(wrong=f"{path}: `{text}` is not a size{f': {error.hint}' if error.hint else ''}")
    return Value(text) if count > 0 else Value(wrong=f"{path}: must be more than nothing")


def _mounts(text: str) -> Value:
    if text == _NONE:
        return Value([])
    mounts: list[dict[str, object]] = []
    for entry in filter(None, (part.strip() for part in text.split(","))):
        place, writable = entry.removesuffix(":w"), entry.endswith(":w")
        if not (place.startswith("~") or PurePosixPath(place).is_absolute()):
            return Value(wrong=f"mounts: `{place}` must be an absolute path, or begin with ~")
        mounts.append({"location": place, **({"writable": True} if writable else {})})
    return Value(mounts)


def problem(form: Form, taken: frozenset[str], templates: Sequence[str]) -> tuple[str, str]:
    """The field that is wrong first, and why; two empty strings when nothing is."""
    try:
        check_instance_name(form.name)
    except LimaError as error:
        return "name", f"{error.message}: {error.hint}" if error.hint else error.message
    if form.name in taken:
        return "name", f"there is an instance `{form.name}` already"
    if form.text is not None:
        return "", ""
    if form.template not in templates:
        return "template", f"there is no template `{form.template}`"
    for path in PATHS:
        if wrong := value(path, form.typed.get(path, "")).wrong:
            return path, wrong
    return "", ""


def changes(typed: Typed) -> dict[str, object]:
    """What the form sets, by path; only fields that were filled in and are right."""
    found = {path: value(path, typed.get(path, "")).value for path in PATHS}
    return {path: each for path, each in found.items() if each is not None}


def caution(typed: Typed, host: HostUsage) -> str:
    """What this computer may not be able to give; empty when it can."""
    cpus = value("cpus", typed.get("cpus", "")).value
    if isinstance(cpus, int) and host.cpus and cpus > host.cpus:
        return f"this computer has {plural(host.cpus, 'processor')}"
    memory = value("memory", typed.get("memory", "")).value
    if isinstance(memory, str) and host.memory_total and parse_size(memory) > host.memory_total:
        return f"this computer has {number(host.memory_total / 2**30)} GiB of memory"
    disk = value("disk", typed.get("disk", "")).value
    if isinstance(disk, str) and host.disk_free and parse_size(disk) > host.disk_free:
        return f"{number(host.disk_free / 2**30)} GiB are free here; the disk grows as it is used"
    return ""


def command(form: Form, *, start: bool = True) -> str:
    """The equivalent command line; it counts sizes in GiB."""
    verb = "start" if start else "create"
    if form.text is not None:
        return f"limatui {verb} --name={form.name} - < {form.name}.yaml"
    flags = [flag for path, each in changes(form.typed).items() for flag in _flag(path, each)]
    return " ".join(("limatui", verb, f"--name={form.name}", *flags, f"template:{form.template}"))


def _flag(path: str, each: object) -> list[str]:
    if path in _SIZES:
        return [f"--{path}={parse_size(str(each)) / 2**30:g}"]
    if path in _FLAGS:
        return [f"{_FLAGS[path]}={each}"]
    if isinstance(each, list) and path == "mounts":
        return [_mount(entry) for entry in each] or ["--mount-none"]
    return [f"--set {shlex.quote(f'.{path} = {json.dumps(each)}')}"]


def _mount(entry: Mapping[str, object]) -> str:
    place = f"{entry['location']}{':w' if entry.get('writable') else ''}"
    plain = place.replace("~", "")  # limatui expands it too, so it need not be quoted
    return f"--mount-only={place if shlex.quote(plain) == plain else shlex.quote(place)}"


def defaults(found: Sequence[Effective]) -> dict[str, str]:
    """What each field is when nothing is typed, for people."""
    plain = {each.path[0]: each.value.strip("\"'") for each in found if len(each.path) == 1}
    return {path: str(plain.get(path, "")) for path in PATHS if path != "mounts"} | {"mounts": _mounts_of(found)}


def _mounts_of(found: Sequence[Effective]) -> str:
    places: dict[str | int, str] = {}
    for each in found:
        if len(each.path) == 3 and each.path[0] == "mounts":
            index, key = each.path[1], each.path[2]
            if key == "location":
                places[index] = each.value.strip("\"'")
            elif key == "writable" and each.value == "true":
                places[index] = places.get(index, "") + ":w"
    return ", ".join(places.values()) or _NONE


def free_name(taken: frozenset[str], template: str = "") -> str:
    """A name that no instance has: that of the template first."""
    last = template.rpartition("/")[2] or "default"
    names = (last, *(f"{last}-{count}" for count in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)
