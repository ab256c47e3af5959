"""qcow2 to raw against the real qemu-img."""

from __future__ import annotations

import random
import subprocess
import threading
from pathlib import Path

import pytest

from limacore.errors import ImageError
from limacore.images import qcow2

_SIZE = 9 * (1 << 20) + 512


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Text, noise and holes, and an end within a cluster."""
    path, dice = tmp_path / "raw", random.Random(1)
    with path.open("wb") as file:
        for number in range(100):
            file.seek(number * 93_000)
            data = dice.randbytes(40_000) if number % 3 else b"some text " * 5000
            file.write(data if number % 7 else b"")
        file.truncate(_SIZE)
        file.seek(_SIZE - 7)
        file.write(b"the end")
    return path


@pytest.mark.parametrize("options", [
    (), ("-c",), ("-c", "-o", "compression_type=zstd"), ("-o", "cluster_size=512"),
    ("-c", "-o", "cluster_size=2M"), ("-o", "compat=0.10"), ("-c", "-o", "compat=0.10,cluster_size=4k"),
    ("-o", "preallocation=metadata"), ("-o", "lazy_refcounts=on")])  # fmt: skip
def test_as_qemu_img_does(tmp_path: Path, raw: Path, options: tuple[str, ...]) -> None:
    image, out = tmp_path / "i", tmp_path / "o"
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", *options, str(raw), str(image)], check=True)
    assert qcow2.is_plain(image)
    qcow2.to_raw(image, out, threading.Event())
    assert out.read_bytes() == raw.read_bytes()
    assert out.stat().st_blocks * 512 < _SIZE


def test_zero_clusters(tmp_path: Path, raw: Path) -> None:
    image, out = tmp_path / "i", tmp_path / "o"
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", str(raw), str(image)], check=True)
    subprocess.run(["qemu-io", "-c", "write -z 0 1M", str(image)], check=True, stdout=subprocess.DEVNULL)
    qcow2.to_raw(image, out, threading.Event())
    assert out.read_bytes()[: 1 << 20].strip(b"\0") == b""
    assert out.read_bytes()[1 << 20 :] == raw.read_bytes()[1 << 20 :]


def test_what_is_left_to_qemu_img(tmp_path: Path) -> None:
    def is_plain(*options: str) -> bool:
        path = tmp_path / "i"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *options, str(path), "1M"], check=True)
        return qcow2.is_plain(path)

    assert is_plain()
    assert not is_plain("-o", "extended_l2=on")
    assert not is_plain("-o", f"data_file={tmp_path}/d")
    assert not is_plain("-F", "raw", "-b", "/dev/null")


def test_damaged_images_are_one_error(tmp_path: Path, raw: Path) -> None:
    image, out = tmp_path / "i", tmp_path / "o"
    subprocess.run(["qemu-img", "convert", "-c", "-O", "qcow2", str(raw), str(image)], check=True)
    whole, dice = image.read_bytes(), random.Random(2)
    errors = 0
    for _ in range(60):
        data = bytearray(whole[: dice.choice((len(whole), dice.randrange(112, len(whole))))])
        for _ in range(20):
            data[dice.randrange(112, len(data))] = dice.randrange(256)
        image.write_bytes(data)
        try:
            qcow2.to_raw(image, out, threading.Event())
        except ImageError as error:
            errors += 1
            assert not out.exists()
            assert error.hint
    assert errors > 20
