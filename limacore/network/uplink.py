"""The way out of a user-v2 network: a QEMU without a machine, for the user-mode network stack (slirp) that is in it.

It takes 35 MB, is the stack that machines without such a network have, and keeps what guests send to it out of our
process. Forwards of ports are commands to its monitor; when it dies another one gets the same."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import shutil
import socket
from collections.abc import AsyncIterator, Sequence
from ipaddress import IPv4Network
from typing import Any

import msgspec
from msgspec import Struct

from limacore.base import proc
from limacore.errors import LimaError, StateError
from limacore.network.wires import Deliver, Log, Stream

_ARCHES = {"arm64": "aarch64", "armv7": "armv7l", "AMD64": "x86_64"}
_ANY_ARCH = ("x86_64", "aarch64", "arm", "riscv64", "ppc64", "s390x")
_ANSWER = 30.0
"""Seconds until the monitor must have answered; it takes 0.02 on an idle computer."""

_READY = 5.0
"""Seconds for which a forward waits for the stack: less than who asks for it waits."""

_PAUSE, _LONG_PAUSE = 0.5, 60.0
"""Seconds until another one is started for one that died, twice as many each time that it dies young."""


class Forward(Struct, frozen=True):
    """A port of this computer that leads to a guest; `protocol` is tcp or udp."""

    local: str
    remote: str
    protocol: str = "tcp"

    def rule(self) -> str:
        """As QEMU takes it."""
        return f"{self.protocol}:{self.local}-{self.remote}"


def program() -> str:
    """Any QEMU will do, that for this computer first; raises HostError when there is none."""
    machine = platform.machine()
    for arch in dict.fromkeys((_ARCHES.get(machine, machine), *_ANY_ARCH)):
        words = os.environ.get(f"QEMU_SYSTEM_{arch.upper()}", "").split()
        if found := shutil.which(words[0] if words else f"qemu-system-{arch}"):
            return found
    raise proc.missing_program("qemu-system-x86_64")


def argv(qemu: str, network: IPv4Network, frames_fd: int, monitor_fd: int) -> list[str]:
    """The command line. The stack's own name server and its DHCP get addresses that no guest has, or asks."""
    base, last = network.network_address, network.broadcast_address - 1
    stack = f"user,id=up,ipv6=off,net={network},host={base + 2},dns={last},dhcpstart={last - 1}"
    return [
        qemu, "-nodefaults", "-no-user-config", "-machine", "none", "-display", "none",
        "-chardev", f"socket,id=monitor,fd={monitor_fd}", "-mon", "chardev=monitor,mode=control",
        "-netdev", stack,
        "-netdev", f"socket,id=switch,fd={frames_fd}",
        "-netdev", "hubport,id=inner,hubid=0,netdev=up",
        "-netdev", "hubport,id=outer,hubid=0,netdev=switch",
    ]  # fmt: skip


class Monitor:
    """QMP on a socket of our own, as far as it is needed here: one command at a time, events passed over."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._turn = asyncio.Lock()
        self._asked = 0

    async def greet(self) -> None:
        """Begin; raises StateError, TimeoutError."""
        async with asyncio.timeout(_ANSWER):
            await self._line()
        await self._ask("qmp_capabilities")

    async def by_hand(self, command: str) -> str:
        """What QEMU says to a command for people: nothing when all went well. Raises StateError, TimeoutError."""
        return str(await self._ask("human-monitor-command", **{"command-line": command})).strip()

    async def _ask(self, command: str, **arguments: object) -> Any:
        async with self._turn, asyncio.timeout(_ANSWER):
            self._asked += 1
            question = {"execute": command, "arguments": arguments, "id": self._asked}
            try:
                self._writer.write(msgspec.json.encode(question) + b"\n")
                while (reply := await self._line()).get("id") != self._asked:
                    pass
            except OSError as error:
                raise StateError("QEMU cannot be asked", detail=str(error)) from error
        if "error" in reply:
            raise StateError("QEMU refused", detail=str(reply["error"]))
        return reply["return"]

    async def _line(self) -> dict[str, Any]:
        line = await self._reader.readline()
        if not line:
            raise StateError("QEMU has ended")
        return msgspec.json.decode(line, type=dict[str, Any])


class Uplink:
    """Keeps a network stack running, with the forwards that are wanted."""

    def __init__(self, network: IPv4Network, qemu: str, log: Log) -> None:
        self._network = network
        self._qemu = qemu
        self._log = log
        self._wire: Stream | None = None
        self._monitor: Monitor | None = None
        self._deliver: Deliver = lambda packets: None
        self._forwards: dict[tuple[str, str], Forward] = {}
        self._last_words = ""
        self.ready = asyncio.Event()

    def deliver_to(self, deliver: Deliver) -> None:
        """Say where frames from outside go."""
        self._deliver = deliver

    def send(self, packets: Sequence[bytes]) -> None:
        """Let packets out; they are lost while there is no stack."""
        if self._wire:
            self._wire.send(packets)

    def forwards(self) -> list[Forward]:
        """What is forwarded, the newest first."""
        return list(reversed(self._forwards.values()))

    async def expose(self, forward: Forward) -> None:
        """Forward a port; raises StateError with the reason when that cannot be done."""
        key = (forward.protocol, forward.local)
        if key in self._forwards:
            raise StateError("proxy already running")
        await self._add(forward)
        self._forwards[key] = forward

    async def unexpose(self, protocol: str, local: str) -> None:
        """End a forward; raises StateError when there is none."""
        if self._forwards.pop((protocol, local), None) is None:
            raise StateError("proxy not found")
        with contextlib.suppress(TimeoutError):
            await self._by_hand(f"hostfwd_remove up {protocol}:{local}")

    async def forget(self, address: str) -> None:
        """End the forwards to a guest that is gone."""
        for forward in self.forwards():
            if address and forward.remote.partition(":")[0] == address:
                with contextlib.suppress(StateError, TimeoutError):
                    await self.unexpose(forward.protocol, forward.local)

    async def _add(self, forward: Forward) -> None:
        try:
            said = await self._by_hand(f"hostfwd_add up {forward.rule()}")
        except TimeoutError:
            said = self._last_words or "QEMU does not answer"
        if said:
            raise StateError(f"cannot forward {forward.local} to {forward.remote}", detail=said)

    async def _by_hand(self, command: str) -> str:
        async with asyncio.timeout(_READY):
            await self.ready.wait()
        return await self._monitor.by_hand(command) if self._monitor else ""

    async def run(self) -> None:
        """Until cancelled; a stack that dies is replaced."""
        loop, pause = asyncio.get_running_loop(), _PAUSE
        while True:
            began = loop.time()
            await self._one()
            self._log("warning", f"the network stack has ended, another one is started: {self._last_words}")
            pause = _PAUSE if loop.time() - began > _LONG_PAUSE else min(pause * 2, _LONG_PAUSE)
            await asyncio.sleep(pause)

    async def _one(self) -> None:
        """The life of one stack."""
        try:
            async with self._launched() as process:
                await self._end_of(process)
        except (LimaError, TimeoutError) as error:
            self._last_words = self._last_words or str(error)

    async def _end_of(self, process: proc.Process) -> None:
        """Wait until the process has ended, or the wire to it."""
        assert self._wire is not None
        ends = [asyncio.ensure_future(each) for each in (process.wait(), self._wire.gone.wait())]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in ends:
                each.cancel()

    @contextlib.asynccontextmanager
    async def _launched(self) -> AsyncIterator[proc.Process]:
        ours, theirs = zip(*(socket.socketpair() for _ in range(2)), strict=True)
        fds = [each.fileno() for each in theirs]
        with contextlib.ExitStack() as closing:
            for each in theirs:
                closing.enter_context(each)
            command = argv(self._qemu, self._network, *fds)
            async with proc.spawn(command, stderr=self._told, pass_fds=fds, grace=0, die_with_parent=True) as process:
                closing.close()
                async with self._connected(*ours):
                    yield process

    @contextlib.asynccontextmanager
    async def _connected(self, wire: socket.socket, monitor: socket.socket) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        reader, writer = await asyncio.open_connection(sock=monitor)
        _, self._wire = await loop.create_connection(lambda: Stream(self._deliver, self._log), sock=wire)
        try:
            self._monitor = Monitor(reader, writer)
            await self._monitor.greet()
            self.ready.set()
            await self._forward_again()
            yield
        finally:
            self.ready.clear()
            self._wire.unplug()
            self._wire = self._monitor = None
            writer.close()

    async def _forward_again(self) -> None:
        for key, forward in list(self._forwards.items()):
            try:
                await self._add(forward)
            except StateError as error:
                self._log("error", str(error))
                self._forwards.pop(key, None)

    def _told(self, line: str) -> None:
        if "with no nics" not in line:  # there is no machine that could have one
            self._last_words = line
            self._log("warning", f"qemu: {line}")
