"""Additional disks: create, list, delete."""

from __future__ import annotations

import json

from limacore.base import notice
from limacore.base.units import format_size, parse_size
from limacore.cli.context import Context
from limacore.cli.listing import table
from limacore.cli.tree import Call
from limacore.model.disk import DataDisk
from limacore.store import disks


def create(ctx: Context, call: Call) -> None:
    """Create a disk."""
    name, kind = call.args[0], call["format"]
    ctx.log("info", f"Creating {kind} disk `{name}` with size {format_size(parse_size(call['size']))}")
    disks.create(ctx.home, name, call["size"], kind)


def list_disks(ctx: Context, call: Call) -> None:
    """List disks."""
    found = [disk for disk in disks.list_all(ctx.home) if not disk.main and (not call.args or disk.name in call.args)]
    for name in call.args:
        if all(disk.name != name for disk in found):
            ctx.log("warning", f"No disk matching {name} found.")
    if call["json"]:
        for disk in found:
            ctx.out(json.dumps(_disk_object(ctx, disk), separators=(",", ":")) + "\n")
        return
    if not found and not call.args:
        ctx.log("warning", f"No disk found. Run `{notice.program()} disk create DISK --size SIZE` to create a disk.")
    rows = [[disk.name, format_size(disk.size), disk.format, disk.dir, disk.holder] for disk in found]
    ctx.out(table(["NAME", "SIZE", "FORMAT", "DIR", "IN-USE-BY"], rows) + "\n")


def _disk_object(ctx: Context, disk: DataDisk) -> dict[str, object]:
    return {
        "name": disk.name, "size": disk.size, "format": disk.format, "dir": disk.dir, "instance": disk.holder,
        "instanceDir": str(ctx.home.home / disk.holder) if disk.holder else "", "mountPoint": f"/mnt/lima-{disk.name}",
    }  # fmt: skip


def delete(ctx: Context, call: Call) -> None:
    """Delete disks."""
    for name in call.args:
        directory = ctx.home.data_disk(name)
        if not directory.exists():
            ctx.log("warning", f"Ignoring non-existent disk `{name}`")
            continue
        disks.delete(ctx.home, name, force=call["force"])
        ctx.log("info", f"Deleted `{name}` (`{directory}`)")
