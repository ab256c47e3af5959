"""The console: how fast it takes what a guest prints, against pyte where that is installed and against the serial port.

Goals: parse >= 100 MB/s; a frame of 200x50 with 20 new lines <= 5 ms of CPU; at the port's own speed (0.55 MB/s in tiny
pieces) <= 20 % of a core. The same bytes from a process to the screen: ours as the pane reads a serial socket, tmux in
its own window, and a pseudo-terminal that is only read.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from measure import interleave, tell
from textual.app import App, ComposeResult

from limacore.engine.console import SerialConsole
from limatui.screens.console import READ_PAUSE
from limatui.themes import THEMES
from limatui.turns import give_way
from limatui.widgets.terminal.grid import open_grid
from limatui.widgets.terminal.widget import Terminal

LINE = b"[    1.234567] \x1b[32msystemd[1]\x1b[0m: Started \x1b[1mSome Unit\x1b[0m - with a description of it.\r\n"
ROUNDS = 5
PORT = 550_000
"""Bytes per second of a 16550 under QEMU, as measured."""


def median(work: Callable[[], float]) -> float:
    """Of five runs."""
    return statistics.median(work() for _ in range(ROUNDS))


def parse() -> float:
    """MB/s into the emulator."""
    grid, data = open_grid(200, 50), LINE * 20_000
    began = time.perf_counter()
    grid.feed(data)
    speed = len(data) / 1e6 / (time.perf_counter() - began)
    grid.close()
    return speed


def parse_with_pyte() -> float | None:
    """MB/s into pyte's Screen, or None where it is not installed."""
    try:
        import pyte
    except ImportError:
        return None
    stream, data = pyte.ByteStream(pyte.Screen(200, 50)), LINE * 2_000
    began = time.perf_counter()
    stream.feed(data)
    return len(data) / 1e6 / (time.perf_counter() - began)


class Bench(App[None]):
    """A terminal and nothing else."""

    CSS = "Terminal { width: 1fr; height: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self.register_theme(THEMES["dark"])
        self.theme = "dark"

    def compose(self) -> ComposeResult:
        """One terminal."""
        yield Terminal()


async def paint() -> tuple[float, float]:
    """CPU milliseconds of a frame with 20 new lines, and share of a core at the speed of the port."""
    app = Bench()
    async with app.run_test(size=(200, 50)) as pilot:
        terminal = app.query_one(Terminal)
        terminal.open(open_grid(200, 50))
        await pilot.pause()
        frames = 60
        began = time.process_time()
        for _ in range(frames):
            terminal.feed(LINE * 20)
            await asyncio.sleep(1 / 30)
        frame = (time.process_time() - began) / frames * 1000
        return frame, await port_load(terminal)


async def port_load(terminal: Terminal, seconds: float = 3.0) -> float:
    """Share of a core while the guest prints as fast as a serial port can; pieces as the pane reads them."""
    piece = (LINE * 40)[: PORT // 420]
    began, cpu = time.perf_counter(), time.process_time()
    sent = 0
    while (elapsed := time.perf_counter() - began) < seconds:
        while sent < elapsed * PORT:
            terminal.feed(piece)
            sent += len(piece)
        await asyncio.sleep(0.002)
    return (time.process_time() - cpu) / seconds


def through_console(file: Path) -> float:
    """MB/s from a process through a socket to the painted screen, by the loop of the pane."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, subprocess.Popen(("cat", str(file)), stdout=theirs):
        theirs.close()
        return file.stat().st_size / 1e6 / asyncio.run(_shown(SerialConsole(ours)))


async def _shown(console: SerialConsole) -> float:
    """Seconds until all that comes has been painted."""
    app = Bench()
    async with app.run_test(size=(200, 50)) as pilot:
        terminal = app.query_one(Terminal)
        terminal.open(open_grid(200, 50))
        await pilot.pause()
        began = time.perf_counter()
        while data := await console.read():
            terminal.feed(data)
            await give_way(READ_PAUSE)
        await pilot.pause()
        return time.perf_counter() - began


def through_tmux(file: Path) -> float:
    """MB/s into a window of tmux that nobody looks at."""
    tmux = ("tmux", "-f", "/dev/null", "-S", str(file.with_name("s")))
    began = time.perf_counter()
    command = f"cat {file}; tmux -S {file.with_name('s')} wait-for -S read"
    subprocess.run((*tmux, "new-session", "-d", "-x", "200", "-y", "50", command), check=True)
    subprocess.run((*tmux, "wait-for", "read"), check=True)
    return file.stat().st_size / 1e6 / (time.perf_counter() - began)


def through_pty(file: Path) -> float:
    """MB/s through a pseudo-terminal whose other side only reads."""
    began = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp("cat", ("cat", str(file)))
    with contextlib.suppress(OSError):
        while os.read(terminal, 65536):
            pass
    os.waitpid(pid, 0)
    os.close(terminal)
    return file.stat().st_size / 1e6 / (time.perf_counter() - began)


def through() -> None:
    """Interleaved rounds of all three."""
    with tempfile.TemporaryDirectory(prefix="b-", dir="/tmp") as place:
        file = Path(place) / "boot.log"
        file.write_bytes(LINE * 200_000)
        results = interleave(ROUNDS, tmux=lambda: through_tmux(file), console=lambda: through_console(file),
                             terminal=lambda: through_pty(file))
    tell("the same 18 MB from a process to the screen", results, "tmux", "MB/s", 1)


def main() -> int:
    """Print the numbers; 1 when a goal is missed."""
    speed, other = median(parse), parse_with_pyte()
    runs = [asyncio.run(paint()) for _ in range(3)]
    frame, load = (statistics.median(values) for values in zip(*runs, strict=True))
    against = f", {speed / other:.0f} times pyte ({other:.2f})" if other else ""
    print(f"parse             {speed:8.0f} MB/s   goal >= 100{against}; {speed * 1e6 / PORT:.0f} times the serial port")
    print(f"frame, 20 lines   {frame:8.2f} ms CPU goal <= 5")
    print(f"at port speed     {load * 100:8.1f} %      goal <= 20 of a core")
    through()
    return 0 if speed >= 100 and frame <= 5 and load <= 0.20 else 1


if __name__ == "__main__":
    sys.exit(main())
