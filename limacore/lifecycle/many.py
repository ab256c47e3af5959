"""One thing done to several instances at once.

What is told of one stays together, in the order of the names; or it is told at once, each line with the name in front.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar

from limacore.base.log import rfc3339
from limacore.base.notice import LOGGER
from limacore.errors import LimaError


class _Lane:
    """What one instance has to tell, kept until its turn comes."""

    def __init__(self) -> None:
        self._kept: list[logging.LogRecord] | None = []
        self._lock = threading.Lock()  # a notice may be made in a thread just as the turn comes

    def keeps(self, record: logging.LogRecord) -> bool:
        with self._lock:
            if self._kept is None:
                return False
            # It is shown later, and still bears the time when it was said.
            record.__dict__.setdefault("fields", {}).setdefault("time", rfc3339(record.created))
            self._kept.append(record)
            return True

    def open(self) -> None:
        with self._lock:
            kept, self._kept = self._kept or (), None
            for record in kept:
                LOGGER.handle(record)


class _Named:
    """What one instance has to tell is told at once, with its name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def keeps(self, record: logging.LogRecord) -> bool:
        record.msg = f"{self._name}: {record.msg}"
        return False

    def open(self) -> None:
        pass


_LANE: ContextVar[_Lane | _Named | None] = ContextVar("lane", default=None)


def _passes(record: logging.LogRecord) -> bool:
    lane = _LANE.get()
    return lane is None or not lane.keeps(record)


LOGGER.addFilter(_passes)


async def each(
    names: Sequence[str], work: Callable[[str], Awaitable[object]], *, live: bool = False
) -> tuple[LimaError, ...]:
    """Do `work` for every name at once; what failed, in the order of the names. A name given twice counts once.

    `live`: lines are told at once, with their names; else those of one instance together."""
    lanes = {name: _Named(name) if live else _Lane() for name in names}
    errors = []
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_in_lane(lane, name, work), name=name) for name, lane in lanes.items()]
        for lane, task in zip(lanes.values(), tasks, strict=True):
            lane.open()
            errors.append(await task)
    return tuple(error for error in errors if error is not None)


async def _in_lane(
    lane: _Lane | _Named, name: str, work: Callable[[str], Awaitable[object]]
) -> LimaError | None:
    _LANE.set(lane)
    try:
        await work(name)
    except LimaError as error:
        return error
    return None


def require_none(errors: Sequence[LimaError]) -> None:
    """Raise the only error as it is, several as one with a line for each."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        lines = (": ".join(part for part in (each.message, each.detail) if part) for each in errors)
        raise LimaError("\n".join(lines), hint="; ".join(dict.fromkeys(each.hint for each in errors if each.hint)))
