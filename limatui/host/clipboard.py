"""Copying text: the desktop's own program where there is one, else the terminal's escape sequence."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Mapping

_PROGRAMS = (
    (("wl-copy",), "WAYLAND_DISPLAY"),
    (("xclip", "-selection", "clipboard"), "DISPLAY"),
    (("xsel", "--clipboard", "--input"), "DISPLAY"),
    (("pbcopy",), ""),
)
_PATIENCE = 2.0


def program(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The command that takes the text on its standard input, or nothing; none over ssh, where it would be theirs."""
    if environ.get("SSH_CONNECTION"):
        return ()
    for command, needs in _PROGRAMS:
        if (not needs or environ.get(needs)) and shutil.which(command[0]):
            return command
    return ()


async def copy(text: str) -> str:
    """Give `text` to the desktop; returns the program's name, or an empty string when there is none that works."""
    command = await asyncio.to_thread(program, os.environ)
    if not command:
        return ""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL)
    try:
        async with asyncio.timeout(_PATIENCE):
            await process.communicate(text.encode())
    except TimeoutError:
        process.kill()
        await process.wait()
    return command[0] if process.returncode == 0 else ""
