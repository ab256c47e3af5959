"""info: drivers of ours and external ones, each with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from limacore.cli import about
from limacore.paths import HomePaths


def test_external_drivers_are_listed_with_their_places(
    lima_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LIMA_DRIVERS_PATH", str(tmp_path))
    for name in ("krunkit", "qemu"):
        (tmp_path / f"lima-driver-{name}").touch(0o755)
    found = about.gathered(HomePaths(lima_home))
    assert found["vmTypes"] == ["krunkit", "qemu"]
    assert found["vmTypesEx"] == {
        "krunkit": {"location": str(tmp_path / "lima-driver-krunkit")}, "qemu": {"location": "internal"}}
