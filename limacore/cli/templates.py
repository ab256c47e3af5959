"""template: copy, validate, url, yq; and validate."""

from __future__ import annotations

import os
from pathlib import Path

from limacore.base import yq as expressions
from limacore.base.files import write_atomic, write_failed
from limacore.base.goquote import ticked
from limacore.cli.context import Context
from limacore.cli.tree import Call
from limacore.config.written import to_yaml
from limacore.errors import HostError, UsageError
from limacore.templates import embed, fill, rewrite

_STDOUT = "-"


def copy(ctx: Context, call: Call) -> None:
    """Copy a template."""
    if call["verbatim"] and (call["embed"] or call["embed-all"] or call["fill"]):
        raise UsageError("--verbatim cannot be used with any of --embed, --embed-all, or --fill")
    target = call.arg(1, _STDOUT)
    if call["fill"]:
        text = to_yaml(fill.filled(call.args[0], ctx.home))
    else:
        text = embed.copied(call.args[0], ctx.home, _mode(call))
    if target == _STDOUT:
        ctx.out(text)
    else:
        _write(Path(target), text)


def _mode(call: Call) -> embed.Mode:
    if call["verbatim"]:
        return embed.Mode.VERBATIM
    if call["embed-all"]:
        return embed.Mode.EMBED_ALL
    return embed.Mode.EMBED if call["embed"] else embed.Mode.ABSOLUTE


def _write(path: Path, text: str) -> None:
    try:
        if path.is_file() and os.access(path, os.W_OK):
            write_atomic(path.resolve(), text, path.stat().st_mode & 0o7777)
        elif os.path.lexists(path) or not path.parent.is_dir():
            path.write_text(text)  # a device, or what says why it cannot be written
        else:
            write_atomic(path, text)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise HostError(f"open {path}: {(error.strerror or '').lower()}") from None
    except OSError as error:
        raise write_failed(path, error) from error


def validate(ctx: Context, call: Call) -> None:
    """Check templates; the first that cannot be used ends it."""
    several = len(call.args) > 1
    for name in call.args:
        loaded = fill.validated(name, ctx.home, with_base=call["fill"])
        ctx.log("info", f"{ticked(name)}: OK")
        if call["fill"]:
            text = to_yaml(fill.shown(loaded, driver=True))
            ctx.out(f"---\n{text}...\n" if several else text)


def url(ctx: Context, call: Call) -> None:
    """Print the locator that another one stands for."""
    ctx.out(rewrite.resolve(call.args[0]) + "\n")


def yq(ctx: Context, call: Call) -> None:
    """Evaluate a yq expression on a filled template."""
    values = fill.filled(call.args[0], ctx.home)
    ctx.out(expressions.print_results(expressions.query(call.args[1], values)))
