"""Disks made by the real qemu-img from images of every kind."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from limacore.base import yamlio
from limacore.config.load import load_text
from limacore.errors import HostError, ImageError
from limacore.images import prepare, unpack
from limacore.images.build import BuiltImage
from limacore.images.probe import probe
from limacore.model.config import Config
from limacore.model.job import Progress
from limacore.paths import HomePaths, InstancePaths

MEBIBYTE = 1 << 20


@pytest.fixture
def paths(lima_home: Path, monkeypatch: pytest.MonkeyPatch) -> InstancePaths:
    monkeypatch.setenv("XDG_CACHE_HOME", str(lima_home / "_c"))
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
    text = f"disk: {disk}\nimages:\n" + "".join(f"- {each}\n" for each in images)
    return load_text(text, paths.lima_yaml, HomePaths(paths.dir.parent)).require("t")


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
        (lambda path: None, "no such file"), (lambda path: path.write_bytes(b""), "empty"),
        (lambda path: path.write_text("<!DOCTYPE html><p>Not found"), "a text, not a disk"),
        (lambda path: _image(path, "vmdk"), "vmdk"),
        (lambda path: path.write_bytes(b"QFI\xfb" + b"\0" * 100), "damaged"),
        (lambda path: path.mkdir(), "directory"), (lambda path: path.write_bytes(b"\x1f\x8b broken"), "damaged"),
        (lambda path: _run(["qemu-img", "create", "-q", "-fqcow2", "-Fraw", "-b/dev/null", f"{path}", "1M"]),
         "needs another file"),
        (lambda path: _image(path, size="32M"), "shrinking"),
    ],
)  # fmt: skip
async def test_what_is_no_disk_leaves_nothing(paths: InstancePaths, tmp_path: Path, make: Any, reason: str) -> None:
    make(tmp_path / "i")
    with pytest.raises(ImageError, match=reason):
        await prepare.prepare(paths, _config(paths, f"location: {tmp_path}/i"), _ignore)
    assert _names(paths) == set()


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


def test_holes_stay_holes(tmp_path: Path) -> None:
    source = tmp_path / "i"
    with source.open("wb") as file:
        file.write(b"x" * 4096)
        file.truncate(16 * MEBIBYTE)
    _run(["gzip", "-k", str(source)])
    unpack.unpack(tmp_path / "i.gz", tmp_path / "o", "gz", threading.Event(), lambda _: None)
    assert (tmp_path / "o").read_bytes() == source.read_bytes()
    assert (tmp_path / "o").stat().st_blocks * 512 < MEBIBYTE


def test_several_streams_in_one_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(name.encode() * 1000)
        _run(["gzip", str(tmp_path / name)])
    both = (tmp_path / "a.gz").read_bytes() + (tmp_path / "b.gz").read_bytes()
    (tmp_path / "both.gz").write_bytes(both)
    unpack.unpack(tmp_path / "both.gz", tmp_path / "o", "gz", threading.Event(), lambda _: None)
    assert (tmp_path / "o").read_bytes() == b"a" * 1000 + b"b" * 1000
    (tmp_path / "both.gz").write_bytes(both[:-5])
    with pytest.raises(ImageError, match="damaged"):
        unpack.unpack(tmp_path / "both.gz", tmp_path / "o", "gz", threading.Event(), lambda _: None)
    assert not (tmp_path / "o").exists()


def test_built_images_become_paths_and_comments_stay() -> None:
    built = {"tiny": BuiltImage(Path("/c/kernel"), Path("/c/initrd"), "root=/dev/vda\n", Path("/c/image"), "00")}
    text = "# top\nimages:\n- location: 'build:tiny'  # small\n  arch: x86_64\n\n# below\ncpus: 1\n"
    resolved = prepare.resolve_build_locators(text, built)
    assert resolved.startswith("# top\nimages:\n- location: ")
    assert "# small" in resolved
    assert resolved.endswith("\n\n# below\ncpus: 1\n")
    assert yamlio.load(resolved)["images"] == [{
        "location": "/c/image", "arch": "x86_64",
        "kernel": {"location": "/c/kernel", "arch": "x86_64", "cmdline": "root=/dev/vda"},
        "initrd": {"location": "/c/initrd", "arch": "x86_64"},
    }]
    assert probe(Path(__file__).parents[3] / "LICENSE").format == "raw"
