"""A guest agent without a program in the guest: a shell there answers over ssh, and this speaks for it to `GuestLink`.

Questions come from here, so a guest that nobody asks does not wake up for it."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import socket
import time
from typing import Any

import msgspec

from limacore.base.jsonlines import LineSplitter
from limacore.guest import overssh
from limacore.hostagent.guestlink import GuestLink
from limacore.model.guest import (
    MAX_LINE,
    Ask,
    Clock,
    FromGuest,
    Port,
    Ports,
    PowerOff,
    SetClock,
    SetInterval,
    ToGuest,
    Touch,
)
from limacore.ssh.master import Master

BOOTING, LISTENING = 0.5, 3.0
"""Seconds between looks at a guest that boots, and at one that is ready."""

_ANSWER_TIME = 60.0
_MOST_LINES, _LONGEST = 2000, 1 << 18
"""What one answer may have; more is no answer."""

_MOST_PORTS = 600
_decoder: msgspec.json.Decoder[ToGuest] = msgspec.json.Decoder(ToGuest)
_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def attend(master: Master, link: GuestLink) -> None:
    """Be the agent of the guest until the connection ends or a real agent speaks; raises MuxError."""
    (asked, theirs), (ours, links) = socket.socketpair(), socket.socketpair()
    with theirs:
        command = f"/bin/sh -c {shlex.quote(overssh.script())}"
        ends: list[asyncio.Task[Any]] = [asyncio.create_task(master.stream(command, theirs.fileno()))]
        shell = await asyncio.open_unix_connection(sock=asked, limit=_LONGEST)
        agent = _Agent(shell, await asyncio.open_unix_connection(sock=ours))
        end = await asyncio.open_unix_connection(sock=links)
        ends += [asyncio.create_task(each) for each in (agent.run(), link.talk(*end), _replaced(link, end[1]))]
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in ends:
                task.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
            for writer in (shell[1], end[1], agent.writer):
                writer.close()
        if ends[0] in done:
            ends[0].result()


async def _replaced(link: GuestLink, writer: asyncio.StreamWriter) -> None:
    """Wait until another agent speaks."""
    await link.answered.wait()
    while link.heard(writer):  # noqa: ASYNC110  nobody tells when a guest gets an agent of its own
        await asyncio.sleep(LISTENING)


class _Agent:
    """Says to `link` what the shell answers, and asks the shell what `link` wants."""

    def __init__(self, shell: _Streams, link: _Streams) -> None:
        self._shell_reader, self._shell_writer = shell
        self._reader, self.writer = link
        self._turn = asyncio.Lock()
        self._boot = overssh.Boot()
        self._meter = overssh.Meter()
        self._ports: frozenset[Port] | None = None
        self._interval = 0.0
        self._measured = 0.0

    async def run(self) -> None:
        """Until the shell or the link is gone, or says what is not understood."""
        if await self._shell_reader.readline() != b"here\n":
            return
        both = [asyncio.create_task(self._look()), asyncio.create_task(self._obey())]
        try:
            done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            with contextlib.suppress(OSError, ValueError, EOFError, TimeoutError):
                done.pop().result()
        finally:
            for task in both:
                task.cancel()

    async def _look(self) -> None:
        self._say(overssh.hello(await self._ask("hello")))
        while True:
            self._tell_ports(overssh.ports(await self._ask("ports")))
            if not self._boot.ready:
                for message in self._boot.news(await self._ask("boot")):
                    self._say(message)
            if self._interval and time.monotonic() - self._measured >= self._interval:
                self._measured = time.monotonic()
                self._say(self._meter.metrics(await self._ask("metrics")))
            await asyncio.sleep(LISTENING if self._boot.ready else BOOTING)

    async def _obey(self) -> None:
        splitter = LineSplitter(MAX_LINE)
        while data := await self._reader.read(MAX_LINE):
            for line in splitter.feed(data):
                await self._do(_decoder.decode(line))

    async def _do(self, message: ToGuest) -> None:
        match message:
            case Ask(what="metrics"):
                self._say(self._meter.metrics(await self._ask("metrics")))
            case SetInterval():
                self._interval = message.metrics
            case SetClock():
                self._say(await self._set_clock())
            case Touch():
                await self._ask(f"touch {message.time:.3f} {message.path}")
            case PowerOff():
                await self._ask(f"off {'reboot' if message.reboot else 'poweroff'}")

    async def _set_clock(self) -> FromGuest:
        began = time.time()
        guest, exact = overssh.date(await self._ask("date"))
        took = time.time() - began
        skew = guest - (began + took / 2)
        if abs(skew) <= max(exact, took):
            return Clock(round(skew * 1000, 3))
        done = await self._ask(f"shift {int(-skew * 1e9)}")
        return Clock(round(skew * 1000, 3), "set" in done, "" if "set" in done else "the user may not set the clock")

    def _tell_ports(self, found: frozenset[Port]) -> None:
        before, self._ports = self._ports, frozenset(sorted(found, key=_key)[:_MOST_PORTS])
        if before is None:
            self._say(Ports(tuple(sorted(self._ports, key=_key)), full=True))
        elif before != self._ports:
            came, went = (tuple(sorted(each, key=_key)) for each in (self._ports - before, before - self._ports))
            self._say(Ports(came, went))

    def _say(self, message: FromGuest) -> None:
        self.writer.write(msgspec.json.encode(message) + b"\n")

    async def _ask(self, question: str) -> list[str]:
        """The lines of one answer; raises EOFError when the shell is gone, ValueError when it babbles."""
        async with self._turn, asyncio.timeout(_ANSWER_TIME):
            self._shell_writer.write(f"{question}\n".encode())
            lines: list[str] = []
            while (line := await self._shell_reader.readline()) != b".\n":
                if not line:
                    raise EOFError
                if len(lines) >= _MOST_LINES:
                    raise ValueError("an answer of too many lines")
                lines.append(line.decode(errors="replace").rstrip("\n"))
            return lines


def _key(port: Port) -> tuple[str, int, str]:
    return port.protocol, port.port, port.ip
