"""A log of gigabytes in a real terminal: until its last line is seen, until a new line is seen, and how much memory
that takes, against `less +F` and, where its program `tl` is at hand (the second argument), toolong.

`python -c pass` is what all three numbers begin with. Goals: the last line within 1.3 of a bare Textual app; a new line
within 300 ms; less than 60 MB.
"""

from __future__ import annotations

import math
import os
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psutil
from dashboard import BARE, Run, paint, program
from logview import NEEDLE, count, generate

ROOT = str(Path(__file__).resolve().parents[1])
OURS = f"""
import sys
sys.path.insert(0, {ROOT!r})
from pathlib import Path
from limatui.host.driver import TerminalDriver
from limatui.screens.logs import LogsPane
from tests.ui.pane_app import FileEngine, PaneApp
app = PaneApp(LogsPane("default"), FileEngine(Path({{path!r}}).parent.parent))
app.driver_class = TerminalDriver
app.run()
"""
EXEC = "import os; os.execvp({argv[0]!r}, {argv!r})"
RECORD = b'{"level":"info","msg":"%s","time":"2026-11-21T01:00:00Z"}\n'
PATIENCE = 300
"""Seconds that a program may take to come to the end."""


class Seen(NamedTuple):
    """Milliseconds until the last line is there, until each new one, and MB when everything is settled."""

    last: float
    new: float
    memory: float


def append(path: Path, mark: bytes) -> None:
    """One more line."""
    with path.open("ab") as file:
        file.write(RECORD % mark)


def listen(run: Run, seconds: float) -> bytes:
    """What comes for a while."""
    seen, end = b"", time.perf_counter() + seconds
    while (left := end - time.perf_counter()) > 0:
        if select.select([run.fd], [], [], left)[0]:
            seen += os.read(run.fd, 65536)
    return seen


def until_at_end(run: Run, last: bytes, go_to_end: bytes) -> float:
    """Milliseconds until the last line is seen; a program that opens at the top is asked for the end twice a second."""
    if not go_to_end:
        return run.until(last, PATIENCE)
    seen = b""
    while last not in seen:
        if time.perf_counter() - run.began > PATIENCE:
            raise SystemExit(f"the end was not reached within {PATIENCE} s")
        os.write(run.fd, go_to_end)
        seen = seen[-len(last):] + listen(run, 0.5)
    return (time.perf_counter() - run.began) * 1000


def watch(code: str, path: Path, go_to_end: bytes = b"", lines: int = 10) -> Seen:
    """Open the file, see its last line, then write lines and see each."""
    last = b"LAST-%d" % time.monotonic_ns()
    append(path, last)
    with program(code) as run:
        opened = until_at_end(run, last, go_to_end)
        new = [news(run, path, b"NEW-%d-%d" % (number, time.monotonic_ns())) for number in range(lines)]
        memory = psutil.Process(run.process.pid).memory_info().rss / 1e6
        return Seen(opened, statistics.median(new or [math.nan]), memory)


def news(run: Run, path: Path, mark: bytes) -> float:
    """Milliseconds from the writing of a line until it is seen, after a pause."""
    run.drain(0.4)
    began = time.perf_counter()
    append(path, mark)
    run.until(mark, PATIENCE)
    return (time.perf_counter() - began) * 1000


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def tell(name: str, some: list[Seen]) -> None:
    """Medians."""
    last, new, memory = (statistics.median(column) for column in zip(*some, strict=True))
    print(f"{name:10} last line {last:8.0f} ms   new line {new:6.0f} ms   {memory:8.1f} MB", flush=True)


def compare(path: Path, toolong: str, rounds: int) -> None:
    """Interleaved rounds; toolong, which reads everything before it shows the end, has one, and follows nothing."""
    ours, less = OURS.format(path=str(path)), EXEC.format(argv=["less", "+F", str(path)])
    grep = ["grep", "-c", "-F", NEEDLE, str(path)]
    bare, mine, theirs, counts = list[float](), list[Seen](), list[Seen](), list[tuple[float, float]]()
    for _ in range(rounds):
        bare.append(paint(BARE, b"MARKER", b"\x11")[0])
        mine.append(watch(ours, path))
        theirs.append(watch(less, path))
        counts.append((seconds(lambda: count(path, NEEDLE)),
                       seconds(lambda: subprocess.run(grep, stdout=subprocess.PIPE, check=True))))
    size, (own, other) = path.stat().st_size / 1e9, map(min, zip(*counts, strict=True))
    print(f"a log of {size:.2f} GB; a bare Textual app paints after {statistics.median(bare):.0f} ms")
    tell("limatui", mine)
    tell("less +F", theirs)
    print(f"exact count {own:.2f} s = {size / own:.2f} GB/s, {own / other:.2f} of grep -c -F {other:.2f} s", flush=True)
    if toolong:
        tell("toolong", [watch(EXEC.format(argv=[toolong, str(path)]), path, b"\x1b[F", 0)])


def main(gigabytes: int = 5, toolong: str = "", rounds: int = 2) -> None:
    """Make the log, compare, remove it."""
    with tempfile.TemporaryDirectory(prefix="limatui-bench-") as home:
        path = Path(home) / "default" / "ha.stderr.log"
        path.parent.mkdir()
        generate(path, gigabytes)
        compare(path, toolong, rounds)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *sys.argv[2:3])
