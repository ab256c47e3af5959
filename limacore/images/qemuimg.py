"""Runs of qemu-img: creating, growing and converting images, and what it knows of foreign formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from limacore.base import proc
from limacore.errors import HostError, ImageError

_LIMIT = 120.0
"""Seconds after which making or growing an image has failed."""


async def run(arguments: list[str], folder: Path, limit: float | None = _LIMIT) -> str:
    """What `qemu-img ARGUMENTS` prints when run in `folder`; raises HostError."""
    done = await proc.run(["qemu-img", *arguments], timeout=limit, cwd=folder)
    if done.code:
        reason = (done.stderr or done.stdout).strip().removeprefix("qemu-img: ")
        full = "No space left" in reason
        raise HostError(f"`qemu-img {arguments[0]}` failed in `{folder}`", detail=reason,
                        hint="free some space, then try again" if full else "")
    return done.stdout


async def others(path: Path, kind: str) -> tuple[str, str]:
    """The backing file and another file with data that an image of a foreign format names; empty where none."""
    try:
        text = await run(["info", "-f", kind, "--output=json", str(path)], path.parent)
    except HostError as error:
        raise ImageError(f"the {kind} image cannot be read", detail=error.detail) from error
    info: dict[str, Any] = json.loads(text)
    extents = info.get("format-specific", {}).get("data", {}).get("extents", ())
    names = [str(each.get("filename", "")) for each in extents]
    return str(info.get("backing-filename", "")), next((each for each in names if each != str(path)), "")


async def convert(source: Path, kind: str, target: Path) -> None:
    """Write the raw form of an image, with holes; cluster reads run in parallel."""
    await run(["convert", "-m", "16", "-W", "-f", kind, "-O", "raw", str(source), str(target)], target.parent, None)
