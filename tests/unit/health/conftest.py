"""A home with instances in any condition, and processes that look like theirs."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from limacore.base.log import rfc3339_nano
from limacore.model.finding import Finding
from limacore.paths import HomePaths, InstancePaths
from tests.instances import named

YAML = """\
images:
- location: /nowhere/image.qcow2
  arch: x86_64
arch: x86_64
vmType: qemu
mounts: []
disk: 1GiB
containerd: {user: false, system: false}
"""


class House:
    """A Lima home under a test's control."""

    def __init__(self, home: Path) -> None:
        self.paths = HomePaths(home)

    def add(self, name: str = "a", more: str = "", yaml: str = YAML) -> InstancePaths:
        """An instance with a disk of the right size."""
        made = InstancePaths(self.paths.home / name)
        made.dir.mkdir(mode=0o700)
        made.lima_yaml.write_text(yaml + more)
        qemu_img("create", "-q", "-f", "qcow2", made.disk, "1G")
        return made

    def disk(self, name: str) -> Path:
        """An additional disk."""
        folder = self.paths.disks / name
        folder.mkdir(parents=True, mode=0o700)
        qemu_img("create", "-q", "-f", "qcow2", folder / "datadisk", "1M")
        return folder


def qemu_img(*words: object) -> None:
    subprocess.run(["qemu-img", *map(str, words)], check=True, capture_output=True)


@contextlib.contextmanager
def process(*argv: object, pid_file: Path | None = None) -> Iterator[int]:
    """A living process whose command line has these words; a pid file names it when one is given."""
    child = subprocess.Popen(["sh", "-c", "sleep 100; exit", *map(str, (*argv, *([pid_file] if pid_file else [])))])
    try:
        named(child, "sleep 100")
        if pid_file:
            pid_file.write_text(f"{child.pid}\n")
        yield child.pid
    finally:
        child.kill()
        child.wait()


def event(paths: InstancePaths, status: str) -> None:
    """The agent says something now."""
    import time

    with paths.ha_stdout.open("a") as file:
        file.write(f'{{"time":"{rfc3339_nano(time.time_ns())}","status":{status}}}\n')


def only(findings: object, id: str) -> Finding:
    """The one finding of that kind."""
    found = [each for each in findings if each.id == id]  # type: ignore[attr-defined]
    assert len(found) == 1, findings
    one: Finding = found[0]
    assert one.what and one.evidence
    assert not one.repairable or one.paths
    return one


@pytest.fixture
def house(lima_home: Path) -> House:
    lima_home.chmod(0o700)
    return House(lima_home)
