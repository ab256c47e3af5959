"""Which lines are shown: those with a text, without another, from a level on."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator
from functools import partial
from typing import NamedTuple

from limatui.logs.expression import PatternError, Span, any_of, lines_with
from limatui.logs.levels import DEBUG, INFO, LEVELS, level_of, signs
from limatui.logs.pattern import pattern

_PART = re.compile(r"(!?/(?:\\.|[^\\/])+/|.*?)(?: & |\Z)", re.DOTALL)
"""An ` & ` within an expression is a part of it."""


class Wanted(NamedTuple):
    """What the user asks for: a text such as `ssh & !/debug[12]/`, and the lowest level."""

    text: str = ""
    level: int = DEBUG


EVERYTHING = Wanted()


class Test(NamedTuple):
    """The lines of some bytes that it is about, in their order; wanted, or not wanted when inverted."""

    lines: Callable[[bytes], list[Span]]
    inverted: bool = False


def lines(data: bytes) -> list[Span]:
    """All lines."""
    spans, start = [], 0
    for part in data.split(b"\n"):
        end = min(start + len(part) + 1, len(data))
        if end > start:
            spans.append((start, end))
        start = end
    return spans


class Sift:
    """Lets lines pass for which all of its tests are right."""

    def __init__(self, wanted: Wanted = EVERYTHING, *, json: bool = False) -> None:
        tests = [*_text_tests(wanted.text), *_level_tests(wanted.level, json)]
        self._for = [test for test in tests if not test.inverted]
        self._against = [test for test in tests if test.inverted]

    @property
    def idle(self) -> bool:
        """Whether every line passes."""
        return not self._for and not self._against

    def kept(self, data: bytes) -> list[Span]:
        """The lines that pass."""
        chosen = self._for[0].lines(data) if self._for else lines(data)
        for test in self._for[1:]:
            also = set(test.lines(data))
            chosen = [span for span in chosen if span in also]
        for test in self._against:
            gone = set(test.lines(data))
            chosen = [span for span in chosen if span not in gone]
        return chosen

    def count(self, data: bytes) -> int:
        """How many lines pass; where one text is not wanted, without making a list of all the others."""
        if self._for or len(self._against) > 1:
            return len(self.kept(data))
        gone = sum(len(test.lines(data)) for test in self._against)
        return data.count(b"\n") + (bool(data) and not data.endswith(b"\n")) - gone


def words(text: str) -> Iterator[tuple[str, bool]]:
    """What every line must have, or (True) must not have: texts, and expressions between slashes."""
    for match in _PART.finditer(text):
        inverted = match.group(1).startswith("!")
        if word := match.group(1)[inverted:]:
            yield word, inverted


def problem(text: str) -> str:
    """What is wrong with what a user wants to see; empty when nothing is."""
    try:
        _text_tests(text)
    except PatternError as error:
        return str(error)
    return ""


def _text_tests(text: str) -> list[Test]:
    return [Test(pattern(word).lines, inverted) for word, inverted in words(text)]


def _level_tests(level: int, json: bool) -> list[Test]:
    if level == DEBUG:
        return []
    # What is below INFO is rare, what is not is everything else.
    below = level == INFO
    levels = (DEBUG,) if below else range(level, len(LEVELS))
    found = any_of(tuple(text for each in levels for text in signs(each, json)))
    return [Test(partial(_lines_of, found, levels, json), below)]


def _lines_of(found: object, levels: Container[int], json: bool, data: bytes) -> list[Span]:
    return [(start, end) for start, end, _ in lines_with(found, data) if level_of(data[start:end], json) in levels]
