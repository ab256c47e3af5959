"""`limatui list` against `python -c pass` of the same interpreter, with 1, 10, 100 and 1000 instances.

Goals: table 1.4, 1.5, 1.8, 3.5; `--json` 1.8, 2.2, 6 from 10 on; `-q` 1.3, 1.5, 2 from 10 on. The first call of each
home fills the index and is not counted.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import LIMATUI, interleave, tell, timed

COUNTS = (1, 10, 100, 1000)
ROUNDS = 21
LIMA_YAML = "images:\n- location: /srv/image.qcow2\ncpus: 2\nmemory: 2GiB\ndisk: 20GiB\nmounts:\n- location: /srv\n"


def fill(home: Path, count: int) -> None:
    """Make `count` stopped instances."""
    for number in range(count):
        folder = home / f"machine-{number:04}"
        folder.mkdir()
        (folder / "lima.yaml").write_text(LIMA_YAML)
        (folder / "lima-version").write_text("2.2.0")
        (folder / "ssh.config").write_text(f"Host lima-machine-{number:04}\n  Port {40000 + number}\n")
        (folder / "disk").touch()
    time.sleep(0.2)  # what changed within the last clock ticks is not indexed


def main() -> None:
    """Measure each size and print ratios."""
    for count in COUNTS:
        home = Path(tempfile.mkdtemp(prefix="b-", dir="/tmp"))
        try:
            fill(home, count)
            env = {"LIMA_HOME": str(home), "XDG_CACHE_HOME": str(home / "_cache")}
            begun = time.perf_counter()
            timed(LIMATUI, "list", **env)
            print(f"{count} instances, without index: {1000 * (time.perf_counter() - begun):.0f} ms")
            results = interleave(
                ROUNDS,
                python=lambda: timed(sys.executable, "-c", "pass"),
                table=lambda env=env: timed(LIMATUI, "list", **env),
                json=lambda env=env: timed(LIMATUI, "list", "--json", **env),
                quiet=lambda env=env: timed(LIMATUI, "list", "-q", **env),
            )
            tell(f"{count} instances", results, "python")
        finally:
            shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error.cmd} failed with {error.returncode}")
