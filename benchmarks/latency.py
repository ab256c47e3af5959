"""A slow line: 100 ms each way and 100 kB/s between the dashboard and whoever looks, against a bare Textual list.

Bytes for a key, for a second in which nothing happens and for another pane; and a cursor key that is held down: how
long after the last repeat the screen stands still, and how many bytes came for a repeat.
"""

from __future__ import annotations

import os
import select
import sys
import time
from collections import deque

from dashboard import Run, program

DELAY, RATE = 0.1, 100_000
"""Seconds each way, and bytes a second towards the terminal."""
BARE = """
from textual.app import App
from textual.widgets import OptionList
class Bare(App):
    BINDINGS = [("j", "app.down"), ("k", "app.up")]
    def compose(self):
        yield OptionList(*(f"  vm-{number:03}  Stopped   4 cpus   8 GiB" for number in range(300)))
    def on_mount(self):
        self.query_one(OptionList).highlighted = 0
    def action_down(self):
        self.query_one(OptionList).action_cursor_down()
    def action_up(self):
        self.query_one(OptionList).action_cursor_up()
Bare().run()
"""
OURS = """
from limatui.app import Dashboard
from limatui.host.driver import TerminalDriver
from limacore.drivers.demo import DemoEngine
frozen = {frozen}
app = Dashboard(DemoEngine(300, frozen=frozen), clock=(lambda: frozen) if frozen else __import__("time").time,
                driver_class=TerminalDriver)
app.run()
"""
_QUIET = 0.6
_REPEATS = 30
"""Keys a second that a keyboard repeats."""


class Line:
    """Keys go in and bytes come out as through a slow ssh connection."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._up: deque[tuple[float, bytes]] = deque()
        self._free = time.monotonic()

    def press(self, keys: bytes) -> None:
        """To arrive later."""
        self._up.append((time.monotonic() + DELAY, keys))

    def carry(self, seconds: float) -> int:
        """Let time pass; the bytes that the dashboard could write meanwhile."""
        end, taken = time.monotonic() + seconds, 0
        while (now := time.monotonic()) < end:
            while self._up and self._up[0][0] <= now:
                os.write(self._run.fd, self._up.popleft()[1])
            if now >= self._free and select.select([self._run.fd], [], [], 0.002)[0]:
                count = len(os.read(self._run.fd, 4096))
                self._free = max(self._free, now) + count / RATE
                taken += count
            else:
                time.sleep(0.001)
        return taken

    def settle(self) -> tuple[int, float]:
        """Bytes until nothing comes for a while, and the seconds that it took, the way back included."""
        begun, taken, last = time.monotonic(), 0, time.monotonic()
        while self._up or time.monotonic() - last < _QUIET:
            if count := self.carry(0.02):
                taken, last = taken + count, time.monotonic()
        return taken, last - begun + DELAY


def measure(code: str, marker: bytes, pane: bytes) -> dict[str, float]:
    """All figures of one program."""
    with program(code) as run:
        run.until(marker)
        run.drain(3.0)
        line, found = Line(run), {}
        keys = []
        for _ in range(10):
            line.press(b"j")
            keys.append(line.settle()[0])
        found["bytes a key"] = sorted(keys)[5]
        found |= _held(line)
        line.press(pane)
        found["bytes for another screen"], found["seconds for it"] = line.settle()
        return found


def idle(code: str, marker: bytes) -> float:
    """Bytes a second while nobody presses anything."""
    with program(code) as run:
        run.until(marker)
        run.drain(3.0)
        return Line(run).carry(10) / 10


def _held(line: Line) -> dict[str, float]:
    """Two seconds of a held key."""
    taken = 0
    for _ in range(2 * _REPEATS):
        line.press(b"j")
        taken += line.carry(1 / _REPEATS)
    rest, seconds = line.settle()
    return {"bytes a repeat": (taken + rest) / (2 * _REPEATS), "seconds after a held key": seconds}


def main() -> None:
    """Both, side by side."""
    frozen = OURS.format(frozen=1.8e9)
    bare, ours = measure(BARE, b"vm-010", b"\x1b[F"), measure(frozen, b"default", b"4")
    bare["idle, nothing changes"], ours["idle, nothing changes"] = idle(BARE, b"vm-010"), idle(frozen, b"default")
    bare["idle, all are at work"], ours["idle, all are at work"] = 0, idle(OURS.format(frozen=None), b"default")
    for name, value in ours.items():
        ratio = f"{value / bare[name]:6.2f} x" if bare[name] else "     -"
        print(f"  {name:26} {value:9.2f}   bare Textual {bare[name]:9.2f}   {ratio}")


if __name__ == "__main__":
    sys.exit(main())
