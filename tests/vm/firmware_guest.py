"""A guest in one disk sector: says hello on the serial port, obeys the power button, resets when it reads `r`."""

from __future__ import annotations

from pathlib import Path

HELLO = "firmware guest is up"
_ORIGIN = 0x7C00
_PM1_ENABLE, _PM1_STATUS, _PM1_CONTROL = 0x602, 0x600, 0x604  # where SeaBIOS puts the ICH9 power registers of q35


def _word(value: int) -> bytes:
    return value.to_bytes(2, "little")


def _out16(port: int, value: int) -> bytes:
    return b"\xba" + _word(port) + b"\xb8" + _word(value) + b"\xef"  # mov dx,port; mov ax,value; out dx,ax


def _in8(port: int) -> bytes:
    return b"\xba" + _word(port) + b"\xec"


def sector(hello: str = HELLO) -> bytes:
    """The boot sector, 512 bytes."""
    start = b"\xfa\xfc\x31\xc0\x8e\xd8" + _out16(_PM1_ENABLE, 0x100)  # cli; cld; ds=0; enable the power button
    show = b"\xac\x84\xc0\x74\x06\xba\xf8\x03\xee\xeb\xf5"  # lodsb; until 0: out 0x3f8,al
    button = b"\xba" + _word(_PM1_STATUS) + b"\xed\xf6\xc4\x01\x75"  # in ax,dx; test ah,1; jnz off
    typed = _in8(0x3FD) + b"\xa8\x01\x74"  # a byte came? jz wait
    letter = _in8(0x3F8) + b"\x3cr\x75"  # is it `r`? jne wait
    reset = b"\xb0\xfe\xe6\x64\xf4\xeb\xfd"
    off = _out16(_PM1_CONTROL, 0x2000) + b"\xf4\xeb\xfd"
    first = len(button) + 1
    second = first + len(typed) + 1
    third = second + len(letter) + 1
    loop = (button + _byte(third + len(reset) - first) + typed + _byte(-second) + letter + _byte(-third))
    message = _ORIGIN + len(start) + 3 + len(show) + len(loop) + len(reset) + len(off)
    code = start + b"\xbe" + _word(message) + show + loop + reset + off + hello.encode() + b"\r\n\0"
    return code.ljust(510, b"\0") + b"\x55\xaa"


def _byte(value: int) -> bytes:
    return value.to_bytes(1, "little", signed=True)


def write_disk(path: Path, hello: str = HELLO) -> None:
    """A raw disk with that sector, large enough for SeaBIOS to boot from it."""
    with path.open("wb") as disk:
        disk.write(sector(hello))
        disk.truncate(1 << 20)
