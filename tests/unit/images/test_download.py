"""Downloads that do not go through at once: what has come is kept, and only what is missing is asked for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from limacore.errors import HostError, ImageError
from limacore.images.cache import Entry
from limacore.images.fetch import fetch
from limacore.model.job import Progress

if TYPE_CHECKING:
    from tests.unit.images.conftest import Server

_FETCH = """
import asyncio, sys
from pathlib import Path
from limacore.images.fetch import fetch
got = asyncio.run(fetch(sys.argv[1], sys.argv[2], Path(sys.argv[3]), lambda _: None))
print(got.cached)
"""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("limacore.images.download._PAUSES", (0.01, 0.01))


def _ignore(_: Progress) -> None:
    pass


async def test_after_a_dropped_connection_the_rest_is_asked_for(server: Server, cache: Path, told: list[str]) -> None:
    server.drops = [300_000, 100_000, 0, 50_000]
    said: list[Progress] = []
    got = await fetch(server.url, server.digest, cache, said.append)
    assert got.path.read_bytes() == server.body
    assert server.ranges_asked == ["", "bytes=300000-", "bytes=400000-", "bytes=400000-", "bytes=450000-"]
    assert "after 293KiB" in told[0]
    assert said[-1].done == 700_000
    assert {path.name for path in got.path.parent.iterdir()} == {"data", "url", "time", "type", "sha256.digest"}


async def test_without_a_digest_it_goes_on_while_the_file_is_the_same(server: Server, cache: Path) -> None:
    server.tag = '"one"'
    server.drops = [300_000]
    assert (await fetch(server.url, "", cache, _ignore)).path.read_bytes() == server.body
    assert server.ranges_asked[1] == "bytes=300000-"


@pytest.mark.parametrize("digest", [True, False])
async def test_a_file_that_changed_meanwhile_is_begun_anew(server: Server, cache: Path, digest: bool) -> None:
    server.drops, server.tag = [300_000] * 3, '"one"'
    with pytest.raises(ImageError, match="unexpected EOF") as caught, pytest.MonkeyPatch.context() as patch:
        patch.setattr("limacore.images.download._PAUSES", ())
        await fetch(server.url, "", cache, _ignore)
    assert "goes on where it stopped" in caught.value.hint
    assert Entry.of(cache, server.url).part.stat().st_size == 300_000
    server.drops, server.tag, server.modified, server.body = [], '"two"', "", os.urandom(500_000)
    got = await fetch(server.url, server.digest if digest else "", cache, _ignore)
    assert got.path.read_bytes() == server.body
    assert server.ranges_asked[-1] == "bytes=300000-"


async def test_bytes_that_cannot_be_told_from_others_are_not_used(server: Server, cache: Path) -> None:
    server.drops, server.modified = [300_000], ""
    assert (await fetch(server.url, "", cache, _ignore)).path.read_bytes() == server.body
    assert server.ranges_asked == ["", ""]


async def test_a_part_of_something_else_is_found_out_by_the_digest(server: Server, cache: Path) -> None:
    entry = Entry.of(cache, server.url)
    entry.dir.mkdir(parents=True)
    entry.part.write_bytes(b"x" * 1000)
    entry.validator.write_text("")
    got = await fetch(server.url, server.digest, cache, _ignore)
    assert got.path.read_bytes() == server.body
    assert server.ranges_asked == ["bytes=1000-", ""]


async def test_a_part_without_a_word_about_it_is_begun_anew(server: Server, cache: Path) -> None:
    entry = Entry.of(cache, server.url)
    entry.dir.mkdir(parents=True)
    entry.part.write_bytes(b"x" * 1000)
    (entry.dir / "data.tmp.1.1").write_bytes(b"of limactl")
    await fetch(server.url, "", cache, _ignore)
    assert server.ranges_asked == [""]
    assert not list(entry.leftovers())


async def test_a_server_that_knows_no_ranges(server: Server, cache: Path) -> None:
    server.ranges, server.drops = False, [300_000]
    assert (await fetch(server.url, server.digest, cache, _ignore)).path.read_bytes() == server.body
    assert server.ranges_asked == ["", "bytes=300000-"]


async def test_a_file_that_became_shorter_is_begun_anew(server: Server, cache: Path) -> None:
    entry = Entry.of(cache, server.url)
    entry.dir.mkdir(parents=True)
    entry.part.write_bytes(b"x" * 800_000)
    entry.validator.write_text(server.modified)
    await fetch(server.url, "", cache, _ignore)
    assert entry.data.read_bytes() == server.body
    assert server.ranges_asked == ["bytes=800000-", ""]


async def test_a_server_that_always_stops_at_the_same_place(server: Server, cache: Path) -> None:
    server.ranges, server.drops = False, [300_000] * 20
    with pytest.raises(ImageError, match="unexpected EOF"):
        await fetch(server.url, server.digest, cache, _ignore)
    assert len(server.asked) == 3


async def test_a_silent_server(server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("limacore.images.web.TIMEOUT", 0.2)
    monkeypatch.setattr("limacore.images.download._PAUSES", ())
    server.stall.clear()
    with pytest.raises(ImageError, match=r"silent for 0.2 s"):
        await fetch(server.url, server.digest, cache, _ignore)
    server.stall.set()
    assert (await fetch(server.url, server.digest, cache, _ignore)).path.read_bytes() == server.body
    assert server.ranges_asked == ["", "bytes=350000-"]


def _child(*words: str, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", _FETCH, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, **options)  # type: ignore[call-overload,no-any-return]


def test_two_processes_download_once(server: Server, cache: Path) -> None:
    children = [_child(server.url, server.digest, str(cache)) for _ in range(2)]
    assert sorted(child.communicate(timeout=60)[0] for child in children) == ["False\n", "True\n"]
    assert server.asked == ["GET /i.qcow2"]


async def test_after_a_kill_the_rest_is_asked_for(server: Server, cache: Path) -> None:
    server.stall.clear()
    child = _child(server.url, server.digest, str(cache))
    part = Entry.of(cache, server.url).part
    deadline = time.monotonic() + 30
    while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.02)  # noqa: ASYNC251
    child.send_signal(signal.SIGKILL)
    child.communicate(timeout=60)
    server.stall.set()
    assert (await fetch(server.url, server.digest, cache, _ignore)).path.read_bytes() == server.body
    assert server.ranges_asked[-1].startswith("bytes=")


def test_a_full_disk(server: Server, cache: Path) -> None:
    import resource

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    child = _child(server.url, server.digest, str(cache), preexec_fn=limit)
    _, error = child.communicate(timeout=60)
    assert "HostError: cannot write" in error
    assert not list(Entry.of(cache, server.url).leftovers()), "what fills the disk is not kept"


async def test_too_little_space_is_said_before_anything_comes(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    cache.mkdir(parents=True)
    real = shutil.disk_usage(cache)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: real._replace(free=(64 << 20) + 699_999))
    with pytest.raises(HostError, match="not enough space"):
        await fetch(server.url, "", cache, _ignore)
    assert not Entry.of(cache, server.url).part.exists()
