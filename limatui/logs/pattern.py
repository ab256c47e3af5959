"""What is looked for in a log: a text as it is typed, or a regular expression `/between slashes/`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from limatui.logs.expression import Expression, PatternError, Span, any_of, lines_with

_EXPRESSION = re.compile(r"/((?:\\.|[^\\/])+)/", re.DOTALL)


def is_expression(text: str) -> bool:
    """Whether it is written as one; a slash in it has a backslash, so a path is none."""
    return _EXPRESSION.fullmatch(text) is not None


def turned(text: str) -> str:
    """A text as an expression, an expression as a text."""
    if (match := _EXPRESSION.fullmatch(text)) is not None:
        return match.group(1).replace(r"\/", "/")
    return "/{}/".format(re.sub(r"(?<!\\)/", r"\/", text))


@lru_cache(maxsize=64)
def pattern(text: str) -> Pattern:
    """What a user means. Raises PatternError."""
    match = _EXPRESSION.fullmatch(text)
    return Expression(match.group(1)) if match else Text(text)


def problem(text: str) -> str:
    """What is wrong with it; empty when nothing is."""
    try:
        pattern(text)
    except PatternError as error:
        return str(error)
    return ""


class Text:
    """Finds its text; capitals matter only when it has some."""

    by_line = False

    def __init__(self, text: str) -> None:
        self._bytes = text.encode("utf-8", "replace")
        self.fold = text == text.lower()
        self._typed = re.compile(re.escape(text), re.IGNORECASE if self.fold else 0)
        # RE2 says more than twice as fast as `find` that a text is nowhere, and folds at that.
        self._rare = any_of((self._bytes,), self.fold)
        # Where it is everywhere, each find costs RE2 five times as much; but only it folds letters that are not ASCII.
        self._lower = self.fold and text.isascii()
        self._common = re.compile(re.escape(self._bytes)) if self._lower or not self.fold else self._rare
        self.overlap = 3 * len(text) if self._common is self._rare else max(0, len(self._bytes) - 1)

    def _folded(self, data: bytes) -> bytes:
        return data.lower() if self._lower else data

    def count(self, data: bytes, own: int) -> int:
        """How often it begins in the first `own` bytes, without overlaps."""
        if not self._bytes or self._rare.search(data) is None:
            return 0
        if self._common is self._rare:
            return sum(place < own for place in self.places(data))
        return self._folded(data).count(self._bytes, 0, own + self.overlap)

    def places(self, data: bytes) -> Iterator[int]:
        """Where it begins, as they are counted."""
        if self._bytes:
            yield from (match.start() for match in self._common.finditer(self._folded(data)))

    def lines(self, data: bytes) -> list[Span]:
        """The lines that have it."""
        if not self._bytes or self._rare.search(data) is None:
            return []
        return [(start, end) for start, end, _ in lines_with(self._common, self._folded(data))]

    def hits(self, text: str) -> list[Span]:
        """Every place in a line that is shown."""
        return [match.span() for match in self._typed.finditer(text)] if self._bytes else []


Pattern = Text | Expression
