"""Questions on the terminal: a choice by arrow keys, and yes or no. Drawn on stdout, read from stdin."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from limacore.errors import InterruptedByUserError, LimaError

_UP, _DOWN = ("\x1b[A", "\x1bOA", "\x10"), ("\x1b[B", "\x1bOB", "\x0e")
_ENTER = ("\r", "\n")


class NoTerminalError(LimaError):
    """There is nobody to ask: stdin is no terminal, or it ended."""


def confirm(question: str, default: bool = True) -> bool:
    """Ask yes or no; enter takes the default. Raises InterruptedByUserError, NoTerminalError."""
    sys.stdout.write(f"\x1b[1;92m? \x1b[0m\x1b[1;99m{question}\x1b[0m \x1b[37m({'Y/n' if default else 'y/N'}) \x1b[0m")
    sys.stdout.flush()
    while True:
        line = sys.stdin.readline()
        if not line:
            raise NoTerminalError("EOF")
        answer = line.strip().lower()
        if answer in ("", "y", "yes", "n", "no"):
            return default if not answer else answer[0] == "y"
        sys.stdout.write("answer y or n: ")
        sys.stdout.flush()


def choose(message: str, options: Sequence[str]) -> int:
    """Let the user choose one option; returns its index. Typing filters. Raises as `confirm`."""
    with _raw():
        return _Choice(message, options).ask()


@contextmanager
def _raw() -> Iterator[None]:
    """Keys come one by one; a stdin that is no terminal is left as it is, and read as if keys were typed."""
    try:
        fd = sys.stdin.fileno()
        before = termios.tcgetattr(fd)
    except (termios.error, ValueError, OSError):
        yield
        return
    try:
        tty.setcbreak(fd, termios.TCSANOW)  # what was typed ahead stays
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


class _Choice:
    def __init__(self, message: str, options: Sequence[str]) -> None:
        self.message, self.options = message, list(options)
        self.typed, self.at, self.lines = "", 0, 0

    def ask(self) -> int:
        sys.stdout.write("\x1b[?25l")
        try:
            return self._asked()
        finally:
            sys.stdout.write("\x1b[?25h")
            sys.stdout.flush()

    def _asked(self) -> int:
        while True:
            shown = [number for number, each in enumerate(self.options) if self.typed.lower() in each.lower()]
            self.at = max(0, min(self.at, len(shown) - 1))
            self._draw(shown)
            key = _key()
            if key in _ENTER and shown:
                self._erase()
                chosen = self.options[shown[self.at]]
                sys.stdout.write(f"\x1b[1;92m? \x1b[0m\x1b[1;99m{self.message}\x1b[0m\x1b[36m {chosen}\x1b[0m\n")
                return shown[self.at]
            self._take(key, len(shown))

    def _take(self, key: str, count: int) -> None:
        if key == "\x03":
            raise InterruptedByUserError("Interrupted by user")
        if key in ("", "\x04"):
            raise NoTerminalError("EOF")
        if key in _UP and count:
            self.at = (self.at - 1) % count
        elif key in _DOWN and count:
            self.at = (self.at + 1) % count
        elif key in ("\x7f", "\b"):
            self.typed = self.typed[:-1]
        elif key.isprintable():
            self.typed += key

    def _draw(self, shown: Sequence[int]) -> None:
        self._erase()
        typed = f" {self.typed}" if self.typed else ""
        rows = [f"\x1b[1;92m? \x1b[0m\x1b[1;99m{self.message}\x1b[0m{typed}  "
                "\x1b[36m[Use arrows to move, type to filter]\x1b[0m"]
        for place, number in enumerate(shown):
            focused = place == self.at
            rows.append(f"\x1b[{'1;36' if focused else '39'}m{'>' if focused else ' '} {self.options[number]}\x1b[0m")
        sys.stdout.write("".join(f"{row}\n" for row in rows))
        sys.stdout.flush()
        self.lines = len(rows)

    def _erase(self) -> None:
        sys.stdout.write("\x1b[0G\x1b[2K" + "\x1b[1A\x1b[0G\x1b[2K" * self.lines)
        self.lines = 0


def _key() -> str:
    """The next key, an escape sequence as a whole; empty at the end of the input."""
    fd = sys.stdin.fileno()
    try:
        data = os.read(fd, 1)
        if data == b"\x1b":
            data += _sequence(fd)
        while data and data[0] >= 0xC0 and not _whole(data):
            data += os.read(fd, 1)
    except KeyboardInterrupt:
        return "\x03"
    except OSError:
        return ""
    return data.decode(errors="replace")


def _sequence(fd: int) -> bytes:
    """What follows an escape at once, up to the letter that ends it; nothing after the escape key itself."""
    data = b""
    while select.select([fd], [], [], 0.02)[0] and len(data) < 16:
        data += os.read(fd, 1)
        if data[:1] not in (b"[", b"O") or (len(data) > 1 and 0x40 <= data[-1] <= 0x7E):
            break
    return data


def _whole(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.reason != "unexpected end of data"
    return True
