"""What causes are made with: QEMU as it is, an instance of the tiny guest that may be broken, the list of causes."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

from limacore.config import edit
from limacore.paths import cache_dir
from tests.vm.conftest import Cli, processes_of

LIMIT = 240.0
"""Seconds that a boot may take to come to its end."""
TCG = ("-machine", "q35,vmport=off", "-accel", "tcg", "-cpu", "max", "-m", "512", "-display", "none", "-no-reboot",
       "-nic", "none")
AARCH64 = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 2, 183, 1) + bytes(4096)
"""The head of a program for another processor."""
Make = Callable[[Path], Path]
CAUSES: dict[str, Make] = {}


def cause(make: Make) -> Make:
    """A function that breaks something below a folder and returns the log that came of it."""
    CAUSES[make.__name__.replace("_", "-")] = make
    return make


def boot(folder: Path, *options: object, until: str, kvm: bool = False) -> Path:
    """Run QEMU until its console or its stderr says `until`, and a moment longer; the console's log."""
    log, errors = folder / "serial.log", folder / "qemu.stderr.log"
    argv = ["qemu-system-x86_64", *(() if kvm else TCG), "-serial", f"file:{log}", *map(str, options)]
    with errors.open("wb") as stderr, subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=stderr) as process:
        said = _said(log, until, process)
        time.sleep(1 if said else 0)
        process.kill()
    return log


def _said(log: Path, until: str, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline and process.poll() is None:
        if log.exists() and re.search(until.encode(), log.read_bytes()):
            return True
        time.sleep(0.1)
    return False


def tiny(part: str) -> Path:
    """A part of the tiny image in the cache: `kernel`, `initrd`, `image`."""
    return next(iter(sorted(cache_dir().glob(f"build/tiny-*/{part}"))))


def empty(folder: Path, size: int = 64 << 20) -> Path:
    """A disk of nothing."""
    disk = folder / "empty.raw"
    with disk.open("wb") as file:
        file.truncate(size)
    return disk


def drive(disk: Path) -> tuple[str, ...]:
    """A disk to boot from."""
    return ("-drive", f"file={disk},format=raw,if=none,id=d", "-device", "virtio-blk-pci,drive=d,bootindex=1")


def with_init(folder: Path, init: bytes) -> Path:
    """An initial RAM disk whose /init is this program."""
    root = folder / "root"
    (root / "dev").mkdir(parents=True, exist_ok=True)
    (root / "init").write_bytes(init)
    (root / "init").chmod(0o755)
    names = "\n".join(str(each.relative_to(root)) for each in root.rglob("*"))
    made = folder / "initrd"
    with made.open("wb") as file:
        subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=root, input=names.encode(), stdout=file, check=True)
    return made


class Broken:
    """An instance `t` of the tiny guest in a home of its own, its names in logs replaced."""

    def __init__(self, home: Path) -> None:
        self.cli = Cli(home)
        self.dir = home / "t"

    def yaml(self, text: str) -> None:
        """Replace or add top-level keys."""
        file = self.dir / "lima.yaml"
        changed = yaml.safe_load(text)
        assert isinstance(changed, dict)
        file.write_text(edit.set_fields(file.read_text(), changed))

    def start(self, seconds: int = 30, **env: str) -> str:
        """Start it; what was said."""
        done = self.cli("start", "t", f"--timeout={seconds}s", check=False, timeout=seconds + 90, **env)
        return done.stderr

    def inside(self, command: str) -> None:
        self.cli("shell", "t", "sudo", "sh", "-c", command, check=False)

    def keep(self, folder: Path, name: str) -> Path:
        text = (self.dir / name).read_bytes().replace(os.fsencode(self.dir), b"@DIR@")
        kept = folder / name
        kept.write_bytes(text)
        return kept


@contextlib.contextmanager
def instance(template: str = "template:tiny", create: bool = True) -> Iterator[Broken]:
    """A stopped instance; what still runs of it at the end is killed."""
    with tempfile.TemporaryDirectory(prefix="l-", dir="/tmp") as home:
        made = Broken(Path(home))
        try:
            if create:
                made.cli("create", "--name=t", template, timeout=900)
            yield made
        finally:
            for pid in processes_of(Path(home)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.5)


def wait(log: Path, text: str, limit: float = 60.0) -> None:
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline and not (log.exists() and re.search(text.encode(), log.read_bytes())):
        time.sleep(0.2)
