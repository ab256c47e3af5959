"""Lines of a log as rows of the screen."""

from __future__ import annotations

from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from limatui.ink import Line, plain, width
from limatui.widgets.logs.file import LineAt
from limatui.widgets.logs.line import shifted, shown, with_hits, written
from limatui.widgets.logs.rows import Look, Row, Screen, rows, wrapped

RECORD = b'{"level":"warning","msg":"careful","time":"2026-11-21T01:02:03.123456789+01:00","port":22,"a":{"b":"x\\ny"}}'


def line(data: bytes, cut: int = 0, **fields: object) -> LineAt:
    return LineAt(0, len(data), data, cut)._replace(**fields)  # type: ignore[arg-type]


def drawn(found: list[Row]) -> list[str]:
    return [plain(row.text).rstrip() for row in found]


def test_progress_keeps_its_last_part_and_colours_live() -> None:
    assert shown(line(b"10%\r50%\r\x1b[32mdone\x1b[0m."), False) == (("done", "running"), (".", ""))
    assert plain(shown(line(b"\x1b[38;5;31mx\x1b[0m\x1b[2Jy\x1b]0;t\x07z"), False)) == "xyz"


def test_text_has_the_colour_of_its_level_unless_it_has_its_own() -> None:
    assert shown(line(b"unit failed"), False) == (("unit failed", "bad"),)
    assert shown(line(b"\x1b[32mnot failed\x1b[0m"), False) == (("not failed", "running"),)


def test_json_lines_are_time_level_message() -> None:
    record = b'{"level":"warning","msg":"careful","time":"2026-11-21T01:02:03.123456789+01:00","port":22}'
    here = datetime.fromisoformat("2026-11-21T01:02:03+01:00").astimezone().strftime("%H:%M:%S")
    assert plain(shown(line(record), True)) == f"{here}  warning careful  port=22", "the clock is that of this place"
    assert plain(shown(line(record), True, False)) == "warning careful  port=22"
    assert shown(line(record), True)[-1][1] == "faint", "further fields stand back"
    assert plain(written(line(record))) == record.decode()
    assert plain(written(line(b"1%\r\x1b[32m2%"))) == "1%\u240d\u241b[32m2%"
    assert plain(shown(line(b'{"no": "message"}'), True)) == '{"no": "message"}'
    assert plain(shown(line(b"{broken"), True)) == "{broken"
    step = b'{"name":"ssh","state":"done"}'
    event = b'{"time":"2026-11-21T01:02:03Z","status":{"sshLocalPort":22,"running":true,"step":' + step + b'}}'
    here = datetime.fromisoformat("2026-11-21T01:02:03Z").astimezone().strftime("%H:%M:%S")
    assert plain(shown(line(event), True)) == f"{here}  running    step ssh  done   sshLocalPort 22   "


def test_json_unfolds_to_all_of_its_fields() -> None:
    look = Look(json=(True,))
    screen = Screen(60, 20, 0)
    folded, unfolded = rows([line(RECORD)], look, set(), screen), rows([line(RECORD)], look, {(0, 0)}, screen)
    assert len(folded) == 1
    assert drawn(unfolded)[1:] == [
        "  level  warning", "  msg    careful", "  time   2026-11-21T01:02:03.123456789+01:00", "  port   22",
        "  a.b    x", "         y"]
    assert {row.line for row in unfolded} == {0}
    assert len(rows([line(RECORD)], look._replace(raw=True), {(0, 0)}, Screen(200, 20, 0))) == 1


def test_a_long_line_says_how_much_is_left_out() -> None:
    found = rows([line(b"x" * 8192, 1_000_000)], Look(), set(), Screen(40, 20, 0))
    short = rows([line(b"x" * 60)], Look(), set(), Screen(40, 20, 0))
    assert drawn(short) == ["x" * 41], "one more than fits, to be cut"
    assert drawn(found)[0].endswith("xx… +977 KiB")
    assert width(found[0].text) <= 40
    wrapped_up = rows([line(b"x" * 8192, 1_000_000)], Look(wrap=True), set(), Screen(40, 5, 0))
    assert drawn(wrapped_up) == ["x" * 40] * 3 + ["… +984 KiB"]


def test_the_line_under_the_cursor_is_seen_whatever_the_others_take() -> None:
    lines = [line(b"%d " % number + b"x" * 90)._replace(start=number) for number in range(6)]
    look = Look(wrap=True)
    assert [row.line for row in rows(lines, look, set(), Screen(40, 8, 0))] == [0, 0, 0, 1, 1, 1, 2, 2]
    assert [row.line for row in rows(lines, look, set(), Screen(40, 8, 5))] == [3, 3, 4, 4, 4, 5, 5, 5]
    assert [row.line for row in rows(lines, Look(), set(), Screen(40, 8, 5))] == [0, 1, 2, 3, 4, 5]
    assert rows([], look, set(), Screen(40, 8, 0)) == []


def test_wrapping_keeps_every_character_and_the_place_of_the_text() -> None:
    look = Look(wrap=True, times=True, tags=("serial", "agent"), json=(False, False))
    found = rows([line(b"abcdefghijkl" * 3, time=3600.0, track=1)], look, set(), Screen(34, 20, 0))
    texts = [plain(row.text) for row in found]
    assert "agent " in texts[0]
    begin = texts[0].index("abc")
    assert "".join(text[begin:] for text in texts) == "abcdefghijkl" * 3
    assert all(not text[:begin].strip() for text in texts[1:])


def test_times_say_when_they_are_estimates() -> None:
    look = Look(times=True)
    sure, about = rows([line(b"x", time=3600.0), line(b"y", time=3601.0, about=True)], look, set(), Screen(60, 20, 0))
    assert (plain(sure.text)[0], plain(about.text)[0]) == (" ", "≈")
    dated = rows([line(b"x", time=3600.0), line(b"y", time=3600.0 + 86400 * 40)], look, set(), Screen(60, 20, 0))
    assert plain(dated[1].text).count("-") == 1, "where the day changes it is told"


@settings(max_examples=200)
@given(st.binary(max_size=60), st.booleans(), st.booleans())
def test_lines_never_carry_controls(data: bytes, json: bool, raw: bool) -> None:
    seen = written(line(data)) if raw else shown(line(data), json)
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 for char in plain(seen))


@settings(max_examples=200)
@given(st.lists(st.text(max_size=30), max_size=4), st.integers(8, 40))
def test_wrapped_lines_fit(parts: list[str], room: int) -> None:
    text: Line = tuple((part, "") for part in parts if part)
    found = wrapped(text, room)
    assert "".join(map(plain, found)) == plain(text)
    assert all(width(each) <= room for each in found)


def test_hits_are_reversed_and_lines_shift() -> None:
    marked = with_hits((("a nee", "dim"), ("dle b", "")), "needle")
    assert marked == (("a ", "dim"), ("nee", "dim reverse"), ("dle", "reverse"), (" b", ""))
    assert with_hits((("aAa a", "dim"),), "aa") == (("aA", "dim reverse"), ("a a", "dim"))
    assert shifted((("abc", "dim"), ("def", "")), 4) == (("ef", ""),)
