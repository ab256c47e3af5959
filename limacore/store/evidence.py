"""What can be seen of an instance without asking anybody twice: pid files, process table, one socket, event log."""

from __future__ import annotations

import contextlib
import datetime
import functools
import os
import socket
import sys
import time
from pathlib import Path

import msgspec

from limacore.model.agentstatus import HostInfo
from limacore.model.event import Event, MachineEvent
from limacore.model.instance import Step
from limacore.paths import InstancePaths
from limacore.store import suspension
from limacore.store.instances import Facts, ProcessFact, Tail

ANSWER_LIMIT = 3.0
"""Seconds that a host agent may take to answer."""
_TAIL_BYTES = 256 << 10
_CLOCK_SLACK = 2.0
_REQUEST = b"GET /v1/info HTTP/1.1\r\nHost: lima-hostagent\r\nConnection: close\r\n\r\n"
_STAT_STATE, _STAT_START = 0, 19
"""Places of state and start time in /proc/PID/stat, counted after the program's name."""


def facts(paths: InstancePaths, driver_name: str = "qemu", *, ask: bool = True) -> tuple[Facts, HostInfo]:
    """What is to be seen now, and what the host agent said; nothing is changed and nothing is signalled."""
    agent = process_fact(paths.ha_pid, paths.dir)
    driver = process_fact(paths.driver_pid(driver_name), paths.dir)
    if not agent.pid:
        return Facts(agent=agent, driver=driver, driver_name=driver_name, socket="missing",
                     suspended=suspension.is_held(paths)), HostInfo()
    state, info = ask_host_agent(paths.ha_sock) if ask else ("unasked", HostInfo())
    found = Facts(
        agent=agent, driver=driver, driver_name=driver_name, socket=state,
        tail=read_tail(paths.ha_stdout, agent.started_at), agent_age=time.time() - agent.started_at,
    )
    return found, info


def process_fact(pid_file: Path, directory: Path) -> ProcessFact:
    """The process named by a pid file; it counts only when its command line names `directory`."""
    try:
        text = pid_file.read_text(errors="replace")
    except FileNotFoundError:
        return ProcessFact()
    except OSError as error:
        return ProcessFact(problem=f"{pid_file.name} cannot be read: {error.strerror}")
    cleaned = text.strip()
    if not cleaned.isascii() or not cleaned.isdecimal() or not 0 < int(cleaned[:20]) < 1 << 31:
        return ProcessFact(problem=f"{pid_file.name} holds `{cleaned[:40]}`, which is no process id")
    return _process(int(cleaned), directory)


def _process(pid: int, directory: Path) -> ProcessFact:
    if not sys.platform.startswith("linux"):
        return _process_elsewhere(pid, directory)
    ticks = start_ticks(pid)
    if not ticks:
        return ProcessFact(named=pid)
    if not _names(pid, directory):
        return ProcessFact(named=pid, stranger=True)
    started = boot_time() + int(ticks) / os.sysconf("SC_CLK_TCK")
    return ProcessFact(pid=pid, named=pid, started_at=started, identity=ticks)


def start_ticks(pid: int) -> str:
    """The start time of a live process in clock ticks since boot; empty when it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return ""
    return "" if fields[_STAT_STATE] in (b"Z", b"X") else fields[_STAT_START].decode()


def _names(pid: int, directory: Path) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except PermissionError:
        return True  # hidden process table: the pid file is all there is
    except OSError:
        return False
    place = os.fsencode(directory)
    if any(place + b"/" in word or word.endswith(place) for word in words):
        return True
    # A foreground agent of limactl has no paths in its command line, only the name.
    return b"hostagent" in words and os.fsencode(directory.name) in words


def _process_elsewhere(pid: int, directory: Path) -> ProcessFact:
    import psutil

    try:
        process = psutil.Process(pid)
        started, words = process.create_time(), process.cmdline()
    except psutil.AccessDenied:
        return ProcessFact(pid=pid, named=pid)
    except psutil.Error:
        return ProcessFact(named=pid)
    if not any(str(directory) in word for word in words) and directory.name not in words:
        return ProcessFact(named=pid, stranger=True)
    return ProcessFact(pid=pid, named=pid, started_at=started, identity=str(started))


@functools.cache
def boot_time() -> float:
    """When the kernel started, in seconds since the epoch."""
    lines = Path("/proc/stat").read_bytes().splitlines()
    return float(next(line for line in lines if line.startswith(b"btime ")).split()[1])


def ask_host_agent(path: Path, limit: float = ANSWER_LIMIT) -> tuple[str, HostInfo]:
    """How `ha.sock` reacts (`answers`, `refused`, `missing`, `timeout`) and what it said."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(limit)
            connection.connect(str(path))
            connection.sendall(_REQUEST)
            return "answers", _info(_read_answer(connection, time.monotonic() + limit))
    except FileNotFoundError:
        return "missing", HostInfo()
    except TimeoutError:
        return "timeout", HostInfo()
    except OSError:
        return "refused", HostInfo()


def _read_answer(connection: socket.socket, deadline: float) -> bytes:
    answer = b""
    while len(answer) < 1 << 16 and not _is_complete(answer):
        connection.settimeout(max(deadline - time.monotonic(), 0.001))
        block = connection.recv(1 << 16)
        if not block:
            break
        answer += block
    return answer


def _is_complete(answer: bytes) -> bool:
    head, separator, body = answer.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if separator and name == b"content-length" and value.strip().isdigit():
            return len(body) >= int(value)
    return False


def _info(answer: bytes) -> HostInfo:
    with contextlib.suppress(msgspec.DecodeError):
        return msgspec.json.decode(answer.partition(b"\r\n\r\n")[2], type=HostInfo)
    return HostInfo()


def read_tail(path: Path, since: float) -> Tail:
    """What the last events at `path` say of the agent that began at `since` (seconds since the epoch)."""
    try:
        state = path.stat()
    except OSError:
        return Tail()
    return _tail(path, since, (state.st_size, state.st_mtime_ns, state.st_ino))


@functools.lru_cache(maxsize=256)
def _tail(path: Path, since: float, state: tuple[int, int, int]) -> Tail:
    try:
        with path.open("rb") as file:
            file.seek(max(0, state[0] - _TAIL_BYTES))
            lines = file.read(_TAIL_BYTES).split(b"\n")
    except OSError:
        return Tail()
    return summed(lines, since)


def summed(lines: list[bytes], since: float) -> Tail:
    """The state after a number of event lines; lines from before `since` and damaged ones are skipped."""
    last, machine, steps, ready = None, MachineEvent(), dict[str, Step](), 0.0
    for line in lines:
        event = _event(line)
        if event is None or _seconds(event.time) < since - _CLOCK_SLACK:
            continue
        if event.status.running and not (last and last.running):
            ready = max(0.0, _seconds(event.time) - since) if since else 0.0
        last = event.status
        if step := event.status.step:
            steps[step.name] = Step(step.name, step.state, step.detail, step.seconds)
        machine = event.status.machine or machine
    if last is None:
        return Tail()
    return Tail(last.running, last.degraded, last.exiting, tuple(steps.values()), last.errors, ready, machine)


_DECODER = msgspec.json.Decoder(Event)


def _event(line: bytes) -> Event | None:
    try:
        return _DECODER.decode(line)
    except msgspec.DecodeError:
        return None


def _seconds(text: str) -> float:
    """RFC 3339 with up to nine decimals as seconds since the epoch; infinity (never skipped) when it is none."""
    head, dot, rest = text.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))] if dot else ""
    try:
        moment = datetime.datetime.fromisoformat(head + rest[len(digits):])
    except ValueError:
        return float("inf")
    return moment.timestamp() + (float(f"0.{digits}") if digits else 0.0)
