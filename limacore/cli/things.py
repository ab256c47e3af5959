"""disk, validate, info."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import click

from limacore.base.units import format_size, parse_size
from limacore.base.version import VERSION
from limacore.cli.context import Context
from limacore.cli.listing import table
from limacore.config.load import in_words, load_text
from limacore.drivers.qemu import accel
from limacore.model.disk import DataDisk
from limacore.store import disks
from limacore.templates import catalog, embed


@click.group("disk")
def disk_group() -> None:
    """Lima disk management."""


@disk_group.command("create")
@click.argument("name", metavar="DISK")
@click.option("--size", required=True, metavar="string", help="configure the disk size")
@click.option("--format", "kind", default="qcow2", metavar="string", help="specify the disk format: qcow2, raw")
@click.pass_obj
def disk_create(ctx: Context, name: str, size: str, kind: str) -> None:
    """Create a Lima disk."""
    ctx.log("info", f"Creating {kind} disk `{name}` with size {format_size(parse_size(size))}")
    disks.create(ctx.home, name, size, kind)


@disk_group.command("list")
@click.argument("names", nargs=-1, metavar="[DISK]...")
@click.option("--json", "as_json", is_flag=True, help="JSONify output")
@click.pass_obj
def disk_list(ctx: Context, names: tuple[str, ...], as_json: bool) -> None:
    """List existing Lima disks."""
    found = [disk for disk in disks.list_all(ctx.home) if not disk.main and (not names or disk.name in names)]
    for name in names:
        if all(disk.name != name for disk in found):
            ctx.log("warning", f"No disk matching {name} found.")
    if as_json:
        for disk in found:
            click.echo(json.dumps(_disk_object(ctx, disk), separators=(",", ":")))
        return
    if not found and not names:
        ctx.log("warning", "No disk found. Run `limatui disk create DISK --size SIZE` to create a disk.")
    rows = [[disk.name, format_size(disk.size), disk.format, disk.dir, disk.holder] for disk in found]
    click.echo(table(["NAME", "SIZE", "FORMAT", "DIR", "IN-USE-BY"], rows))


def _disk_object(ctx: Context, disk: DataDisk) -> dict[str, object]:
    return {
        "name": disk.name, "size": disk.size, "format": disk.format, "dir": disk.dir, "instance": disk.holder,
        "instanceDir": str(ctx.home.home / disk.holder) if disk.holder else "", "mountPoint": f"/mnt/lima-{disk.name}",
    }  # fmt: skip


disk_group.add_command(disk_list, "ls")


@disk_group.command("delete")
@click.argument("names", nargs=-1, required=True, metavar="DISK...")
@click.option("-f", "--force", is_flag=True, help="also when an instance uses it")
@click.pass_obj
def disk_delete(ctx: Context, names: tuple[str, ...], force: bool) -> None:
    """Delete Lima disks."""
    for name in names:
        directory = ctx.home.data_disk(name)
        if not directory.exists():
            ctx.log("warning", f"Ignoring non-existent disk `{name}`")
            continue
        disks.delete(ctx.home, name, force=force)
        ctx.log("info", f"Deleted `{name}` (`{directory}`)")


disk_group.add_command(disk_delete, "rm")
disk_group.add_command(disk_delete, "remove")


@click.command("validate")
@click.argument("locators", nargs=-1, required=True, metavar="FILE.yaml...")
@click.pass_obj
def validate_command(ctx: Context, locators: tuple[str, ...]) -> None:
    """Validate YAML files."""
    for locator in locators:
        text = embed.read(locator, ctx.home)
        loaded = load_text(text, _pretended(locator), ctx.home, exists=False)
        for problem in loaded.problems:
            if problem.severity != "error":
                ctx.log("warning", f"{locator}: {in_words([problem])}")
        loaded.require(locator)
        ctx.log("info", f"`{locator}`: OK")


def _pretended(locator: str) -> Path:
    path = Path(locator)
    return path.resolve() if path.exists() else Path.cwd() / "lima.yaml"


@click.command("info")
@click.option("--reprobe", is_flag=True, help="forget which accelerators fail here; the next start tries again")
@click.pass_obj
def info_command(ctx: Context, reprobe: bool) -> None:
    """Show diagnostic information."""
    if reprobe:
        accel.forget()
        ctx.log("info", "The next start tries the accelerators of this host again")
    names = catalog.names(ctx.home)
    click.echo(json.dumps({
        "version": VERSION,
        "templates": [{"name": name, "location": str(catalog.find(name, ctx.home))} for name in names],
        "limaHome": str(ctx.home.home),
        "vmTypes": ["qemu"],
        "vmTypesEx": {"qemu": {"location": "internal"}},
        "hostOS": platform.system().lower(),
        "hostArch": platform.machine(),
        "identityFile": str(ctx.home.private_key),
    }, indent=4))  # fmt: skip
