"""Showing an address in the user's browser, where there is a display to show it on."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Mapping


def why_not(environ: Mapping[str, str], platform: str = sys.platform) -> str:
    """Why nothing can be shown; empty when it can."""
    if environ.get("SSH_CONNECTION"):
        return "this is a remote session: y copies the address"
    if platform == "darwin" or environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"):
        return ""
    return "there is no display here: y copies the address"


async def show(url: str) -> str:
    """Open a browser; why it was not, empty when it was."""
    reason = why_not(os.environ)
    if reason:
        return reason
    opener = "open" if sys.platform == "darwin" else "xdg-open"
    program = await asyncio.to_thread(shutil.which, opener)
    if not program:
        return f"there is no {opener} on this computer: y copies the address"
    # Not `webbrowser`: what a browser prints would land on the screen.
    process = await asyncio.create_subprocess_exec(
        program, url, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL, start_new_session=True)
    return f"{opener} ended with code {process.returncode}" if await process.wait() else ""
