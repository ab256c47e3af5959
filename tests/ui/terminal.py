"""The dashboard in a real pseudo-terminal with a real terminal emulator behind it: type, look, resize, hang up."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from limatui.widgets.terminal.vt import VtGrid

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0


class Terminal:
    """A program and the master side of its terminal."""

    def __init__(self, argv: tuple[str, ...], *, size: tuple[int, int], environ: Mapping[str, str],
                 ignore_hangup: bool = False) -> None:
        self.fd, child = pty.openpty()
        self.scratch = Path(environ["TMPDIR"])
        self.grid = VtGrid(*size)
        self.resize(*size)
        self.process = subprocess.Popen(
            argv, stdin=child, stdout=child, stderr=child, cwd=ROOT, start_new_session=True,
            env={**_environ(), "TERM": "xterm-256color", **environ},
            preexec_fn=lambda: _take_terminal(ignore_hangup))
        os.close(child)
        self.seen = b""

    def resize(self, columns: int, rows: int) -> None:
        self.grid.resize(columns, rows)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._answer()

    def read(self, seconds: float) -> bytes:
        """What came within this time; empty when nothing did or the program is gone."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return b""
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return b""
        self.seen += data
        self.grid.feed(data)
        self._answer()
        return data

    def _answer(self) -> None:
        if answer := self.grid.replies():
            os.write(self.fd, answer)

    @property
    def text(self) -> str:
        """The screen as people see it."""
        self.grid.refresh()
        return self.grid.text()

    def until(self, true: Callable[[str], object]) -> None:
        """Read until the screen is as wanted."""
        end = time.monotonic() + PATIENCE
        while not true(self.text):
            assert time.monotonic() < end, f"never seen; the screen is\n{self.text}"
            self.read(0.2)

    def settled(self) -> None:
        """Read until the program has arranged with the terminal how it will be told of another size."""
        self.until(lambda _: b"\x1b[?2048h" in self.seen)

    def press(self, keys: bytes, shows: str, *, gone: str = "") -> None:
        """Type, then wait until the screen shows one thing and no longer another."""
        self.write(keys)
        self.until(lambda text: shows in text and not (gone and gone in text))

    def write(self, keys: bytes) -> None:
        os.write(self.fd, keys)

    def close(self) -> None:
        """End the program whatever it does, and close its terminal."""
        self.process.kill()
        self.process.wait()
        if self.fd >= 0:
            os.close(self.fd)

    def ended(self) -> int:
        """The exit code; reads on meanwhile, so that nothing blocks on a full terminal."""
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < end, "the program did not end"
            self.read(0.05)
        while self.read(0.1):
            pass
        return self.process.returncode


def _environ() -> dict[str, str]:
    """Ours, without the size of our own terminal, which readline exports."""
    return {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}


def _take_terminal(ignore_hangup: bool) -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    if ignore_hangup:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


@contextmanager
def terminal(*argv: str, size: tuple[int, int] = (120, 36), environ: Mapping[str, str] | None = None,
             ignore_hangup: bool = False) -> Iterator[Terminal]:
    """Run python with `argv`; ended and closed whatever happens."""
    with tempfile.TemporaryDirectory(prefix="l-", dir="/tmp") as scratch:
        opened = Terminal((sys.executable, *argv), size=size, environ={"TMPDIR": scratch, **(environ or {})},
                          ignore_hangup=ignore_hangup)
        try:
            yield opened
        finally:
            opened.close()
