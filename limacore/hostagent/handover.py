"""What a guest and this computer give each other once it is ready: files copied out, and the ssh agent of the user."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import tempfile
from collections.abc import Callable
from pathlib import Path

from limacore.base.files import remove_tree
from limacore.errors import LimaError
from limacore.model.config import Config, CopyToHost
from limacore.ssh.master import Master

Log = Callable[[str, str], None]
COPY_TIME = 600.0
_AGENT = 'ln -sfn "$SSH_AUTH_SOCK" /run/host-services/ssh-auth.sock'


async def copy_all(config: Config, master: Master | None, log: Log) -> tuple[str, ...]:
    """Do every rule of `copyToHost`; what went wrong."""
    errors = []
    for rule in config.copy_to_host:
        log("info", f"Copying `{rule.guest}` (guest) to `{rule.host}` (host)")
        complaint = await _copy(rule, master) if master else "there is no ssh connection"
        if complaint:
            log("error", text := f"failed to copy `{rule.guest}` to `{rule.host}`: {complaint}")
            errors.append(text)
    return tuple(errors)


async def _copy(rule: CopyToHost, master: Master) -> str:
    try:
        complaint = await _fetch(rule, master, "")
        if "Permission denied" in complaint:
            complaint = await _fetch(rule, master, "sudo -n ")
    except (LimaError, OSError) as error:
        return str(error)
    missing = rule.skip_if_missing and "No such file or directory" in complaint
    return "" if missing else complaint


async def _fetch(rule: CopyToHost, master: Master, prefix: str) -> str:
    """The file is written beside its place and renamed over it: a link that stands there is replaced, not followed."""
    place = Path(rule.host)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd, temporary = tempfile.mkstemp(prefix=f".{place.name}.", suffix=".tmp", dir=place.parent)
    try:
        with contextlib.closing(os.fdopen(fd, "wb")):
            result = await master.save(f"{prefix}env LC_ALL=C cat -- {shlex.quote(rule.guest)}", fd, COPY_TIME)
        if result.code:
            return result.stderr.strip()[-500:] or f"exit code {result.code}"
        Path(temporary).replace(place)
        return ""
    finally:
        Path(temporary).unlink(missing_ok=True)


async def delete_copies(config: Config, log: Log) -> None:
    """Remove what was copied by rules with `deleteOnStop`."""
    for path in (Path(rule.host) for rule in config.copy_to_host if rule.delete_on_stop):
        try:
            if path.is_dir() and not path.is_symlink():
                await asyncio.to_thread(remove_tree, path)
            else:
                path.unlink(missing_ok=True)
        except (LimaError, OSError) as error:
            log("warning", f"failed to remove `{path}`: {error}")


async def lend_agent(master: Master, log: Log) -> None:
    """Give the user's ssh agent a name in the guest that stays the same for every session."""
    try:
        result = await master.run(_AGENT, agent=True)
        complaint = "" if result.code == 0 else result.stderr.strip()[-300:]
    except LimaError as error:
        complaint = str(error)
    if complaint:
        log("warning", f"the ssh agent is not in the guest: {complaint}")
