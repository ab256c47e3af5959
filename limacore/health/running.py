"""What runs of an instance, what crashed processes of it left, and its port."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from limacore.base import notice
from limacore.base.proc import ProcessIdentity, identity
from limacore.drivers.qemu.failures import owner
from limacore.health.place import is_held
from limacore.model.finding import Finding, Severity
from limacore.model.instance import Instance, Status
from limacore.paths import InstancePaths
from limacore.store import scan
from limacore.store.disklocks import DRIVERS
from limacore.store.evidence import process_fact

_RUNTIME = (".sock", ".pid", ".tmp")


def processes(paths: InstancePaths, instance: Instance, table: Sequence[ProcessIdentity]) -> Iterator[Finding]:
    """What runs of it, against what should; `table`: all processes of this computer."""
    subject, kill = f"instance {paths.name}", f"{notice.program()} stop -f {paths.name}"
    if instance.status is Status.ORPHAN_QEMU:
        yield Finding(id="orphan-vm", severity=Severity.ERROR, subject=subject,
                      what="its machine runs without a host agent", evidence=instance.evidence,
                      why="nobody forwards ports, mounts directories or shuts it down in order",
                      fix=f"shut it down from inside (console), else: {kill}")
    elif instance.status is Status.ORPHAN_AGENT:
        yield Finding(id="orphan-agent", severity=Severity.ERROR, subject=subject,
                      what="its host agent runs without a machine", evidence=instance.evidence,
                      why="the machine ended and the agent did not notice", fix=kill)
    elif instance.status is Status.BROKEN and instance.ha_pid:
        yield Finding(id="agent-silent", severity=Severity.ERROR, subject=subject,
                      what="its host agent does not answer", evidence=instance.evidence,
                      why="it hangs, or somebody removed its socket", fix=kill)
    if not instance.ha_pid and not instance.driver_pid:
        yield from _unlisted(paths, subject, table)
    if is_held(paths.dir) and instance.status is Status.STOPPED:
        yield Finding(id="busy", severity=Severity.NOTE, subject=subject, what="another command is working on it",
                      evidence=tuple(_holders(paths.dir)) or ("its directory is locked",))


def _unlisted(paths: InstancePaths, subject: str, table: Sequence[ProcessIdentity]) -> Iterator[Finding]:
    """Processes of the instance that no pid file names."""
    own = {str(paths.ha_pid), *(str(paths.driver_pid(driver)) for driver in DRIVERS)}
    for each in table:
        if own & set(each.argv):
            yield Finding(id="process-unlisted", severity=Severity.ERROR, subject=subject,
                          what=f"`{Path(each.argv[0]).name}` (pid {each.pid}) of it runs, and no pid file says so",
                          evidence=(f"its command line names `{paths.dir}`",),
                          why="it holds the disk, so the instance cannot start", fix=f"kill {each.pid}")


def all_processes() -> tuple[ProcessIdentity, ...]:
    """Every process of this computer but this one, as far as we may see them."""
    pids = (int(entry.name) for entry in Path("/proc").glob("[0-9]*"))
    return tuple(found for pid in pids if pid != os.getpid() and (found := identity(pid)) and found.argv)


def _holders(path: Path) -> Iterator[str]:
    """Who holds the lock of a directory, by the table of the kernel."""
    inode = str(path.stat().st_ino)
    try:
        lines = Path("/proc/locks").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        words = line.split()
        if words[1] == "FLOCK" and words[5].rpartition(":")[2] == inode:
            found = identity(int(words[4]))
            yield f"pid {words[4]} holds its lock" + (f": {' '.join(found.argv)[:100]}" if found else "")


def leftovers(paths: InstancePaths, instance: Instance) -> Iterator[Finding]:
    """Pid files and sockets of processes that are gone."""
    if instance.ha_pid or instance.driver_pid or is_held(paths.dir):
        return
    entries = sorted(each for each in paths.dir.iterdir() if each.name.endswith(_RUNTIME))
    pids = [each for each in entries if each.suffix == ".pid"]
    if pids:
        yield Finding(id="pid-stale", severity=Severity.WARNING, subject=f"instance {paths.name}",
                      what=f"it does not run, but {_names(pids)} is there", evidence=tuple(_told(paths, pids)),
                      why="the computer or a process crashed; limactl may take the instance for running or broken",
                      fix=_remove(pids), repairable=True, paths=tuple(map(str, pids)))
    others = [each for each in entries if each not in pids]
    if others:
        yield Finding(id="socket-stale", severity=Severity.NOTE, subject=f"instance {paths.name}",
                      what=f"it does not run, but {_names(others)} is there",
                      evidence=("nobody listens there",), why="a crash left it; the next start removes it",
                      fix=_remove(others), repairable=True, paths=tuple(map(str, others)))


def _told(paths: InstancePaths, pids: Iterable[Path]) -> Iterator[str]:
    for path in pids:
        fact = process_fact(path, paths.dir)
        if fact.problem:
            yield fact.problem
        elif fact.stranger:
            yield f"{path.name} names process {fact.named}, which is another program"
        else:
            yield f"{path.name} names process {fact.named}, which does not exist"


def _names(files: Iterable[Path]) -> str:
    return ", ".join(f"`{path.name}`" for path in files)


def _remove(files: Iterable[Path]) -> str:
    return "rm " + " ".join(f"'{path}'" for path in files)


def port(paths: InstancePaths, instance: Instance) -> Iterator[Finding]:
    """The ssh port: fixed and taken by another, or recorded wrong."""
    subject = f"instance {paths.name}"
    fixed = instance.config.ssh.local_port if instance.config else 0
    if fixed and instance.status is Status.STOPPED and _is_taken(fixed):
        yield Finding(id="port-taken", severity=Severity.WARNING, subject=subject,
                      what=f"its ssh port {fixed} is in use{owner(fixed)}",
                      evidence=(f"127.0.0.1:{fixed} cannot be bound",), why="it cannot start now",
                      fix="end that program, or set `ssh.localPort: 0` in lima.yaml")
    recorded, _ = scan.read_port(paths.ssh_config) if paths.ssh_config.exists() else (0, "")
    if instance.status is Status.RUNNING and recorded and recorded != instance.ssh_port:
        yield Finding(id="ssh-config-stale", severity=Severity.WARNING, subject=subject,
                      what=f"ssh.config names port {recorded}, the guest is at {instance.ssh_port}",
                      evidence=(f"`{paths.ssh_config}`",),
                      why="`ssh -F` with that file reaches nobody, or another guest",
                      fix=f"{notice.program()} stop {paths.name} && {notice.program()} start {paths.name}")


def _is_taken(number: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError:
            return True
    return False


def shared_ports(instances: Iterable[Instance]) -> Iterator[Finding]:
    """Instances that want the same port and so cannot run at the same time."""
    users: dict[int, list[str]] = {}
    for each in instances:
        if each.config and each.config.ssh.local_port:
            users.setdefault(each.config.ssh.local_port, []).append(each.name)
    for number, names in users.items():
        if len(names) > 1:
            yield Finding(id="port-shared", severity=Severity.WARNING, subject=f"instance {names[-1]}",
                          what=f"it has the same ssh port, {number}, as `{'`, `'.join(names[:-1])}`",
                          evidence=(f"`ssh.localPort: {number}` in each lima.yaml",), why="only one of them can run",
                          fix="set `ssh.localPort: 0` in all but one")
