"""The three standard streams as they may be given: closed, full, with no reader, or in another encoding."""

from __future__ import annotations

import io
import os
import sys
from typing import TextIO

from limacore.errors import HostError

_NAMES = ("stdin", "stdout", "stderr")


def open_missing() -> None:
    """Open those that are closed on nothing: no other file may get their number, and each can be written to."""
    for number, name in enumerate(_NAMES):
        if getattr(sys, name) is not None:
            continue
        _nothing(number)
        setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False))


def as_utf8() -> None:
    """Write UTF-8 whatever the locale says, and names that are none of it as they are on disk."""
    for stream, errors in ((sys.stdout, "surrogateescape"), (sys.stderr, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors=errors)


def tell(text: str) -> None:
    """Write to stderr; what is told there is no reason to stop when nobody can hear it."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        discard(sys.stderr)


def out(text: str = "") -> None:
    """Write to stdout, with what is buffered; raises HostError when it is full, BrokenPipeError without a reader."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        discard(sys.stdout)
        raise HostError(f"write /dev/stdout: {(error.strerror or str(error)).lower()}") from error


def discard(stream: TextIO) -> None:
    """From now on what is written there goes nowhere; also what is buffered, which would fail again at the end."""
    try:
        _nothing(stream.fileno())
    except (OSError, ValueError):  # it is no file
        return


def _nothing(number: int) -> None:
    fd = os.open(os.devnull, os.O_RDWR)
    if fd != number:
        os.dup2(fd, number)
        os.close(fd)
