"""A window of lines: huge files, growth, rotation, deletion; what passes a filter or a level."""

from __future__ import annotations

import os
from pathlib import Path
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limatui.logs.levels import DEBUG, ERROR, INFO, WARNING, level_of
from limatui.logs.reading import Reading
from limatui.logs.sift import Sift, Wanted, lines
from limatui.logs.tally import Tally
from limatui.widgets.logs.file import BLOCK, LogBytes
from tests.ui.logs_at import settled, source, texts, window


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """100 MB of lines that say their number."""
    path = tmp_path_factory.mktemp("big") / "big.log"
    with path.open("wb") as file:
        for start in range(0, 1_000_000, 20_000):
            file.write(b"".join(b"%09d %s\n" % (number, b"x" * 90) for number in range(start, start + 20_000)))
    return path


def test_a_big_file_opens_at_its_end_at_once(big: Path) -> None:
    times = []
    for _ in range(20):
        before = perf_counter()
        seen = window(big)
        page = seen.page(50)
        times.append(perf_counter() - before)
        seen.close()
    assert min(times) < 0.005, "100 MB are not read to show 50 lines"
    seen = window(big)
    seen.page(50)
    assert (len(page.lines), page.lines[-1].data[:9], page.at_end) == (50, b"000999999", True)
    seen.move(-1000)
    page = seen.page(50)
    assert (page.lines[0].data[:9], page.at_end) == (b"000998950", False)
    seen.start()
    assert seen.page(3).lines[0].data[:9] == b"000000000"
    seen.close()


def test_a_filter_of_a_big_file_is_there_before_it_is_counted(big: Path) -> None:
    reading = Reading([source(big)])
    reading.turn((), 5)
    page, _ = reading.turn([lambda reading: reading.choose(Wanted("99 x"))], 5)
    assert [line.data[:9] for line in page.lines][-1] == b"000999999"
    page, _ = settled(reading, 5)
    assert page.passed == (10_000, False)
    page, _ = settled(reading, 5, lambda reading: reading.window.start())
    assert [line.data[6:9] for line in page.lines] == [b"099", b"199", b"299", b"399", b"499"]
    page, _ = settled(reading, 5, lambda reading: reading.choose(Wanted("000000007 ")))
    assert (texts(page.lines)[0][:9], page.passed) == (b"000000007", (1, False))
    page, _ = settled(reading, 5, lambda reading: reading.window.end())
    assert texts(page.lines)[0][:9] == b"000000007", "the only line is shown, wherever one looks from"
    reading.close()


def test_growth_rotation_truncation_and_deletion(tmp_path: Path) -> None:
    path = write(tmp_path / "log", b"one\ntwo\n")
    seen = window(path)
    assert texts(seen.page(5).lines) == [b"one", b"two"]
    with path.open("ab") as file:
        file.write(b"three\n")
    assert texts(seen.page(5).lines)[-1] == b"three"
    path.rename(tmp_path / "log.1")
    write(path, b"new boot\n")
    page = seen.page(5)
    assert (page.restarted, texts(page.lines)) == (True, [b"new boot"])
    os.truncate(path, 0)
    assert seen.page(5).restarted
    path.unlink()
    page = seen.page(5)
    assert (page.there, page.lines) == (False, ())
    write(path, b"again\n")
    assert texts(seen.page(5).lines) == [b"again"]
    seen.close()


def test_a_filter_follows_growth_and_a_new_file(tmp_path: Path) -> None:
    path = write(tmp_path / "log", b"error 1\nfine\nerr")
    reading = Reading([source(path)], wanted=Wanted("error"))
    assert texts(settled(reading)[0].lines) == [b"error 1"]
    with path.open("ab") as file:
        file.write(b"or 2\nfine\nerror 3\n")
    page, _ = settled(reading)
    assert (texts(page.lines), page.passed, page.at_end) == ([b"error 1", b"error 2", b"error 3"], (3, False), True)
    reading.turn([lambda reading: reading.window.hold()], 10)
    with path.open("ab") as file:
        file.write(b"fine\nerror 4\n")
    page, _ = settled(reading)
    assert (page.new, page.at_end) == (1, False), "only what passes is new"
    path.unlink()
    write(path, b"fine\nerror 5\n")
    page, _ = settled(reading)
    assert (texts(page.lines), page.passed) == ([b"error 5"], (1, False))
    reading.close()


def test_a_deleted_log_can_still_be_read(tmp_path: Path) -> None:
    path = write(tmp_path / "log", b"one\ntwo\n")
    seen = window(path)
    seen.page(5)
    path.unlink()
    page = seen.page(5)
    assert (page.there, texts(page.lines)) == (False, [b"one", b"two"])
    seen.close()


def test_following_stops_and_starts_and_counts(tmp_path: Path) -> None:
    path = write(tmp_path / "log", b"".join(b"%d\n" % number for number in range(100)))
    seen = window(path)
    seen.page(10)
    seen.move(-3)
    with path.open("ab") as file:
        file.write(b"x\ny\n")
    page = seen.page(10)
    assert (page.at_end, page.new, page.lines[-1].data) == (False, 2, b"96")
    seen.move(3)
    assert not seen.page(10).at_end
    seen.move(50)
    page = seen.page(10)
    assert (page.at_end, page.new, page.lines[-1].data) == (True, 0, b"y")
    seen.close()


def test_a_file_that_never_was(tmp_path: Path) -> None:
    seen = window(tmp_path / "none")
    page = seen.page(5)
    assert (page.there, page.lines, page.size) == (False, (), 0)
    seen.move(-3)
    seen.move(3)
    seen.close()


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from([b"", b"error", b"Error a", b"b", b"bb a", b"a", b"\0\xff"]), max_size=30),
       st.sampled_from(["", "a", "!a", "b & !a", "!a & !b", "error", "Error", "zzz", "!"]), st.booleans())
def test_a_sift_keeps_what_it_says(parts: list[bytes], text: str, newline: bool) -> None:
    data = b"\n".join(parts) + b"\n" * newline
    kept = [data[start:end] for start, end in Sift(Wanted(text)).kept(data)]
    assert kept == [line for line in data.splitlines(keepends=True) if all(
        (word.lstrip("!").encode() in (line.lower() if word == word.lower() else line)) != word.startswith("!")
        for word in text.split(" & ") if word.lstrip("!"))]
    assert Sift(Wanted(text)).count(data) == len(kept)
    assert b"".join(data[start:end] for start, end in lines(data)) == data


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([b"hit", b"miss"]), min_size=1, max_size=40), st.integers(1, 9))
def test_all_ways_through_a_filter_agree(
    tmp_path_factory: pytest.TempPathFactory, parts: list[bytes], rows: int,
) -> None:
    numbered = [b"%s %d" % (part, number) for number, part in enumerate(parts)]
    path = write(tmp_path_factory.mktemp("x") / "log", b"\n".join(numbered) + b"\n")
    seen = window(path, wanted=Wanted("hit"))
    track = seen.tracks[0]
    assert track.tally is not None
    while not track.tally.done:
        track.tally.step()
    wanted = [line for line in numbered if line.startswith(b"hit")]
    assert texts(seen.page(rows).lines) == wanted[-rows:]
    seen.start()
    walked: list[bytes] = []
    for _ in wanted:
        walked += texts(seen.page(1).lines)
        seen.move(1)
    assert walked == wanted
    seen.close()


@pytest.mark.parametrize(("line", "json", "level"), [
    (b'{"level":"warning","msg":"x"}', True, WARNING), (b'{"level": "fatal","msg":"debug"}', True, ERROR),
    (b'{"level":"trace","msg":"error"}', True, DEBUG), (b'{"msg":"\\"level\\":\\"error\\""}', True, INFO),
    (b'{"status":{"errors":["no ssh"]}}', True, ERROR), (b'{"status":{"errors":[],"degraded":true}}', True, WARNING),
    (b"Traceback of python", True, INFO),
    (b"[    1.0] EXT4-fs error (device vda)", False, ERROR), (b"mounted, errors=remount-ro", False, INFO),
    (b"\x1b[1;31mFAILED\x1b[0m to start", False, ERROR), (b"warning: clock", False, WARNING),
    (b"x" * 20_000 + b" error", False, INFO), (b"x" * 2_000_000 + b" error", False, INFO),
    (b"DEBUG: x", False, DEBUG), (b"hello", False, INFO), (b"BUG: unable to handle", False, ERROR),
])
def test_levels(line: bytes, json: bool, level: int) -> None:
    assert level_of(line, json) == level
    data = b"first\n" + line + b"\nlast\n"
    for least in (DEBUG, INFO, WARNING, ERROR):
        kept = [data[start:end] for start, end in Sift(Wanted(level=least), json=json).kept(data)]
        assert (line + b"\n" in kept) == (level >= least), "what is looked for in bulk finds what one line is judged by"
        assert Sift(Wanted(level=least), json=json).count(data) == len(kept)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, BLOCK * 3 // 2), min_size=1, max_size=5), st.lists(st.integers(1, 9), max_size=4))
def test_a_tally_is_right_while_the_file_grows(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], steps: list[int],
) -> None:
    path = write(tmp_path_factory.mktemp("x") / "log", b"")
    with LogBytes(path) as file:
        file.refresh()
        sift = Sift(Wanted("x"))
        tally = Tally(file, lambda block: sum(sift.count(data) for _, data in
                                              file.pieces(file.edge(block), file.edge(block + 1))))
        for number, size in enumerate(sizes):
            with path.open("ab") as log:
                log.write(b"x" * size + (b"\n" if number % 2 else b"y\nno\n"))
            file.refresh()
            tally.grow()
            for _ in range(steps[number] if number < len(steps) else 1):
                tally.step()
        while not tally.done:
            tally.step()
        total, start = 0, 0
        while start < file.size:
            line = file.line(start)
            total += b"x" in file.read(line.start, line.end - line.start)
            start = line.end
    assert tally.total == total


def test_what_passes_stays_on_the_screen_while_the_end_that_grows_is_looked_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = write(tmp_path / "log", b"hit 1\nhit 2\n")
    reading = Reading([source(path)], wanted=Wanted("hit"))
    assert texts(settled(reading)[0].lines) == [b"hit 1", b"hit 2"]
    monkeypatch.setattr("limatui.logs.reading.TURN", 0.0)
    with path.open("ab") as file:
        file.write(b"hit 3\n")
    page, _ = reading.turn((), 10)
    assert (page.looking, texts(page.lines)) == (True, [b"hit 1", b"hit 2"])
    page, _ = reading.turn([lambda reading: reading.choose(Wanted("3"))], 10)
    assert (page.looking, page.lines) == (True, ()), "but not under another filter"
    monkeypatch.undo()
    assert texts(settled(reading)[0].lines) == [b"hit 3"]
    reading.close()
