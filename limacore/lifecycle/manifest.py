"""What an exported instance consists of: the manifest at the front of the archive, and the rules that it must keep.

Only names of a fixed list are written or accepted, so nothing of an archive can be anywhere but in the instance."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from limacore.base.sparsetar import BLOCK, Member
from limacore.errors import ImageError, UsageError
from limacore.paths import PORTABLE, PORTABLE_FOLDERS, REMADE, check_instance_name

NAME = "manifest.json"
FORMAT = 1
LARGEST = 4 << 20
"""Bytes that a manifest may have."""
NO_DIGEST = "0" * 64
LINKS = {"disk": "diffdisk", "iso": "basedisk"}
"""The only links there may be, and where they point."""
_INSIDE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_LEFT_SILENTLY = (".pid", ".sock", ".tmp", ".log")
Size = Annotated[int, Meta(ge=0, le=1 << 50)]


class Entry(Struct, frozen=True):
    """One member: `size` of the file, `stored` bytes in the archive, `sha256` of those stored bytes.

    A file without holes is stored as it is, so its digest is that of the file."""

    name: str
    kind: str = "file"
    size: Size = 0
    stored: Size = 0
    mode: Size = 0o644
    target: str = ""
    sha256: str = ""


class Manifest(Struct, frozen=True):
    """The first member of an archive; `directory` and `home` are where the instance was."""

    name: str
    entries: tuple[Entry, ...]
    format: int = FORMAT
    made_by: str = ""
    made_at: str = ""
    lima_version: str = ""
    arch: str = ""
    vm_type: str = ""
    directory: str = ""
    home: str = ""

    @property
    def stored(self) -> int:
        """Bytes of all members, without headers."""
        return sum(each.stored for each in self.entries)


def is_portable(name: str) -> bool:
    """Whether a file of that name, relative to the instance directory, goes into an archive and may come out of one."""
    folder, slash, rest = name.partition("/")
    return folder in PORTABLE_FOLDERS and bool(_INSIDE.fullmatch(rest)) if slash else name in PORTABLE


def left_out(names: Iterable[str]) -> tuple[str, ...]:
    """Which files of an instance directory are not carried although nobody makes them anew."""
    return tuple(sorted(
        name for name in names
        if name not in (*PORTABLE, *PORTABLE_FOLDERS, *REMADE)
        and not name.endswith(_LEFT_SILENTLY) and not name.startswith(".")
    ))  # fmt: skip


def encode(manifest: Manifest) -> bytes:
    """The manifest as written; its length does not depend on the digests."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def decode(raw: bytes) -> Manifest:
    """A manifest that keeps the rules; raises ImageError."""
    try:
        found = msgspec.json.decode(raw, type=Manifest)
    except msgspec.MsgspecError as error:
        raise ImageError("the archive has no usable manifest", detail=str(error)) from None
    if found.format != FORMAT:
        raise ImageError(f"the archive has format {found.format}, {FORMAT} is known", hint="update limatui")
    if reason := _broken_rule(found):
        raise ImageError("the archive is refused", detail=reason,
                         hint="it was damaged, or made by somebody who wants more than an instance")
    return found


def _broken_rule(manifest: Manifest) -> str:
    names = [each.name for each in manifest.entries]
    if len(names) != len(set(names)):
        return "a name stands in it twice"
    if not {"lima.yaml"} <= set(names):
        return "it holds no lima.yaml"
    try:
        check_instance_name(manifest.name)
    except UsageError as error:
        return error.message
    return next((reason for each in manifest.entries if (reason := _broken_entry(each, names))), "")


def _broken_entry(entry: Entry, names: list[str]) -> str:
    if entry.kind == "directory":
        return "" if entry.name in PORTABLE_FOLDERS else f"`{entry.name}` is no folder of an instance"
    if not is_portable(entry.name):
        return f"`{entry.name}` is no file of an instance that may come from elsewhere"
    if entry.kind == "link":
        fits = LINKS.get(entry.name) == entry.target and entry.target in names
        return "" if fits else f"the link `{entry.name}` points to `{entry.target}`"
    if entry.kind != "file":
        return f"`{entry.name}` is a {entry.kind}"
    folder, slash, _ = entry.name.partition("/")
    if slash and folder not in names:
        return f"the folder of `{entry.name}` is missing"
    return "" if len(entry.sha256) == len(NO_DIGEST) else f"`{entry.name}` has no digest"


def fits(entry: Entry, member: Member, top: str) -> bool:
    """Whether the next member of the archive is what the manifest says; `top` is the folder that all are in."""
    said = (f"{top}/{entry.name}", entry.kind, entry.target)
    sizes = entry.kind != "file" or (entry.size, entry.stored) == (member.size, member.stored)
    return said == (member.name, member.kind, member.target) and sizes


def room(raw: bytes) -> int:
    """Bytes to keep free at the front of the file for a manifest that is compressed later, whatever its digests."""
    size = len(raw) + 4 * BLOCK
    return size + (size >> 8) + 1024
