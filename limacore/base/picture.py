"""Pictures of a display: from the portable pixmap that QEMU writes to the formats that people open."""

from __future__ import annotations

import re
import struct
import zlib

from msgspec import Struct

_HEADER = re.compile(rb"P6\s+(\d+)\s+(\d+)\s+255\s", re.DOTALL)
_BMP_HEADERS = 54
_DOTS = 2835
"""Pixels a metre: 72 an inch."""


class Pixels(Struct, frozen=True):
    """Rows from the top, each pixel red, green, blue."""

    width: int
    height: int
    rgb: bytes


def read_ppm(raw: bytes) -> Pixels:
    """The pixels of a binary pixmap; raises ValueError for anything else."""
    header = _HEADER.match(raw)
    if header is None:
        raise ValueError("no pixmap of 8 bits a colour")
    width, height = int(header.group(1)), int(header.group(2))
    rgb = raw[header.end():]
    if len(rgb) != width * height * 3:
        raise ValueError(f"the pixmap holds {len(rgb)} bytes in place of {width * height * 3}")
    return Pixels(width, height, rgb)


def png(pixels: Pixels) -> bytes:
    """As PNG."""
    stride = pixels.width * 3
    rows = b"".join(b"\0" + pixels.rgb[at:at + stride] for at in range(0, len(pixels.rgb), stride))
    size = struct.pack(">IIBBBBB", pixels.width, pixels.height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", size), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bmp(pixels: Pixels) -> bytes:
    """As BMP of 24 bits: rows from the bottom, each pixel blue, green, red."""
    stride = pixels.width * 3
    bgr = bytearray(pixels.rgb)
    bgr[0::3], bgr[2::3] = pixels.rgb[2::3], pixels.rgb[0::3]
    padding = bytes(-stride % 4)
    rows = b"".join(bytes(bgr[at:at + stride]) + padding for at in range(len(bgr) - stride, -1, -stride))
    head = struct.pack("<2sIHHI", b"BM", _BMP_HEADERS + len(rows), 0, 0, _BMP_HEADERS)
    info = struct.pack("<IiiHHIIiiII", 40, pixels.width, pixels.height, 1, 24, 0, len(rows), _DOTS, _DOTS, 0, 0)
    return head + info + rows


FORMATS = {"png": png, "bmp": bmp}
"""Every format by the ending of its files."""
