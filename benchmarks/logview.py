"""The log viewer: time until the last lines of gigabytes are there, searching, filtering, and following a flood.

Goals: open at the end <= 5 ms, at most `tail -n 50`, in 8 MB of memory, RE2 included; a count >= 0.3 of `grep -c -F`,
capitals ignored >= 0.3 of `grep -c -i -F`; the loop that answers keys waits <= 16 ms meanwhile in 99 of 100 turns, or
as long as beside a grep on a busy computer; a page while 100,000 lines a second arrive <= 5 ms. An argument says how
many GB.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from limacore.model.logfile import LogFile
from limatui.logs.reading import Reading
from limatui.logs.sift import Wanted
from limatui.logs.track import Source

LINES = 8_000_000
"""A gigabyte of them."""
ROUNDS = 5
NEEDLE = "Line 06543210 "


def generate(path: Path, gigabytes: int) -> None:
    """Lines like those of a host agent."""
    line = (b'{"level":"info","msg":"Line %08d of the host agent, with some more text",'
            b'"time":"2026-11-21T01:00:00.123456789Z"}\n')
    with path.open("wb") as file:
        for start in range(0, LINES * gigabytes, 50_000):
            file.write(b"".join(line % number for number in range(start, start + 50_000)))


def milliseconds(*works: Callable[[], object]) -> list[float]:
    """Medians of five rounds, in each of which every work has its turn."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(ROUNDS):
        for work, spent in zip(works, times, strict=True):
            began = time.perf_counter()
            work()
            spent.append((time.perf_counter() - began) * 1000)
    return [statistics.median(spent) for spent in times]


def opened(path: Path) -> Reading:
    """A reading at the end of a file."""
    reading = Reading([Source(LogFile("log", path, json=True))])
    page, _ = reading.turn((), 50)
    assert len(page.lines) == 50
    return reading


def count(path: Path, text: str) -> None:
    """All places of a text, as the pane counts them."""
    reading = opened(path)
    page, found = reading.turn([lambda reading: reading.find(text, hunt=False)], 50)
    while reading.busy:
        page, found = reading.turn((), 50)
    assert (found.total, len(page.lines)) == (1, 50)
    reading.close()


def sift(path: Path) -> None:
    """All lines with a text that each hundredth has."""
    reading = opened(path)
    page, _ = reading.turn([lambda reading: reading.choose(Wanted("10 of the"))], 50)
    while reading.busy:
        page, _ = reading.turn((), 50)
    assert page.passed is not None and page.passed.lines % (LINES // 100) == 0
    reading.close()


def flood(path: Path) -> float:
    """Milliseconds of a page while the file grows by 5,000 lines each time (20 pages a second: 100,000 lines)."""
    reading, times = opened(path), []
    with path.open("ab") as file:
        for _ in range(40):
            file.write(b"another line of a flood of lines, one of many thousands\n" * 5_000)
            file.flush()
            began = time.perf_counter()
            reading.turn((), 50)
            times.append((time.perf_counter() - began) * 1000)
    reading.close()
    return statistics.median(times)


async def waits(what: Callable[[], object]) -> float:
    """Milliseconds that a loop woke up late while a thread did this, in the worst but one of a hundred turns."""
    work, late = asyncio.create_task(asyncio.to_thread(what)), []
    while not work.done():
        began = time.perf_counter()
        await asyncio.sleep(0.001)
        late.append((time.perf_counter() - began) * 1000 - 1)
    await work
    return sorted(late)[len(late) * 99 // 100]


def main(gigabytes: int = 1) -> int:
    """Print the numbers; 1 when a goal is missed."""
    with tempfile.TemporaryDirectory(prefix="limatui-bench-") as directory:
        path = Path(directory) / "ha.stderr.log"
        generate(path, gigabytes)
        size = path.stat().st_size / 1e9
        memory = psutil.Process().memory_info().rss

        def run(*argv: str) -> Callable[[], object]:
            return lambda: subprocess.run([*argv, path], stdout=subprocess.PIPE, check=True)
        at_end, tail = milliseconds(lambda: opened(path).close(), run("tail", "-n", "50"))
        exact, grep, folded, grep_i, sifted = milliseconds(
            lambda: count(path, NEEDLE), run("grep", "-c", "-F", NEEDLE),
            lambda: count(path, NEEDLE.lower()), run("grep", "-c", "-i", "-F", NEEDLE), lambda: sift(path))
        grown = (psutil.Process().memory_info().rss - memory) / 1e6
        beside_grep = asyncio.run(waits(run("grep", "-c", "-i", "-F", NEEDLE)))
        late = asyncio.run(waits(lambda: count(path, NEEDLE.lower())))
        page = flood(path)
    speed = size * 1000
    print(f"open {size:.2f} GB at end {at_end:8.3f} ms   goal <= 5; tail -n 50 takes {tail:.1f} ms")
    print(f"memory            {grown:8.1f} MB   goal <= 8")
    print(f"count a text      {speed / exact:8.2f} GB/s {grep / exact:.2f} of grep -c -F, goal >= 0.3")
    print(f"capitals ignored  {speed / folded:8.2f} GB/s {grep_i / folded:.2f} of grep -c -i -F, goal >= 0.3")
    print(f"filter            {speed / sifted:8.2f} GB/s")
    print(f"the loop is late  {late:8.2f} ms in one of 100 turns, {beside_grep:.2f} beside a grep; goal <= 16")
    print(f"page in a flood   {page:8.3f} ms   goal <= 5 at 100,000 lines a second")
    good = at_end <= min(5, tail) and min(grep / exact, grep_i / folded) >= 0.3 and page <= 5 and grown <= 8
    return 0 if good and late <= max(16, 2 * beside_grep) else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
