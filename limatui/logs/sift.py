"""Which lines are shown: those with a text, without another, from a level on."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from limatui.logs.levels import DEBUG, INFO, LEVELS, level_of, signs

Span = tuple[int, int]
"""A line in some bytes: where it begins and where the next one does."""
_AND = " & "


class Wanted(NamedTuple):
    """What the user asks for: a text such as `ssh & !debug`, and the lowest level."""

    text: str = ""
    level: int = DEBUG


EVERYTHING = Wanted()


class Test:
    """Lines with at least one of some texts, which a closer look may confirm; wanted, or not wanted when inverted."""

    def __init__(self, texts: Sequence[bytes], *, fold: bool, inverted: bool,
                 confirm: Callable[[bytes], bool] | None = None) -> None:
        self._fold = fold
        self.inverted = inverted
        self._confirm = confirm
        self._patterns = [re.compile(re.escape(text)) for text in texts]

    def lines(self, data: bytes) -> list[Span]:
        """The lines that it is about, in their order."""
        folded = data.lower() if self._fold else data
        found: dict[int, int] = {}
        for pattern in self._patterns:
            _collect(folded, pattern, found)
        spans = found.items() if len(self._patterns) == 1 else sorted(found.items())
        return [span for span in spans if self._confirm is None or self._confirm(data[span[0] : span[1]])]


def _collect(data: bytes, pattern: re.Pattern[bytes], found: dict[int, int]) -> None:
    end = 0
    while (match := pattern.search(data, end)) is not None:
        at = match.start()
        start = data.rfind(b"\n", end, at) + 1 or end
        end = data.find(b"\n", at) + 1 or len(data)
        found[start] = end


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


def _text_tests(text: str) -> list[Test]:
    tests = []
    for part in text.split(_AND):
        inverted = part.startswith("!")
        word = part[1:] if inverted else part
        if word:
            tests.append(Test([word.encode("utf-8", "replace")], fold=word == word.lower(), inverted=inverted))
    return tests


def _level_tests(level: int, json: bool) -> list[Test]:
    if level == DEBUG:
        return []
    if level == INFO:
        # What is below is rare, what is not is everything else.
        return [Test(signs(DEBUG, json), fold=True, inverted=True, confirm=partial(_is_below, json=json))]
    texts = [text for above in range(level, len(LEVELS)) for text in signs(above, json)]
    return [Test(texts, fold=True, inverted=False, confirm=partial(_reaches, level=level, json=json))]


def _is_below(line: bytes, *, json: bool) -> bool:
    return level_of(line, json) == DEBUG


def _reaches(line: bytes, *, level: int, json: bool) -> bool:
    return level_of(line, json) >= level
