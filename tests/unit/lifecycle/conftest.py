"""What the tests of the lifecycle get."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from limacore.base import notice
from limacore.paths import HomePaths


@pytest.fixture
def home(lima_home: Path, monkeypatch: pytest.MonkeyPatch) -> HomePaths:
    """An empty Lima home; nothing of the user's is registered to start at login."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(lima_home / ".config"))
    return HomePaths(lima_home)


@pytest.fixture
def told() -> Iterator[list[str]]:
    """The notices of the test, each with its level."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(f"{record.levelname.lower()} {record.getMessage()}")

    handler = Keep(logging.INFO)
    notice.LOGGER.addHandler(handler)
    yield lines
    notice.LOGGER.removeHandler(handler)
