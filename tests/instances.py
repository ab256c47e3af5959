"""Instances as the reference tool leaves them, small enough to be made for each test."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Any

YAML = """\
images:
- location: "{image}"
  arch: x86_64
vmType: qemu
arch: x86_64
cpus: 1
disk: 1GiB
containerd: {{system: false, user: false}}
"""


def named(child: subprocess.Popen[Any], word: object) -> None:
    """Wait until the command line of a new process says `word`: for a moment after its start it is empty."""
    while os.fsencode(str(word)) not in Path(f"/proc/{child.pid}/cmdline").read_bytes():
        assert child.poll() is None
        time.sleep(0.005)


def make_instance(home: Path, name: str = "one", format: str = "qcow2") -> Path:
    """lima.yaml, its version, and a disk, stopped; returns the directory."""
    folder = home / name
    folder.mkdir()
    image = home / "image.qcow2"
    for path, kind in ((image, "qcow2"), (folder / "disk", format)):
        subprocess.run(["qemu-img", "create", "-q", "-f", kind, str(path), "1G"], check=True)
    (folder / "lima.yaml").write_text(YAML.format(image=image))
    (folder / "lima-version").write_text("2.2.0")
    return folder
