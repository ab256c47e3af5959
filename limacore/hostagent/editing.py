"""Entries of `provision` with mode `yq`: the guest waits, and the file is edited here, where the language is known."""

from __future__ import annotations

import asyncio
import os
import shlex
import tempfile
from collections.abc import Callable
from pathlib import PurePosixPath

from limacore.base import yamlio
from limacore.base import yq as expressions
from limacore.base.yq.codecs import format_name
from limacore.errors import LimaError, UsageError
from limacore.model.config import Config, Provision
from limacore.ssh.master import Master
from limacore.ssh.mux import MuxError

FOLDER = "provision.yq/"
TIME = 120.0
"""Seconds for one access to the guest."""
AGAIN = 1.0

Wanted = asyncio.Queue[int]
Log = Callable[[str, str], None]
_ABSENT = 3
_EXTENSIONS = {"csv": "csv", "ini": "ini", "json": "json", "properties": "properties", "toml": "toml", "tsv": "tsv",
               "xml": "xml", "yaml": "yaml", "yml": "yaml"}  # fmt: skip
_AS = 'as() { if [ "$user" = root ]; then "$@"; else sudo -n -u "$user" "$@"; fi; }; user=${2%%:*}; '
_READ = _AS + (
    '[ -e "$1" ] || exit 3; as test -w "$1" || { echo "$1 is not writable for $user" >&2; exit 4; }; '
    f'head -c {yamlio.MAX_BYTES + 1} "$1"'
)
_WRITE = _AS + (
    'set -e; folder=$(dirname "$1"); [ -d "$folder" ] || as mkdir -p "$folder"; as tee "$1" >/dev/null; '
    'chown "$2" "$1"; chmod "$3" "$1"'
)
_ANSWER = 'mkdir -p /run/lima-yq && cat >"/run/lima-yq/.$1" && mv "/run/lima-yq/.$1" "/run/lima-yq/$1"'


class EditError(LimaError):
    """The guest refused."""


async def attend(master: Master, config: Config, wanted: Wanted, log: Log) -> None:
    """Do each edit that the guest waits for and tell it the result, until cancelled."""
    while True:
        number = await wanted.get()
        try:
            await _attend(master, config, number)
        except MuxError as error:
            log("warning", f"the file of `{FOLDER}{number:08}` could not be edited: {error}")
            wanted.put_nowait(number)
            await asyncio.sleep(AGAIN)  # which the end of the connection ends: then the next one goes on
        except asyncio.CancelledError:
            wanted.put_nowait(number)
            raise


async def _attend(master: Master, config: Config, number: int) -> None:
    if number >= len(config.provision) or config.provision[number].mode != "yq":
        return  # a guest may say anything
    try:
        answer = f"0\nedited {await _edit(master, config.provision[number])}\n"
    except MuxError:
        raise
    except (LimaError, ValueError) as error:
        answer = f"1\n{error}\n"
    await master.run(_root(_ANSWER, f"{number:08}"), answer, TIME)


async def _edit(master: Master, entry: Provision) -> str:
    owner = entry.owner or "root:root"
    text = await _content(master, entry.path, owner)
    made = await asyncio.to_thread(edited, text, entry)
    result = await master.run(_root(_WRITE, entry.path, owner, entry.permissions or "644"), made, TIME)
    if result.code:
        raise EditError(result.stderr.strip()[-500:] or f"exit code {result.code}")
    return entry.path


async def _content(master: Master, path: str, owner: str) -> str | None:
    with tempfile.TemporaryFile() as file:
        result = await master.save(_root(_READ, path, owner), file.fileno(), TIME)
        if result.code == _ABSENT:
            return None
        if result.code:
            raise EditError(result.stderr.strip()[-500:] or f"exit code {result.code}")
        return yamlio.decode(os.pread(file.fileno(), yamlio.MAX_BYTES + 1, 0), path)


def edited(text: str | None, entry: Provision) -> str:
    """The text of a file after the expression; None is a file that is not there. Raises UsageError, ConfigError."""
    form = format_name(format_of(entry))
    found = expressions.results(entry.expression or ".", text or "", source="" if text is None else form)
    return expressions.printed(found, output=form, unwrap_scalar=form != "json")


def format_of(entry: Provision) -> str:
    """The format that is told, else that of the file's name, else YAML; raises UsageError for those we do not have."""
    form = entry.format if entry.format not in ("", "auto") else (
        _EXTENSIONS.get(PurePosixPath(entry.path).suffix.removeprefix("."), "yaml"))
    if form in ("ini", "toml", "xml"):
        raise UsageError(f"files in the format {form} cannot be edited",
                         hint="use a script of mode `system` with a program of the guest")
    return form


def _root(script: str, *words: str) -> str:
    return " ".join(["sudo -n /bin/sh -c", *map(shlex.quote, (script, "sh", *words))])
