"""The log viewer: time until the last lines of a gigabyte are there, moving, searching, and following a flood.

Goals: open at the end <= 5 ms, at most `tail -n 50`, and within 2 MB of memory; search (capitals ignored) >= 0.3 of
`grep -c -F`; a page while 100,000 lines a second arrive <= 5 ms.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from limatui.widgets.logfile import Search, Viewer

LINES = 8_000_000
ROUNDS = 5
NEEDLE = "line 06543210 "


def generate(path: Path) -> None:
    """About a gigabyte of lines like those of a host agent."""
    line = (b'{"level":"info","msg":"line %08d of the host agent, with some more text",'
            b'"time":"2026-11-21T01:00:00.123456789Z"}\n')
    with path.open("wb") as file:
        for start in range(0, LINES, 50_000):
            file.write(b"".join(line % number for number in range(start, start + 50_000)))


def milliseconds(work: Callable[[], object]) -> float:
    """Median of five runs."""
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def open_at_end(path: Path) -> None:
    """What the pane does first."""
    viewer = Viewer(path)
    assert len(viewer.page(50).lines) == 50
    viewer.close()


def count(path: Path) -> None:
    """All places of a text."""
    viewer = Viewer(path)
    viewer.page(1)
    search = Search(viewer.file, NEEDLE)
    while not search.done:
        search.scan()
    assert search.count == 1
    viewer.close()


def flood(path: Path) -> float:
    """Milliseconds of a page while the file grows by 5,000 lines each time (20 pages a second: 100,000 lines)."""
    viewer, times = Viewer(path), []
    with path.open("ab") as file:
        for _ in range(40):
            file.write(b"another line of a flood of lines, one of many thousands\n" * 5_000)
            file.flush()
            began = time.perf_counter()
            viewer.page(50)
            times.append((time.perf_counter() - began) * 1000)
    viewer.close()
    return statistics.median(times)


def main() -> int:
    """Print the numbers; 1 when a goal is missed."""
    with tempfile.TemporaryDirectory(prefix="limatui-bench-") as directory:
        path = Path(directory) / "ha.stderr.log"
        generate(path)
        size = path.stat().st_size / 1e9
        memory = psutil.Process().memory_info().rss
        opened, searched = milliseconds(lambda: open_at_end(path)), milliseconds(lambda: count(path))
        grown = (psutil.Process().memory_info().rss - memory) / 1e6
        tail, grep = (milliseconds(lambda argv=argv: subprocess.run([*argv, path], stdout=subprocess.PIPE, check=True))
                      for argv in (("tail", "-n", "50"), ("grep", "-c", "-F", NEEDLE)))
        page = flood(path)
    speed = size / searched * 1000
    print(f"open {size:.2f} GB at end {opened:8.3f} ms   goal <= 5; tail -n 50 takes {tail:.1f} ms")
    print(f"memory            {grown:8.1f} MB   goal <= 2 beside the slice of the search (2)")
    print(f"count a text      {speed:8.2f} GB/s {grep / searched:.2f} of grep -c -F, goal >= 0.3")
    print(f"page in a flood   {page:8.3f} ms   goal <= 5 at 100,000 lines a second")
    return 0 if opened <= min(5, tail) and grep / searched >= 0.3 and page <= 5 and grown <= 4 else 1


if __name__ == "__main__":
    sys.exit(main())
