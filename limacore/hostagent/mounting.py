"""The mounts of a running guest: made over the ssh connection, made again when it was, and what is known of them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from limacore.base import proc
from limacore.errors import LimaError, NotFoundError, StateError
from limacore.guest import mountrows
from limacore.model.config import Config, Mount
from limacore.model.mount import MountState
from limacore.mounts import plan
from limacore.ssh.master import Master, ScriptResult
from limacore.ssh.mux import MuxError

Log = Callable[[str, str], None]
SSHFS = "reverse-sshfs"
PREPARE_TIME = 60.0
SETTLE_TIME = 120.0
"""Seconds until the start goes on without the mounts."""

QUICK, SLOW = 1.0, 30.0
"""Seconds until a mount that broke is made again: at first, and what that grows to."""

_LAST_WORDS = 2.0
"""Seconds that an SFTP server without a peer may take to end."""

_BUFFER = 1 << 20
"""Bytes under way between the ssh master and an SFTP server, so that neither waits for the other's turn."""


class Mounting:
    """Keeps the mounts of one instance. `keep` works on one connection; `allow` says that the guest is ready for it."""

    def __init__(self, config: Config, log: Log) -> None:
        mounts = () if config.plain else config.mounts
        self._config = config
        self._kind = config.mount_type
        self._mounts = mounts
        self._log = log
        self._states = {mount: MountState(mount.location, mount.mount_point, self._kind, mount.writable)
                        for mount in mounts}
        self._allowed = asyncio.Event()
        self._settled = asyncio.Event()
        self._held: tuple[Master, asyncio.TaskGroup] | None = None
        self._holds: dict[Mount, asyncio.Task[None]] = {}

    @property
    def by_ssh(self) -> bool:
        """Whether mounts are made through the ssh connection."""
        return bool(self._mounts) and self._kind == SSHFS

    def current(self) -> tuple[MountState, ...]:
        """Every mount as it was seen last, in the order of lima.yaml."""
        return tuple(self._states.values())

    def forget(self) -> None:
        """The guest boots again: nothing is mounted, and it is not ready."""
        self._allowed.clear()
        self._settled.clear()
        for mount in self._mounts:
            self._know(mount, mounted=False)

    def say_goodbye(self) -> None:
        """The guest will be switched off: what goes is said as the reference tool does."""
        for state in self._states.values():
            if state.mounted and self.by_ssh:
                self._log("info", f"Unmounting `{state.location}`")

    async def settle(self) -> tuple[str, ...]:
        """Let the mounts be made and wait for them; what went wrong with each that is not there."""
        if not self._mounts:
            return ()
        self._allowed.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_TIME):
                await self._settled.wait()
        return tuple(f"failed to mount `{state.location}` on `{state.mount_point}`: {state.error or 'no answer'}"
                     for state in self._states.values() if not state.mounted)

    async def keep(self, master: Master) -> None:
        """Make the mounts over this connection, and hold them until it is gone."""
        if not self._mounts:
            return
        await self._allowed.wait()
        try:
            async with asyncio.TaskGroup() as group:
                self._held = (master, group)
                await (self._hold_all(master, group) if self.by_ssh else self._look(master, self._mounts, seconds=0))
                self._settled.set()
                await asyncio.wait({master.ended})
        finally:
            self._held = None
            self._holds.clear()
            for mount in self._mounts if self.by_ssh else ():
                self._know(mount, mounted=False, error="the ssh connection is gone")

    async def remount(self, mount_point: str) -> MountState:
        """Unmount and mount again, however it stands; raises NotFoundError, StateError when it cannot be tried."""
        mount = next((each for each in self._mounts if each.mount_point == mount_point), None)
        if mount is None:
            raise NotFoundError(f"nothing is to be mounted on `{mount_point}`")
        if self._held is None:
            raise StateError("there is no ssh connection to the guest now")
        await (self._hold_again(mount, *self._held) if self.by_ssh else self._mount_again(mount, self._held[0]))
        return self._states[mount]

    async def _hold_again(self, mount: Mount, master: Master, group: asyncio.TaskGroup) -> None:
        if hold := self._holds.pop(mount, None):
            hold.cancel()
            await asyncio.wait({hold})
        self._know(mount)
        if not await self._prepare(master, (mount,)):
            await self._begin(master, (mount,), group)

    async def _mount_again(self, mount: Mount, master: Master) -> None:
        options = mountrows.options(self._config, mount, nofail=False)
        result = await _script(master, plan.remount(mount, self._kind, options))
        self._know(mount, error=_last(result) if result.code else "")
        await self._look(master, (mount,), seconds=0)

    async def _hold_all(self, master: Master, group: asyncio.TaskGroup) -> None:
        for wave in plan.waves(self._mounts):
            refused = await self._prepare(master, wave)
            if ready := tuple(mount for mount in wave if mount not in refused):
                await self._begin(master, ready, group)

    async def _begin(self, master: Master, wave: tuple[Mount, ...], group: asyncio.TaskGroup) -> None:
        """Start what holds each mount; returns when all are in the mount table, or all have failed."""
        failed = []
        for mount in wave:
            self._log("info", f"Mounting `{mount.location}` on `{mount.mount_point}`")
            failed.append(asyncio.Event())
            self._holds[mount] = group.create_task(self._hold(master, mount, failed[-1]))
        look = asyncio.ensure_future(self._look(master, wave))
        none = asyncio.ensure_future(_every(failed))
        try:
            await asyncio.wait({look, none}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            look.cancel()
            none.cancel()

    async def _prepare(self, master: Master, wave: tuple[Mount, ...]) -> dict[Mount, str]:
        """Make the mount points; which cannot be made, and why."""
        result = await _script(master, plan.prepare(wave))
        refused = dict.fromkeys(wave, _last(result)) if result.code else plan.unprepared(result.stdout, wave)
        for mount, reason in refused.items():
            self._know(mount, error=f"the mount point cannot be made: {reason}")
        return refused

    async def _hold(self, master: Master, mount: Mount, failed: asyncio.Event) -> None:
        """Keep one mount: sshfs in the guest, the SFTP server here, and a new pair when one of them ends."""
        pause, now = QUICK, asyncio.get_running_loop().time
        began = now()
        result = await self._session(master, mount)
        while result.code and not master.ended.done():
            if _last(result) != self._states[mount].error:  # once for each reason, however often it is tried
                self._log("warning", f"the mount of `{mount.location}` ended and is made again: {_last(result)}")
            self._know(mount, error=_last(result))
            failed.set()
            pause = QUICK if now() - began > SLOW else min(pause * 2, SLOW)
            await asyncio.sleep(pause)
            began = now()
            result = await self._again(master, mount)
        if not result.code:
            self._know(mount, error="it was unmounted in the guest")
            self._log("info", f"`{mount.mount_point}` was unmounted in the guest")
            failed.set()

    async def _again(self, master: Master, mount: Mount) -> ScriptResult:
        if refused := await self._prepare(master, (mount,)):
            return ScriptResult(255, stderr=refused[mount])
        look = asyncio.ensure_future(self._look(master, (mount,)))
        try:
            return await self._session(master, mount)
        finally:
            look.cancel()

    async def _session(self, master: Master, mount: Mount) -> ScriptResult:
        """One sshfs and its server, until one of them ends; how sshfs ended."""
        try:
            argv = plan.server(mount)
            _make_location(mount, self._log)
            result = await _connected(master, plan.sshfs(mount), argv, self._log)
            if "nonempty" in result.stderr:  # FUSE 2 mounts over files only when told so
                result = await _connected(master, plan.sshfs(mount, "nonempty"), argv, self._log)
        except (LimaError, OSError) as error:
            return ScriptResult(255, stderr=str(error))
        return result

    async def _look(self, master: Master, mounts: tuple[Mount, ...], seconds: int = plan.SHOWN_TIME) -> None:
        """Wait until the guest's mount table has them; then what it says is known."""
        result = await _script(master, plan.shown(mounts, seconds), seconds + PREPARE_TIME)
        entries = plan.table(result.stdout)
        for mount in mounts:
            entry = plan.find(entries, mount, self._kind)
            if entry:
                self._know(mount, mounted=True, writable="rw" in entry.options)
            elif not self._states[mount].error:
                self._know(mount, error=_last(result) if result.code else "it is not in the guest's mount table")

    def _know(self, mount: Mount, *, mounted: bool = False, writable: bool | None = None, error: str = "") -> None:
        self._states[mount] = replace(self._states[mount], mounted=mounted, error=error,
                                      writable=mount.writable if writable is None else writable)


async def _every(events: list[asyncio.Event]) -> None:
    for event in events:
        await event.wait()


async def _connected(master: Master, command: str, argv: list[str], log: Log) -> ScriptResult:
    """Run `command` in the guest and the program here with one socket between them."""
    ours, theirs = _pair()
    with ours:
        async with contextlib.AsyncExitStack() as stack:
            with theirs:  # only the server keeps that end, so that its own end is seen
                server = await stack.enter_async_context(proc.spawn(
                    argv, stdin=theirs.fileno(), stdout=theirs.fileno(), grace=0,
                    stderr=lambda line: log("warning", f"sftp server: {line}")))
            result = await master.stream(command, ours.fileno())
            ours.close()  # a server that lives sees it and ends; what one that failed has said may not be read yet
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LAST_WORDS):
                    await server.wait()
            if server.code:  # then sshfs saw only a connection that ended, which it takes for a good end
                return ScriptResult(255, stderr=server.stderr_tail or f"the SFTP server ended ({server.code})")
            return result


def _pair() -> tuple[socket.socket, socket.socket]:
    pair = socket.socketpair()
    for each in pair:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
    return pair


async def _script(master: Master, script: str, timeout: float = PREPARE_TIME) -> ScriptResult:
    try:
        return await master.run("/bin/sh", script, timeout)
    except MuxError as error:
        return ScriptResult(255, stderr=str(error))


def _make_location(mount: Mount, log: Log) -> None:
    location = Path(mount.location)
    if not location.exists():
        log("warning", f"the mount location `{location}` did not exist and was made")
        location.mkdir(mode=0o755, parents=True, exist_ok=True)


def _last(result: ScriptResult) -> str:
    """The last line that a program in the guest said, or how it ended."""
    lines = [line.strip() for line in result.stderr.splitlines() if line.strip()]
    return lines[-1][:300] if lines else f"exit code {result.code}"
