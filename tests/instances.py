"""Instances as the reference tool leaves them, small enough to be made for each test."""

from __future__ import annotations

import subprocess
from pathlib import Path

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
