"""Changes on the host: seen below new directories too, told once, and not in answer to the guest's own touch."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from limacore.mounts import inotify

pytestmark = pytest.mark.skipif(not inotify.available(), reason=f"not on {sys.platform}")


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[inotify.Watch]:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "link").symlink_to("/")
    watch = inotify.Watch()
    watch.add(os.fsencode(tmp_path))
    yield watch
    watch.close()


def test_writes_attributes_and_new_directories(watch: inotify.Watch, tmp_path: Path) -> None:
    assert not set(watch.changes())
    file = tmp_path / "a/b/gr\u00fc\u00dfe x"
    file.write_text("1")
    assert set(watch.changes()) == {os.fsencode(file)}
    file.chmod(0o600)
    assert set(watch.changes()) == {os.fsencode(file)}
    (tmp_path / "new").mkdir()
    assert set(watch.changes()) == {os.fsencode(tmp_path / "new")}
    (tmp_path / "new" / "file").touch()
    assert os.fsencode(tmp_path / "new" / "file") in set(watch.changes())
    file.unlink()
    assert not set(watch.changes())


def test_news_are_told_once(tmp_path: Path) -> None:
    news, path = inotify.News(), tmp_path / "file"
    assert news.modified(os.fsencode(path)) is None
    path.touch()
    os.utime(path, (100.5, 100.5))
    assert news.modified(os.fsencode(path)) == 100.5
    os.utime(path, (100, 100))  # what the guest set in answer: whole seconds
    assert news.modified(os.fsencode(path)) is None
    os.utime(path, (101, 101))
    assert news.modified(os.fsencode(path)) == 101


def test_paths_of_the_guest() -> None:
    assert inotify.guest_path(b"/private/src/f", "/private/src", "/mnt/dest") == "/mnt/dest/f"
    assert inotify.guest_path(b"/src", "/src", "/mnt/dest") == "/mnt/dest"


async def test_news_that_wait_do_not_keep_the_loop_turning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, heard, really = tmp_path / "log", [], asyncio.Event.set
    file.write_text("x")
    monkeypatch.setattr(asyncio.Event, "set", lambda event: (heard.append(event), really(event)))
    with inotify.changing(file) as changed:
        assert changed is not None
        for times in (1, 2):
            with file.open("a") as log:
                log.write("y")
            for _ in range(20):
                await asyncio.sleep(0.001)
            assert len(heard) == times
            await changed()
