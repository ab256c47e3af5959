"""`limatui copy` of one large file and of 2000 small ones against `scp` through the same ssh master, both ways."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from measure import LIMATUI, instance, interleave, tell, timed

MEGABYTES, FILES = 1000, 2000


def fill(here: Path, megabytes: int) -> None:
    """What is copied: it does not compress, and no block is like another."""
    with (here / "large").open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(1_000_000))
    (here / "small").mkdir()
    for number in range(FILES):
        (here / f"small/{number}").write_bytes(os.urandom(2000))


def fresh(config: str, here: Path, *argv: str) -> float:
    """Seconds of a copy to where nothing is yet."""
    timed("ssh", "-F", config, "lima-t", "rm -rf there")
    shutil.rmtree(here / "back", ignore_errors=True)
    (here / "back").unlink(missing_ok=True)
    return timed(*argv)


def ways(config: str, here: Path, name: str) -> dict[str, dict[str, Callable[[], float]]]:
    """Each direction of one thing: the programs that copy it."""
    run, ours, source = partial(fresh, config, here), (LIMATUI, "copy", "-r"), str(here / name)
    scp = ("scp", "-F", config, "-q", "-r", "--")
    return {
        "to the guest": {
            "sftp": lambda: run(*ours, "--backend=sftp", source, "t:there"),
            "auto": lambda: run(*ours, source, "t:there"),
            "scp": lambda: run(*scp, source, "lima-t:there"),
        },
        "from the guest": {
            "sftp": lambda: run(*ours, "--backend=sftp", f"t:{name}", str(here / "back")),
            "scp": lambda: run(*scp, f"lima-t:{name}", str(here / "back")),
        },
    }


def measure(title: str, config: str, here: Path, name: str, rounds: int) -> None:
    """Both directions; what comes from the guest is brought there first."""
    timed("scp", "-F", config, "-q", "-r", "--", str(here / name), "lima-t:")
    for direction, variants in ways(config, here, name).items():
        tell(f"{title} {direction}", interleave(rounds, **variants), "scp", "s", 1)


def main(rounds: int, megabytes: int) -> None:
    with instance(started=True) as place, tempfile.TemporaryDirectory(prefix="b-") as folder:
        config, here = str(place / "ssh.config"), Path(folder)
        fill(here, megabytes)
        measure(f"{FILES} files of 2 kB", config, here, "small", rounds)
        measure(f"{megabytes} MB in one file", config, here, "large", rounds)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3, int(sys.argv[2]) if len(sys.argv) > 2 else MEGABYTES)
