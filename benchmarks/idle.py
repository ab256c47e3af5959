"""Idle: memory, processor and wake-ups of a dashboard over twenty machines, of a host agent and of a dashboard with one
running guest; against bare Textual and bare asyncio processes of the same seconds.

    python benchmarks/idle.py [SECONDS]       the dashboards only, with SECONDS: an hour shows whether they grow
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path

from dashboard import BARE
from first_paint import instances
from measure import LIMATUI, instance

SECONDS = 20


def pss(pid: int) -> float:
    """Proportional set size in MB."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+)", text, re.M)[1]) / 1000  # type: ignore[index]


def switches(pid: int) -> int:
    """Voluntary context switches of all threads so far."""
    statuses = (task.joinpath("status").read_text() for task in Path(f"/proc/{pid}/task").iterdir())
    return sum(int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", text, re.M)[1]) for text in statuses)  # type: ignore[index]


def dashboard(*argv: str, **environ: str) -> int:
    """The pid of a program in a terminal of its own, whose output is read and thrown away."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(environ, TERM="xterm-256color")
        os.execv(argv[0], argv)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
    threading.Thread(target=_drain, args=(terminal,), daemon=True).start()
    return pid


def busy(pid: int) -> float:
    """Milliseconds of processor of all threads so far."""
    counters = (each.joinpath("schedstat").read_text() for each in Path(f"/proc/{pid}/task").iterdir())
    return sum(int(each.split()[0]) for each in counters) / 1e6


def _drain(terminal: int) -> None:
    with contextlib.suppress(OSError):
        while os.read(terminal, 65536):
            pass


def rates(pids: dict[str, int], seconds: float = SECONDS) -> None:
    """Print memory, processor and wake-ups of each process over some quiet seconds."""
    time.sleep(5)
    before = {name: (switches(pid), busy(pid), pss(pid)) for name, pid in pids.items()}
    time.sleep(seconds)
    for name, pid in pids.items():
        woken, spent, held = before[name]
        print(f"  {name:18} {pss(pid):6.1f} MB PSS ({pss(pid) - held:+.1f})   {(busy(pid) - spent) / seconds:6.2f} ms/s"
              f"   {(switches(pid) - woken) / seconds:5.2f} wake-ups/s")


def end(*pids: int) -> None:
    """End programs."""
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def twenty(seconds: float = SECONDS) -> None:
    """Dashboards over twenty machines: of the demo, which change each second, and real ones that do not run."""
    with tempfile.TemporaryDirectory(prefix="b-", dir="/tmp") as home:
        instances(Path(home), tuple(f"vm-{number:02}" for number in range(20)))
        shown = {"20 demo machines": dashboard(LIMATUI, "--demo", "20"),
                 "20 stopped": dashboard(LIMATUI, LIMA_HOME=home),
                 "bare Textual": dashboard(sys.executable, "-c", BARE)}
        try:
            rates(shown, seconds)
        finally:
            end(*shown.values())


def one() -> None:
    """A running guest, with nobody looking and with somebody."""
    with instance(started=True) as place:
        bare = subprocess.Popen([sys.executable, "-c", "import asyncio; asyncio.run(asyncio.Event().wait())"])
        agent = int((place / "ha.pid").read_text())
        print("nobody looks (goal of the host agent: <= 30 MB, <= 1 wake-up/s)")
        rates({"host agent": agent, "bare asyncio": bare.pid})
        print(f"  memory {pss(agent) / pss(bare.pid):.2f} x bare asyncio")
        shown = dashboard(LIMATUI)
        print("a dashboard asks once a second, and the guest tells its load every two")
        rates({"host agent": agent, "dashboard": shown})
        bare.kill()
        bare.wait()
        end(shown)


if __name__ == "__main__":
    print("dashboards that nobody touches")
    twenty(*map(float, sys.argv[1:]))
    if not sys.argv[1:]:
        one()
