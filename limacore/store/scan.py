"""All instances of a home as they are now; made to be asked once a second."""

from __future__ import annotations

import functools
import os
import time
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from limacore.base.units import parse_size
from limacore.config.load import Loaded, load
from limacore.config.setting import is_initialised, recorded_version
from limacore.config.written import written
from limacore.errors import LimaError, NotFoundError, UsageError
from limacore.model.agentstatus import HostInfo
from limacore.model.config import Config
from limacore.model.instance import Instance, Status, Usage
from limacore.paths import HomePaths, InstancePaths, check_instance_name
from limacore.store import view
from limacore.store.evidence import facts
from limacore.store.instances import Facts, Verdict, judge

_ASK_AGAIN = 5.0
"""Seconds after which a host agent that answered is asked again: asking wakes it."""
_SECTOR = 512
State = tuple[int, int, int]


class _Answer(Struct):
    identity: str
    at: float
    info: HostInfo


class Memory:
    """What the last scans learnt, so that the next one reads only what changed."""

    def __init__(self) -> None:
        self.configs: dict[Path, tuple[tuple[State, ...], Loaded]] = {}
        self.answers: dict[Path, _Answer] = {}
        self.ports: dict[Path, tuple[State, tuple[int, str]]] = {}
        self.messages: dict[Path, tuple[tuple[object, ...], str, str]] = {}

    def forget_all_but(self, paths: set[Path]) -> None:
        """Drop what belongs to instances that are gone."""
        for table in (self.configs, self.answers, self.ports, self.messages):
            for path in set(table) - paths:
                del table[path]


@functools.cache
def _memory(home: Path) -> Memory:
    return Memory()


def state_of(path: Path) -> State:
    """Size, time of change in nanoseconds and inode of a file; zeros when there is none."""
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_size, found.st_mtime_ns, found.st_ino)


def instance_names(home: HomePaths) -> tuple[str, ...]:
    """Names of the directories that are instances, sorted; raises UsageError when the home is no directory."""
    try:
        with os.scandir(home.home) as entries:
            found = [each.name for each in entries if each.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise UsageError(f"open {home.home}: {(error.strerror or '').lower()}",
                         hint="set LIMA_HOME to a directory of yours") from error
    return tuple(sorted(name for name in found if not name.startswith((".", "_"))))


def scan(home: HomePaths) -> tuple[Instance, ...]:
    """Every instance, sorted by name; what is wrong with one is in its `errors`."""
    memory = _memory(home.home)
    names = instance_names(home)
    memory.forget_all_but({home.home / name for name in names})
    return tuple(_instance(home, name, memory, fresh=False) for name in names)


def inspect(home: HomePaths, name: str) -> Instance:
    """One instance, everything looked at afresh; raises NotFoundError when there is no such directory."""
    if not (home.home / name).is_dir():
        raise NotFoundError(f"instance `{name}` does not exist", hint="see `limatui list`")
    return _instance(home, name, _memory(home.home), fresh=True)


def users_of_disk(home: HomePaths, disk: str) -> tuple[str, ...]:
    """Names of the instances whose lima.yaml lists the additional disk."""
    return tuple(
        each.name for each in scan(home)
        if each.config and any(entry.name == disk for entry in each.config.additional_disks)
    )


def loaded_of(home: HomePaths, name: str) -> Loaded | LimaError:
    """The configuration as last read, read again only when a file changed; the error when it cannot be read."""
    try:
        return _loaded(InstancePaths(home.home / name), home, _memory(home.home))
    except LimaError as error:
        return error


def _instance(home: HomePaths, name: str, memory: Memory, *, fresh: bool) -> Instance:
    paths = InstancePaths(home.home / name)
    try:
        check_instance_name(name)
        loaded = _loaded(paths, home, memory)
    except LimaError as error:
        return _unreadable(paths, (error.message,))
    if loaded.config is None or loaded.errors:
        return _unreadable(paths, loaded.words, loaded)
    found, info = _look(paths, loaded.config.vm_type, memory, fresh=fresh)
    return _readable(paths, loaded, found, judge(found), info, memory, home)


def _loaded(paths: InstancePaths, home: HomePaths, memory: Memory) -> Loaded:
    files = (paths.lima_yaml, paths.lima_version, home.default_yaml, home.override_yaml)
    key = (*(state_of(path) for path in files), (int(is_initialised(paths.dir)), 0, 0))
    known = memory.configs.get(paths.dir)
    if known is None or known[0] != key:
        known = (key, load(paths.lima_yaml, home))
        memory.configs[paths.dir] = known
    return known[1]


def _look(paths: InstancePaths, vm_type: str, memory: Memory, *, fresh: bool) -> tuple[Facts, HostInfo]:
    known = memory.answers.get(paths.dir)
    recent = known is not None and not fresh and time.monotonic() - known.at < _ASK_AGAIN
    found, info = facts(paths, vm_type, ask=not recent)
    if recent and known is not None and found.agent.identity == known.identity:
        return found, known.info
    if recent:
        found, info = facts(paths, vm_type)
    if found.socket == "answers":
        memory.answers[paths.dir] = _Answer(found.agent.identity, time.monotonic(), info)
    return found, info


def _unreadable(paths: InstancePaths, errors: tuple[str, ...], loaded: Loaded | None = None) -> Instance:
    """An instance whose lima.yaml cannot be used; its processes are looked at all the same."""
    found, _ = facts(paths)
    verdict = judge(found)
    config = loaded.config if loaded else None
    return Instance(
        name=paths.name, dir=str(paths.dir), status=Status.BROKEN, errors=errors, config=config,
        evidence=("lima.yaml cannot be used", *verdict.evidence), phase="unusable lima.yaml",
        ssh_address="", ha_pid=found.agent.pid, driver_pid=found.driver.pid,
        protected=os.path.lexists(paths.protected), lima_version=recorded_version(paths.dir),
        started_at=found.driver.started_at if found.driver.pid else 0.0, usage=_usage(paths),
    )


def _readable(
    paths: InstancePaths, loaded: Loaded, found: Facts, verdict: Verdict, info: HostInfo, memory: Memory,
    home: HomePaths,
) -> Instance:
    config = loaded.config
    assert config is not None
    port, port_error = info.ssh_local_port or config.ssh.local_port, ""
    if not port:
        port, port_error = _recorded_port(paths, memory)
    cpus, memory_size, disk = _sizes(config)
    instance = Instance(
        name=paths.name, dir=str(paths.dir), status=verdict.status, evidence=verdict.evidence, phase=verdict.phase,
        errors=(*verdict.errors, *((port_error,) if port_error else ())), config=config,
        vm_type=config.vm_type, arch=config.arch, cpus=cpus, memory=memory_size, disk=disk,
        ssh_port=port, protected=os.path.lexists(paths.protected),
        edit_waits=paths.queued_yaml.exists(), ha_pid=found.agent.pid, driver_pid=found.driver.pid,
        started_at=found.driver.started_at if found.driver.pid else 0.0,
        ready_seconds=found.tail.ready_seconds, lima_version=recorded_version(paths.dir),
        steps=found.tail.steps, usage=_usage(paths),
    )
    return _with_message(instance, loaded, home, memory)


def _sizes(config: Config) -> tuple[int, int, int]:
    """Processors, memory and disk; of WSL nothing, which shares out what there is by itself."""
    if config.vm_type == "wsl2":
        return 0, 0, 0
    return config.cpus, parse_size(config.memory), parse_size(config.disk)


def _recorded_port(paths: InstancePaths, memory: Memory) -> tuple[int, str]:
    """The port in ssh.config, and what is wrong with that file."""
    state = state_of(paths.ssh_config)
    if state == (0, 0, 0):
        return 0, ""
    known = memory.ports.get(paths.dir)
    if known is None or known[0] != state:
        known = (state, read_port(paths.ssh_config))
        memory.ports[paths.dir] = known
    return known[1]


def read_port(path: Path) -> tuple[int, str]:
    """The first `Port` of an ssh.config, and an error when there is none."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError as error:
        return 0, f"failed to extract SSH local port from `{path}`: {error.strerror}"
    for line in lines:
        if line.strip().startswith("Port "):
            text = line.strip().removeprefix("Port ").strip()
            if text.isdecimal():
                return int(text), ""
            return 0, f"failed to extract SSH local port from `{path}`: `{text}` is no number"
    return 0, f"failed to extract SSH local port from `{path}`: port not found in `{path}`"


def _usage(paths: InstancePaths) -> Usage:
    for path in (paths.disk, paths.diffdisk):
        try:
            return Usage(disk_allocated=path.stat().st_blocks * _SECTOR)
        except OSError:
            continue
    return Usage()


def _with_message(instance: Instance, loaded: Loaded, home: HomePaths, memory: Memory) -> Instance:
    message = loaded.config.message if loaded.config else ""
    if not message:
        return instance
    folder = Path(instance.dir)
    key = (id(loaded), instance.status, instance.ssh_port, instance.ha_pid, instance.driver_pid, instance.protected)
    known = memory.messages.get(folder)
    if known is None or known[0] != key:
        known = (key, *_rendered(message, instance, loaded, home))
        memory.messages[folder] = known
    _, text, error = known
    if error:
        return replace(instance, status=Status.BROKEN, errors=(*instance.errors, error))
    return replace(instance, message=text)


def _rendered(message: str, instance: Instance, loaded: Loaded, home: HomePaths) -> tuple[str, str]:
    """The message, or the error in it."""
    try:
        text = view.render_message(message, view.go_record(instance, written(loaded.filled), home))
    except ValueError as error:
        return "", str(error)
    return text.removesuffix("\n"), ""
