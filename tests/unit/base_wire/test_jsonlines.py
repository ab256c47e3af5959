"""Lines out of streams and files that behave badly."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from limacore.base.jsonlines import LineSplitter, Tail, append, follow


@given(st.lists(st.binary(max_size=20).filter(lambda line: line and b"\n" not in line and not line.endswith(b"\r"))),
       st.lists(st.integers(1, 7)))
def test_pieces_do_not_matter(lines: list[bytes], sizes: list[int]) -> None:
    data, splitter, found = b"".join(line + b"\n" for line in lines), LineSplitter(64), []
    for size in [*sizes, len(data)]:
        found += splitter.feed(data[:size])
        data = data[size:]
    assert found == lines and splitter.refused == 0


def test_oversized_lines_are_dropped_and_not_kept() -> None:
    splitter = LineSplitter(10)
    for _ in range(1000):
        assert splitter.feed(b"x" * 1000) == []
    assert len(splitter._rest) <= 10 and splitter.refused == 1
    assert splitter.feed(b"\nshort\n") == [b"short"]
    assert splitter.feed(b"y" * 11 + b"\nok\n") == [b"ok"] and splitter.refused == 2


def test_tail_survives_truncation_and_replacement(tmp_path: Path) -> None:
    file = tmp_path / "log"
    tail = Tail(file)
    assert tail.read() == []
    file.write_bytes(b"one\ntw")
    assert tail.read() == [b"one"]
    with file.open("ab") as more:
        more.write(b"o\n")
    assert tail.read() == [b"two"] and tail.read() == []
    file.write_bytes(b"new\n")
    assert tail.read() == [b"new"]
    other = tmp_path / "other"
    other.write_bytes(b"replaced\n")
    other.replace(file)
    assert tail.read() == [b"replaced"]


def test_tail_from_end(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"old\n")
    tail = Tail(file, from_end=True)
    with file.open("ab") as more:
        more.write(b"new\n")
    assert tail.read() == [b"new"]


async def test_follow_yields_what_is_appended(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"first\n")
    found: list[bytes] = []
    fd = os.open(file, os.O_WRONLY | os.O_APPEND)
    async with asyncio.timeout(30):
        async for line in follow(file):
            found.append(line)
            if len(found) == 3:
                break
            append(fd, b"more")
    os.close(fd)
    assert found == [b"first", b"more", b"more"]
