"""The archive with containerd and UEFI code: when they are fetched, and what is said when they cannot be had."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from limacore.config.load import load_text
from limacore.images import extras
from limacore.images.cache import Entry
from limacore.model.config import Config
from limacore.model.job import Progress
from limacore.paths import HomePaths, InstancePaths

if TYPE_CHECKING:
    from tests.unit.images.conftest import Server


@pytest.fixture
def paths(lima_home: Path, cache: Path) -> InstancePaths:
    made = InstancePaths(lima_home / "t")
    made.dir.mkdir()
    return made


def _ignore(_: Progress) -> None:
    pass


def _config(paths: InstancePaths, text: str) -> Config:
    whole = f"images: [{{location: /x}}]\n{text}"
    return load_text(whole, paths.lima_yaml, HomePaths(paths.dir.parent)).require("t")


def _with_archive(paths: InstancePaths, url: str, digest: str, more: str = "") -> Config:
    return _config(paths, f"containerd: {{user: true, archives: [{{location: {url}, digest: '{digest}'}}]}}\n{more}")


async def test_the_archive_is_fetched_and_later_taken_silently(
    paths: InstancePaths, server: Server, cache: Path, told: list[str]
) -> None:
    config = _with_archive(paths, server.url, server.digest)
    data = Entry.of(cache, server.url).data
    attempt = (f"INFO Attempting to download the nerdctl archive location={server.url} arch=x86_64 "
               f"digest={server.digest}")
    assert await extras.nerdctl(config, _ignore, existing=True) == data
    assert told == [attempt, f"INFO Downloaded the nerdctl archive from `{server.url}`"]
    assert await extras.nerdctl(config, _ignore, existing=True) == data
    assert len(told) == 2
    assert await extras.nerdctl(config, _ignore, existing=False) == data
    assert told[2:] == [attempt, f"INFO Using cache `{data}`"]
    assert server.asked == ["GET /i.qcow2"]


async def test_a_damaged_archive_is_never_taken(
    paths: InstancePaths, server: Server, cache: Path, told: list[str]
) -> None:
    config = _with_archive(paths, server.url, server.digest)
    entry = Entry.of(cache, server.url)
    await extras.nerdctl(config, _ignore, existing=False)
    entry.digest_file("sha256").unlink()
    entry.data.write_bytes(b"damaged")
    assert await extras.nerdctl(config, _ignore, existing=True) is None
    assert told[-1].startswith("WARNING The guest will be without containerd")
    assert "expected digest" in told[-1]


@pytest.mark.parametrize("more", ["plain: true\n", "arch: riscv64\n"])
async def test_guests_without_containerd_get_none(
    paths: InstancePaths, server: Server, told: list[str], more: str
) -> None:
    config = _with_archive(paths, server.url, server.digest, more)
    if "riscv" in more:
        config = _config(paths, "containerd: {user: false, system: false}\n")
    assert await extras.nerdctl(config, _ignore, existing=False) is None
    assert (server.asked, told) == ([], [])


async def test_a_local_archive_stays_where_it_is(paths: InstancePaths, tmp_path: Path, told: list[str]) -> None:
    (tmp_path / "n.tgz").write_bytes(b"x")
    config = _with_archive(paths, f"{tmp_path}/n.tgz", "")
    assert await extras.nerdctl(config, _ignore, existing=True) == tmp_path / "n.tgz"
    assert told == []


async def test_uefi_code_is_fetched_once(paths: InstancePaths, server: Server, told: list[str]) -> None:
    server.body = gzip.compress(b"code")
    config = _config(paths, f"firmware: {{images: [{{location: '{server.base}/gone', vmType: vz}}, "
                            f"{{location: '{server.base}/c.gz', vmType: qemu}}]}}\n")
    for _ in range(2):
        await extras.firmware(paths, config, _ignore)
    assert paths.efi_code.read_bytes() == b"code"
    assert server.asked == ["GET /c.gz"]


async def test_without_that_code_the_hosts_is_used(paths: InstancePaths, server: Server, told: list[str]) -> None:
    server.status = 404
    config = _config(paths, f"firmware: {{images: [{{location: '{server.base}/gone'}}]}}\n")
    await extras.firmware(paths, config, _ignore)
    assert told[-1].startswith(f"WARNING failed to download `{server.base}/gone` error=unexpected HTTP status Not")
    assert not paths.efi_code.exists()
