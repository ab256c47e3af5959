"""What the engine tells while a job runs goes to that job: notices are caught by the context that they are made in."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from contextvars import ContextVar

from limacore.base import notice

Ear = Callable[[str, str], None]
"""Takes the level (`info`, `warning`, …) and the text."""
_EAR: ContextVar[Ear | None] = ContextVar("ear", default=None)


class _Catcher(logging.Handler):
    """Tasks and threads carry the context of the job that began them, so the record finds its way."""

    def emit(self, record: logging.LogRecord) -> None:
        ear = _EAR.get()
        if ear is not None:
            ear(record.levelname.lower(), _text(record))


def _text(record: logging.LogRecord) -> str:
    """The message with its fields: `Downloading arch=x86_64 location=https://…`."""
    fields: dict[str, str] = getattr(record, "fields", {})
    told = (f"{key}={value}" for key, value in sorted(fields.items()) if key != "time")
    return " ".join((record.getMessage(), *told))


_CATCHER = _Catcher(logging.INFO)


@contextlib.contextmanager
def hearing(ear: Ear) -> Iterator[None]:
    """Give `ear` every notice that is made in this context, in its threads too."""
    notice.LOGGER.addHandler(_CATCHER)
    token = _EAR.set(ear)
    try:
        yield
    finally:
        _EAR.reset(token)
