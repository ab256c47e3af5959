"""`limatui start` to READY against bare QEMU with the same argv until `ssh true` succeeds.

`start.py template:build-debian-12 2` measures two rounds of the full Debian guest."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path

from measure import LIMATUI, instance, interleave, tell

ROUNDS = 5
_ARGV: list[str] = []


def ours(directory: Path) -> float:
    begun = time.perf_counter()
    subprocess.run([LIMATUI, "start", "t"], check=True, stderr=subprocess.DEVNULL)
    seconds = time.perf_counter() - begun
    pid = int((directory / "qemu.pid").read_text())
    _ARGV[:] = without_inherited(Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1])
    subprocess.run([LIMATUI, "stop", "t"], check=True, stderr=subprocess.DEVNULL)
    return seconds


def without_inherited(argv: list[str]) -> list[str]:
    """The monitor for our own events is a socket handed over by the host agent: a bare QEMU has none."""
    ours = {number for number, word in enumerate(argv) if "char-events" in word}
    return [word for number, word in enumerate(argv) if not {number, number + 1} & ours]


def bare(directory: Path) -> float:
    begun = time.perf_counter()
    qemu = subprocess.Popen(_ARGV, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ssh = ["ssh", "-F", str(directory / "ssh.config"), "-o", "ControlMaster=no", "-o", "ControlPath=none",
           "-o", "LogLevel=QUIET", "lima-t", "true"]
    try:
        while subprocess.run(ssh, stderr=subprocess.DEVNULL).returncode:
            if qemu.poll() is not None:
                raise SystemExit(f"bare QEMU ended: {qemu.returncode}")
            time.sleep(0.02)
        return time.perf_counter() - begun
    finally:
        qemu.send_signal(signal.SIGTERM)
        qemu.wait()
        for left in ("qemu.pid", "serial.sock", "serialv.sock", "qmp.sock"):
            with contextlib.suppress(FileNotFoundError):
                (directory / left).unlink()


if __name__ == "__main__":
    template, rounds = sys.argv[1:3] if len(sys.argv) == 3 else ("template:tiny", str(ROUNDS))
    with instance(started=False, template=template) as place:
        ours(place)
        results = interleave(int(rounds), limatui=lambda: ours(place), bare_qemu=lambda: bare(place))
    tell("start to READY, later boot (goal <= 1.10)", results, "bare_qemu", "s", 1)
