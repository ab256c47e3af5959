"""What every test gets: a short Lima home of its own, and nothing of the user's."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from limacore.base import notice

# Where a run decides about a change, the same examples are tried each time; elsewhere new ones are looked for.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("searching", deadline=None)
settings.load_profile("steady" if os.environ.get("CI") else "searching")

GOLDEN = Path(__file__).parents[2] / "shared" / "golden"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests below tests/vm boot machines and take longest: they come first, so that the workers end together.

    An emulated kernel stalls once in a while (its own words: rcu stall); such a test is run again, and the closing line
    counts it as a rerun. Where a run decides about a change, a test of a terminal or a process that was late on a
    loaded machine is run once more as well, and counted, too.
    """
    for item in items:
        if "/tests/vm/" in str(item.path):
            item.add_marker("vm")
            item.add_marker(pytest.mark.flaky(reruns=2))
        elif os.environ.get("CI"):
            item.add_marker(pytest.mark.flaky(reruns=1))
    items.sort(key=lambda item: "/tests/vm/" not in str(item.path))


@pytest.fixture(scope="session")
def golden() -> Path:
    """The recordings of the reference tool; tests that need them skip where they are absent."""
    if not GOLDEN.is_dir():
        pytest.skip("recordings of the reference tool are not here")
    return GOLDEN


@pytest.fixture
def lima_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty LIMA_HOME with a name short enough for sockets, removed afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="l-", dir="/tmp"))
    monkeypatch.setenv("LIMA_HOME", str(directory))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(autouse=True)
def _own_name() -> Iterator[None]:
    yield
    notice.call_it("limatui")  # a test of the command line may have been called limactl


@pytest.fixture(autouse=True)
def _quiet_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("LIMA", "QEMU_SYSTEM")) or name in ("SSH", "COLORTERM"):
            monkeypatch.delenv(name)
