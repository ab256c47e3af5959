"""What machines may do besides running, and how the end of one is said."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from typing import Any, Protocol, runtime_checkable

from limacore.base.picture import Pixels
from limacore.drivers.base import Exit


class MachineEvent(Protocol):
    """Something that happened to a machine; names are QMP's."""

    name: str
    data: dict[str, Any]


@runtime_checkable
class Eventful(Protocol):
    """A machine that tells what happens to it."""

    def events(self) -> AsyncIterator[MachineEvent]: ...


@runtime_checkable
class Pictured(Protocol):
    """A machine whose display can be seen."""

    async def pixels(self) -> Pixels: ...


def ending(how: Exit) -> str:
    if how.code < 0:
        return f"signal: {(signal.strsignal(-how.code) or str(-how.code)).lower()}"
    return f"exit status {how.code}"


def cause(how: Exit) -> str:
    if how.code == 0:
        return "the guest powered itself off before it was ready"
    last = how.stderr.strip().splitlines()[-1:]
    return f"the virtual machine ended unexpectedly ({ending(how)})" + (f": {last[0]}" if last else "")
