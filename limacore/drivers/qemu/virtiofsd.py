"""The programs that serve virtiofs mounts: found by their vhost-user descriptions, one process for each mount."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from limacore.base import proc
from limacore.drivers.base import Log, MachineSpec
from limacore.errors import DriverError, HostError

SOCKET_TIME = 1.0
"""Seconds until the socket of a started one must be there."""

_HINT = "install virtiofsd, or set `mountType: reverse-sshfs` in lima.yaml"


class Described(Struct, frozen=True):
    """A vhost-user description file, as far as we read it."""

    type: str = ""
    binary: str = ""


def folders(qemu: Path, home: Path) -> tuple[Path, ...]:
    """Where descriptions are looked for."""
    return (home / ".local/share/qemu/vhost-user", qemu.parent.parent / "share/qemu/vhost-user",
            Path("/usr/share/qemu/vhost-user"))


def described(where: Iterable[Path]) -> list[str]:
    """Every program for file systems that is described, without doubles; files that are no descriptions are skipped."""
    found: list[str] = []
    for path in (path for folder in where for path in sorted(folder.glob("*.json"))):
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            each = msgspec.json.decode(path.read_bytes(), type=Described)
            if each.type == "fs" and each.binary and each.binary not in found:
                found.append(each.binary)
    return found


class Program(Struct, frozen=True):
    """A virtiofsd; `of_qemu` is the one that came with QEMU before version 8, whose options are other ones.

    The reference tool passes that one over unless it runs as root, where it then fails."""

    binary: str
    of_qemu: bool = False

    def argv(self, socket: Path, location: str) -> list[str]:
        """The command line that serves `location`."""
        if self.of_qemu:
            return [self.binary, f"--socket-path={socket}", "-o", f"source={location.replace(',', chr(92) + ',')}"]
        return [self.binary, "--socket-path", str(socket), "--shared-dir", location]


async def locate(qemu: Path, home: Path, log: Log) -> Program:
    """The first that tells its version; raises DriverError when there is none."""
    for binary in described(folders(qemu, home)):
        try:
            done = await proc.run([binary, "--version"], timeout=10)
            reason = f"exit status {done.code}: {done.stderr}"
        except HostError as error:
            done, reason = proc.Result(1), str(error)
        if done.code == 0:
            return Program(binary, of_qemu="FUSE kernel interface" in done.stdout + done.stderr)
        log("warning", f"Failed to run {binary} --version (is this QEMU virtiofsd?): {reason}")
    raise DriverError("failed to locate virtiofsd", hint=_HINT)


@contextlib.asynccontextmanager
async def serving(spec: MachineSpec, qemu: str, log: Log) -> AsyncIterator[None]:
    """Serve every virtiofs mount until the block ends; raises DriverError when one cannot be."""
    config = spec.config
    if config.mount_type != "virtiofs" or config.plain or not config.mounts:
        yield
        return
    program = await locate(Path(qemu), Path.home(), log)
    async with contextlib.AsyncExitStack() as stack:
        for index, mount in enumerate(config.mounts):
            socket = spec.paths.virtiofsd_sock(index)
            socket.unlink(missing_ok=True)
            stack.callback(socket.unlink, missing_ok=True)
            process = await stack.enter_async_context(proc.spawn(
                program.argv(socket, mount.location), stdout=_said(index, log), stderr=_said(index, log), grace=0))
            await _listening(process, socket)
        yield


def _said(index: int, log: Log) -> proc.LineSink:
    return lambda line: log("debug", f"virtiofsd-{index}: {line}")


async def _listening(process: proc.Process, socket: Path) -> None:
    if not await process.opened(socket, SOCKET_TIME):
        raise DriverError("virtiofsd did not open its socket", detail=process.stderr_tail or str(socket), hint=_HINT)
