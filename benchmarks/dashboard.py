"""The dashboard in a real pseudo-terminal: first paint against a bare Textual app, quit to gone, wake-ups while idle.

Goals: first paint <= 1.3 of one `Static`; quit <= 50 ms; idle <= 1 context switch a second.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BARE = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static("MARKER")
Bare().run()
"""
OURS = """
import sys
from limatui.__main__ import main
main(["--demo"])
"""
EMPTY = """
import sys, time
from limatui.app import Dashboard
from limatui.host.driver import TerminalDriver
from limacore.drivers.demo import DemoEngine
Dashboard(DemoEngine(5, frozen=1.8e9), clock=lambda: 1.8e9, driver_class=TerminalDriver).run()
"""


class Run:
    """A program in a terminal of 120x36."""

    def __init__(self, code: str) -> None:
        self.fd, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
        self.began = time.perf_counter()
        environ = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program has its bytecode
        self.process = subprocess.Popen((sys.executable, "-c", code), stdin=child, stdout=child, stderr=child,
                                        env=environ, start_new_session=True)
        os.close(child)

    def until(self, marker: bytes, seconds: float = 20.0) -> float:
        """Milliseconds until the program wrote `marker`."""
        seen = b""
        while marker not in seen:
            ready, _, _ = select.select([self.fd], [], [], seconds)
            if not ready:
                raise SystemExit(f"no {marker!r} within {seconds} s; the end of what came: {seen[-300:]!r}")
            seen += os.read(self.fd, 65536)
        return (time.perf_counter() - self.began) * 1000

    def drain(self, seconds: float) -> None:
        """Read what comes for a while."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            if select.select([self.fd], [], [], left)[0]:
                os.read(self.fd, 65536)

    def switches(self) -> int:
        """Voluntary context switches of all its threads so far."""
        total = 0
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            line = next(text for text in (task / "status").read_text().splitlines() if text.startswith("voluntary"))
            total += int(line.split()[1])
        return total

    def quit(self, keys: bytes) -> float:
        """Milliseconds from the key until the process is gone."""
        began = time.perf_counter()
        os.write(self.fd, keys)
        while self.process.poll() is None:
            if select.select([self.fd], [], [], 0.001)[0]:
                try:
                    os.read(self.fd, 65536)
                except OSError:
                    self.process.wait(5)
        return (time.perf_counter() - began) * 1000


@contextmanager
def program(code: str) -> Iterator[Run]:
    """A run that is ended whatever happens."""
    run = Run(code)
    try:
        yield run
    finally:
        run.process.kill()
        run.process.wait()
        os.close(run.fd)


def paint(code: str, marker: bytes, keys: bytes) -> tuple[float, float]:
    """First paint and quit in milliseconds."""
    with program(code) as run:
        first = run.until(marker)
        run.drain(0.5)
        return first, run.quit(keys)


def idle(code: str, marker: bytes, seconds: float = 5.0) -> float:
    """Context switches a second while nothing happens."""
    with program(code) as run:
        run.until(marker)
        run.drain(2.0)
        before = run.switches()
        run.drain(seconds)
        return (run.switches() - before) / seconds


def main(rounds: int = 5) -> None:
    """Interleaved rounds, medians."""
    bare, ours = [], []
    paint(OURS, b"k8s", b"q")
    for _ in range(rounds):
        bare.append(paint(BARE, b"MARKER", b"\x11"))
        ours.append(paint(OURS, b"k8s", b"q"))
    first, base = statistics.median(each[0] for each in ours), statistics.median(each[0] for each in bare)
    print(f"first paint   {first:6.0f} ms   bare Textual {base:6.0f} ms   ratio {first / base:.2f}")
    print(f"quit to gone  {statistics.median(e[1] for e in ours):6.0f} ms   "
          f"bare Textual {statistics.median(e[1] for e in bare):6.0f} ms")
    print(f"idle          {idle(EMPTY, b'k8s'):6.1f} switches/s   bare Textual {idle(BARE, b'MARKER'):6.1f}")


if __name__ == "__main__":
    main()
