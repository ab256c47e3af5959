"""Log files by byte offsets: huge, cut, rotated, binary, with lines of a megabyte."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limatui.widgets.logs.file import BLOCK, CHUNK, SHOWN, LineAt, LogBytes, Tail


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def opened(path: Path) -> LogBytes:
    file = LogBytes(path)
    file.refresh()
    return file


def every_line(file: LogBytes) -> list[LineAt]:
    lines, start = [], 0
    while start < file.size:
        lines.append(file.line(start))
        start = lines[-1].end
    return lines


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=30), max_size=12))
def test_back_and_forward_agree(tmp_path_factory: pytest.TempPathFactory, parts: list[bytes]) -> None:
    path = write(tmp_path_factory.mktemp("x") / "log", b"\n".join(parts))
    file = opened(path)
    lines = every_line(file)
    assert [line.end for line in lines[:-1]] == [line.start for line in lines[1:]]
    for line in lines:
        for offset in range(line.start, line.end):
            assert file.line_start(offset) == line.start


@pytest.mark.parametrize("size", [CHUNK - 1, CHUNK, CHUNK + 1, BLOCK - 1, BLOCK, BLOCK + 1])
def test_long_lines_are_cut_when_shown_and_whole_when_counted(tmp_path: Path, size: int) -> None:
    file = opened(write(tmp_path / "log", b"first\n" + b"a" * size + b"\nlast\n"))
    lines = every_line(file)
    assert [line.start for line in lines] == [0, 6, 6 + size + 1]
    assert (len(lines[1].data), lines[1].cut) == (SHOWN, size + 1 - SHOWN)


def test_a_file_without_newlines_is_seen_in_pieces(tmp_path: Path) -> None:
    file = opened(write(tmp_path / "log", b"start\n" + b"\0" * (4 * BLOCK) + b"end"))
    lines = every_line(file)
    assert max(line.end - line.start for line in lines) <= 2 * BLOCK
    for line in lines:
        assert file.line_start(line.end - 1) == line.start


def test_tail_gives_the_end_then_what_is_new(tmp_path: Path) -> None:
    path = write(tmp_path / "log", b"aaaa\nbbbb\ncccc\n")
    tail = Tail(path, 7)
    assert tail.read() == (True, b"cccc\n")
    assert tail.read() == (False, b"")
    with path.open("ab") as file:
        file.write(b"dd")
    assert tail.read() == (False, b"dd")
    os.truncate(path, 0)
    assert tail.read() == (True, b"")
    path.unlink()
    assert tail.read() == (False, b"")


@pytest.mark.parametrize("states", [2, 3000])
def test_of_a_line_that_overwrites_itself_the_last_state_is_read(tmp_path: Path, states: int) -> None:
    progress = b"\r".join(b"%5d of %d" % (at, states) for at in range(1, states + 1))
    file = opened(write(tmp_path / "log", b"before\n" + progress + b"\r\nafter\n"))
    line = every_line(file)[1]
    assert line.data.rsplit(b"\r", 1)[-1].split() == [b"%d" % states, b"of", b"%d" % states]
    assert line.cut == 0


def test_blocks_meet_at_line_starts(tmp_path: Path) -> None:
    data = b"a\n" * 10 + b"b" * (BLOCK * 3 // 2) + b"\n" + b"c\n" * 700_000
    file = opened(write(tmp_path / "log", data))
    edges = [file.edge(block) for block in range(len(data) // BLOCK + 2)]
    assert edges == sorted(edges)
    assert (edges[0], edges[1], edges[2], edges[-1]) == (0, 20 + BLOCK * 3 // 2 + 1, 2 * BLOCK + 1, len(data))
    assert b"".join(piece for _, piece in file.pieces(0, len(data))) == data
    assert all(piece.endswith(b"\n") for _, piece in file.pieces(0, len(data)))


def test_a_file_cut_and_grown_past_its_size_between_two_looks_is_another(tmp_path: Path) -> None:
    path = write(tmp_path / "log", b"one\ntwo\n")
    file = opened(path)
    with path.open("r+b") as log:
        log.seek(0, os.SEEK_END)
        log.write(b"three\n")
    assert not file.refresh()
    with path.open("r+b") as log:
        log.truncate(0)
        log.write(b"another beginning, longer than before\n")
    assert file.refresh()
    assert not file.refresh()

def test_a_file_cut_and_grown_with_the_same_beginning_is_another(tmp_path: Path) -> None:
    banner = b"SeaBIOS (version 1.16)\n" * 10
    path = write(tmp_path / "log", banner + b"first boot\n")
    file = opened(path)
    path.write_bytes(banner + b"second boot, which says more than the first\n")
    assert file.refresh(), "serial logs begin alike"
    assert not file.refresh()


def test_what_cannot_be_read_is_no_end_of_the_program(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.mkdir()
    file = opened(path)
    assert (file.problem, file.line(0).data) == ("Is a directory", b"")
    path.rmdir()
    path.symlink_to(path)
    file.refresh()
    assert (file.there, file.problem) == (False, "Too many levels of symbolic links")
    path.unlink()
    file.refresh()
    assert (file.there, file.problem) == (False, "")
    write(path, b"x\n")
    assert file.refresh()
    assert (file.there, file.problem, file.line(0).data) == (True, "", b"x")
