"""`limatui start` of a suspended machine until a command in its guest has run, against a boot of the same guest.

The full Debian guest by default; `tiny` as an argument takes the tiny one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import LIMATUI, tell

ROUNDS = 3


def limatui(*words: str) -> None:
    subprocess.run([LIMATUI, *words], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def until_shell() -> float:
    """Seconds of a start and one command."""
    begun = time.perf_counter()
    limatui("start", "--tty=false", "--timeout=30m", "s")
    limatui("shell", "s", "true")
    return time.perf_counter() - begun


def suspend() -> float:
    begun = time.perf_counter()
    limatui("suspend", "s")
    return time.perf_counter() - begun


def main(template: str) -> None:
    home = Path(tempfile.mkdtemp(prefix="b-", dir="/tmp"))
    os.environ["LIMA_HOME"] = str(home)
    results: dict[str, list[float]] = {"boot": [], "suspend": [], "resume": []}
    try:
        limatui("create", "--tty=false", "--name=s", template)
        until_shell()  # the first boot does more than the others
        limatui("stop", "s")
        results["boot"] = [until_shell()] * ROUNDS
        for _ in range(ROUNDS):
            results["suspend"].append(suspend())
            results["resume"].append(until_shell())
    finally:
        subprocess.run([LIMATUI, "delete", "-f", "s"], stderr=subprocess.DEVNULL)
        shutil.rmtree(home, ignore_errors=True)
    tell("suspended to a working shell, against a later boot (goal <= 1/12)", results, "boot", "s", 1)
    print(f"  a boot takes {results['boot'][0] / sorted(results['resume'])[ROUNDS // 2]:.1f} times as long")


if __name__ == "__main__":
    main("template:tiny" if "tiny" in sys.argv[1:] else "template:build-debian-12")
