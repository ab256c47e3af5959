"""Headers of disk images, made by the real qemu-img."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limacore.base import diskformat


def _image(path: Path, kind: str, *options: str) -> Path:
    subprocess.run(["qemu-img", "create", "-q", "-f", kind, *options, str(path), "8M"], check=True)
    return path


@pytest.mark.parametrize(("kind", "found"), [("qcow2", "qcow2"), ("raw", "raw"), ("vmdk", "vmdk"), ("vdi", "vdi"),
                                            ("vhdx", "vhdx")])
def test_formats(tmp_path: Path, kind: str, found: str) -> None:
    image = diskformat.read(_image(tmp_path / "i", kind))
    assert image.format == found
    assert image.size == (8 << 20 if kind in ("qcow2", "raw") else -1)


def test_a_backing_file_is_seen(tmp_path: Path) -> None:
    _image(tmp_path / "base", "qcow2")
    image = diskformat.read(_image(tmp_path / "top", "qcow2", "-F", "qcow2", "-b", "base"))
    assert image.backing == "base"


def test_an_iso_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "i.iso"
    path.write_bytes(b"\0" * 32769 + b"CD001" + b"\0" * 2000)
    assert diskformat.read(path).format == "iso"


@given(st.binary(max_size=200))
def test_any_bytes_are_some_format(data: bytes) -> None:
    path = Path("/tmp/l-st-format")
    path.write_bytes(data)
    assert diskformat.read(path).format
    path.write_bytes(b"QFI\xfb" + data)
    assert diskformat.read(path).format == "qcow2"
    path.unlink()


def test_a_data_file_is_seen(tmp_path: Path) -> None:
    image = _image(tmp_path / "i", "qcow2", "-o", f"data_file={tmp_path}/d")
    assert diskformat.read(image).data_file == f"{tmp_path}/d"
    assert not diskformat.read(_image(tmp_path / "j", "qcow2", "-o", "compat=0.10")).data_file
