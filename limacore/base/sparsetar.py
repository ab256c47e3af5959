"""Tar members with holes, as GNU tar and Python's tarfile read them (PAX, GNU sparse format 1.0); written and read in
one pass with nothing held in memory. The reader takes only files, directories and links, and trusts no number.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from limacore.errors import LimaError

BLOCK = 512
END = bytes(2 * BLOCK)
Extents = tuple[tuple[int, int], ...]
"""Where data is in a file: offset and length, in order. One that covers the file means no holes."""
_LARGEST_PAX, _MOST_EXTENTS, _LARGEST = 1 << 20, 1 << 20, 1 << 62
_CLOSE = 64 << 10  # a hole smaller than this is written as data: it costs nothing, its entry in the map does
_TYPES = {b"0": "file", b"\0": "file", b"5": "directory", b"2": "link"}


class TarError(LimaError):
    """The archive is damaged, or is not one of those that we take."""


class Member(Struct, frozen=True):
    """One entry; `size` is the size of the file in bytes, holes included, `kind` `file`, `directory` or `link`."""

    name: str
    kind: str = "file"
    mode: int = 0o644
    size: int = 0
    extents: Extents = ()
    target: str = ""

    @property
    def sparse(self) -> bool:
        """Whether the file has holes."""
        return self.kind == "file" and self.extents != whole(self.size)

    @property
    def map(self) -> bytes:
        """What stands before the data of a file with holes; empty for others."""
        if not self.sparse:
            return b""
        entries = (*self.extents, (self.size, 0))  # GNU tar ends the map so, for a hole at the end
        text = f"{len(entries)}\n" + "".join(f"{offset}\n{length}\n" for offset, length in entries)
        return padded(text.encode())

    @property
    def stored(self) -> int:
        """Bytes that the entry has in the archive after its header: map and data, without padding."""
        return len(self.map) + sum(length for _, length in self.extents)


def whole(size: int) -> Extents:
    """The extents of a file without holes."""
    return ((0, size),) if size else ()


def extents(fd: int, size: int) -> Extents:
    """Where the data of an open file is, by what its file system tells."""
    found, position = [(0, 0)], 0
    while position < size:
        try:
            start = os.lseek(fd, position, os.SEEK_DATA)
            position = os.lseek(fd, start, os.SEEK_HOLE)
        except OSError:  # ENXIO: no more data
            break
        _append(found, start, min(position, size))
    if size - sum(found[-1]) < _CLOSE:
        _append(found, size, size)
    return tuple(pair for pair in found if pair[1])


def _append(found: list[tuple[int, int]], start: int, end: int) -> None:
    """Add data, together with the piece before when the hole between them is small."""
    offset = found[-1][0]
    if start - sum(found[-1]) < _CLOSE:
        found[-1] = (offset, end - offset)
    else:
        found.append((start, end - start))


def header(member: Member, modified: float = 0.0) -> bytes:
    """What stands before the data of a member; its map included."""
    info = tarfile.TarInfo(member.name)
    info.mode, info.mtime = member.mode, int(modified)
    info.type = {"file": tarfile.REGTYPE, "directory": tarfile.DIRTYPE, "link": tarfile.SYMTYPE}[member.kind]
    info.linkname, info.size = member.target, member.stored
    if member.sparse:
        folder, _, base = member.name.rpartition("/")
        info.name = f"{folder or '.'}/GNUSparseFile.0/{base}"
        info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": member.name,
                            "GNU.sparse.realsize": str(member.size)}
    return info.tobuf(tarfile.PAX_FORMAT, errors="surrogateescape") + member.map


def padding(size: int) -> bytes:
    """What fills the last block after `size` bytes."""
    return bytes(-size % BLOCK)


def padded(data: bytes) -> bytes:
    """`data`, filled to whole blocks."""
    return data + padding(len(data))


def write_all(fd: int, data: bytes, offset: int) -> None:
    """Write all of `data` at `offset` of an open file; OSError passes through."""
    view = memoryview(data)
    while view:
        count = os.pwrite(fd, view, offset)
        view, offset = view[count:], offset + count


class Reader:
    """Members of a stream, one after the other: `next`, then all of `data`. `read(n)` gives at most n bytes."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._left = 0
        self._pad = 0

    def next(self) -> Member | None:
        """The next member, None at the end mark; raises TarError."""
        if self._left:
            raise TarError("the data of the member before was not read")
        self._exactly(self._pad)
        self._pad = 0
        member, size, extra = self._header()
        if member is None:
            return None
        found = self._with_holes(member, size, extra) if extra.get("GNU.sparse.major") else replace(
            member, size=size, extents=whole(size))
        if member.kind != "file" and size:
            raise TarError(f"the archive has data for `{member.name}`, which is no file")
        self._pad = -size % BLOCK
        self._left = size - len(found.map)
        return found

    def data(self, member: Member, most: int = 1 << 20) -> Iterator[tuple[int, bytes]]:
        """The data of the member just read, in pieces, each with its offset in the file."""
        for offset, length in member.extents:
            while length:
                piece = self._exactly(min(length, most))
                self._left -= len(piece)
                yield offset, piece
                offset, length = offset + len(piece), length - len(piece)

    def _exactly(self, count: int) -> bytes:
        parts, left = [], count
        while left:
            part = self._read(left)
            if not part:
                raise TarError("the archive is cut short")
            parts.append(part)
            left -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _header(self) -> tuple[Member | None, int, dict[str, str]]:
        extra: dict[str, str] = {}
        raw = self._exactly(BLOCK)
        if raw == bytes(BLOCK):
            return None, 0, extra
        if _checked(raw)[156:157] == b"x":
            extra = self._pax(_number(raw[124:136]))
            raw = _checked(self._exactly(BLOCK))
        kind = _TYPES.get(raw[156:157])
        name = extra.get("GNU.sparse.name") or extra.get("path") or _name(raw)
        if kind is None:
            raise TarError(f"the archive holds `{name}`, which is no file, directory or link")
        size = _decimal(extra["size"]) if "size" in extra else _number(raw[124:136])
        target = extra.get("linkpath") or _text(raw[157:257])
        return Member(name.removesuffix("/"), kind, _number(raw[100:108]) & 0o7777, target=target), size, extra

    def _pax(self, size: int) -> dict[str, str]:
        if size > _LARGEST_PAX:
            raise TarError("the archive has a header that is too large")
        raw = self._exactly(size)
        self._exactly(-size % BLOCK)
        return _records(raw)

    def _with_holes(self, member: Member, size: int, extra: dict[str, str]) -> Member:
        if (extra["GNU.sparse.major"], extra.get("GNU.sparse.minor")) != ("1", "0"):
            raise TarError(f"`{member.name}` has holes in a format that is not known")
        raw, numbers = self._map()
        pairs = zip(numbers[::2], numbers[1::2], strict=True)
        found = replace(member, size=_decimal(extra.get("GNU.sparse.realsize", "")),
                        extents=tuple(pair for pair in pairs if pair[1]))
        if found.map != raw or found.stored != size or not _in_order(found):
            raise TarError(f"the map of holes of `{member.name}` is wrong")
        return found

    def _map(self) -> tuple[bytes, list[int]]:
        """The map as it stands there, and the numbers in it after their count."""
        raw, rest, numbers = bytearray(), b"", list[int]()
        while not numbers or len(numbers) <= 2 * numbers[0]:
            block = self._exactly(BLOCK)
            raw += block
            *lines, rest = (rest + block).split(b"\n")
            numbers += [_decimal(line.decode("ascii", "replace")) for line in lines]
            if not numbers or numbers[0] > _MOST_EXTENTS or len(numbers) > 1 + 2 * numbers[0]:
                raise TarError("the map of holes is wrong, or too large")
        return bytes(raw), numbers[1:]


def _in_order(member: Member) -> bool:
    position = 0
    for offset, length in member.extents:
        if offset < position or offset + length > member.size:
            return False
        position = offset + length
    return True


def _checked(raw: bytes) -> bytes:
    if raw[257:262] != b"ustar" or _number(raw[148:156]) != sum(raw[:148]) + 8 * 32 + sum(raw[156:]):
        raise TarError("the archive is damaged: a header does not check")
    return raw


def _records(raw: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    while raw:
        head, blank, _ = raw.partition(b" ")
        length = _decimal(head.decode("ascii", "replace"))
        if not blank or not len(head) + 2 <= length <= len(raw) or raw[length - 1 : length] != b"\n":
            raise TarError("the archive is damaged: an extended header is wrong")
        key, _, value = raw[len(head) + 1 : length - 1].partition(b"=")
        found[key.decode(errors="replace")] = value.decode(errors="replace")
        raw = raw[length:]
    return found


def _name(raw: bytes) -> str:
    prefix = _text(raw[345:500])
    return f"{prefix}/{_text(raw[:100])}" if prefix else _text(raw[:100])


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode(errors="replace")


def _number(field: bytes) -> int:
    text = field.strip(b" \0")
    if text and not set(text) <= set(b"01234567"):
        raise TarError("the archive is damaged: a header holds no number")
    return int(text or b"0", 8)


def _decimal(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 19 or int(text) > _LARGEST:
        raise TarError("the archive is damaged: a header holds no number")
    return int(text)
