"""Tests of the dashboard fail when its code blocks the event loop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx

_BEFORE_THE_LOOP = {"assets.py": "stylesheets", "app.py": "__init__", "monitor.py": "time"}
"""What an app does while it is made; tests make theirs inside a loop. Under the monitor everything is called by us."""


@pytest.fixture(autouse=True)
def _texts_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is typed in a test is not offered to the user."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture(autouse=True)
def _loop_stays_free() -> Iterator[None]:
    with blockbuster_ctx("limatui") as blockbuster:
        for function in blockbuster.functions.values():
            for file, name in _BEFORE_THE_LOOP.items():
                function.can_block_in(f"limatui/{file}", name)
        yield
