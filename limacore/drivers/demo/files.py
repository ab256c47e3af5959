"""The real files behind demo machines: serial logs, agent logs, lima.yaml, in a directory of their own."""

from __future__ import annotations

import time
from pathlib import Path

from limacore.base.files import write_atomic
from limacore.drivers.demo import boot
from limacore.drivers.demo.world import Machine
from limacore.model.instance import Status
from limacore.model.logfile import LogFile

_YAML = """\
# A demo instance: nothing here starts a machine
images:
- location: "https://cloud.debian.org/images/cloud/trixie/latest/debian-13-generic-amd64.qcow2"
  arch: "x86_64"
cpus: {cpus}
memory: "{memory}GiB"
disk: "{disk}GiB"
mountType: reverse-sshfs
mounts:
- location: "~"
- location: "/tmp/lima"
  writable: true
portForwards:
- guestPort: 80
  hostPort: 8080
provision:
- mode: system
  script: |
    #!/bin/bash
    set -eux -o pipefail
    apt-get install -y nginx
env:
  HTTP_PROXY: ""
"""


def yaml(machine: Machine) -> str:
    """The lima.yaml of a machine."""
    return _YAML.format(cpus=machine.cpus, memory=machine.memory >> 30, disk=machine.disk >> 30)


def prepare(home: Path, machine: Machine, now: float) -> Path:
    """Make the files of a machine unless they exist; returns its directory."""
    directory = home / machine.name
    if directory.is_dir():
        return directory
    directory.mkdir(parents=True)
    write_atomic(directory / "lima.yaml", yaml(machine))
    write_atomic(directory / "serial.log", _serial_so_far(machine, now))
    write_atomic(directory / "ha.stderr.log", _agent_log(machine))
    return directory


def _serial_so_far(machine: Machine, now: float) -> str:
    if machine.status is Status.STARTING:
        return boot.serial(machine.name, -1, now - machine.started_at, machine.scale)
    return boot.serial(machine.name, -1, boot.total()) if machine.status.is_up else ""


def _agent_log(machine: Machine) -> str:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(machine.started_at))
    said = [
        ("info", f"Starting QEMU (hint: to watch the boot, see {machine.name}/serial.log)"),
        ("info", f"SSH Local Port: {machine.ssh_port}"),
        ("warning", "falling back to tcg: kvm cannot run a guest"),
        ("info", "Waiting for the essential requirement 1 of 2: ssh"),
        *(("error", text) for text in machine.errors),
    ]
    return "".join(f'{{"level":"{level}","msg":"{text}","time":"{stamp}"}}\n' for level, text in said)


def begin_serial(directory: Path) -> None:
    """A new boot begins: the log of the last one is kept."""
    log = directory / "serial.log"
    if log.exists() and log.stat().st_size:
        log.replace(directory / "serial.1.log")
    log.touch()


def forget_logs(directory: Path) -> None:
    """What boots left goes; lima.yaml stays."""
    for log in logs(directory):
        log.path.unlink()


def append_serial(directory: Path, data: str | bytes) -> None:
    """The serial port printed something."""
    raw = data.encode() if isinstance(data, str) else data
    if raw:
        with (directory / "serial.log").open("ab") as log:
            log.write(raw)


def logs(directory: Path, began: float = 0.0) -> tuple[LogFile, ...]:
    """The logs that exist."""
    known = (LogFile("serial", directory / "serial.log", began=began),
             LogFile("ha.stderr", directory / "ha.stderr.log", json=True),
             LogFile("serial, boot before", directory / "serial.1.log"))
    return tuple(log for log in known if log.path.exists())
