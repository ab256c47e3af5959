"""Tar members with holes: GNU tar and Python read what we write; what is damaged or hostile is refused."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limacore.base import sparsetar
from limacore.base.sparsetar import BLOCK, Member, Reader, TarError

MIB = 1 << 20


def holey(path: Path, size: int, *pieces: tuple[int, bytes]) -> Path:
    with path.open("wb") as file:
        for offset, data in pieces:
            file.seek(offset)
            file.write(data)
        file.truncate(size)
    return path


def member_of(path: Path) -> Member:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        return Member(path.name, size=size, extents=sparsetar.extents(file.fileno(), size))


def archive(*paths: Path) -> bytes:
    out = io.BytesIO()
    for path in paths:
        member = member_of(path)
        out.write(sparsetar.header(member))
        with path.open("rb") as file:
            for offset, length in member.extents:
                file.seek(offset)
                out.write(file.read(length))
        out.write(sparsetar.padding(member.stored))
    return out.getvalue() + sparsetar.END


def unpacked(raw: bytes) -> dict[str, bytes]:
    reader, found = Reader(io.BytesIO(raw).read), {}
    while member := reader.next():
        content = bytearray(member.size)
        for offset, piece in reader.data(member, most=1000):
            content[offset : offset + len(piece)] = piece
        found[member.name] = bytes(content)
    return found


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return [
        holey(tmp_path / "plain", 700, (0, b"p" * 700)),
        holey(tmp_path / "empty", 0),
        holey(tmp_path / "void", 3 * MIB),
        holey(tmp_path / "middle", 5 * MIB, (MIB, b"m" * 100_000), (4 * MIB, b"n" * 5)),
        holey(tmp_path / "end", 2 * MIB, (2 * MIB - 10, b"e" * 10)),
    ]


def test_python_gnu_tar_and_we_read_it(files: list[Path], tmp_path: Path) -> None:
    raw = archive(*files)
    wanted = {path.name: path.read_bytes() for path in files}
    assert len(raw) < MIB // 2, "holes cost nothing"
    assert unpacked(raw) == wanted
    with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
        assert {each.name: tar.extractfile(each).read() for each in tar.getmembers()} == wanted  # type: ignore[union-attr]
    out = tmp_path / "out"
    out.mkdir()
    subprocess.run(["tar", "x", "-C", out], input=raw, check=True)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == wanted
    assert (out / "void").stat().st_blocks == 0


def test_long_names_links_and_directories() -> None:
    members = [Member("d", "directory", 0o700), Member("d/" + "x" * 200), Member("l", "link", target="t" * 120)]
    raw = b"".join(map(sparsetar.header, members)) + sparsetar.END
    reader = Reader(io.BytesIO(raw).read)
    for wanted in members:
        found = reader.next()
        assert found
        assert (found.name, found.kind, found.target) == (wanted.name, wanted.kind, wanted.target)
    assert reader.next() is None


def test_small_holes_are_written_as_data(tmp_path: Path) -> None:
    path = holey(tmp_path / "f", 40_000, (0, b"a"), (30_000, b"b"))
    assert not member_of(path).sparse


def test_size_of_more_than_eight_gibibytes(tmp_path: Path) -> None:
    path = holey(tmp_path / "big", 10 << 30, (9 << 30, b"far"))
    reader = Reader(io.BytesIO(archive(path)).read)
    member = reader.next()
    assert member
    assert member.size == 10 << 30
    assert b"far" in b"".join(piece for _, piece in reader.data(member))


def pax(**records: str) -> bytes:
    info = tarfile.TarInfo("f")
    info.pax_headers = {key.replace("__", "."): value for key, value in records.items()}
    return info.tobuf(tarfile.PAX_FORMAT)


def sparse(count: str, *numbers: str, realsize: str = "1000", stored: int = BLOCK) -> bytes:
    info = tarfile.TarInfo("GNUSparseFile.0/f")
    info.size = stored
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "f",
                        "GNU.sparse.realsize": realsize}
    text = "\n".join((count, *numbers)) + "\n"
    return info.tobuf(tarfile.PAX_FORMAT) + sparsetar.padded(text.encode())


def device(kind: bytes) -> bytes:
    info = tarfile.TarInfo("f")
    info.type = kind
    return info.tobuf(tarfile.PAX_FORMAT)


def damaged() -> bytes:
    raw = bytearray(sparsetar.header(Member("f")))
    raw[3] ^= 1
    return bytes(raw)


@pytest.mark.parametrize("raw", [
    pytest.param(b"", id="empty"), pytest.param(b"x" * 511, id="short"), pytest.param(b"x" * 512, id="no-tar"),
    pytest.param(damaged(), id="checksum"), pytest.param(pax(size="-5"), id="negative-size"),
    pytest.param(pax(size="9" * 30), id="huge-size"), pytest.param(pax(GNU__sparse__major="0"), id="old-sparse"),
    pytest.param(sparse("2", "0", "10", "5", "10"), id="overlap"), pytest.param(sparse("1", "990", "20"), id="beyond"),
    pytest.param(sparse("-1"), id="negative-count"), pytest.param(sparse("99999999"), id="huge-count"),
    pytest.param(sparse("1", "0", "10", "7"), id="more-than-counted"),
    pytest.param(sparse("02", "0", "10", "1000", "0", stored=522), id="odd-spelling"),
    pytest.param(sparse("1", "a", "b"), id="no-numbers"), pytest.param(sparse("1" * 400), id="endless-number"),
    *(pytest.param(device(kind), id=f"type-{kind.decode()}") for kind in (
        tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE)),
])  # fmt: skip
def test_what_is_damaged_or_hostile_is_refused(raw: bytes) -> None:
    with pytest.raises(TarError):
        Reader(io.BytesIO(raw + bytes(600)).read if raw[:1] != b"x" and raw else io.BytesIO(raw).read).next()


def test_archive_that_ends_early_is_refused(files: list[Path]) -> None:
    raw = archive(*files)
    for cut in (100, 600, 1500, len(raw) // 2, len(raw) - 1024):
        with pytest.raises(TarError):
            unpacked(raw[:cut])


@given(st.binary(max_size=3000), st.integers(0, 4000), st.integers(1, 255))
def test_any_change_is_an_error_of_ours_or_harmless(noise: bytes, place: int, flip: int) -> None:
    def reading(raw: bytes) -> Callable[[int], bytes]:
        return io.BytesIO(raw).read

    raw = bytearray(sparsetar.header(Member("f", size=10, extents=((0, 10),))) + padded_data() + sparsetar.END)
    raw[place % len(raw)] ^= flip
    for each in (bytes(raw), noise, bytes(raw[:BLOCK]) + noise):
        reader = Reader(reading(each))
        try:
            while member := reader.next():
                list(reader.data(member))
        except TarError:
            pass


def padded_data() -> bytes:
    return sparsetar.padded(b"0123456789")
