"""Host agent and dashboard, idle, with one running guest: memory and wake-ups, against a bare asyncio process."""

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
import termios
import threading
import time
from pathlib import Path

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


def dashboard() -> int:
    """The pid of a dashboard in a terminal of its own, whose output is read and thrown away."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execv(LIMATUI, [LIMATUI])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
    threading.Thread(target=_drain, args=(terminal,), daemon=True).start()
    return pid


def _drain(terminal: int) -> None:
    with contextlib.suppress(OSError):
        while os.read(terminal, 65536):
            pass


def rates(pids: dict[str, int]) -> None:
    """Print memory and wake-ups of each process over some quiet seconds."""
    time.sleep(5)
    before = {name: switches(pid) for name, pid in pids.items()}
    time.sleep(SECONDS)
    for name, pid in pids.items():
        rate = (switches(pid) - before[name]) / SECONDS
        print(f"  {name:14} {pss(pid):6.1f} MB PSS   {rate:5.2f} wake-ups/s")


if __name__ == "__main__":
    with instance(started=True) as place:
        bare = subprocess.Popen([sys.executable, "-c", "import asyncio; asyncio.run(asyncio.Event().wait())"])
        agent = int((place / "ha.pid").read_text())
        print("nobody looks (goal of the host agent: <= 30 MB, <= 1 wake-up/s)")
        rates({"host agent": agent, "bare asyncio": bare.pid})
        print(f"  memory {pss(agent) / pss(bare.pid):.2f} x bare asyncio")
        shown = dashboard()
        print("a dashboard asks once a second, and the guest tells its load every two")
        rates({"host agent": agent, "dashboard": shown})
        bare.kill()
        bare.wait()
        os.kill(shown, signal.SIGTERM)
        os.waitpid(shown, 0)
