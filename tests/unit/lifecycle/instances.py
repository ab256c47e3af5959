"""Instances on disk as tests want them: real lima.yaml, real disks, and processes that are provably theirs."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from limacore.model.job import Progress
from limacore.paths import HomePaths, InstancePaths
from tests.instances import named

_NOBODY = 65534
YAML = "# kept\nimages: [{location: /nowhere.qcow2}]\nvmType: qemu\nmounts: []\n"


def quiet(progress: Progress) -> None:
    """Takes progress and says nothing."""


def make(home: HomePaths, name: str = "a", *, yaml: str = YAML, disk: str = "overlay") -> InstancePaths:
    """An instance with a disk of 1 MiB: `overlay` (base, overlay and link), `qcow2`, `raw` or none."""
    paths = home.instance(name)
    paths.dir.mkdir(mode=0o700, parents=True)
    paths.lima_yaml.write_text(yaml)
    paths.lima_version.write_text("2.2.0")
    paths.lima_version.chmod(0o444)
    if disk == "overlay":
        qemu_img("create", "-q", "-f", "raw", "basedisk", "1M", cwd=paths.dir)
        qemu_img("create", "-q", "-f", "qcow2", "-F", "raw", "-b", "basedisk", "diffdisk", cwd=paths.dir)
        paths.disk.symlink_to("diffdisk")
    elif disk:
        qemu_img("create", "-q", "-f", disk, "disk", "1M", cwd=paths.dir)
    return paths


def qemu_img(*words: str, cwd: Path) -> str:
    """What qemu-img prints."""
    return subprocess.run(["qemu-img", *words], cwd=cwd, check=True, capture_output=True, text=True).stdout


@contextlib.contextmanager
def running(paths: InstancePaths, *files: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that names the instance, and whose pid stands in the given files."""
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()", f"{paths.dir}/disk"],
                             stdin=subprocess.PIPE)
    named(child, paths.dir)
    for name in files:
        (paths.dir / name).write_text(f"{child.pid}\n")
    try:
        yield child
    finally:
        child.communicate()


def tree(directory: Path) -> dict[str, str]:
    """Everything below a directory: modes, targets of links, contents."""
    found = {}
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_dir():
            found[name] = f"{path.stat().st_mode & 0o777:04o} directory"
        elif not path.is_file():
            found[name] = "special"
        else:
            content = path.read_bytes() if path.stat().st_size < 1000 else b"..."
            found[name] = f"{path.stat().st_mode & 0o777:04o} {content!r}"
    return found


def names(home: HomePaths) -> list[str]:
    """What is in a home, hidden entries too, without `_config` and the like."""
    return sorted(path.name for path in home.home.iterdir() if not path.name.startswith("_"))


@contextlib.contextmanager
def process(*words: str, cwd: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Some program that has nothing to do with an instance; killed at the end."""
    child = subprocess.Popen(words, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    named(child, words[-1])
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def as_nobody(directory: Path, script: str) -> None:
    """Run Python code as a user who is not root, who owns `directory`."""
    if os.geteuid() == 0:
        for path in (directory, *directory.rglob("*")):
            os.chown(path, _NOBODY, _NOBODY, follow_symlinks=False)
        script = f"import os\nos.setgroups([])\nos.setgid({_NOBODY})\nos.setuid({_NOBODY})\n{script}"
    subprocess.run([sys.executable, "-c", script], check=True, env={**os.environ, "HOME": "/nonexistent"})
