"""URLs as files: what is cached, when a server is asked, what is downloaded again."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limacore.base.files import locked
from limacore.errors import ImageError
from limacore.images.cache import Entry
from limacore.images.digest import check
from limacore.images.fetch import fetch
from limacore.images.freshness import same_moment
from limacore.model.job import Progress

if TYPE_CHECKING:
    from tests.unit.images.conftest import MODIFIED, Server
else:
    MODIFIED = "Fri, 20 Nov 2026 10:00:00 GMT"


def _ignore(_: Progress) -> None:
    pass


def _names(entry: Entry) -> set[str]:
    return {path.name for path in entry.dir.iterdir()}


async def test_fetched_once_and_checked(server: Server, cache: Path) -> None:
    said: list[Progress] = []
    got = await fetch(server.url, server.digest, cache, said.append)
    entry = Entry.of(cache, server.url)
    assert (got.path, got.cached, got.verified) == (entry.data, False, True)
    assert got.path.read_bytes() == server.body
    assert _names(entry) == {"data", "url", "time", "type", "sha256.digest"}
    assert (entry.recorded_url(), entry.recorded_time()) == (server.url, MODIFIED)
    assert entry.digest_file("sha256").read_text() == server.digest
    assert (said[-1].fraction, said[-1].done, said[0].detail) == (1.0, 700_000, "the image (i.qcow2)")
    again = await fetch(server.url, server.digest, cache, _ignore)
    assert (again.cached, again.verified) == (True, True)
    assert server.asked == ["GET /i.qcow2"], "a checked download is not asked for again"


async def test_directories_are_the_users_own(server: Server, cache: Path) -> None:
    await fetch(server.url, "", cache, _ignore)
    folder = Entry.of(cache, server.url).dir
    assert {oct(each.stat().st_mode & 0o777) for each in (folder, folder.parent, cache)} == {"0o700"}
    assert folder.name == hashlib.sha256(server.url.encode()).hexdigest()
    assert oct((folder / "data").stat().st_mode & 0o777) == "0o644"


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
async def test_algorithms(server: Server, cache: Path, algorithm: str) -> None:
    digest = f"{algorithm}:{hashlib.new(algorithm, server.body).hexdigest()}"
    await fetch(server.url, digest, cache, _ignore)
    assert Entry.of(cache, server.url).digest_file(algorithm).read_text() == digest


@pytest.mark.parametrize(
    ("digest", "why"),
    [("md5:d41d8cd98f00b204e9800998ecf8427e", "unsupported digest algorithm"),
     ("sha1:" + "0" * 40, "unsupported digest algorithm"), ("sha256:abcd", "invalid checksum digest length"),
     ("sha256:" + "A" * 64, "invalid checksum digest format"), ("abc", "invalid checksum digest format")],
)  # fmt: skip
async def test_digests_that_cannot_be_checked(server: Server, cache: Path, digest: str, why: str) -> None:
    with pytest.raises(ImageError, match=why):
        await fetch(server.url, digest, cache, _ignore)
    assert not server.asked


@given(st.text(max_size=90))
def test_any_text_is_a_digest_or_one_error(text: str) -> None:
    try:
        check(text)
    except ImageError as error:
        assert error.hint


async def test_a_wrong_digest_is_downloaded_once_more_and_refused(server: Server, cache: Path, told: list[str]) -> None:
    with pytest.raises(ImageError, match=r"expected digest `sha256:0+`, got `sha256:"):
        await fetch(server.url, f"sha256:{'0' * 64}", cache, _ignore)
    assert server.asked == ["GET /i.qcow2"] * 2
    assert _names(Entry.of(cache, server.url)) == {"url", "time", "type"}
    assert told[0].startswith("INFO Downloading once more: the data is damaged")


async def test_another_digest_than_the_cached_one_is_an_error(server: Server, cache: Path) -> None:
    await fetch(server.url, server.digest, cache, _ignore)
    with pytest.raises(ImageError, match=r"expected digest `sha256:0+`, got `sha256:") as caught:
        await fetch(server.url, f"sha256:{'0' * 64}", cache, _ignore)
    assert "rm -r" in caught.value.hint
    assert len(server.asked) == 1


async def test_without_digest_the_server_tells_whether_it_changed(
    server: Server, cache: Path, told: list[str]
) -> None:
    await fetch(server.url, "", cache, _ignore)
    await fetch(server.url, "", cache, _ignore)
    assert server.asked == ["GET /i.qcow2", "HEAD /i.qcow2"]
    server.modified, server.body = "Sat, 21 Nov 2026 10:00:00 GMT", b"new" * 1000
    got = await fetch(server.url, "", cache, _ignore)
    assert (got.cached, got.path.read_bytes()) == (False, server.body)
    assert told == [f"INFO Re-downloading digest-less image: last-modified mismatch (cached: `{MODIFIED}`, "
                    "remote: `Sat, 21 Nov 2026 10:00:00 GMT`)"]


async def test_new_bytes_have_no_old_digest(server: Server, cache: Path) -> None:
    old = server.digest
    await fetch(server.url, old, cache, _ignore)
    (Entry.of(cache, server.url).dir / "imgconv").mkdir()
    server.body, server.modified = b"other", ""
    await fetch(server.url, "", cache, _ignore)
    assert _names(Entry.of(cache, server.url)) == {"data", "url", "time", "type"}
    with pytest.raises(ImageError, match="expected digest"):
        await fetch(server.url, old, cache, _ignore)


async def test_a_failed_download_leaves_the_old_bytes_as_they_were(server: Server, cache: Path) -> None:
    await fetch(server.url, server.digest, cache, _ignore)
    entry, old = Entry.of(cache, server.url), server.body
    server.body, server.modified = b"other", "Sat, 21 Nov 2026 10:00:00 GMT"
    server.drops, server.ranges = [2] * 9, False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("limacore.images.download._PAUSES", (0.0,))
        with pytest.raises(ImageError, match="unexpected EOF"):
            await fetch(server.url, "", cache, _ignore)
    assert (entry.data.read_bytes(), entry.recorded_time()) == (old, MODIFIED)
    assert entry.digest_file("sha256").exists(), "it is still true"


async def test_a_server_that_cannot_be_asked(server: Server, cache: Path, told: list[str]) -> None:
    await fetch(server.url, "", cache, _ignore)
    server.head_status = 500
    got = await fetch(server.url, "", cache, _ignore)
    assert got.cached
    assert told == ["INFO Failed to retrieve last-modified for cached digest-less image; using cached image. "
                    "error=unexpected HTTP status Internal Server Error, body=``"]
    server.close()
    assert (await fetch(server.url, "", cache, _ignore)).cached
    assert "error=Head" in told[-1]


async def test_bytes_without_a_date_are_not_trusted(server: Server, cache: Path, told: list[str]) -> None:
    server.modified = ""
    await fetch(server.url, "", cache, _ignore)
    await fetch(server.url, "", cache, _ignore)
    assert server.asked == ["GET /i.qcow2"] * 2
    assert told[-1].endswith("(cached: `<not cached>`, remote: `<not checked>`)")


async def test_a_digest_that_comes_later_is_left_to_who_uses_the_bytes(server: Server, cache: Path) -> None:
    await fetch(server.url, "", cache, _ignore)
    got = await fetch(server.url, server.digest, cache, _ignore)
    assert (got.cached, got.verified) == (True, False)
    assert not Entry.of(cache, server.url).digest_file("sha256").exists()


async def test_a_redirect_is_filed_under_the_first_address(server: Server, cache: Path) -> None:
    url = f"{server.base}/moved"
    got = await fetch(url, server.digest, cache, _ignore)
    assert got.path == Entry.of(cache, url).data


async def test_redirects_without_end(server: Server, cache: Path) -> None:
    with pytest.raises(ImageError, match=r'Get "http.*/loop": stopped after 10 redirects'):
        await fetch(f"{server.base}/loop", "", cache, _ignore)
    assert len(server.asked) == 10


@pytest.mark.parametrize(("status", "phrase"), [(404, "Not Found"), (500, "Internal Server Error"), (599, "599")])
async def test_an_error_page_is_no_image(server: Server, cache: Path, status: int, phrase: str) -> None:
    server.status = status
    with pytest.raises(ImageError, match=rf'^unexpected HTTP status {phrase}, body="no such page\\n"') as caught:
        await fetch(server.url, "", cache, _ignore)
    assert caught.value.hint
    assert _names(Entry.of(cache, server.url)) == {"url"}
    assert len(server.asked) == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x", "http://", "ftp://x/y", "http://[::1/x"])
async def test_addresses_that_cannot_be(cache: Path, url: str) -> None:
    with pytest.raises(ImageError) as caught:
        await fetch(url, "", cache, _ignore)
    assert caught.value.message == f'Get "{url}"'


async def test_proxies_are_used(server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", server.base)
    await fetch("http://elsewhere.example/i.qcow2", server.digest, cache, _ignore)
    assert server.asked == ["GET http://elsewhere.example/i.qcow2"]


async def test_three_at_once_download_once(server: Server, cache: Path, told: list[str]) -> None:
    server.modified = ""
    got = await asyncio.gather(*(fetch(server.url, "", cache, _ignore) for _ in range(3)))
    assert len({each.path for each in got}) == 1
    assert server.asked == ["GET /i.qcow2"]
    assert sum("Waiting for another process" in line for line in told) == 2


async def test_cancelling_lets_go_of_the_entry(server: Server, cache: Path) -> None:
    server.stall.clear()
    begun = asyncio.Event()
    task = asyncio.create_task(fetch(server.url, server.digest, cache, lambda _: begun.set()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with locked(Entry.of(cache, server.url).dir, wait=False):
        pass


def test_dates() -> None:
    assert same_moment("Fri, 20 Nov 2026 10:00:00 GMT", "Friday, 20-Nov-26 10:00:00 GMT")
    assert not same_moment("Fri, 20 Nov 2026 10:00:00 GMT", "yesterday")
    assert same_moment("yesterday", "yesterday")
    assert not same_moment("yesterday", "today")
