"""Decompression: every kind of file, in bounded blocks, checked in the same pass, with holes."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limacore.errors import ImageError
from limacore.images import codecs, unpack
from limacore.images.digest import DigestError, Hashing

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PACK = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstd.compress}
MEBIBYTE = 1 << 20


def _unpack(source: Path, target: Path, kind: str, digest: str = "") -> None:
    unpack.unpack(source, target, kind, Hashing(digest), threading.Event(), lambda _: None)


def _pieces(data: bytes, size: int) -> codecs.Read:
    pieces = [data[at : at + size] for at in range(0, len(data), size)] or []
    return lambda: pieces.pop(0) if pieces else b""


@pytest.mark.parametrize("kind", PACK)
def test_checked_while_it_is_unpacked(tmp_path: Path, kind: str) -> None:
    data = os.urandom(3 * MEBIBYTE) + bytes(5 * MEBIBYTE)
    packed = PACK[kind](data)
    (tmp_path / "i").write_bytes(packed)
    _unpack(tmp_path / "i", tmp_path / "o", kind, f"sha256:{hashlib.sha256(packed).hexdigest()}")
    assert (tmp_path / "o").read_bytes() == data
    assert (tmp_path / "o").stat().st_blocks * 512 < 4 * MEBIBYTE
    with pytest.raises(DigestError, match="expected digest"):
        _unpack(tmp_path / "i", tmp_path / "o", kind, f"sha512:{'0' * 128}")
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("kind", PACK)
@given(data=st.lists(st.binary(max_size=300), min_size=1, max_size=4), zeros=st.integers(0, 3),
       size=st.integers(1, 50))
def test_streams_after_one_another_with_zeros_between(kind: str, data: list[bytes], zeros: int, size: int) -> None:
    packed = b"".join(PACK[kind](each) + bytes(4 * zeros) for each in data)
    assert b"".join(codecs.decompressed(_pieces(packed, size), kind)) == b"".join(data)


@pytest.mark.parametrize("kind", PACK)
@given(data=st.binary(max_size=400), cut=st.integers(1, 30), size=st.integers(1, 50))
def test_what_ends_too_early_is_an_error(kind: str, data: bytes, cut: int, size: int) -> None:
    packed = PACK[kind](data)
    with pytest.raises(codecs.CorruptError):
        list(codecs.decompressed(_pieces(packed[: -min(cut, len(packed))], size), kind))


@pytest.mark.parametrize("kind", PACK)
@given(data=st.binary(max_size=400))
def test_any_bytes_are_unpacked_or_one_error(kind: str, data: bytes) -> None:
    try:
        list(codecs.decompressed(_pieces(data, 64), kind))
    except codecs.CorruptError as error:
        assert str(error)


@pytest.mark.parametrize("kind", PACK)
def test_a_block_is_small_however_much_is_in_it(kind: str) -> None:
    packed = PACK[kind](bytes(300 * MEBIBYTE))
    longest = total = 0
    for block in codecs.decompressed(_pieces(packed, codecs.IN_BLOCK), kind):
        longest, total = max(longest, len(block)), total + len(block)
    assert (longest <= codecs.OUT_BLOCK, total) == (True, 300 * MEBIBYTE)


@pytest.mark.parametrize(("name", "kind"), [
    ("i.gz", "gz"), ("i.GZ", "gz"), ("i.bz2", "bz2"), ("i.xz", "xz"), ("i.zst", "zst"), ("https://h/i.xz?x=1", "xz"),
    ("i.img", ""), ("i", "")])  # fmt: skip
def test_the_ending_is_believed(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / "f").write_bytes(b"plain")
    assert codecs.kind_of(tmp_path / "f", name) == kind


def test_without_an_ending_the_first_bytes_are(tmp_path: Path) -> None:
    for kind, pack in PACK.items():
        (tmp_path / "f").write_bytes(pack(b"x"))
        assert codecs.kind_of(tmp_path / "f", "f.img") == kind


def test_a_wrong_ending_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "f.gz").write_bytes(b"plain")
    with pytest.raises(ImageError, match=r"cannot be decompressed as gz") as caught:
        _unpack(tmp_path / "f.gz", tmp_path / "o", "gz")
    assert "wrong ending" in caught.value.hint
    assert not (tmp_path / "o").exists()


def test_holes_stay_holes(tmp_path: Path) -> None:
    source = tmp_path / "i"
    with source.open("wb") as file:
        file.write(b"x" * 4096)
        file.truncate(16 * MEBIBYTE)
        file.seek(8 * MEBIBYTE)
        file.write(b"y")
    subprocess.run(["gzip", "-k", str(source)], check=True)
    _unpack(tmp_path / "i.gz", tmp_path / "o", "gz")
    assert (tmp_path / "o").read_bytes() == source.read_bytes()
    assert (tmp_path / "o").stat().st_blocks * 512 <= 256 << 10


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 200_000)), max_size=5))
def test_sparse_writing_is_writing(parts: list[tuple[bool, int]]) -> None:
    block = b"".join((b"\0" if zero else b"z") * size for zero, size in parts)
    path = Path(f"/tmp/images-sparse-{os.getpid()}")
    with path.open("wb") as out:
        unpack.write_sparse(out, block)
        out.truncate(out.tell())
    assert path.read_bytes() == block
    path.unlink()
