"""What a shell in a guest without an agent answers over ssh, as the messages that an agent would send. Pure."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from pathlib import Path

from limacore.model.guest import BootProgress, Hello, Metrics, Port

SOURCE = "ssh"
"""`port_source` of such a guest."""

_SCRIPT = Path(__file__).parent / "payload" / "agent.sh"
_MOST_LINES, _LONGEST = 20, 500
_IPV4_INSIDE = bytes(10) + b"\xff\xff"


def script() -> str:
    """The shell script that answers."""
    return _SCRIPT.read_text()


def hello(lines: Iterable[str]) -> Hello:
    """The greeting; raises ValueError when it is none."""
    for line in lines:
        word, *fields = line.split(" ")
        if word == "hello" and len(fields) == 5:
            iid, boot_id, kernel, name, uptime = fields
            return Hello(1, iid.removeprefix("-"), boot_id, kernel, name, float(uptime), SOURCE)
    raise ValueError("no greeting")


def ports(lines: Iterable[str]) -> frozenset[Port]:
    """The listening sockets; what cannot be read is passed over."""
    return frozenset(_ports(lines))


def _ports(lines: Iterable[str]) -> Iterator[Port]:
    for line in lines:
        word, *entries = line.split(" ")
        for entry in entries if word == "ports" else ():
            kind, _, where = entry.partition(":")
            address, _, number = where.partition(":")
            try:
                port = Port("tcp", _address(address), int(number, 16))
            except ValueError:
                continue
            if kind in ("tcp", "tcp6") and 0 < port.port < 65536:
                yield port


def _address(text: str) -> str:
    """An address of /proc/net: words of 32 bits in the guest's own order, which is little-endian wherever Lima runs
    but s390x, whose addresses then are wrong."""
    raw = b"".join(bytes.fromhex(text[at:at + 8])[::-1] for at in range(0, len(text), 8))
    if len(raw) == 16 and raw.startswith(_IPV4_INSIDE):
        raw = raw[12:]
    if len(raw) not in (4, 16):
        raise ValueError("no address")
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)


class Boot:
    """The story of boot.sh from its notes, which come in parts."""

    def __init__(self) -> None:
        self.ready = False
        self._begun: dict[str, float] = {}
        self._output: list[str] = []

    def news(self, lines: Iterable[str]) -> Iterator[BootProgress]:
        """The messages for the lines of one answer."""
        for line in lines:
            word, _, rest = line.partition(" ")
            if word == "boot" and (message := self._message(rest)):
                yield message
            elif word == "ready" and not self.ready:
                self.ready = True
                yield BootProgress("ready", iid=rest)

    def _message(self, note: str) -> BootProgress | None:
        word, _, rest = note.partition(" ")
        if word == "out":
            self._output = [*self._output, rest[:_LONGEST]][-_MOST_LINES:]
            return None
        at, _, rest = rest.partition(" ")
        try:
            if word == "start":
                self._begun[rest] = float(at)
                return BootProgress("start", rest)
            code, _, name = rest.partition(" ")
            seconds = round(float(at) - self._begun.get(name, float(at)), 2)
            output, self._output = "\n".join(self._output), []
            return BootProgress("end", name, int(code), seconds, output=output)
        except ValueError:
            return None


class Meter:
    """Metrics out of answers; the share of the CPUs is that since the answer before."""

    def __init__(self) -> None:
        self._before = (0, 0)

    def metrics(self, lines: Iterable[str]) -> Metrics:
        """Raises ValueError when a number is none."""
        found = {word: fields for word, *fields in (line.split() for line in lines if line)}
        total, free = (int(each) << 10 for each in found.get("memory", ("0", "0"))[:2])
        size, used = (int(each) << 10 for each in found.get("disk", ("0", "0"))[:2])
        load = float((found.get("load") or ("0",))[0])
        return Metrics(load, self._percent(found.get("cpu", [])), total, total - free, size, used)

    def _percent(self, fields: list[str]) -> float:
        times = [int(each) for each in fields[:8]]
        if len(times) < 5:
            return 0.0
        now = sum(times), times[3] + times[4]
        whole, idle = now[0] - self._before[0], now[1] - self._before[1]
        self._before = now
        return round(100.0 * (whole - idle) / whole, 1) if whole > 0 else 0.0


def date(lines: Iterable[str]) -> tuple[float, float]:
    """The guest's time, and how exact that is, in seconds; raises ValueError. busybox may not know parts of seconds."""
    for line in lines:
        word, _, text = line.partition(" ")
        if word == "date":
            whole, _, part = text.partition(".")
            if part.isdecimal():
                return float(f"{whole}.{part}"), 0.1
            return int(whole) + 0.5, 1.0
    raise ValueError("no date")
