"""How a client finds, spawns, asks, follows and interrupts the host agent of an instance."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from limacore.base import http1, notice
from limacore.base.jsonlines import QUICK, SLOW, Tail
from limacore.base.log import parse_time
from limacore.base.proc import identity
from limacore.errors import LimaError, StateError
from limacore.model.agentstatus import AgentStatus, HostInfo
from limacore.model.event import Event
from limacore.model.instance import Forward
from limacore.model.mount import MountState
from limacore.paths import InstancePaths

OWN_TIME = 10.0
"""Seconds that a new agent may take until its pid file is there; a start takes 0.1."""
MOST_PICTURE = 32 << 20
"""Bytes of the largest picture of a display that is taken."""


class LogLine(Struct, frozen=True):
    """One line of `ha.stderr.log`; `level` is empty when the line was not one of ours (a crash trace)."""

    level: str
    message: str
    time: str = ""
    extra: dict[str, Any] = {}


async def info(paths: InstancePaths, timeout: float = 3.0) -> HostInfo:
    """`GET /v1/info`; raises StateError when the agent does not answer."""
    return msgspec.json.decode(await _get(paths, "/v1/info", timeout), type=HostInfo)


async def status(paths: InstancePaths, *, metrics: bool = False, timeout: float = 3.0) -> AgentStatus:
    """What a host agent of ours knows; with `metrics` the guest is asked to send them for ten seconds more.

    Raises StateError when the agent does not answer or is not one of ours."""
    target = "/v1/limatui/status?metrics=1" if metrics else "/v1/limatui/status"
    return msgspec.json.decode(await _get(paths, target, timeout), type=AgentStatus)


async def add_forward(paths: InstancePaths, protocol: str, guest: str, host: str, timeout: float = 20.0) -> Forward:
    """Forward until the instance stops; raises StateError with the reason when it does not work."""
    query = urlencode({"proto": protocol, "guest": guest, "host": host})
    return msgspec.json.decode(await _change(paths, "POST", query, timeout), type=Forward)


async def remove_forward(paths: InstancePaths, host: str, timeout: float = 20.0) -> None:
    """Stop the forward whose place on this computer is `host`; raises StateError when there is none."""
    await _change(paths, "DELETE", urlencode({"host": host}), timeout)


async def remount(paths: InstancePaths, mount_point: str, timeout: float = 120.0) -> MountState:
    """Unmount a directory in the guest and mount it again; raises StateError with the reason when it is not there."""
    body = await _request(paths, "POST", f"/v1/limatui/mounts?{urlencode({'remount': mount_point})}", timeout,
                       f"`{mount_point}` could not be mounted again")
    return msgspec.json.decode(body, type=MountState)


async def power(paths: InstancePaths, do: str, timeout: float = 30.0) -> None:
    """`pause`, `resume` or `suspend` the machine; raises StateError with the agent's reason."""
    await _told(paths, f"/v1/limatui/power?{urlencode({'do': do})}", "POST", timeout)


async def memory(paths: InstancePaths, wanted: int | None = None, timeout: float = 60.0) -> dict[str, int]:
    """Bytes that the guest has (`now`) and may have (`most`), after it was given `wanted`; raises StateError."""
    target = "/v1/limatui/memory" + (f"?{urlencode({'bytes': wanted})}" if wanted is not None else "")
    body = await _told(paths, target, "GET" if wanted is None else "POST", timeout)
    return msgspec.json.decode(body, type=dict[str, int])


async def _told(paths: InstancePaths, target: str, method: str, timeout: float) -> bytes:
    """The answer of an agent of ours, or the error that it has for it."""
    try:
        response = await http1.request(paths.ha_sock, target, method=method, timeout=timeout)
    except (OSError, TimeoutError) as error:
        raise StateError(f"the host agent of `{paths.name}` does not answer", detail=str(error)) from error
    if response.status == 404:
        raise StateError(f"the host agent of `{paths.name}` is not one of limatui's, or older than this",
                         hint=f"restart the instance: {notice.program()} restart {paths.name}")
    if response.status != 200:
        with contextlib.suppress(msgspec.MsgspecError):
            raise StateError(**msgspec.json.decode(response.body, type=dict[str, str]))
        raise StateError(f"the host agent of `{paths.name}` answered {response.status} to {target}")
    return response.body


async def _change(paths: InstancePaths, method: str, query: str, timeout: float) -> bytes:
    target = f"/v1/limatui/forwards?{query}"
    return await _request(paths, method, target, timeout, "the forward could not be changed")


async def _request(paths: InstancePaths, method: str, target: str, timeout: float, failed: str) -> bytes:
    try:
        response = await http1.request(paths.ha_sock, target, method=method, timeout=timeout)
    except (OSError, TimeoutError) as error:
        raise StateError(f"the host agent of `{paths.name}` does not answer", detail=str(error)) from error
    if response.status != 200:
        raise StateError(failed, detail=_refusal(response))
    return response.body


async def screenshot(paths: InstancePaths, kind: str, timeout: float = 30.0) -> bytes:
    """The guest's display as a `png` or `bmp` file; raises StateError with what the agent says against it."""
    try:
        response = await http1.request(paths.ha_sock, f"/v1/screenshot?format={kind}", timeout=timeout,
                                       most=MOST_PICTURE)
    except (OSError, TimeoutError) as error:
        raise StateError(f"the host agent of `{paths.name}` does not answer", detail=str(error)) from error
    if response.status != 200:
        raise StateError("failed to take a screenshot", detail=_refusal(response))
    return response.body


def _refusal(response: http1.Response) -> str:
    with contextlib.suppress(msgspec.DecodeError, KeyError):
        return msgspec.json.decode(response.body, type=dict[str, str])["message"]
    return f"status {response.status}"


async def _get(paths: InstancePaths, target: str, timeout: float) -> bytes:
    try:
        response = await http1.request(paths.ha_sock, target, timeout=timeout)
    except (OSError, TimeoutError) as error:
        raise StateError(f"the host agent of `{paths.name}` does not answer", detail=str(error)) from error
    if response.status != 200:
        raise StateError(f"the host agent of `{paths.name}` answered {response.status} to {target}")
    return response.body


def spawn(paths: InstancePaths, extra: Sequence[str] = (), *, debug: bool = False) -> int:
    """Launch a host agent that outlives this process, with `extra` options; its pid. Both of its logs start empty."""
    with contextlib.ExitStack() as stack:
        out, err = (stack.enter_context(_fresh(path)) for path in (paths.ha_stdout, paths.ha_stderr))
        process = subprocess.Popen(
            argv(paths, extra, debug=debug), stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd="/",
            start_new_session=True,
            env={**os.environ, "LIMA_HOME": str(paths.dir.parent)},
        )
    # Whoever starts a process must collect it; a dashboard lives longer than the agent.
    threading.Thread(target=process.wait, daemon=True, name=f"reap {process.pid}").start()
    return process.pid


def become(paths: InstancePaths, extra: Sequence[str] = (), *, debug: bool = False) -> NoReturn:
    """Turn this process into the host agent; what it prints goes to its logs, which start empty."""
    for number, path in ((1, paths.ha_stdout), (2, paths.ha_stderr)):
        with _fresh(path) as fd:
            os.dup2(fd, number)
    command = argv(paths, extra, debug=debug)
    os.execve(command[0], command, {**os.environ, "LIMA_HOME": str(paths.dir.parent)})


def argv(paths: InstancePaths, extra: Sequence[str] = (), *, debug: bool = False) -> list[str]:
    """The command line of a host agent."""
    return [
        sys.executable, "-P", "-m", "limacore.hostagent", *(["--debug"] if debug else []),
        "--pidfile", str(paths.ha_pid), "--socket", str(paths.ha_sock), *extra, paths.name,
    ]  # fmt: skip


@contextlib.contextmanager
def _fresh(path: Path) -> Iterator[int]:
    path.unlink(missing_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        yield fd
    finally:
        os.close(fd)


async def wait_owned(paths: InstancePaths, pid: int, timeout: float = OWN_TIME) -> None:
    """Wait until agent `pid` holds the pid file; raises StateError when it ends before or takes too long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout):
            while not _owns(paths, pid):
                if identity(pid) is None:
                    raise _gone(paths)
                await asyncio.sleep(QUICK)
            return
    raise StateError(f"the host agent of `{paths.name}` (pid {pid}) did not come up within {timeout:.0f} s",
                     hint=f"see {paths.ha_stderr}")


def _owns(paths: InstancePaths, pid: int) -> bool:
    try:
        return paths.ha_pid.read_text().strip() == str(pid)
    except OSError:
        return False


def interrupt(paths: InstancePaths, pid: int = 0) -> None:
    """Ask the agent to shut the guest down and end; a second time: at once. No error when it is gone."""
    pid = pid or _read_pid(paths)
    process = identity(pid)
    if process is None or not _is_agent(process.argv, paths):
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGINT)


def _read_pid(paths: InstancePaths) -> int:
    try:
        return int(paths.ha_pid.read_text())
    except (OSError, ValueError):
        return 0


def _is_agent(argv: tuple[str, ...], paths: InstancePaths) -> bool:
    """Whether a command line is that of this instance's agent, ours or the reference tool's."""
    return str(paths.ha_pid) in argv or str(paths.ha_sock) in argv


async def follow(paths: InstancePaths, pid: int, since: float = 0.0) -> AsyncIterator[Event | LogLine]:
    """What agent `pid` tells, from `since` (seconds since the epoch) on, both logs together.

    Ends after the process has ended if it said `exiting`; else raises StateError with its last fatal line."""
    logs, events = Tail(paths.ha_stderr), Tail(paths.ha_stdout)
    said_exiting, pause = False, QUICK
    while True:
        alive = identity(pid) is not None
        lines: list[Event | LogLine] = [*_log_lines(logs, since), *_events(events, since)]
        for line in lines:
            said_exiting |= isinstance(line, Event) and line.status.exiting
            yield line
        if not alive and not lines:
            break
        pause = QUICK if lines else min(pause * 1.5, SLOW)
        await asyncio.sleep(pause)
    if not said_exiting:
        raise _gone(paths)


def _events(tail: Tail, since: float) -> list[Event]:
    found = []
    for raw in tail.read():
        with contextlib.suppress(msgspec.DecodeError):
            event = msgspec.json.decode(raw, type=Event)
            if parse_time(event.time) >= since:
                found.append(event)
    return found


def _log_lines(tail: Tail, since: float) -> list[LogLine]:
    lines = (parse_log(raw) for raw in tail.read())
    return [line for line in lines if not line.time or parse_time(line.time) >= since - 1]


def parse_log(raw: bytes) -> LogLine:
    """A line of `ha.stderr.log`; one that is no JSON object becomes a message without level."""
    try:
        fields = msgspec.json.decode(raw, type=dict[str, Any])
    except msgspec.DecodeError:
        return LogLine("", raw.decode(errors="replace"))
    level, message, time = (str(fields.pop(key, "")) for key in ("level", "msg", "time"))
    return LogLine(level, message, time, fields)


def _gone(paths: InstancePaths) -> LimaError:
    last = _last_words(paths)
    why = ": ".join(part for part in (last.message, str(last.extra.get("error", ""))) if part)
    return StateError(f"the host agent of `{paths.name}` has ended", detail=why,
                      hint=str(last.extra.get("hint", "")) or f"see {paths.ha_stderr}")


def _last_words(paths: InstancePaths, most: int = 1 << 18) -> LogLine:
    """The last fatal line of the log, else the last line of a crash trace."""
    with contextlib.suppress(OSError), paths.ha_stderr.open("rb") as file:
        file.seek(max(0, paths.ha_stderr.stat().st_size - most))
        lines = [parse_log(raw) for raw in file.read().splitlines() if raw]
        for wanted in (("fatal", "panic"), ("",)):
            if found := [line for line in lines if line.level in wanted]:
                return found[-1]
    return LogLine("", "it left no reason in its log")
