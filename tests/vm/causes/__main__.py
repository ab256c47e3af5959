"""Record the logs of causes: `python -m tests.vm.causes FOLDER [NAME ...]`."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from limacore.diagnosis.console import RULES
from tests.vm.causes import debian, firmware, guest, host, kernel
from tests.vm.causes.bench import CAUSES

KINDS = (firmware, kernel, host, guest, debian)
"""Each puts its causes into CAUSES when it is imported."""


def main(argv: list[str]) -> int:
    """Record the named causes, or all."""
    folder = Path(argv[0]).resolve()
    for name in argv[1:] or CAUSES:
        with tempfile.TemporaryDirectory(prefix="cause-", dir="/tmp") as scratch:
            began = time.monotonic()
            try:
                CAUSES[name](Path(scratch))
                for log in (each for each in Path(scratch).glob("*.log") if each.stat().st_size):
                    whole = name.startswith("healthy")
                    kept = log.read_bytes() if whole else trimmed(log.read_bytes())
                    (folder / f"{name}{_ending(log)}").write_bytes(kept)
            except (OSError, subprocess.SubprocessError, AssertionError) as error:
                print(f"{name}: {error!r}")
            print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
    return 0


_TELLING = re.compile(b"|".join(re.escape(key) for rule in RULES for key in rule.keys))


def trimmed(log: bytes) -> bytes:
    """The first lines of a log, those that may tell something, and its end."""
    lines = log.split(b"\n")
    kept = [line for number, line in enumerate(lines)
            if number < 5 or number > len(lines) - 30 or _TELLING.search(line)]
    return b"\n".join(line for line in kept if b'"starting QEMU' not in line)


def _ending(log: Path) -> str:
    return {"serial.log": ".serial.log", "qemu.stderr.log": ".qemu.log"}.get(log.name, ".ha.log")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
