"""`list`: instances as a table, as names, as JSON or YAML, or through a Go template; filtered by yq expressions."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from limacore.base import notice
from limacore.base.units import format_size
from limacore.cli import quick
from limacore.cli.context import Context
from limacore.cli.tree import Call
from limacore.config.written import without_empty_maps, written
from limacore.diagnosis import when
from limacore.errors import LimaError, NotFoundError, UsageError
from limacore.model.instance import Instance, Status
from limacore.paths import HomePaths, InstancePaths, check_instance_name
from limacore.store import index, view
from limacore.store.evidence import start_ticks
from limacore.store.scan import instance_names, loaded_of, scan, state_of


class Wish(Struct, frozen=True):
    """How to show them: `style` is table, json, yaml, quiet, fields, or the text of a Go template in `template`."""

    style: str
    template: str = ""
    yq: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    all_fields: bool = False


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns with four blanks between them, without the last newline."""
    return str(quick.table([headers, *rows])).removesuffix("\n")


def list_instances(ctx: Context, call: Call) -> None:
    """List instances of Lima."""
    wish = _wish(call)
    if wish.style == "fields":
        return ctx.out("".join(f"{name}\n" for name in sorted(name for _, name in view.FIELDS)))
    found = _names(ctx)
    if not found and not call.args:
        return ctx.log("warning", f"No instance found. Run `{notice.program()} create` to create an instance.")
    missing = [name for name in call.args if name not in found]
    for name in missing:
        ctx.log("warning", f"No instance matching {name} found.")
    _show(ctx, wish, [name for name in call.args or found if name in found])
    if missing:
        raise NotFoundError("unmatched instances")
    return None


def _wish(call: Call) -> Wish:
    style = _style(call)
    known = style in ("table", "json", "yaml", "quiet", "fields")
    expressions = tuple(each for each in call["yq"] if each)
    if style == "quiet" and expressions:
        expressions, style = (*expressions, ".name"), "json"
    return Wish(style if known else "template", "" if known else style, expressions,
                tuple(each for each in call["filter"] if each), call["all-fields"])


def _style(call: Call) -> str:
    """The style that the options ask for; raises UsageError when they contradict each other."""
    yq = any(call["yq"])
    if call.given("json") and call.given("format") and call["json"]:
        raise UsageError("option --json conflicts with option --format")
    if call["list-fields"]:
        for name in ("format", "yq", "filter"):
            if call.given(name):
                raise UsageError(f"option --list-fields conflicts with option --{name}")
        return "fields"
    style = "json" if call["json"] else str(call["format"])
    if call["quiet"] and style != "table":
        raise UsageError("option --quiet can only be used with '--format table'")
    if yq and call.given("format") and style not in ("json", "yaml"):
        raise UsageError("option --yq only works with --format json or yaml")
    if call["quiet"]:
        return "quiet"
    return "json" if yq and style == "table" else style


def _names(ctx: Context) -> tuple[str, ...]:
    """All instances; a home that does not look like one is told."""
    try:
        found = instance_names(ctx.home)
    except LimaError as error:
        _doubt(ctx, error.message)
        raise
    without = next((each for each in found if not (ctx.home.home / each / "lima.yaml").exists()), None)
    if without is not None:
        _doubt(ctx, f"stat {ctx.home.home / without / 'lima.yaml'}: no such file or directory")
    return found


def _doubt(ctx: Context, why: str) -> None:
    ctx.log("warning", f"The directory `{ctx.home.home}` does not look like a valid Lima directory: {why}")


def _show(ctx: Context, wish: Wish, wanted: list[str]) -> None:
    if wish.style == "quiet" and not wish.filters:
        return quick.write("".join(f"{name}\n" for name in wanted))
    for name in wanted:
        _require_name(name)
    context = quick.context(str(ctx.home.home)) if hasattr(os, "sched_getaffinity") else ()
    began = time.time_ns()
    instances = {each.name: each for each in scan(ctx.home)}
    shown = [instances[name] for name in wanted if name in instances]
    for each in shown:
        if each.errors:
            ctx.log("warning", f"instance `{each.name}` has errors", errors=f"[{' '.join(each.errors)}]")
    if wish.filters:
        shown = [each for each in shown if _passes(each, ctx.home, wish.filters)]
    _print(ctx, wish, shown)
    if wish.style in ("table", "json") and not wish.yq:
        rows = {name: row(each) for name, each in instances.items()}
        lines = {name: json_line(each, ctx.home) for name, each in instances.items()}
        refresh(ctx.home, context, began, instances, rows, lines)
    return None


def _require_name(name: str) -> None:
    try:
        check_instance_name(name)
    except UsageError as error:
        raise UsageError(f"unable to load instance {name}: {error.message}",
                         hint="an instance is a directory; move what is none out of the home") from None


def _print(ctx: Context, wish: Wish, shown: Sequence[Instance]) -> None:
    if wish.style == "table":
        quick.write(quick.table(quick.shown(quick.HEADERS, [row(each) for each in shown], wish.all_fields)))
    elif wish.style == "quiet":
        quick.write("".join(f"{each.name}\n" for each in shown))
    elif wish.style == "template":
        quick.write(_templated(ctx.home, wish.template, shown))
    elif wish.style == "yaml":
        quick.write("---\n".join(_yaml(_object(each, ctx.home), wish.yq) for each in shown))
    elif wish.yq:
        quick.write("".join(_queried(_object(each, ctx.home), wish.yq) for each in shown))
    else:
        lines = [quick.for_program(json_line(each, ctx.home)) for each in shown]
        quick.write("".join(map(_pretty, lines) if quick.is_terminal() else lines))


def _passes(instance: Instance, home: HomePaths, filters: Sequence[str]) -> bool:
    from limacore.base import yq

    for expression in filters:
        text = f"select({expression})"
        try:
            if not yq.query(text, view.instance_object(instance, filled_of(instance, home))):
                return False
        except LimaError as error:
            raise type(error)(f"failed to apply filter `{text}`", detail=error.message, hint=error.hint) from None
    return True


def _templated(home: HomePaths, text: str, shown: Sequence[Instance]) -> str:
    from limacore.base.gotemplate import TemplateError, parse

    try:
        template = parse(text, "format", view.FUNCTIONS)
    except TemplateError as error:
        raise UsageError(f"invalid go template: {error}") from None
    try:
        return "".join(template.execute(view.go_record(each, filled_of(each, home), home)) + "\n" for each in shown)
    except TemplateError as error:
        raise UsageError(str(error)) from None


def _queried(data: dict[str, Any], expressions: Sequence[str]) -> str:
    """The results for one instance: scalars as they are, the rest as compact JSON, several on one line."""
    from limacore.base import yq

    results = yq.query(" | ".join(expressions), data)
    if not results:
        return ""
    if len(results) == 1 and isinstance(results[0], dict | list):
        value = without_empty_maps(results[0])
        if quick.is_terminal():
            return _pretty(msgspec.json.encode(value).decode())
        return msgspec.json.encode(value).decode() + "\n"
    return " ".join(_scalar(each) for each in results) + "\n"


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return " ".join(value.split("\n")).rstrip()
    return msgspec.json.encode(value).decode() if isinstance(value, dict | list) else json.dumps(value)


def _yaml(data: dict[str, Any], expressions: Sequence[str]) -> str:
    from limacore.base import yamlio, yq
    from limacore.cli.color import colored_yaml

    results = yq.query(" | ".join(expressions), data) if expressions else [data]
    text = "".join(f"{each}\n" if isinstance(each, str) else yamlio.dump(each) for each in results)
    return colored_yaml(text) if quick.is_terminal() else text


def _pretty(line: str) -> str:
    """Indented by four, and coloured where the user wants colours."""
    from limacore.cli.color import colored

    text = msgspec.json.format(line, indent=4).rstrip("\n")
    return colored(text) + "\n"


def row(instance: Instance) -> tuple[str, ...]:
    """The cells of one instance, without control characters."""
    home = os.environ.get("HOME", "")
    folder = "~" + instance.dir.removeprefix(home) if home and instance.dir.startswith(home) else instance.dir
    status = instance.status.limactl_word if notice.program() == "limactl" else instance.status.value
    cells = (
        instance.name, status, f"{instance.ssh_address}:{instance.ssh_port}", instance.vm_type,
        instance.arch, str(instance.cpus), format_size(instance.memory), format_size(instance.disk), folder,
    )
    return tuple(quick.visible(cell.replace("\n", "\\x0a")) for cell in cells)


def filled_of(instance: Instance, home: HomePaths) -> dict[str, Any]:
    """The configuration of an instance as it is written out; empty when it cannot be used."""
    loaded = loaded_of(home, instance.name)
    return {} if isinstance(loaded, LimaError) or loaded.errors else written(loaded.filled)


def _object(instance: Instance, home: HomePaths) -> dict[str, Any]:
    return {**view.instance_object(instance, filled_of(instance, home)), **view.trailer(home)}


def json_line(instance: Instance, home: HomePaths) -> str:
    """The object of one instance in Lima's order of keys, ours last."""
    ours: dict[str, Any] = {"status": instance.status.value, "evidence": list(instance.evidence),
                            "phase": instance.phase}
    if when.worth_a_look(instance):
        from limacore.diagnosis import read

        ours |= {"findings": msgspec.to_builtins(found)} if (found := read.findings(instance)) else {}
    return msgspec.json.encode(without_empty_maps({**_object(instance, home), "limatui": ours})).decode() + "\n"


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
