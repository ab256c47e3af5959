"""prune and cache list: the download cache."""

from __future__ import annotations

import json
import time

import msgspec

from limacore.base.units import format_size
from limacore.cli.context import Context
from limacore.cli.listing import table
from limacore.cli.output import visible
from limacore.cli.tree import Call
from limacore.lifecycle import downloads
from limacore.model.cache import CacheEntry

_HEADER = ("URL", "SIZE", "DOWNLOADED", "DIGEST", "USED-BY")
_SHOWN_USERS = 3
_SHOWN_DIGEST = 12


def prune(ctx: Context, call: Call) -> None:
    """Empty the download cache."""
    downloads.prune(ctx.home, keep_referred=call["keep-referred"])


def list_entries(ctx: Context, call: Call) -> None:
    """List downloads."""
    found = downloads.entries(ctx.home)
    if call["json"]:
        ctx.out("".join(f"{json.dumps(_record(each), ensure_ascii=False)}\n" for each in found))
        return
    if not found:
        ctx.log("warning", "The download cache is empty.")
    ctx.out(visible(table(_HEADER, [_row(each) for each in found])) + "\n")


def _record(entry: CacheEntry) -> object:
    return msgspec.to_builtins(entry)


def _row(entry: CacheEntry) -> list[str]:
    size = format_size(entry.size) + (" (partial)" if entry.partial else "")
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.changed_at))
    return [entry.url or f"({entry.key[:_SHOWN_DIGEST]})", size, when, _digest(entry.digest), _users(entry.used_by)]


def _digest(digest: str) -> str:
    algorithm, _, value = digest.partition(":")
    return f"{algorithm}:{value[:_SHOWN_DIGEST]}" if digest else "-"


def _users(names: tuple[str, ...]) -> str:
    more = len(names) - _SHOWN_USERS
    shown = ", ".join(names[:_SHOWN_USERS])
    return f"{shown} and {more} more" if more > 0 else shown or "-"
