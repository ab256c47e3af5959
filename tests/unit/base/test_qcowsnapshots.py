"""Snapshots in real images, as qemu-img makes them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from limacore.base.qcowsnapshots import is_untouched, tags

pytestmark = pytest.mark.skipif(not shutil.which("qemu-img"), reason="qemu-img is not installed")


def _run(*words: object) -> None:
    subprocess.run([str(word) for word in words], check=True, capture_output=True)


def _write(image: Path, pattern: int, at: str, size: str = "64k") -> None:
    _run("qemu-io", "-c", f"write -P {pattern} {at} {size}", image)


@pytest.fixture(params=["", "cluster_size=4k", "extended_l2=on,cluster_size=128k", "compat=0.10"])
def image(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "disk"
    _run("qemu-img", "create", "-f", "qcow2", *(["-o", request.param] if request.param else []), path, "3G")
    _write(path, 1, "1M", "1M")
    _run("qemu-img", "snapshot", "-c", "a b", path)
    return path


def test_a_disk_is_untouched_until_somebody_writes(image: Path) -> None:
    assert tags(image) == ("a b",)
    assert is_untouched(image, "a b")
    _run("qemu-img", "snapshot", "-c", "second", image)
    assert tags(image) == ("a b", "second")
    assert is_untouched(image, "a b"), "another snapshot writes nothing to the disk"
    _write(image, 1, "1M", "512")
    assert not is_untouched(image, "a b"), "the same bytes again are a write, too"
    _run("qemu-img", "snapshot", "-a", "a b", image)
    assert is_untouched(image, "a b"), "the way back leads to the same disk"
    _write(image, 2, "2G")
    assert not is_untouched(image, "a b")
    assert not is_untouched(image, "nosuch")
    _run("qemu-img", "snapshot", "-d", "a b", image)
    assert tags(image) == ("second",)


def test_a_larger_disk_is_another_one(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    _run("qemu-img", "create", "-f", "qcow2", path, "1G")
    _run("qemu-img", "snapshot", "-c", "one", path)
    _run("qemu-img", "resize", path, "2G")
    assert not is_untouched(path, "one")


@pytest.mark.parametrize("content", [b"", b"raw" * 1000, b"QFI\xfb", b"QFI\xfb" + b"\xff" * 200])
def test_what_is_no_image_has_no_snapshots(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "disk"
    path.write_bytes(content)
    assert tags(path) == ()
    assert not is_untouched(path, "one")
