"""Search: places, counts, wrapping, in one log and in several."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limatui.logs.pattern import pattern
from limatui.logs.reading import Found, Reading
from limatui.logs.search import Finds
from limatui.logs.sift import Wanted
from limatui.widgets.logs.file import BLOCK, PIECE
from tests.ui.logs_at import settled, source, window


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def find(reading: Reading, text: str) -> Found:
    reading.turn([lambda reading: reading.window.start()], 4)
    return settled(reading, 4, lambda reading: reading.find(text))[1]


def again(reading: Reading, *, forward: bool = True) -> Found:
    return settled(reading, 4, lambda reading: reading.again(forward=forward))[1]


def test_finds_wrap_and_go_back(tmp_path: Path) -> None:
    reading = Reading([source(write(tmp_path / "log", b"needle a\nb\nneedle c needle\n"))])
    found = find(reading, "needle")
    assert (found.at, found.number, found.total, found.wrapped) == (0, 1, 3, False)
    assert [again(reading).at for _ in range(2)] == [11, 20]
    found = again(reading)
    assert (found.at, found.number, found.wrapped) == (0, 1, True)
    found = again(reading, forward=False)
    assert (found.at, found.number, found.wrapped) == (20, 3, True)
    assert again(reading, forward=False).at == 11
    found = find(reading, "nothing")
    assert (found.at, found.total, found.looking) == (None, 0, False)
    reading.close()


@pytest.mark.parametrize("at", [BLOCK - 3, BLOCK - 6, BLOCK])
def test_a_find_across_blocks_counts_once(tmp_path: Path, at: int) -> None:
    reading = Reading([source(write(tmp_path / "log", b"." * at + b"needle" + b"." * BLOCK))])
    found = find(reading, "needle")
    assert (found.total, found.at) == (1, at)
    reading.close()


def test_a_search_in_many_blocks_knows_its_number(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"".join(b"%07d %s%s\n" % (n, b"." * 90, b" Hit" * (n % 10_000 == 9)) for n in range(60_000)))
    reading = Reading([source(path)])
    assert (find(reading, "hit").number, again(reading).number, again(reading).number) == (1, 2, 3)
    assert find(reading, "Hit").total == 6
    assert find(reading, "hIt").total == 0
    found = settled(reading, 4, lambda reading: reading.choose(Wanted("0000009 ")))[1]
    assert find(reading, "hit").total == 1, "only in lines that pass"
    assert found.at is None
    with path.open("ab") as file:
        file.write(b"0000009  hit hit")
    assert settled(reading, 4)[1].total == 3
    reading.close()


def test_finds_in_several_logs_follow_their_times(tmp_path: Path) -> None:
    early = b"2026-11-21 01:00:0%d early x\n"
    late = b"2026-11-21 01:00:0%d late x x\n"
    first = write(tmp_path / "a.log", b"".join(early % second for second in (1, 3, 5)))
    second = write(tmp_path / "b.log", b"".join(late % second for second in (2, 4)))
    reading = Reading([source(first), source(second)], timed=True)
    seen = [find(reading, "x")] + [again(reading) for _ in range(6)]
    assert [each.track for each in seen] == [0, 1, 1, 0, 1, 1, 0]
    assert [each.number for each in seen] == [1, 2, 3, 4, 5, 6, 7]
    assert {each.total for each in seen} == {7}
    assert again(reading).wrapped
    back = [again(reading, forward=False).number for _ in range(3)]
    assert back == [7, 6, 5]
    reading.close()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([b"aa", b"a\n", b"b", b"\n", b"." * (PIECE - 2)]), max_size=12))
def test_what_is_counted_is_what_can_be_gone_to(tmp_path_factory: pytest.TempPathFactory, parts: list[bytes]) -> None:
    path = write(tmp_path_factory.mktemp("x") / "log", b"".join(parts))
    seen = window(path)
    finds = Finds(seen.tracks[0], pattern("aa"))
    places = [place for block in range(finds.tally.blocks) for place in finds.places(block)]
    assert finds.tally.total == len(places)
    assert all(path.read_bytes()[place : place + 2] == b"aa" for place in places)
    assert bool(places) == (b"aa" in path.read_bytes())
    seen.close()


def test_capitals_matter_when_there_are_some() -> None:
    assert (list(pattern("error").places(b"ERROR error")), pattern("error").count(b"ERROR error", 11)) == ([0, 6], 2)
    assert list(pattern("Error").places(b"ERROR Error")) == [6]
    assert list(pattern("").places(b"x")) == []
