"""How machines are plugged in: QEMU by a stream socket, others by a datagram socket that they hand over."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import cast

from limacore.errors import HostError
from limacore.network import frames
from limacore.network.switch import Switch

MOST_WAITING = 2 << 20
"""Bytes that may wait for a machine that does not read; more is lost, and TCP goes slower."""

_BUFFER = 1 << 20
_FULL = (errno.EAGAIN, errno.ENOBUFS, errno.EMSGSIZE)
_HAND_TIME = 1.0
_AT_ONCE = 64
"""Datagrams that are read before others get their turn."""

Log = Callable[[str, str], None]
Deliver = Callable[[Sequence[bytes]], None]


class Stream(asyncio.Protocol):
    """Frames over a stream; where they go to is said by `deliver`."""

    def __init__(self, deliver: Deliver, log: Log) -> None:
        self._deliver = deliver
        self._log = log
        self._splitter = frames.Splitter()
        self._transport: asyncio.Transport | None = None
        self.gone = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            packets = self._splitter.feed(data)
        except frames.BrokenStream as error:
            self._log("warning", f"a machine is unplugged: it sent {error}")
            self.unplug()
            return
        if packets:
            self._deliver(packets)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.gone.set()

    @property
    def plugged(self) -> bool:
        """Whether somebody is at the other end."""
        return self._transport is not None

    def send(self, packets: Sequence[bytes]) -> None:
        """Take packets; they are lost while the other side does not read."""
        if self._transport and self._transport.get_write_buffer_size() < MOST_WAITING:
            self._transport.write(b"".join(packets))

    def unplug(self) -> None:
        """End the connection."""
        if self._transport:
            self._transport.abort()


class Machine(Stream):
    """A QEMU on the switch."""

    def __init__(self, switch: Switch, log: Log) -> None:
        super().__init__(lambda packets: switch.take(self, packets), log)
        self._switch = switch

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._switch.join(self)
        self._log("debug", "a machine is plugged in")

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._switch.leave(self)
        self._log("debug", "a machine is gone")


class Datagrams:
    """A machine whose frames come as datagrams. A datagram socket tells of its end only when something is sent."""

    def __init__(self, switch: Switch, plug: socket.socket) -> None:
        self._switch = switch
        self._plug = plug
        plug.setblocking(False)
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            plug.setsockopt(socket.SOL_SOCKET, option, _BUFFER)
        switch.join(self)
        asyncio.get_running_loop().add_reader(plug, self._read)

    @property
    def plugged(self) -> bool:
        """Whether somebody is at the other end, as far as is known."""
        return self._plug.fileno() >= 0

    def _read(self) -> None:
        packets = []
        try:
            for _ in range(_AT_ONCE):
                frame = self._plug.recv(frames.MOST)
                if len(frame) >= frames.BODY - frames.PREFIX:
                    packets.append(frames.prefixed(frame))
        except BlockingIOError:
            pass
        except OSError:
            self.unplug()
        self._switch.take(self, packets)

    def send(self, packets: Sequence[bytes]) -> None:
        """Take packets; they are lost while the other side does not read."""
        for packet in packets:
            try:
                self._plug.send(memoryview(packet)[frames.PREFIX:])
            except OSError as error:
                if error.errno not in _FULL:
                    self.unplug()
                return

    def unplug(self) -> None:
        """Leave the switch."""
        if self.plugged:
            asyncio.get_running_loop().remove_reader(self._plug)
            self._switch.leave(self)
            self._plug.close()


@contextlib.asynccontextmanager
async def qemu_plugs(path: Path, switch: Switch, log: Log) -> AsyncIterator[None]:
    """A socket at `path` where QEMU plugs in; raises HostError."""
    machines: list[Machine] = []

    def plugged() -> Machine:
        machines[:] = [each for each in machines if each.plugged]
        machines.append(Machine(switch, log))
        return machines[-1]

    with listening(path) as listener:
        server = await asyncio.get_running_loop().create_unix_server(plugged, sock=listener)
        try:
            yield
        finally:
            server.close()
            for machine in machines:
                machine.unplug()


@contextlib.asynccontextmanager
async def handed_plugs(path: Path, switch: Switch, log: Log) -> AsyncIterator[None]:
    """A socket at `path` where a datagram socket can be handed over, one a connection; raises HostError."""
    with listening(path) as listener:
        taking = asyncio.ensure_future(_take_over(listener, switch, log))
        try:
            yield
        finally:
            taking.cancel()


async def _take_over(listener: socket.socket, switch: Switch, log: Log) -> None:
    loop, machines = asyncio.get_running_loop(), list[Datagrams]()
    try:
        while True:
            connection, _ = await loop.sock_accept(listener)
            machines = [each for each in machines if each.plugged]
            if plug := await _handed(connection):
                machines.append(Datagrams(switch, plug))
                log("debug", "a machine has handed over its socket")
    finally:
        for machine in machines:
            machine.unplug()


async def _handed(connection: socket.socket) -> socket.socket | None:
    """The socket that comes over a connection within a second, which is not needed after that."""
    with connection:
        connection.settimeout(_HAND_TIME)
        try:
            _, fds, _, _ = await asyncio.to_thread(socket.recv_fds, connection, 64, 4)
        except OSError:
            return None
        for surplus in fds[1:]:
            os.close(surplus)
        return socket.socket(fileno=fds[0]) if fds else None


@contextlib.contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    """A listening socket at `path`, for its owner only; a stale file there is replaced, and leaving removes it."""
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        try:
            listener.bind(str(path))
        except OSError as error:
            raise HostError(f"cannot make the socket `{path}`", detail=error.strerror or str(error)) from error
        path.chmod(0o700)
        listener.setblocking(False)
        listener.listen(64)
        try:
            yield listener
        finally:
            path.unlink(missing_ok=True)
