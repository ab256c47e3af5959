"""A running network, and a guest of a few lines on it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from limacore.network import service
from limacore.paths import HomePaths, NetworkPaths
from tests.unit.network.guest import ONE, Plug
from tests.unit.network.running import NET


@pytest.fixture
def network(lima_home: Path) -> Iterator[NetworkPaths]:
    paths = HomePaths(lima_home).network("user-v2")
    service.start(paths, NET)
    try:
        yield paths
    finally:
        service.stop(paths)


@pytest.fixture
def one(network: NetworkPaths) -> Iterator[Plug]:
    with contextlib.closing(Plug(network.qemu_sock, ONE)) as plug:
        plug.boot()
        yield plug
