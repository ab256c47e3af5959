"""Regular expressions in search and filter: what they mean in a log, and that nothing hostile makes them slow."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limatui.logs import expression
from limatui.logs import pattern as patterns
from limatui.logs.pattern import is_expression, pattern, problem, turned
from limatui.logs.reading import Reading
from limatui.logs.sift import Sift, Wanted, words
from limatui.logs.sift import problem as problem_of_filter
from limatui.widgets.logs.file import BLOCK
from tests.ui.logs_at import settled, source, texts

SOURCES = ["a", "b+", "a.*b", "^a", "b$", "^$", "a|bb", "[^a]", "[^a]b", r"\s", "x*", r"\bab\b", r"\Aa", r"b\z",
           "(a+)+b", "A", r"\Sb", "é.", r"[$]", r"\$", r"\Q$\E", "[[:alpha:]$]b"]


def in_a_line(source: str) -> re.Pattern[str]:
    """The same for the pattern engine of Python, which sees one line without its end at a time."""
    known = {r"b\z": r"b\Z", r"\Q$\E": r"\$", "[[:alpha:]$]b": "[a-zA-Z$]b"}
    return re.compile(known.get(source, source), re.IGNORECASE * (source != "A"))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SOURCES), st.booleans(), st.booleans(), st.booleans(),
       st.lists(st.sampled_from(["", "a", "b", "ab", "Aab", "a b", "bb", "é", "xé ", "$b", "x"]), max_size=9))
def test_of_many_lines_those_are_found_that_match_by_themselves(
    source: str, inverted: bool, last: bool, carriage: bool, parts: list[str],
) -> None:
    end = "\r\n" if carriage else "\n"
    data = (end.join(parts) + end * last).encode()
    text = f"{'!' * inverted}/{source}/"
    if carriage and source in (r"\s", "[^a]", "é."):
        return  # a carriage return is a character, as in every other tool
    expected = [line for line in data.splitlines(keepends=True) if
                (in_a_line(source).search(line.decode().rstrip("\r\n")) is not None) != inverted]
    sift = Sift(Wanted(text))
    assert [data[start:stop] for start, stop in sift.kept(data)] == expected
    assert sift.count(data) == len(expected)


@pytest.mark.parametrize("wanted", ["ssh", "line [0-9]*7 ", "^line 1", "(1|2)0+ ", "kernel.$", "^$", "[^0-9]5 of"])
def test_what_is_counted_is_what_grep_counts(tmp_path: Path, wanted: str) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"".join(b"line %d of the kernel\n" % number + b"\n" * (number % 7 == 0)
                              for number in range(60_000)))
    told = subprocess.run(["grep", "-cE", wanted, path], stdout=subprocess.PIPE, check=False).stdout
    reading = Reading([source(path)])
    page, _ = settled(reading, 4, lambda reading: reading.choose(Wanted(f"/{wanted}/")))
    assert page.passed == (int(told), False)
    _, found = settled(reading, 4, lambda reading: reading.choose(Wanted()),
                       lambda reading: reading.find(f"/{wanted}/"))
    assert (found.total, found.by_line, found.at is None) == (int(told), True, not int(told))
    reading.close()


def test_a_find_by_expression_goes_from_line_to_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"port 22 and port 23\nno\n" + b"." * (BLOCK + 10) + b"port 8022\nPORT 1\nport x\n")
    reading = Reading([source(path)])
    reading.turn([lambda reading: reading.window.start()], 4)
    seen = [settled(reading, 4, lambda reading: reading.find(r"/port \d+/"))[1]]
    seen += [settled(reading, 4, lambda reading: reading.again(forward=True))[1] for _ in range(3)]
    places = [0, 23 + BLOCK + 10, 23 + BLOCK + 20, 0]
    assert [(each.at, each.number, each.total) for each in seen] == [
        (places[0], 1, 3), (places[1], 2, 3), (places[2], 3, 3), (places[3], 1, 3)]
    assert (seen[-1].wrapped, seen[-1].by_line) == (True, True)
    back = settled(reading, 4, lambda reading: reading.again(forward=False))[1]
    assert (back.at, back.number) == (places[2], 3)
    page, found = settled(reading, 4, lambda reading: reading.choose(Wanted(r"!/\d\d/ & /port/")))
    assert (texts(page.lines), found.total) == ([b"PORT 1", b"port x"], 1)
    reading.close()


@pytest.mark.parametrize("hostile", ["(a+)+$", "(a|a)*c", "(a*)*(a*)*(a*)*d", "(.*a){12}c", "([ab]*a[ab]{12})+c"])
def test_no_line_times_a_pattern_takes_for_ever(hostile: str) -> None:
    data = b"a" * 200_000 + b"b\n"
    assert pattern(f"/{hostile}/").lines(data) == []
    assert pattern(f"/{hostile}/").hits("a" * 2000 + "b") == []


def test_capitals_matter_when_some_are_typed() -> None:
    assert list(pattern("/err.r/").places(b"ERROR\nerror\n")) == [0, 6]
    assert list(pattern("/Err.r/").places(b"ERROR\nError\n")) == [6]
    assert list(pattern(r"/\Serror\S/").places(b"xERRORx\n")) == [0], "the capital of a class is none"
    assert list(pattern(r"/(?P<Name>x)\pL/").places(b"XY\n")) == [0]
    assert list(pattern("größe").places("GRÖßE größe".encode())) == [0, 8], "not only in ASCII"
    assert pattern("größe").count("GRÖßE größe".encode(), 20) == 2
    assert list(pattern("Größe").places("größe Größe".encode())) == [8]


def test_a_wrong_expression_says_what_is_wrong() -> None:
    assert problem("/(x/") == "missing ): (x"
    assert problem_of_filter("a & !/x**(/ & b") and not problem_of_filter("a & !/x/ & (")
    assert problem("(x") == "", "as it is typed it is a text"
    assert "(?=" in problem("/(?=x)/"), "what would make it slow is not there"


def test_slashes_and_ands() -> None:
    assert [is_expression(text) for text in ("/x/", "//", "/", "/var/log/", r"/var\/log/", "/x", "x/", r"/x\/")] == [
        True, False, False, False, True, False, False, False]
    assert list(words(r"a & !/b & c\/d/ & /e & !f")) == [
        ("a", False), (r"/b & c\/d/", True), ("/e", False), ("f", True)]
    for text in ("x", "/var/log", "a.b", "(x", r"a\/b"):
        assert is_expression(turned(text))
        assert turned(turned(text)).replace("\\", "") == text.replace("\\", "")


def test_what_is_seen_of_a_line_is_marked() -> None:
    assert pattern(r"/p\w+t \d/").hits("ein Port 2, port 3") == [(4, 10), (12, 18)]
    assert pattern("/é|x/").hits("éxaéb") == [(0, 2), (3, 4)]
    assert pattern("/y*/").hits("aya") == []
    assert pattern("/./").hits("abc") == [(0, 3)]


def test_without_re2_texts_are_found_and_expressions_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)
    caches = (expression.any_of, expression.compiled, patterns.pattern)
    for each in caches:
        each.cache_clear()
    try:
        assert Sift(Wanted("A.b & !y")).kept(b"A.b\nA.by\nA-b\n") == [(0, 4)]
        assert "google-re2" in problem("/a+/")
    finally:
        monkeypatch.undo()
        for each in caches:
            each.cache_clear()
