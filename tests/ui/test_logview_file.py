"""Log files by byte offsets: huge, cut, rotated, binary, with lines of a megabyte."""

from __future__ import annotations

import os
from pathlib import Path
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limatui.ink import plain
from limatui.widgets.logfile import BLOCK, CHUNK, SHOWN, SLICE, Hunt, LineAt, LogBytes, Needle, Search, Tail, Viewer
from limatui.widgets.logline import shifted, shown, with_hits


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def opened(path: Path) -> LogBytes:
    file = LogBytes(path)
    file.refresh()
    return file


def texts(lines: tuple[LineAt, ...] | list[LineAt]) -> list[bytes]:
    return [line.data for line in lines]


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 MB of lines that say their number."""
    path = tmp_path_factory.mktemp("big") / "big.log"
    with path.open("wb") as file:
        for start in range(0, 2_000_000, 20_000):
            file.write(b"".join(b"%09d %s\n" % (number, b"x" * 90) for number in range(start, start + 20_000)))
    return path


def test_a_big_file_opens_at_its_end_at_once(big: Path) -> None:
    times = []
    for _ in range(20):
        before = perf_counter()
        viewer = Viewer(big)
        page = viewer.page(50)
        times.append(perf_counter() - before)
        viewer.close()
    assert min(times) < 0.005, "200 MB are not read to show 50 lines"
    viewer = Viewer(big)
    viewer.page(50)
    assert (len(page.lines), page.lines[-1].data[:9], page.at_end) == (50, b"001999999", True)
    viewer.move(-1000)
    page = viewer.page(50)
    assert (page.lines[0].data[:9], page.at_end) == (b"001998950", False)
    viewer.start()
    assert viewer.page(3).lines[0].data[:9] == b"000000000"
    viewer.close()


def test_search_in_a_big_file(big: Path) -> None:
    file = opened(big)
    search = Search(file, "001234567 ")
    hunt = Hunt(search, 0)
    while not hunt.over:
        hunt.step()
    assert hunt.found == 1234567 * 101
    while not search.done:
        search.scan()
    assert (search.count, search.number(hunt.found)) == (1, 1)


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
    for number, line in enumerate(lines):
        for offset in range(line.start, line.end):
            assert file.line_start(offset) == line.start
        assert file.back(file.size, len(lines) - number) == line.start


@pytest.mark.parametrize("size", [CHUNK - 1, CHUNK, CHUNK + 1, BLOCK - 1, BLOCK, BLOCK + 1])
def test_long_lines_are_cut_when_shown_and_whole_when_counted(tmp_path: Path, size: int) -> None:
    file = opened(write(tmp_path / "log", b"first\n" + b"a" * size + b"\nlast\n"))
    lines = every_line(file)
    assert [line.start for line in lines] == [0, 6, 6 + size + 1]
    assert (len(lines[1].data), lines[1].cut) == (SHOWN, size + 1 - SHOWN)
    assert file.back(file.size, 2) == 6
    assert plain(shown(lines[1], False)).endswith(f" …+{size + 1 - SHOWN:,} bytes")


def test_a_file_without_newlines_is_seen_in_pieces(tmp_path: Path) -> None:
    file = opened(write(tmp_path / "log", b"start\n" + b"\0" * (4 * BLOCK) + b"end"))
    lines = every_line(file)
    assert max(line.end - line.start for line in lines) <= 2 * BLOCK
    for line in lines:
        assert file.line_start(line.end - 1) == line.start


def test_growth_rotation_truncation_and_deletion(tmp_path: Path) -> None:
    path = write(tmp_path / "log", b"one\ntwo\n")
    viewer = Viewer(path)
    assert texts(viewer.page(5).lines) == [b"one", b"two"]
    with path.open("ab") as file:
        file.write(b"three\n")
    assert texts(viewer.page(5).lines)[-1] == b"three"
    path.rename(tmp_path / "log.1")
    write(path, b"new boot\n")
    page = viewer.page(5)
    assert (page.restarted, texts(page.lines)) == (True, [b"new boot"])
    os.truncate(path, 0)
    assert viewer.page(5).restarted
    path.unlink()
    page = viewer.page(5)
    assert (page.there, page.lines) == (False, ())
    write(path, b"again\n")
    assert texts(viewer.page(5).lines) == [b"again"]
    viewer.close()


def test_a_deleted_log_can_still_be_read(tmp_path: Path) -> None:
    path = write(tmp_path / "log", b"one\ntwo\n")
    viewer = Viewer(path)
    viewer.page(5)
    path.unlink()
    page = viewer.page(5)
    assert (page.there, texts(page.lines)) == (False, [b"one", b"two"])
    viewer.close()


def test_following_stops_and_starts_and_counts(tmp_path: Path) -> None:
    path = write(tmp_path / "log", b"".join(b"%d\n" % number for number in range(100)))
    viewer = Viewer(path)
    viewer.page(10)
    viewer.move(-3)
    with path.open("ab") as file:
        file.write(b"x\ny\n")
    page = viewer.page(10)
    assert (page.at_end, page.new, page.lines[-1].data) == (False, 2, b"96")
    viewer.move(3)
    assert not viewer.page(10).at_end
    viewer.move(50)
    page = viewer.page(10)
    assert (page.at_end, page.new, page.lines[-1].data) == (True, 0, b"y")
    viewer.close()


def test_a_file_that_never_was(tmp_path: Path) -> None:
    viewer = Viewer(tmp_path / "none")
    page = viewer.page(5)
    assert (page.there, page.lines, page.size) == (False, (), 0)
    viewer.move(-3)
    viewer.move(3)
    viewer.close()


def test_finds_wrap_and_go_back(tmp_path: Path) -> None:
    file = opened(write(tmp_path / "log", b"needle a\nb\nneedle c\n"))
    search = Search(file, "needle")

    def go(offset: int, forward: bool) -> tuple[int | None, bool]:
        hunt = Hunt(search, offset, forward=forward)
        while not hunt.over:
            hunt.step()
        return hunt.found, hunt.wrapped

    assert go(0, True) == (0, False)
    assert go(1, True) == (11, False)
    assert go(12, True) == (0, True)
    assert go(11, False) == (0, False)
    assert go(0, False) == (11, True)
    assert Hunt(Search(file, "nothing"), 0).found is None


@pytest.mark.parametrize("at", [SLICE - 3, SLICE - 6, SLICE])
def test_a_find_across_slices_counts_once(tmp_path: Path, at: int) -> None:
    file = opened(write(tmp_path / "log", b"." * at + b"needle" + b"." * BLOCK))
    search = Search(file, "needle")
    while not search.done:
        search.scan()
    hunt = Hunt(search, 0)
    while not hunt.over:
        hunt.step()
    assert (search.count, hunt.found) == (1, at)


def test_capitals_matter_when_there_are_some() -> None:
    assert list(Needle("error").places(b"ERROR error")) == [0, 6]
    assert list(Needle("Error").places(b"ERROR Error")) == [6]


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


def line(data: bytes, cut: int = 0) -> LineAt:
    return LineAt(0, len(data), data, cut)


def test_progress_keeps_its_last_part_and_colours_live() -> None:
    assert shown(line(b"10%\r50%\r\x1b[32mdone\x1b[0m."), False) == (("done", "running"), (".", ""))
    assert plain(shown(line(b"\x1b[38;5;31mx\x1b[0m\x1b[2Jy\x1b]0;t\x07z"), False)) == "xyz"


def test_json_lines_are_time_level_message() -> None:
    record = b'{"level":"warning","msg":"careful","time":"2026-11-21T01:02:03.123456789+01:00","port":22}'
    assert plain(shown(line(record), True)) == "01:02:03  warning careful  port=22"
    assert plain(shown(line(b'{"no": "message"}'), True)) == '{"no": "message"}'
    assert plain(shown(line(b"{broken"), True)) == "{broken"
    step = b'{"name":"ssh","state":"done"}'
    event = b'{"time":"2026-11-21T01:02:03Z","status":{"sshLocalPort":22,"running":true,"step":' + step + b'}}'
    assert plain(shown(line(event), True)) == "01:02:03  running    step ssh  done   sshLocalPort 22   "


@settings(max_examples=200)
@given(st.binary(max_size=60), st.booleans())
def test_lines_never_carry_controls(data: bytes, json: bool) -> None:
    text = plain(shown(line(data), json))
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 for char in text)


def test_hits_are_reversed_and_lines_shift() -> None:
    marked = with_hits((("a nee", "dim"), ("dle b", "")), "needle")
    assert marked == (("a ", "dim"), ("nee", "dim reverse"), ("dle", "reverse"), (" b", ""))
    assert shifted((("abc", "dim"), ("def", "")), 4) == (("ef", ""),)
