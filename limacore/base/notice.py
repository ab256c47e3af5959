"""What the engine tells its user while it works, as log records; the command line and the dashboard show them.

Records go to the standard logger `limacore`; fields travel in `record.fields`.
"""

from __future__ import annotations

import logging

LOGGER = logging.getLogger("limacore")
LOGGER.addHandler(logging.NullHandler())
LOGGER.setLevel(logging.DEBUG)
LOGGER.propagate = False

_called = "limatui"


def program() -> str:
    """The name under which this process was called, for messages that name a command to use."""
    return _called


def call_it(name: str) -> None:
    """Set that name, once, when the process starts."""
    global _called
    _called = name


def debug(message: str, /, **fields: str) -> None:
    """A line that only `--debug` shows."""
    LOGGER.debug(message, extra={"fields": fields}, stacklevel=2)


def info(message: str, /, **fields: str) -> None:
    """A line that tells what is done now."""
    LOGGER.info(message, extra={"fields": fields}, stacklevel=2)


def warning(message: str, /, **fields: str) -> None:
    """Something that the user should know and need not act on at once."""
    LOGGER.warning(message, extra={"fields": fields}, stacklevel=2)


def error(message: str, /, **fields: str) -> None:
    """Something failed, and the work goes on."""
    LOGGER.error(message, extra={"fields": fields}, stacklevel=2)
