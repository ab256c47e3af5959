"""An instance as others are shown it: the object of `list --json`, and the struct that Go templates see.

Order and names of the keys: limactl 2.2.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from limacore.base import yamlio
from limacore.base.gotemplate import Function, Record, TemplateError, parse
from limacore.base.host import kernel, machine
from limacore.config.fields import HIDDEN_WHEN_EMPTY
from limacore.config.gonames import go_name
from limacore.config.shape import Shape, config_shape
from limacore.model.instance import Instance
from limacore.paths import HomePaths, hostname

FIELDS = (
    ("name", "Name"), ("hostname", "Hostname"), ("status", "Status"), ("dir", "Dir"), ("vmType", "VMType"),
    ("arch", "Arch"), ("cpus", "CPUs"), ("memory", "Memory"), ("disk", "Disk"), ("message", "Message"),
    ("additionalDisks", "AdditionalDisks"), ("network", "Networks"), ("sshLocalPort", "SSHLocalPort"),
    ("sshConfigFile", "SSHConfigFile"), ("hostAgentPID", "HostAgentPID"), ("driverPID", "DriverPID"),
    ("errors", "Errors"), ("config", "Config"), ("sshAddress", "SSHAddress"), ("protected", "Protected"),
    ("limaVersion", "LimaVersion"), ("param", "Param"), ("autoStartedIdentifier", "AutoStartedIdentifier"),
)  # fmt: skip
"""Key in JSON and field in Go templates, in order."""
_ALWAYS = frozenset(("name", "hostname", "status", "dir", "vmType", "arch", "protected", "limaVersion"))


class _Written(Record, frozen=True):
    """A struct that knows what it was made from, for `json` and `yaml`."""

    source: Any = None


def instance_object(instance: Instance, filled: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of one instance without the deprecated ones; `filled` is its configuration as it is written out."""
    values = _values(instance, filled)
    return {key: values[key] for key, _ in FIELDS if key in _ALWAYS or values[key]}


def _values(instance: Instance, filled: Mapping[str, Any]) -> dict[str, Any]:
    known = bool(filled) or not instance.errors
    return {
        "name": instance.name, "hostname": hostname(instance.name) if known else "",
        "status": instance.status.limactl_word, "dir": instance.dir, "vmType": instance.vm_type, "arch": instance.arch,
        "cpus": instance.cpus, "memory": instance.memory, "disk": instance.disk, "message": instance.message,
        "additionalDisks": filled.get("additionalDisks", []), "network": filled.get("networks", []),
        "sshLocalPort": instance.ssh_port, "sshConfigFile": f"{instance.dir}/ssh.config" if filled else "",
        "hostAgentPID": instance.ha_pid, "driverPID": instance.driver_pid, "errors": list(instance.errors),
        "config": dict(filled), "sshAddress": instance.ssh_address, "protected": instance.protected,
        "limaVersion": instance.lima_version, "param": filled.get("param", {}), "autoStartedIdentifier": "",
    }  # fmt: skip


@functools.cache
def trailer(home: HomePaths) -> dict[str, str]:
    """The deprecated keys at the end of each object."""
    return {"HostOS": kernel(), "HostArch": machine(), "LimaHome": str(home.home),
            "IdentityFile": str(home.private_key)}


def go_record(instance: Instance, filled: Mapping[str, Any], home: HomePaths) -> Record:
    """What a Go template for an instance works on."""
    values = _values(instance, filled)
    shape = config_shape()
    values["config"] = _go_value(dict(filled), shape)
    values["additionalDisks"] = _go_value(values["additionalDisks"], shape.fields["additionalDisks"])
    values["network"] = _go_value(values["network"], shape.fields["networks"])
    fields = {name: values[key] for key, name in FIELDS}
    inner = Record("limatype.Instance", fields)
    return Record("store.FormatData", {**fields, **trailer(home), "Instance": inner})


def _go_value(value: Any, shape: Shape) -> Any:
    if shape.kind == "list" and isinstance(value, list) and shape.item is not None:
        return [_go_value(each, shape.item) for each in value]
    if shape.fields and isinstance(value, dict) and shape.kind != "open":
        fields = {go_name(key): _go_value(value.get(key), each) for key, each in shape.fields.items()}
        kind = go_name(shape.path.rpartition(".")[2].removesuffix("[]"))
        return _Written(f"limatype.{kind or 'LimaYAML'}", fields, value)
    if value is None:
        # What is no pointer there has a value although nothing is set.
        return _ZEROS.get(shape.kind) if shape.path in HIDDEN_WHEN_EMPTY or shape.kind in ("list", "map") else None
    return value


_ZEROS: Mapping[str, Any] = {"text": "", "bool": False, "int": 0, "list": (), "map": {}}


def _plain(value: Any) -> Any:
    if isinstance(value, _Written):
        return value.source
    if isinstance(value, Record):
        return {name: _plain(each) for name, each in value.fields.items()}
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(each) for each in value]
    return value


def _json(value: Any) -> str:
    return json.dumps(_plain(value), separators=(",", ":"), ensure_ascii=False)


def _yaml(value: Any) -> str:
    return f"---\n{yamlio.dump(_plain(value))}".rstrip("\n")


def _indent(first: Any, second: Any = None) -> str:
    count, text = (2, first) if second is None else (first, second)
    return "\n".join(" " * int(count) + line for line in str(text).split("\n"))


def _missing(first: Any, second: Any = ...) -> Any:
    text, value = ("<missing>", first) if second is ... else (first, second)
    return text if value is None or value == "" else value


FUNCTIONS = {
    "json": Function(_json, 1, 1), "yaml": Function(_yaml, 1, 1), "indent": Function(_indent, 1, 2),
    "missing": Function(_missing, 1, 2),
}


def render_message(text: str, record: Record) -> str:
    """The message of a template; raises ValueError in limactl's words."""
    try:
        template = parse(text, "format", FUNCTIONS)
    except TemplateError as error:
        raise ValueError(f"message `{text}` is not a valid template: {error}") from None
    try:
        return template.execute(record)
    except TemplateError as error:
        raise ValueError(f"cannot execute template `{text}`: {error}") from None
