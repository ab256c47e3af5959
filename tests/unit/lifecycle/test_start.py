"""Starting: what is refused before anything of the instance is changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from limacore.errors import DriverError
from limacore.lifecycle.start import start
from limacore.paths import HomePaths


async def test_an_instance_of_another_system_keeps_its_files(lima_home: Path) -> None:
    folder = lima_home / "one"
    folder.mkdir()
    (folder / "lima.yaml").write_text("vmType: vz\nimages: [{location: /srv/i.img}]\n")
    (folder / "disk").write_bytes(bytes(4096))
    with pytest.raises(DriverError, match="vmType `vz` is not available on this system"):
        await start(HomePaths(lima_home), "one", report=lambda _: None)
    assert sorted(path.name for path in folder.iterdir()) == ["disk", "lima.yaml"]
    assert (folder / "disk").stat().st_size == 4096
