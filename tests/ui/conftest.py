"""Tests of the dashboard fail when its code blocks the event loop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx
from textual.pilot import Pilot

from tests.ui import quiet

_BEFORE_THE_LOOP = {"assets.py": "stylesheets", "app.py": "__init__", "monitor.py": "time"}
"""What an app does while it is made; tests make theirs inside a loop. Under the monitor everything is called by us."""


@pytest.fixture(autouse=True)
def _nothing_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of whoever runs this, no browser and no clipboard; what is typed here is not offered to them."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture(autouse=True)
def _pilot_waits_for_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not for the processor to look idle."""
    for module in ("textual.app", "textual.pilot"):
        monkeypatch.setattr(f"{module}.wait_for_idle", quiet.quiet)
    monkeypatch.setattr(Pilot, "_wait_for_screen", quiet.wait_for_screen)


@pytest.fixture(autouse=True)
def _loop_stays_free() -> Iterator[None]:
    with blockbuster_ctx("limatui") as blockbuster:
        for function in blockbuster.functions.values():
            for file, name in _BEFORE_THE_LOOP.items():
                function.can_block_in(f"limatui/{file}", name)
        yield
