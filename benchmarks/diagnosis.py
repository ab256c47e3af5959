"""Finding the cause in logs: one mebibyte of a real console, and of a host agent's log that tries again and again.

Goals: a console within 10 ms and a tenth of what the same rules cost as plain searches in every line; an agent's log
within 50 ms. A boot that fails is looked at once a second.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

from measure import interleave, tell

from limacore.diagnosis import console
from limacore.diagnosis.diagnose import Boot, Text, diagnose

LOGS = Path(__file__).parents[1] / "tests/unit/diagnosis/logs"
MIB = 1 << 20


def filled(name: str) -> bytes:
    """A log again and again, a mebibyte in all."""
    whole = (LOGS / name).read_bytes()
    return (whole * (MIB // len(whole) + 1))[:MIB]


def timed(boot: Boot) -> float:
    """Seconds of one diagnosis."""
    begun = time.perf_counter()
    diagnose(boot)
    return time.perf_counter() - begun


def plainly(log: bytes) -> float:
    """Seconds of the same patterns searched in every line."""
    patterns = [re.compile(rule.pattern) for rule in console.RULES]
    begun = time.perf_counter()
    for line in log.decode(errors="replace").splitlines():
        for pattern in patterns:
            pattern.search(line)
    return time.perf_counter() - begun


def main() -> None:
    """Print the medians."""
    healthy, agent = filled("healthy-debian.serial.log"), filled("ssh-auth-failed.ha.log")
    tell("one MiB of log", interleave(
        7, plain=lambda: plainly(healthy),
        console=lambda: timed(Boot("t", consoles=(Text("serial.log", healthy),))),
        agent=lambda: timed(Boot("t", agent=Text("ha.stderr.log", agent))),
    ), "plain")


if __name__ == "__main__":
    main()
