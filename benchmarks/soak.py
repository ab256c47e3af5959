"""N start and stop cycles of one instance: whether later ones are slower, and what they leave behind or let grow."""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from measure import LIMATUI, instance

ENDS = 10
ENDINGS = (".pid", ".sock", ".tmp")


def cycle() -> tuple[float, float]:
    """Seconds of one start and of the stop after it."""
    times = []
    for verb in ("start", "stop"):
        begun = time.perf_counter()
        done = subprocess.run([LIMATUI, verb, "t"], capture_output=True, text=True)
        times.append(time.perf_counter() - begun)
        if done.returncode:
            raise SystemExit(f"{verb} failed after {times[-1]:.1f} s: {done.stderr}")
    return times[0], times[1]


def left_behind(home: Path) -> list[str]:
    """Sockets, pid files, half-made things and processes of a home in which nothing should run."""
    files = [path.name for path in home.rglob("*") if path.name.endswith(ENDINGS) or path.name.startswith(".create-")]
    return files + list(processes(home))


def usage(home: Path) -> Counter[str]:
    """Allocated bytes of each file."""
    return Counter({str(path.relative_to(home)): 512 * path.stat().st_blocks
                    for path in home.rglob("*") if path.is_file() and not path.is_symlink()})


def processes(home: Path) -> Iterator[str]:
    """Command lines that name the home."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if f"{home}/" in words:
                yield words[:120]


def tell(cycles: list[tuple[float, float]]) -> None:
    for number, verb in enumerate(("start", "stop")):
        times = [each[number] for each in cycles]
        first, last = statistics.median(times[:ENDS]), statistics.median(times[-ENDS:])
        print(f"  {verb:6} median {statistics.median(times):6.2f} s (max {max(times):.2f})   "
              f"first ten {first:6.2f} s   last ten {last:6.2f} s   last/first {last / first:.2f}")


def main(count: int) -> None:
    with instance(started=False) as place:
        home = place.parent
        before, mid = usage(home), Counter[str]()
        cycles: list[tuple[float, float]] = []
        left: Counter[str] = Counter()
        with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C tells of what has been done so far
            for number in range(count):
                cycles.append(cycle())
                left.update(left_behind(home))
                if number == min(9, count // 2):
                    mid = usage(home)
                print(f"  cycle {number + 1}: start {cycles[-1][0]:.1f} s, stop {cycles[-1][1]:.1f} s", file=sys.stderr)
        after = usage(home)
    print(f"{len(cycles)} cycles")
    tell(cycles)
    print(f"  left behind: {dict(left) or 'nothing'}")
    grown = after - mid
    print(f"  the home: {sum(before.values()) >> 10} KB created, {sum(mid.values()) >> 10} KB after ten cycles, "
          f"{sum(after.values()) >> 10} KB at the end")
    for name, size in grown.most_common(5):
        print(f"    {name} grew by {size >> 10} KB since")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
