"""How the benchmarks time and tell: interleaved rounds, medians, a ratio against a baseline of the same run."""

from __future__ import annotations

import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

LIMATUI = str(Path(sys.executable).with_name("limatui"))


def interleave(rounds: int, **variants: Callable[[], float]) -> dict[str, list[float]]:
    """Call each variant once a round; each returns what it measured."""
    results: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, variant in variants.items():
            results[name].append(variant())
    return results


def timed(*argv: str, **env: str) -> float:
    """Seconds of a whole process that must succeed."""
    begun = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **env})
    return time.perf_counter() - begun


def tell(title: str, results: dict[str, list[float]], baseline: str, unit: str = "ms", scale: float = 1000) -> None:
    """Print medians, ranges and ratios; the ratio is the median of the pairwise ones."""
    print(title)
    for name, values in results.items():
        pairs = [value / base for value, base in zip(values, results[baseline], strict=True)]
        low, middle, high = min(values) * scale, statistics.median(values) * scale, max(values) * scale
        print(f"  {name:28} {middle:9.1f} {unit} ({low:.1f}-{high:.1f})   {statistics.median(pairs):6.2f} x {baseline}")


@contextlib.contextmanager
def instance(*, started: bool, template: str = "template:tiny") -> Iterator[Path]:
    """The directory of a created instance `t`, of the tiny guest if not told otherwise; running if asked for,
    removed afterwards."""
    home = Path(tempfile.mkdtemp(prefix="b-", dir="/tmp"))
    os.environ["LIMA_HOME"] = str(home)
    try:
        subprocess.run([LIMATUI, "create", "--name=t", template], check=True, stderr=subprocess.DEVNULL)
        if started:
            subprocess.run([LIMATUI, "start", "t"], check=True, stderr=subprocess.DEVNULL)
        yield home / "t"
    finally:
        subprocess.run([LIMATUI, "delete", "-f", "t"], stderr=subprocess.DEVNULL)
        shutil.rmtree(home, ignore_errors=True)
