"""The terminal as values: what byte streams look like, and that nothing harmful comes out."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from limatui.widgets.terminal.grid import Cursor, Grid, Look, Mouse, PlainGrid, open_grid, row_text
from limatui.widgets.terminal.widget import spans

HOSTILE = (
    b"\x1b]52;c;aGVsbG8=\x07", b"\x1b]0;title\x1b\\", b"\x1b]8;;http://evil\x07link\x1b]8;;\x07",
    b"\x1bP+q544e\x1b\\", b"\x1bPq#0;2;0;0;0#0~~@@vv\x1b\\", b"\x1b_Gf=24;AAAA\x1b\\", b"\x1b^private\x1b\\",
    b"\xc2\x9b31m", b"\xc2\x9d52;c;aGVsbG8=\xc2\x9c", b"\x9b31m\x9d0;x\x9c", b"\x7f\x00\x05\x08",
    "\u202eevil\u2066x\u2069\u200f".encode(), "\u2028\u2029\ufeff\U000e0041".encode(),
    b"\x1b[999999999;999999999H", b"\x1b[99999999999999999999C", b"\x1b[" + b"1;" * 5000 + b"m", b"\x1b[>4m\x1b[>1u",
    b"\x1b[8;9999;9999t", b"\x1b[6n\x1b[c\x1b]10;?\x07\x1b[21t", b"[red]markup[/red]", b"\xff\xfe\xf0\x9f\x92",
)


@pytest.fixture
def grid() -> Iterator[Grid]:
    made = open_grid(20, 5)
    yield made
    made.close()


def lines(grid: Grid) -> list[str]:
    grid.refresh()
    return [row_text(row) for row in grid.rows]


def look_of(grid: Grid, text: str) -> Look:
    grid.refresh()
    return next(look for row in grid.rows for run, look in row if text in run)


def test_plain_lines(grid: Grid) -> None:
    grid.feed(b"one\r\ntwo\r\n")
    assert lines(grid) == ["one", "two", "", "", ""]
    assert grid.cursor == Cursor(0, 2)


def test_moves_erasing_and_scroll_region(grid: Grid) -> None:
    grid.feed(b"abcdef\x1b[3G\x1b[KX\r\n\x1b[2;4r\x1b[4;1Hlow\nnext\x1b[r\x1b[1;1Htop")
    assert lines(grid)[0] == "top"
    assert "low" in lines(grid)[2]
    assert "next" in lines(grid)[3]


def test_alternate_screen_leaves_the_first_alone(grid: Grid) -> None:
    grid.feed(b"shell\x1b[?1049h\x1b[2J\x1b[1;1Heditor")
    assert lines(grid)[0] == "editor"
    grid.feed(b"\x1b[?1049l")
    assert lines(grid)[0] == "shell"


def test_colours_of_all_kinds(grid: Grid) -> None:
    grid.feed(b"\x1b[1;31mred\x1b[0m\x1b[38;5;200mpink\x1b[38;2;1;2;3;7mrgb\x1b[0m\x1b[4;3;9mdeco")
    assert look_of(grid, "red")[:3] == (1, None, True)
    assert look_of(grid, "pink").fg == 200
    assert (look_of(grid, "rgb").fg, look_of(grid, "rgb").inverse) == ((1, 2, 3), True)
    assert look_of(grid, "deco") == Look(underline=True, italic=True, strike=True)


def test_background_of_erased_cells(grid: Grid) -> None:
    grid.feed(b"a\x1b[44m\x1b[K\r\n\x1b[48;5;200m\x1b[K\r\n\x1b[48;2;1;2;3m\x1b[K")
    grid.refresh()
    assert [(len(text), look.bg) for text, look in (row[-1] for row in grid.rows[:3])] == [
        (19, 4), (20, 200), (20, (1, 2, 3))]


def test_wide_characters_keep_their_two_cells(grid: Grid) -> None:
    grid.feed("中文|é|".encode())
    assert lines(grid)[0] == "中文|é|"
    assert grid.cursor == Cursor(7, 0)


def test_only_changed_rows_are_told(grid: Grid) -> None:
    grid.feed(b"one\r\ntwo\r\nthree")
    grid.refresh()
    grid.feed(b"\x1b[1;1HONE\x1b[3;6H")
    assert grid.refresh() == (0,)
    assert grid.refresh() == ()


def test_scrollback(grid: Grid) -> None:
    grid.feed(b"".join(b"line %d\r\n" % n for n in range(100)))
    assert lines(grid)[0] == "line 96"
    assert grid.position() == (96, 0)
    grid.scroll(-10)
    assert (lines(grid)[0], grid.position()) == ("line 86", (86, 10))
    grid.feed(b"more\r\n")
    assert lines(grid)[0] == "line 86", "what one reads does not move when more is printed"
    grid.scroll_end()
    assert lines(grid)[3] == "more"


def test_resize_wraps_anew(grid: Grid) -> None:
    grid.feed(b"0123456789ABCDEFGHIJKLMNO")
    assert lines(grid)[:2] == ["0123456789ABCDEFGHIJ", "KLMNO"]
    grid.resize(30, 4)
    assert lines(grid) == ["0123456789ABCDEFGHIJKLMNO", "", "", ""]


def test_a_sequence_cut_anywhere_means_the_same() -> None:
    data = b"\x1b[1;31mred\x1b[0m \xe4\xb8\xad \x1b]0;t\x07x\x1b[2;3Hy"
    for cut in range(len(data)):
        grid = open_grid(20, 5)
        grid.feed(data[:cut])
        grid.feed(data[cut:])
        assert lines(grid)[:2] == ["red 中 x", "  y"]
        grid.close()


def test_answers_only_what_is_asked(grid: Grid) -> None:
    grid.feed(b"ab\x1b[6n")
    assert grid.replies() == b"\x1b[1;3R"
    assert grid.replies() == b""


def test_the_title_is_never_reported_back(grid: Grid) -> None:
    grid.feed(b"\x1b]0;rm -rf /\r\x07\x1b[21t")
    assert b"rm" not in grid.replies()


def test_search_goes_back_from_the_newest(grid: Grid) -> None:
    grid.feed(b"".join(b"line %d\r\n" % number for number in range(50)))
    assert grid.search("line 4") == 11
    assert grid.seek()[:2] == (1, 11)
    match = grid.seek()
    grid.refresh()
    assert (match.number, row_text(grid.rows[match.y])[match.start : match.end]) == (2, "line 4")
    assert row_text(grid.rows[match.y]) == "line 48"
    assert grid.seek(older=False).number == 1
    assert grid.search("absent") == 0
    assert grid.seek() == (0, 0, -1, 0, 0)
    grid.reset()
    assert grid.seek().total == 0


KEYS = [
    ("a", "a", b"a"), ("A", "A", b"A"), ("é", "é", "é".encode()), ("question_mark", "?", b"?"), ("space", " ", b" "),
    ("ctrl+c", "\x03", b"\x03"), ("ctrl+q", "\x11", b"\x11"), ("ctrl+p", "\x10", b"\x10"), ("ctrl+@", "\x00", b"\0"),
    ("ctrl+backslash", "\x1c", b"\x1c"), ("enter", "\r", b"\r"), ("tab", "\t", b"\t"), ("shift+tab", None, b"\x1b[Z"),
    ("escape", "\x1b", b"\x1b"), ("backspace", "\x7f", b"\x7f"), ("up", None, b"\x1b[A"), ("delete", None, b"\x1b[3~"),
    ("ctrl+left", None, b"\x1b[1;5D"), ("f1", None, b"\x1bOP"), ("f5", None, b"\x1b[15~"), ("alt+x", None, b"\x1bx"),
    ("pageup", None, b"\x1b[5~"), ("home", None, b"\x1b[H"),
]


@pytest.mark.parametrize(("key", "character", "expected"), KEYS)
def test_keys(grid: Grid, key: str, character: str | None, expected: bytes) -> None:
    assert grid.key(key, character) == expected


def test_arrows_in_application_mode(grid: Grid) -> None:
    grid.feed(b"\x1b[?1h")
    assert grid.key("up", None) == b"\x1bOA"


def test_paste_in_brackets_when_asked(grid: Grid) -> None:
    assert grid.paste("a\nb") == b"a\rb"
    grid.feed(b"\x1b[?2004h")
    assert grid.paste("a\nb\x1b[201~c\x03") == b"\x1b[200~a\rb[201~c\x1b[201~"


def test_mouse_only_when_wanted(grid: Grid) -> None:
    assert grid.mouse(Mouse("down", 1, 1, 2)) == b""
    grid.feed(b"\x1b[?1000h\x1b[?1006h")
    assert grid.mouse(Mouse("down", 1, 1, 2)) == b"\x1b[<0;2;3M"
    assert grid.mouse(Mouse("up", 1, 1, 2)) == b"\x1b[<0;2;3m"
    assert grid.mouse(Mouse("move", 1, 1, 2)) == b""


def assert_harmless(grid: Grid) -> None:
    grid.refresh()
    for row in grid.rows:
        for text, _look in row:
            bad = [char for char in text if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp", "Cs")]
            assert not bad, (text, bad)


@pytest.mark.parametrize("kind", ["full", "plain"])
@pytest.mark.parametrize("data", HOSTILE)
def test_hostile_bytes_become_harmless_cells(data: bytes, kind: str) -> None:
    grid: Grid = open_grid(40, 6) if kind == "full" else PlainGrid(40, 6)
    grid.feed(data + b"after\r\n" + data)
    assert_harmless(grid)
    grid.close()


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=40), st.sampled_from(HOSTILE), st.text(max_size=20).map(
    lambda text: text.encode("utf-8", "surrogatepass"))), max_size=12))
def test_no_bytes_at_all_do_harm_and_rows_never_exceed_the_width(parts: list[bytes]) -> None:
    grid = open_grid(30, 6)
    for part in parts:
        grid.feed(part)
    assert_harmless(grid)
    assert all(cell_len("".join(text for text, _ in row)) <= 30 for row in grid.rows)
    grid.close()


def test_the_plain_view_reads_and_never_types() -> None:
    grid = PlainGrid(20, 3)
    grid.feed(b"one\r\n\x1b[31mtwo\x1b[0m\r\n10%\r50%\r100%\r\nhalf \xe4\xb8")
    grid.feed(b"\xad")
    assert lines(grid) == ["two", "100%", "half 中"]
    assert grid.position() == (1, 0)
    grid.scroll(-5)
    assert lines(grid)[0] == "one"
    assert (grid.key("a", "a"), grid.paste("x"), grid.replies(), grid.interactive) == (b"", b"", b"", False)


def test_neighbouring_rows_are_painted_together() -> None:
    assert list(spans((1, 2, 3, 7, 9, 10))) == [(1, 3), (7, 1), (9, 2)]
