"""Files that are copied out of a guest, over a real ssh server."""

from __future__ import annotations

from pathlib import Path

from limacore.model.config import Config, CopyToHost
from limacore.paths import HomePaths
from tests.unit.hostagent.stub import StubGuest, running


async def test_files_come_out_and_go_when_told(lima_home: Path, tmp_path: Path) -> None:
    inside, place = tmp_path / "in side", tmp_path / "new folder"
    inside.write_bytes(content := bytes(range(256)) * 1000)
    target = tmp_path / "elsewhere"
    target.write_text("mine")
    link = tmp_path / "link"
    link.symlink_to(target)
    guest = StubGuest(HomePaths(lima_home), Config(copy_to_host=(
        CopyToHost(str(inside), str(place / "a"), delete_on_stop=True),
        CopyToHost(str(inside), str(link)),
        CopyToHost("/no/such", str(place / "b"), skip_if_missing=True),
        CopyToHost("/no/such", str(place / "c")),
    )))
    async with running(guest) as run:
        await guest.boot()
        event = await run.until_running()
        assert [error for error in event.status.errors if "No such file" in error] == list(event.status.errors)
        assert len(event.status.errors) == 1
        assert (place / "a").read_bytes() == content and (place / "a").stat().st_mode & 0o777 == 0o600
        assert place.stat().st_mode & 0o777 == 0o700
        # A link is replaced, what it points to is not written to.
        assert not link.is_symlink() and link.read_bytes() == content and target.read_text() == "mine"
        assert sorted(path.name for path in place.iterdir()) == ["a"]
    assert not (place / "a").exists() and link.exists()
