"""Regular expressions over the lines of a log, by RE2: its time grows with the bytes, whatever they and the pattern.

It works without the lock of the interpreter, so that keys are answered meanwhile; it is loaded when first wanted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

Span = tuple[int, int]
"""A part of some bytes: where it begins and where what follows does."""
_BORDERS = {"$": r"(?:\r?$)", r"\z": r"(?:\r?$)", r"\A": "^"}
_TOKEN = re.compile(r"\\Q.*?(?:\\E|\Z)|\\.|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]|\$", re.DOTALL)
_NOT_TYPED = re.compile(r"\\[pP]\{\^?\w+\}|\\[pP].|\\x\{\w+\}|\\.|\(\?P?<\w+>")


class PatternError(ValueError):
    """This is not a regular expression; the text says why."""


@lru_cache(maxsize=64)
def compiled(source: bytes, fold: bool) -> Any:
    """A pattern of RE2 that stays within a line. Raises PatternError."""
    try:
        import re2
    except ModuleNotFoundError:
        raise PatternError("regular expressions need the package google-re2") from None
    options = re2.Options()
    options.never_nl, options.log_errors, options.case_sensitive = True, False, not fold
    try:
        return re2.compile(b"(?m)" + source, options)
    except re2.error as error:
        raise PatternError(error.args[0].decode("utf-8", "replace").replace("(?m)", "", 1)) from None


@lru_cache(maxsize=64)
def any_of(texts: tuple[bytes, ...], fold: bool = True) -> Any:
    """A pattern for one of some texts: of RE2 where it is installed, else of Python, which texts cannot lead astray."""
    source = b"|".join(map(re.escape, texts))
    try:
        return compiled(source, fold)
    except PatternError:
        return re.compile(source, re.IGNORECASE if fold else 0)


def ignores_capitals(source: str) -> bool:
    """Whether the user typed none; those of `\\S` or of a group's name do not count."""
    typed = _NOT_TYPED.sub("", source)
    return typed == typed.lower()


def of_lines(source: str) -> bytes:
    """A pattern as it is for one line of many: `$` also stands before the carriage return that a serial log has."""
    return _TOKEN.sub(lambda token: _BORDERS.get(token.group(), token.group()), source).encode("utf-8", "replace")


def lines_with(pattern: Any, data: bytes) -> Iterator[tuple[int, int, int]]:
    """Where a line with it begins, where the next one does, and where in it the pattern was found."""
    end, size = 0, len(data)
    while end < size and (match := pattern.search(data, end)) is not None:
        place = match.start()
        if place == size and data.endswith(b"\n"):
            return
        start = data.rfind(b"\n", end, place) + 1 or end
        end = data.find(b"\n", place) + 1 or size
        yield start, end, place


class Expression:
    """Finds lines: each counts once, however often it matches."""

    by_line = True
    overlap = 0

    def __init__(self, text: str) -> None:
        self.fold = ignores_capitals(text)
        source = of_lines(text)
        self._pattern = compiled(source, self.fold)
        self._shown = compiled(b"(?:" + source + b")+", self.fold)

    def count(self, data: bytes, own: int) -> int:
        """How many of these whole lines have it."""
        return sum(1 for _ in lines_with(self._pattern, data))

    def places(self, data: bytes) -> Iterator[int]:
        """Where it is found first in each line that has it."""
        return (place for _, _, place in lines_with(self._pattern, data))

    def lines(self, data: bytes) -> list[Span]:
        """The lines that have it."""
        return [(start, end) for start, end, _ in lines_with(self._pattern, data)]

    def hits(self, text: str) -> list[Span]:
        """Every place in a line that is shown; those side by side are one."""
        data, found = text.encode("utf-8", "replace"), list[Span]()
        for match in self._shown.finditer(data):
            start, end = match.span()
            if start == end:
                break
            found.append((start, end))
        return found if len(data) == len(text) else [(_typed(data, start), _typed(data, end)) for start, end in found]


def _typed(data: bytes, at: int) -> int:
    return len(data[:at].decode("utf-8", "replace"))
