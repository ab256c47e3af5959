"""`list`: every instance as a table, as names, or as JSON lines."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from limacore.base import notice
from limacore.base.host import kernel, machine
from limacore.base.units import format_size
from limacore.cli import quick
from limacore.cli.context import Context
from limacore.cli.tree import Call
from limacore.config.written import without_empty_maps, written
from limacore.errors import LimaError, NotFoundError, UsageError
from limacore.model.instance import Instance, Status
from limacore.paths import HomePaths, InstancePaths, hostname
from limacore.store import index
from limacore.store.evidence import start_ticks
from limacore.store.scan import instance_names, loaded_of, scan, state_of


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns with four blanks between them, without the last newline."""
    return str(quick.table([headers, *rows])).removesuffix("\n")


def list_instances(ctx: Context, call: Call) -> None:
    """List instances of Lima."""
    names = call.args
    chosen = _style(call["quiet"], call["json"], call["format"] if call.given("format") else None)
    found = instance_names(ctx.home)
    _warn_about_home(ctx, found)
    if not found and not names:
        ctx.log("warning", f"No instance found. Run `{notice.program()} create` to create an instance.")
        return
    missing = [name for name in names if name not in found]
    for name in missing:
        ctx.log("warning", f"No instance matching {name} found.")
    wanted = [name for name in names or found if name in found]
    if chosen == "quiet":
        quick.write("".join(f"{name}\n" for name in wanted))
    else:
        _show(ctx, chosen, wanted, call["all-fields"])
    if missing:
        raise NotFoundError("unmatched instances")


def _style(quiet: bool, as_json: bool, style: str | None) -> str:
    if as_json and style is not None:
        raise UsageError("option --json conflicts with option --format")
    chosen = "json" if as_json else style or "table"
    if quiet and chosen != "table":
        raise UsageError("option --quiet can only be used with '--format table'")
    if chosen not in ("table", "json"):
        raise UsageError(f"format `{chosen}` is not available yet", hint="use `table` or `json`")
    return "quiet" if quiet else chosen


def _warn_about_home(ctx: Context, found: Sequence[str]) -> None:
    for name in found:
        path = ctx.home.home / name / "lima.yaml"
        if not path.exists():
            ctx.log("warning", f"The directory `{ctx.home.home}` does not look like a valid Lima directory: "
                               f"stat {path}: no such file or directory")
            return


def _show(ctx: Context, style: str, wanted: Sequence[str], all_fields: bool) -> None:
    context = quick.context(str(ctx.home.home)) if hasattr(os, "sched_getaffinity") else ()
    began = time.time_ns()
    instances = {each.name: each for each in scan(ctx.home)}
    rows = {name: row(each) for name, each in instances.items()}
    shown = [name for name in wanted if name in instances]
    lines = {name: json_line(each, ctx.home) for name, each in instances.items()}
    for name in shown:
        if instances[name].errors:
            ctx.log("warning", f"instance `{name}` has errors", errors=f"[{' '.join(instances[name].errors)}]")
    if style == "table":
        quick.write(quick.table(quick.shown(quick.HEADERS, [rows[name] for name in shown], all_fields)))
    elif quick.is_terminal():
        quick.write("".join(_pretty(lines[name]) for name in shown))
    else:
        quick.write("".join(lines[name] for name in shown))
    refresh(ctx.home, context, began, instances, rows, lines)


def _pretty(line: str) -> str:
    return msgspec.json.format(line, indent=4) + "\n"


def row(instance: Instance) -> tuple[str, ...]:
    """The cells of one instance, without control characters."""
    home = os.environ.get("HOME", "")
    folder = "~" + instance.dir.removeprefix(home) if home and instance.dir.startswith(home) else instance.dir
    cells = (
        instance.name, instance.status.value, f"{instance.ssh_address}:{instance.ssh_port}", instance.vm_type,
        instance.arch, str(instance.cpus), format_size(instance.memory), format_size(instance.disk), folder,
    )
    return tuple(quick.visible(cell.replace("\n", "\\x0a")) for cell in cells)


def json_line(instance: Instance, home: HomePaths) -> str:
    """The object of one instance in Lima's order of keys, ours last."""
    ours = {"status": instance.status.value, "evidence": list(instance.evidence), "phase": instance.phase}
    values = {**_always(instance), **_sometimes(instance, home), **_trailer(home), "limatui": ours}
    ordered = {key: values[key] for key in _ORDER if key in values}
    return msgspec.json.encode(without_empty_maps(ordered)).decode() + "\n"


_ORDER = (
    "name", "hostname", "status", "dir", "vmType", "arch", "cpus", "memory", "disk", "message", "additionalDisks",
    "network", "sshLocalPort", "sshConfigFile", "hostAgentPID", "driverPID", "errors", "config", "sshAddress",
    "protected", "limaVersion", "param", "autoStartedIdentifier", "HostOS", "HostArch", "LimaHome", "IdentityFile",
    "limatui",
)


def _always(instance: Instance) -> dict[str, Any]:
    return {
        "name": instance.name, "hostname": hostname(instance.name), "status": instance.status.limactl_word,
        "dir": instance.dir, "vmType": instance.vm_type, "arch": instance.arch, "protected": instance.protected,
        "limaVersion": instance.lima_version,
    }


def _sometimes(instance: Instance, home: HomePaths) -> dict[str, Any]:
    loaded = loaded_of(home, instance.name)
    filled = {} if isinstance(loaded, LimaError) or loaded.errors else written(loaded.filled)
    values = {
        "cpus": instance.cpus, "memory": instance.memory, "disk": instance.disk, "message": instance.message,
        "additionalDisks": filled.get("additionalDisks"), "network": filled.get("networks"),
        "sshLocalPort": instance.ssh_port, "sshConfigFile": f"{instance.dir}/ssh.config" if filled else "",
        "hostAgentPID": instance.ha_pid, "driverPID": instance.driver_pid, "errors": list(instance.errors),
        "config": filled, "sshAddress": instance.ssh_address, "param": filled.get("param"),
    }
    return {key: value for key, value in values.items() if value}


@functools.cache
def _trailer(home: HomePaths) -> dict[str, str]:
    return {"HostOS": kernel(), "HostArch": machine(), "LimaHome": str(home.home),
            "IdentityFile": str(home.private_key)}


def refresh(
    home: HomePaths, context: tuple[Any, ...], began: int, instances: dict[str, Instance],
    rows: dict[str, tuple[str, ...]], lines: dict[str, str],
) -> None:
    """Write the index for what was just printed; what may still change within a clock tick is left out."""
    rows_path, json_path = (quick.index_path(str(home.home), part) for part in ("rows", "json"))
    if not context or rows_path is None or json_path is None:
        return
    records = {}
    for name, instance in instances.items():
        record = _record(instance, began, rows[name], lines[name])
        if record is not None:
            records[name] = record
    index.write(rows_path, json_path, context, records)


def _record(instance: Instance, began: int, cells: tuple[str, ...], line: str) -> index.Record | None:
    folder = Path(instance.dir)
    yaml, changed = state_of(folder / "lima.yaml"), state_of(folder)[1]
    if instance.errors or instance.status not in (Status.STOPPED, Status.RUNNING):
        return None
    ssh = quick.state(str(folder / "ssh.config"))
    if max(yaml[1], changed, ssh[1] if ssh else 0) > began - quick.SETTLED:
        return None
    alive = None
    if instance.status is Status.RUNNING:
        pids = [(pid, start_ticks(pid).encode()) for pid in (instance.ha_pid, instance.driver_pid)]
        alive = (state_of(InstancePaths(folder).ha_stdout), tuple(pids))
    return index.Record(yaml, ssh, changed, alive, cells, line)
