"""From a key to its paint in a real pseudo-terminal: idle and under flood, against a bare Textual app in the same run.

The flood: 1,000 demo machines that all change every second, a log that grows, a console that floods. A key is painted
when the line of the cursor has been written. Goals: p95 idle <= 1.5 of the bare app, under flood <= 50 ms.
"""

from __future__ import annotations

import os
import select
import statistics
import sys
import time

from dashboard import Run, program

BARE = """
from textual.app import App
from textual.binding import Binding
from textual.widgets import Static
class Bare(App):
    BINDINGS = [Binding("j", "step(1)"), Binding("k", "step(-1)")]
    at = 100
    def compose(self):
        yield Static("MARKER 100")
    def action_step(self, by):
        self.at += by
        self.query_one(Static).update(f"MARKER {self.at}")
Bare().run()
"""
OURS = """
import sys
from limatui.__main__ import main
main(["--demo", "1000"])
"""
FLOOD = """
import asyncio, sys
sys.path.insert(0, {root!r})
from limacore.drivers.demo import DemoEngine
from limatui.app import Dashboard
from limatui.driver import TerminalDriver
from tests.ui.flood import flooding
class Flooded(Dashboard):
    alone = True
    def on_mount(self):
        self.run_worker(self.flood(), group="flood")
    async def flood(self):
        async with flooding(self.bridge.engine, "default"):
            await asyncio.Event().wait()
Flooded(DemoEngine(1000), driver_class=TerminalDriver).run()
"""
CURSOR = "▌".encode()
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120


def key(run: Run, name: bytes, mark: bytes) -> float:
    """Milliseconds from a key until what only it paints came; what came before was read away."""
    run.drain(0.03)
    began, seen = time.perf_counter(), b""
    os.write(run.fd, name)
    while mark not in seen:
        if not select.select([run.fd], [], [], 5.0)[0]:
            raise SystemExit("a key was not answered within 5 s")
        seen += os.read(run.fd, 65536)
    return (time.perf_counter() - began) * 1000


def keys(code: str, marker: bytes, before: bytes, count: int, mark: bytes) -> list[float]:
    """The latencies of a walk down and up."""
    with program(code) as run:
        run.until(marker)
        run.drain(3.0)
        for each in before.split():
            os.write(run.fd, each)
            run.drain(1.5)
        return [key(run, b"j" if number % 2 == 0 else b"k", mark) for number in range(count)]


def tell(title: str, values: list[float], base: list[float]) -> None:
    """Half of all keys, and nineteen in twenty, and how many times the bare app's."""
    half, most = statistics.median(values), nineteen(values)
    print(f"{title:28} p50 {half:6.1f} ms ({half / statistics.median(base):5.1f} x)   p95 {most:6.1f} ms "
          f"({most / nineteen(base):5.1f} x)   worst {max(values):6.1f} ms")


def nineteen(values: list[float]) -> float:
    """What nineteen in twenty do not pass."""
    return statistics.quantiles(values, n=20)[-1]


def main(rounds: int = 4, count: int = 20) -> None:
    """All four, in interleaved rounds."""
    flood = FLOOD.format(root=ROOT)
    variants = {"bare Textual": (BARE, b"MARKER", b"", b"10"), "1,000 machines": (OURS, b"k8s", b"", CURSOR),
                "and a log that floods": (flood, b"k8s", b"3", CURSOR),
                "and a console that floods": (flood, b"k8s", b"2", CURSOR)}
    found: dict[str, list[float]] = {title: [] for title in variants}
    for _ in range(rounds):
        for title, (code, marker, before, mark) in variants.items():
            found[title] += keys(code, marker, before, count, mark)
    for title, values in found.items():
        tell(title, values, found["bare Textual"])


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
