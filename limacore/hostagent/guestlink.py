"""The conversation with the guest agent: JSON lines on a unix socket, whose guest end is never trusted."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from limacore.base.jsonlines import LineSplitter
from limacore.model.guest import MAX_LINE, Ask, Clock, FromGuest, Hello, PowerOff, SetClock, SetInterval, ToGuest, Touch

CLOCK_INTERVAL = 600.0
"""Seconds between corrections of the guest's clock; also when it is ready and after a resume."""

CLOCK_DELAY, CLOCK_TRIES = 0.1, 3
"""An answer that took longer than this many seconds was worth nothing; how often that is tried."""

METRICS_INTERVAL, METRICS_TIME = 2.0, 10.0
"""Seconds between metrics, and for how long they come after they were asked for."""

MOST_PER_SECOND, FOR_FREE = 500, 1024
"""Lines that are read from one guest, each counted once for every so many bytes; a boot says about a hundred in all."""

_MOST_QUEUED = 1 << 20
"""Bytes that wait for an agent; beyond that changes of files are not told any more."""

_TALKED = 1.0
"""Seconds after which a connection was one; ssh takes any and ends it at once when nobody listens in the guest."""

_COMPLAINTS = 5
"""Bad lines that are logged within one minute; the rest are only counted."""

Log = Callable[[str, str], None]
Handle = Callable[[FromGuest], None]
_decoder: msgspec.json.Decoder[FromGuest] = msgspec.json.Decoder(FromGuest)


class Pace:
    """Lets at most `most` lines a second pass, fewer long ones: a guest that babbles is read slowly and has to wait."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._since = time.monotonic()
        self._count = 0

    async def step(self, line: bytes) -> None:
        """Before each line."""
        cost = 1 + len(line) // FOR_FREE
        self._count += cost
        if self._count > self._most:
            await asyncio.sleep(max(0.0, 1.0 - (time.monotonic() - self._since)))
            self._since, self._count = time.monotonic(), cost


class Complaints:
    """Logs a few refusals a minute, so that a guest cannot fill the host's disk."""

    def __init__(self, log: Log, now: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._now = now
        self._since = now()
        self._count = 0

    def add(self, text: str) -> None:
        """One more reason to complain."""
        if self._now() - self._since > 60:
            self._since, self._count = self._now(), 0
        self._count += 1
        if self._count <= _COMPLAINTS:
            last = "; more of this within a minute is not logged" if self._count == _COMPLAINTS else ""
            self._log("warning", f"refused a line of the guest agent: {text}{last}")


class GuestLink:
    """Reads what the guest says and hands each message on; `send` is silent while nobody is connected."""

    def __init__(self, handle: Handle, log: Log) -> None:
        self._handle = handle
        self._log = log
        self._complaints = Complaints(log)
        self._writers: list[asyncio.StreamWriter] = []
        self._speaking: asyncio.StreamWriter | None = None
        self._quiet: asyncio.TimerHandle | None = None
        self._clock_sent = 0.0
        self._clock_tries = 0
        self.answered = asyncio.Event()
        """Set once the agent has said hello."""

    def send(self, message: ToGuest) -> bool:
        """Queue a message for the agent that speaks, else for whoever may listen; whether there is a connection."""
        writers = [self._speaking] if self._speaking else self._writers
        for writer in writers:
            writer.write(msgspec.json.encode(message) + b"\n")
        return bool(writers)

    def want_metrics(self) -> None:
        """Metrics for the next seconds; an agent that nobody asks sends none and never wakes up."""
        if self._quiet is None:
            self.send(SetInterval(METRICS_INTERVAL))
        else:
            self._quiet.cancel()
        self._quiet = asyncio.get_running_loop().call_later(METRICS_TIME, self._no_metrics)

    def set_clock(self) -> None:
        """Tell the guest the time of the host, when an agent is there."""
        self._clock_tries = CLOCK_TRIES
        self._send_clock()

    def _send_clock(self) -> None:
        self._clock_sent = time.monotonic()
        if self.answered.is_set():
            self.send(SetClock(time.time()))

    def _clock_answered(self) -> None:
        """A guest that was too busy to read at once has set its clock to the past."""
        self._clock_tries -= 1
        if time.monotonic() - self._clock_sent > CLOCK_DELAY and self._clock_tries > 0:
            self._send_clock()

    def power_off(self, *, reboot: bool = False) -> bool:
        """Ask for an ordered shutdown; whether an agent is there to hear it."""
        return self.answered.is_set() and self.send(PowerOff(reboot))

    def touch(self, path: str, modified: float) -> None:
        """Tell of a file that was changed on the host; dropped where no agent reads fast enough, or for odd names."""
        queued = sum(each.transport.get_write_buffer_size() for each in self._writers)
        if self.answered.is_set() and queued < _MOST_QUEUED and path.isprintable():
            self.send(Touch(path, modified))

    async def converse(self, path: Path) -> None:
        """Talk over the socket at `path` until the other side closes; raises OSError when nobody listens."""
        await self.talk(*await asyncio.open_unix_connection(path))

    def heard(self, writer: asyncio.StreamWriter) -> bool:
        """Whether it is the other end of `writer` that speaks for the guest."""
        return self._speaking is writer

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk over a connection until the other side closes."""
        self._writers.append(writer)
        try:
            writer.write(msgspec.json.encode(Ask("hello")) + b"\n")
            await self._read(reader, writer)
        finally:
            self._hang_up(writer)

    def _hang_up(self, writer: asyncio.StreamWriter) -> None:
        self._writers.remove(writer)
        if self._speaking is writer:
            self._speaking = None
            self.answered.clear()
        writer.close()

    async def keep_clock(self) -> None:
        """Correct the guest's clock now and then, for as long as it runs."""
        while True:
            await asyncio.sleep(CLOCK_INTERVAL)
            self.set_clock()

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        splitter = LineSplitter(MAX_LINE)
        pace = Pace(MOST_PER_SECOND)
        while data := await reader.read(MAX_LINE):
            for line in splitter.feed(data):
                await pace.step(line)
                self._take(line, writer)
            if splitter.refused:
                self._complaints.add(f"longer than {MAX_LINE} bytes")
                splitter.refused = 0

    def _take(self, line: bytes, writer: asyncio.StreamWriter) -> None:
        try:
            message = _decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self._complaints.add(f"{error} in {line[:80]!r}")
            return
        if isinstance(message, Hello):
            self._speaking = writer
            self.answered.set()
            if self._quiet:
                self.send(SetInterval(METRICS_INTERVAL))
        elif isinstance(message, Clock):
            self._clock_answered()
        self._handle(message)

    def _no_metrics(self) -> None:
        self._quiet = None
        self.send(SetInterval(0))


async def keep_talking(link: GuestLink, path: Path, lost: Callable[[], Awaitable[None]]) -> None:
    """Converse for as long as the machine runs: the socket is the hypervisor's, a close of it is rare and brief."""
    pause = 0.02
    while True:
        began = time.monotonic()
        with contextlib.suppress(OSError):
            await link.converse(path)
            await lost()
        if time.monotonic() - began > _TALKED:
            pause = 0.02
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, 30.0)
