"""export and import: an instance as one file."""

from __future__ import annotations

from limacore.base import notice
from limacore.base.goquote import ticked
from limacore.base.units import format_size
from limacore.cli.context import Context
from limacore.cli.tree import Call
from limacore.lifecycle.archive import export as write
from limacore.lifecycle.unarchive import contents, import_
from limacore.paths import expanded


def export(ctx: Context, call: Call) -> None:
    """Write an instance into a file."""
    name, file = call.args
    target = ctx.run(write(ctx.home, name, expanded(file), report=ctx.report))
    sizes = f"{format_size(contents(target).stored)} in {format_size(target.stat().st_size)}"
    ctx.log("info", f"Exported instance {ticked(name)} to {ticked(str(target))} ({sizes})")


def import_file(ctx: Context, call: Call) -> None:
    """Make an instance of such a file."""
    paths = ctx.run(import_(ctx.home, expanded(call.args[0]), call["name"], report=ctx.report))
    ctx.log("info", f"Imported instance {ticked(paths.name)}. "
                    f"Run `{notice.program()} start {paths.name}` to start the instance.")
