"""Disks made by the real qemu-img from images of every kind."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from limacore.config.load import load_text
from limacore.errors import HostError, ImageError
from limacore.images import prepare
from limacore.images.cache import Entry
from limacore.images.candidates import candidates
from limacore.model.config import Config
from limacore.model.job import Progress
from limacore.paths import HomePaths, InstancePaths

if TYPE_CHECKING:
    from tests.unit.images.conftest import Server

MEBIBYTE = 1 << 20


@pytest.fixture
def paths(lima_home: Path, cache: Path) -> InstancePaths:
    made = InstancePaths(lima_home / "t")
    made.dir.mkdir()
    return made


def _run(argv: list[str]) -> None:
    subprocess.run(argv, check=True)


def _target(link: Path) -> str:
    return str(link.readlink())


def _image(path: Path, kind: str = "qcow2", size: str = "8M") -> Path:
    _run(["qemu-img", "create", "-q", "-f", kind, str(path), size])
    return path


def _config(paths: InstancePaths, *images: str, disk: str = "16MiB") -> Config:
    text = f"disk: {disk}\ncontainerd: {{user: false}}\nimages:\n" + "".join(f"- {each}\n" for each in images)
    return load_text(text, paths.lima_yaml, HomePaths(paths.dir.parent)).require("t")


def _by(vm_type: str, config: Config) -> Config:
    return replace(config, vm_type=vm_type)


def _ignore(_: Progress) -> None:
    pass


def _info(path: Path) -> dict[str, Any]:
    argv = ["qemu-img", "info", "--output=json", "--force-share", str(path)]
    found: dict[str, Any] = json.loads(subprocess.run(argv, check=True, capture_output=True).stdout)
    return found


def _names(paths: InstancePaths) -> set[str]:
    return {path.name for path in paths.dir.iterdir()}


@pytest.mark.parametrize("kind", ["qcow2", "raw"])
async def test_base_and_overlay(paths: InstancePaths, tmp_path: Path, kind: str) -> None:
    image = _image(tmp_path / "i", kind)
    made = await prepare.prepare(paths, _config(paths, f"location: {image}"), _ignore)
    assert _names(paths) == {"basedisk", "diffdisk", "disk"}
    assert _target(paths.disk) == "diffdisk"
    info = _info(made.disk)
    assert (info["virtual-size"], info["backing-filename"], info["backing-filename-format"]) == (
        16 * MEBIBYTE, "basedisk", kind)
    assert paths.basedisk.stat().st_ino != image.stat().st_ino, "a user's own file is never shared"
    _run(["qemu-img", "check", "-q", str(paths.disk)])


@pytest.mark.parametrize("kind", ["qcow2", "raw", "vmdk"])
async def test_other_drivers_get_one_raw_disk(paths: InstancePaths, tmp_path: Path, kind: str) -> None:
    image = _image(tmp_path / "i.img", kind)
    _run(["qemu-io", "-f", kind, "-c", "write -q -P 9 1048576 4096", str(image)])
    before = image.read_bytes()
    config = _by("vz", _config(paths, f"location: {image}"))
    await prepare.prepare(paths, config, _ignore)
    assert [path.name for path in paths.dir.iterdir()] == ["disk"]
    assert (_info(paths.disk)["format"], paths.disk.stat().st_size) == ("raw", 16 * MEBIBYTE)
    assert paths.disk.read_bytes()[MEBIBYTE:MEBIBYTE + 4096] == b"\x09" * 4096
    assert paths.disk.stat().st_mode & 0o777 == 0o644
    await prepare.prepare(paths, _by("vz", _config(paths, f"location: {image}", disk="32MiB")), _ignore)
    assert paths.disk.stat().st_size == 32 * MEBIBYTE
    assert image.read_bytes() == before
    with pytest.raises(ImageError, match="shrinking is not supported"):
        await prepare.prepare(paths, config, _ignore)


async def test_the_cache_is_not_grown_with_a_raw_disk(paths: InstancePaths, cache: Path) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    image = _image(cache / "i.img", "raw")
    await prepare.prepare(paths, _by("vz", _config(paths, f"location: {image}")), _ignore)
    assert (paths.disk.stat().st_size, image.stat().st_size) == (16 * MEBIBYTE, 8 * MEBIBYTE)
    assert paths.disk.stat().st_ino != image.stat().st_ino


async def test_other_drivers_boot_an_installer_beside_an_empty_raw_disk(paths: InstancePaths, tmp_path: Path) -> None:
    iso = tmp_path / "i.iso"
    iso.write_bytes(bytes(32769) + b"CD001" + bytes(4096))
    await prepare.prepare(paths, _by("vz", _config(paths, f"location: {iso}")), _ignore)
    assert sorted(path.name for path in paths.dir.iterdir()) == ["disk", "iso"]
    assert paths.iso.read_bytes() == iso.read_bytes()
    assert (paths.disk.stat().st_size, paths.disk.stat().st_blocks) == (16 * MEBIBYTE, 0)


async def test_wsl_gets_the_archive_itself(paths: InstancePaths, tmp_path: Path) -> None:
    with gzip.open(tmp_path / "root.tar.gz", "wb") as file:
        file.write(b"a root file system")
    config = _by("wsl2", _config(paths, f"location: {tmp_path}/root.tar.gz"))
    for _ in range(2):
        await prepare.prepare(paths, config, _ignore)
        assert [path.name for path in paths.dir.iterdir()] == ["basedisk"]
    assert paths.basedisk.read_bytes() == b"a root file system"
    paths.basedisk.unlink()
    with pytest.raises(ImageError):
        await prepare.prepare(paths, _by("wsl2", _config(paths, "location: /nowhere/root.tar")), _ignore)
    assert list(paths.dir.iterdir()) == []


async def test_a_moved_directory_still_works(paths: InstancePaths, tmp_path: Path) -> None:
    await prepare.prepare(paths, _config(paths, f"location: {_image(tmp_path / 'i')}"), _ignore)
    moved = InstancePaths(paths.dir.rename(paths.dir.with_name("moved")))
    _run(["qemu-img", "check", "-q", str(moved.disk)])


async def test_twice_is_once_and_grows_only(paths: InstancePaths, tmp_path: Path) -> None:
    image = _image(tmp_path / "i")
    await prepare.prepare(paths, _config(paths, f"location: {image}"), _ignore)
    inode = paths.diffdisk.stat().st_ino
    image.unlink()
    await prepare.prepare(paths, _config(paths, f"location: {image}"), _ignore)
    await prepare.prepare(paths, _config(paths, f"location: {image}", disk="32MiB"), _ignore)
    assert paths.diffdisk.stat().st_ino == inode
    assert _info(paths.disk)["virtual-size"] == 32 * MEBIBYTE
    with pytest.raises(ImageError, match="shrinking"):
        await prepare.prepare(paths, _config(paths, f"location: {image}", disk="16MiB"), _ignore)
    assert _info(paths.disk)["virtual-size"] == 32 * MEBIBYTE


async def test_a_damaged_overlay_is_not_taken_for_a_raw_disk(paths: InstancePaths, tmp_path: Path) -> None:
    image = _image(tmp_path / "i")
    await prepare.prepare(paths, _config(paths, f"location: {image}"), _ignore)
    with paths.diffdisk.open("r+b") as file:
        file.write(b"\0\0\0\0")
    before = paths.diffdisk.read_bytes()
    with pytest.raises(ImageError, match="is damaged"):
        await prepare.prepare(paths, _config(paths, f"location: {image}"), _ignore)
    assert paths.diffdisk.read_bytes() == before


async def test_an_iso_becomes_a_drive_beside_an_empty_disk(paths: InstancePaths, tmp_path: Path) -> None:
    iso = tmp_path / "i.iso"
    iso.write_bytes(b"\0" * 32769 + b"CD001" + b"\0" * 4000)
    made = await prepare.prepare(paths, _config(paths, f"location: {iso}"), _ignore)
    assert made.iso == paths.iso
    assert (_target(paths.iso), _target(paths.disk)) == ("basedisk", "diffdisk")
    assert "backing-filename" not in _info(paths.disk)


async def test_instances_of_the_reference_tool_stay_as_they_are(paths: InstancePaths) -> None:
    _image(paths.disk)
    await prepare.prepare(paths, _config(paths, "location: /nonexistent", disk="8MiB"), _ignore)
    assert _names(paths) == {"disk"}
    assert not paths.disk.is_symlink()


async def test_instances_of_older_versions_get_the_new_names(paths: InstancePaths) -> None:
    _image(paths.diffdisk)
    paths.basedisk.write_bytes(b"\0" * 32769 + b"CD001" + b"\0" * 4000)
    await prepare.prepare(paths, _config(paths, "location: /nonexistent", disk="8MiB"), _ignore)
    assert (_target(paths.disk), _target(paths.iso)) == ("diffdisk", "basedisk")


@pytest.mark.parametrize("tool", ["gzip -k", "xz -k", "bzip2 -k", "zstd -q"])
@pytest.mark.parametrize("named", [True, False])
async def test_compressed_images(paths: InstancePaths, tmp_path: Path, tool: str, named: bool) -> None:
    image = _image(tmp_path / "i")
    _run([*tool.split(), str(image)])
    image.unlink()
    (packed,) = tmp_path.iterdir()
    if not named:
        packed = packed.rename(tmp_path / "plain")
    await prepare.prepare(paths, _config(paths, f"location: {packed}"), _ignore)
    assert _info(paths.basedisk)["virtual-size"] == 8 * MEBIBYTE
    assert _names(paths) == {"basedisk", "diffdisk", "disk"}


async def test_kernel_and_ram_disk(paths: InstancePaths, tmp_path: Path) -> None:
    image = _image(tmp_path / "i")
    (tmp_path / "vmlinuz").write_bytes(b"kernel" * 100)
    (tmp_path / "initrd").write_bytes(b"ramdisk")
    _run(["gzip", str(tmp_path / "vmlinuz")])
    made = await prepare.prepare(paths, _config(
        paths, f"{{location: {image}, kernel: {{location: {tmp_path}/vmlinuz.gz, cmdline: a=b}}, "
               f"initrd: {{location: {tmp_path}/initrd}}}}"), _ignore)
    assert made.kernel is not None
    assert made.kernel.read_bytes() == b"kernel" * 100
    assert (made.cmdline, made.initrd) == ("a=b", paths.initrd)


async def test_the_next_candidate_is_tried(paths: InstancePaths, tmp_path: Path) -> None:
    image = _image(tmp_path / "i")
    await prepare.prepare(paths, _config(paths, "{location: /nope, arch: aarch64}", "location: /nope",
                                         f"location: {image}"), _ignore)
    assert paths.disk.exists()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "no such file"), (lambda path: path.write_bytes(b""), "it is empty"),
        (lambda path: path.write_text("<!DOCTYPE html><p>Not found"), "a text, not a disk"),
        (lambda path: path.write_bytes(b"QFI\xfb" + b"\0" * 100), "damaged"),
        (lambda path: path.mkdir(), "is a directory"),
        (lambda path: path.write_bytes(b"\x1f\x8b broken"), "cannot be decompressed as gz"),
        (lambda path: os.mkfifo(path), "not a regular file"),
        (lambda path: _run(["qemu-img", "create", "-q", "-fqcow2", "-Fraw", "-b/dev/null", f"{path}", "1M"]),
         "must not have a backing file \\(`/dev/null`\\)"),
        (lambda path: _run(["qemu-img", "create", "-q", "-fqcow2", f"-odata_file={path}.data", f"{path}", "1M"]),
         "must not have an extent file \\(`.*i.data`\\)"),
        (lambda path: _run(["qemu-img", "create", "-q", "-fvmdk", "-osubformat=monolithicFlat", f"{path}", "1M"]),
         "must not have an extent file \\(`.*-flat"),
        (lambda path: _image(path, size="32M"), "disk shrinking is not supported"),
    ],
)  # fmt: skip
async def test_what_is_no_disk_leaves_nothing(paths: InstancePaths, tmp_path: Path, make: Any, reason: str) -> None:
    make(tmp_path / "i")
    with pytest.raises(ImageError, match=reason):
        await prepare.prepare(paths, _config(paths, f"location: {tmp_path}/i"), _ignore)
    assert _names(paths) == set()


@pytest.mark.parametrize("kind", ["vmdk", "vdi", "vhdx", "vpc"])
@pytest.mark.parametrize("packed", [False, True])
async def test_foreign_formats_become_raw(
    paths: InstancePaths, tmp_path: Path, told: list[str], kind: str, packed: bool
) -> None:
    _run(["qemu-io", "-f", kind, "-c", "write -P 7 1M 64k", str(_image(tmp_path / "i", kind))])
    if packed:
        _run(["gzip", str(tmp_path / "i")])
    where = f"{tmp_path}/i{'.gz' if packed else ''}"
    await prepare.prepare(paths, _config(paths, f"location: {where}"), _ignore)
    data = paths.basedisk.read_bytes()
    assert (data[MEBIBYTE : MEBIBYTE + 65536], data[:MEBIBYTE].strip(b"\0")) == (b"\7" * 65536, b"")
    assert _info(paths.disk)["backing-filename-format"] == "raw"
    assert f"INFO Converting {kind} image to raw sparse format" in told
    assert _names(paths) == {"basedisk", "diffdisk", "disk"}


async def test_what_is_said(paths: InstancePaths, tmp_path: Path, told: list[str]) -> None:
    image = _image(tmp_path / "i.qcow2")
    (tmp_path / "k").write_bytes(b"kernel")
    _run(["gzip", str(tmp_path / "k")])
    await prepare.prepare(paths, _config(
        paths, f"{{location: {image}, kernel: {{location: {tmp_path}/k.gz}}}}"), _ignore, name="n")
    assert told == [
        f"INFO Attempting to download the image location={image} arch=x86_64 digest=",
        f"INFO Downloaded the image from `{image}`",
        f"INFO Attempting to download the kernel location={tmp_path}/k.gz arch=x86_64 digest=",
        "INFO Decompressing the kernel (k.gz)",
        f"INFO Downloaded the kernel from `{tmp_path}/k.gz`",
        "INFO Resize instance n's disk from 8MiB to 16MiB",
    ]


async def test_images_of_servers(
    paths: InstancePaths, tmp_path: Path, server: Server, cache: Path, told: list[str]
) -> None:
    _run(["gzip", str(_image(tmp_path / "i"))])
    server.body = (tmp_path / "i.gz").read_bytes()
    url, wrong = f"{server.base}/i.gz", "sha256:" + "0" * 64
    for number in (1, 2):
        other = InstancePaths(paths.dir / str(number))
        other.dir.mkdir()
        await prepare.prepare(other, _config(paths, f"{{location: {url}}}", disk="8MiB"), _ignore)
    assert told[1:] == [
        "INFO Decompressing data", f"INFO Downloaded the image from `{url}`",
        f"INFO Attempting to download the image location={url} arch=x86_64 digest=",
        "INFO Decompressing the image (i.gz)", f"INFO Using cache `{Entry.of(cache, url).data}`",
    ]
    with pytest.raises(ImageError, match=f"failed to download `{url}`: expected digest"):
        await prepare.prepare(paths, _config(paths, f"{{location: {url}, digest: '{wrong}'}}"), _ignore)
    assert server.asked == ["GET /i.gz", "HEAD /i.gz", "HEAD /i.gz"], "checked while it is decompressed"
    assert not paths.disk.exists()


async def test_foreign_formats_of_servers_are_converted_once(
    paths: InstancePaths, tmp_path: Path, server: Server, cache: Path, told: list[str]
) -> None:
    server.body = _image(tmp_path / "i", "vdi").read_bytes()
    entry = Entry.of(cache, server.url)
    for number in (1, 2):
        other = InstancePaths(paths.dir / str(number))
        other.dir.mkdir()
        await prepare.prepare(other, _config(paths, f"{{location: {server.url}, digest: '{server.digest}'}}"), _ignore)
    said = f'INFO Converting vdi image to raw sparse format in cache: "{entry.converted}"'
    assert told.count(said) == 1
    assert entry.converted_digest.read_text() == f"sha256:{hashlib.sha256(entry.converted.read_bytes()).hexdigest()}"
    assert oct(entry.converted.parent.stat().st_mode & 0o777) == "0o700"


async def test_when_no_image_can_be_used(paths: InstancePaths, tmp_path: Path) -> None:
    with pytest.raises(ImageError) as caught:
        await prepare.prepare(paths, _config(paths, "location: /a", "location: /b"), _ignore)
    assert caught.value.message == (
        "failed to download `/a`: failed to open source /a: open /a: no such file or directory\n"
        "failed to download `/b`: failed to open source /b: open /b: no such file or directory")
    with pytest.raises(ImageError) as caught:
        await prepare.prepare(paths, _config(paths, "{location: /a, arch: aarch64}", "{location: /b, arch: s390x}"),
                              _ignore)
    assert caught.value.message == ("[skipped to download: `/a`: unsupported arch: `aarch64` "
                                    "skipped to download: `/b`: unsupported arch: `s390x`]")
    with pytest.raises(ImageError, match="no images are configured"):
        await prepare.prepare(paths, Config(), _ignore)


def test_the_first_image_decides_the_variant_of_all(paths: InstancePaths) -> None:
    config = _config(paths, "{location: /x, arch: aarch64}", "{location: /a, variant: v1}", "{location: /b}",
                     "{location: /c, variant: v1, archVariant: v2}", "{location: /d, variant: v1}")
    assert [image.location for image in candidates(config)] == ["/a", "/d"]


async def test_digests_of_local_files(paths: InstancePaths, tmp_path: Path) -> None:
    image = _image(tmp_path / "i")
    good = hashlib.sha512(image.read_bytes()).hexdigest()
    with pytest.raises(ImageError, match="digest"):
        await prepare.prepare(paths, _config(paths, f"{{location: {image}, digest: 'sha512:{'0' * 128}'}}"), _ignore)
    assert _names(paths) == set()
    assert image.exists()
    await prepare.prepare(paths, _config(paths, f"{{location: {image}, digest: 'sha512:{good}'}}"), _ignore)


async def test_too_little_space_is_said_before_anything_is_written(
    paths: InstancePaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = _image(tmp_path / "i")
    real = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: real._replace(free=1000))
    with pytest.raises(HostError, match="not enough space") as caught:
        await prepare.prepare(paths, _config(paths, f"location: {image}"), _ignore)
    assert caught.value.hint
    assert _names(paths) == set()


async def test_cancelling_removes_everything(paths: InstancePaths, tmp_path: Path) -> None:
    image = tmp_path / "i"
    image.write_bytes(os.urandom(20 * MEBIBYTE))
    _run(["gzip", str(image)])
    loop, begun = asyncio.get_running_loop(), asyncio.Event()
    task = asyncio.create_task(prepare.prepare(
        paths, _config(paths, f"location: {image}.gz", disk="32MiB"), lambda _: loop.call_soon_threadsafe(begun.set)))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert _names(paths) == set()
