"""disk: create, list, delete, resize, import, unlock."""

from __future__ import annotations

import json

from limacore.base import notice
from limacore.base.goquote import ticked
from limacore.base.units import format_size
from limacore.cli.context import Context
from limacore.cli.listing import table
from limacore.cli.tree import Call
from limacore.errors import LockedError, NotFoundError, StateError
from limacore.model.disk import DataDisk
from limacore.store import disks


def create(ctx: Context, call: Call) -> None:
    """Create a disk."""
    disks.create(ctx.home, call.args[0], call["size"], call["format"])


def import_file(ctx: Context, call: Call) -> None:
    """Make a disk of an image file."""
    disks.import_(ctx.home, call.args[0], call.args[1])


def resize(ctx: Context, call: Call) -> None:
    """Make a disk larger."""
    disks.resize(ctx.home, call.args[0], call["size"])


def list_disks(ctx: Context, call: Call) -> None:
    """List disks."""
    main = tuple(disks.list_main(ctx.home)) if call["all"] else ()
    shown = [disk for disk in _named(ctx, call.args, (*disks.list_additional(ctx.home), *main)) if _usable(ctx, disk)]
    if call["json"]:
        ctx.out("".join(_json(disk) for disk in shown))
        return
    if not shown:
        ctx.log("warning", f"No disk found. Run `{notice.program()} disk create DISK --size SIZE` to create a disk.")
    rows = [[disk.name, format_size(disk.size), disk.format, disk.dir, disk.holder] for disk in shown]
    ctx.out(table(["NAME", "SIZE", "FORMAT", "DIR", "IN-USE-BY"], rows) + "\n")


def _named(ctx: Context, names: tuple[str, ...], found: tuple[DataDisk, ...]) -> list[DataDisk]:
    """What the names mean, in their order; everything without names."""
    if not names:
        return list(found)
    for name in names:
        if all(disk.name != name for disk in found):
            ctx.log("warning", f"No disk matching {name} found.")
    return [disk for name in names for disk in found if disk.name == name]


def _usable(ctx: Context, disk: DataDisk) -> bool:
    if disk.error:
        ctx.log("error", f"disk {ticked(disk.name)} does not exist?", error=disk.error)
    return not disk.error


def _json(disk: DataDisk) -> str:
    values: dict[str, object] = {
        "name": disk.name, "size": disk.size, "format": disk.format, "dir": disk.dir, "instance": disk.holder,
        "instanceDir": disk.holder_dir, "mountPoint": "/" if disk.main else f"/mnt/lima-{disk.name}",
    }  # fmt: skip
    if disk.main:
        values["main"] = True
    return json.dumps(values, separators=(",", ":"), ensure_ascii=False) + "\n"


def delete(ctx: Context, call: Call) -> None:
    """Delete disks; one that a stopped instance lists is passed over."""
    for name in call.args:
        if call["force"] or not _is_listed(ctx, name):
            _delete(ctx, name, call["force"])


def _is_listed(ctx: Context, name: str) -> bool:
    ctx.home.data_disk(name)
    if disks.inspect(ctx.home, name).holder or not (users := disks.users_of(ctx.home, name)):
        return False
    ctx.log("warning", f"Skipping deleting disk {ticked(name)}, disk is referenced by one or more non-running "
                       f"instances: [{' '.join(map(ticked, users))}]")
    ctx.log("warning", f"To delete anyway, run `{notice.program()} disk delete --force {name}`")
    return True


def _delete(ctx: Context, name: str, force: bool) -> None:
    try:
        disks.delete(ctx.home, name, force=force)
    except NotFoundError:
        ctx.log("warning", f"Ignoring non-existent disk {ticked(name)}")


def unlock(ctx: Context, call: Call) -> None:
    """Release disks that instances hold which do not run."""
    for name in call.args:
        try:
            disks.release(ctx.home, name)
        except NotFoundError:
            ctx.log("warning", f"Ignoring non-existent disk {ticked(name)}")
        except StateError:
            ctx.log("warning", f"Ignoring unlocked disk {ticked(name)}")
        except LockedError as error:
            ctx.log("warning", error.message)
