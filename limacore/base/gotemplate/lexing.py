"""A template as tokens: literal texts, and the words of each action."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator

from msgspec import Struct

from limacore.base.goquote import quoted

_SPACE = " \t\r\n"
_ALNUM = re.compile(r"\w*")
_NUMBER = re.compile(r"[+-]?(0[xX][0-9a-fA-F_]*|0[oO][0-7_]*|0[bB][01_]*|[0-9_]*\.?[0-9_]*(?:[eE][+-]?[0-9_]*)?)")
_KEYWORDS = frozenset(("block", "break", "continue", "define", "else", "end", "if", "nil", "range", "template", "with"))


class TemplateError(ValueError):
    """A text that is no template, or one that cannot be carried out with these values; the words are Go's."""


class Token(Struct, frozen=True):
    """`kind` is text, open, close, a keyword, name, field, variable, number, char, string, raw, or the sign itself."""

    kind: str
    text: str
    start: int
    line: int
    spaced: bool = False
    """Whether white space stands before it."""

    def __str__(self) -> str:
        if self.kind == "EOF":
            return "EOF"
        if self.kind in _KEYWORDS or self.kind == ".":
            return f"<{self.text}>"
        return f"{quoted(self.text[:10])}..." if len(self.text) > 10 else quoted(self.text)


class Lexer:
    """Gives tokens one by one, so that an early mistake is reported before a later one."""

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text, self.at, self.line = name, text, 0, 1

    def error(self, message: str, line: int = 0) -> TemplateError:
        """The error at a line, the present one unless given."""
        return TemplateError(f"template: {self.name}:{line or self.line}: {message}")

    def tokens(self) -> Iterator[Token]:
        """All tokens, an `EOF` at the end."""
        trim = False
        while (start := self.text.find("{{", self.at)) >= 0:
            begins = self.text[start + 2:start + 3] == "-" and self.text[start + 3:start + 4] in tuple(_SPACE)
            yield from self._literal(start, trim, begins)
            self.at = start + (3 if begins else 2)
            if self.text.startswith("/*", self._after_space() if begins else self.at):
                trim = self._comment()
            else:
                trim = yield from self._action(start)
        yield from self._literal(len(self.text), trim, False)
        yield Token("EOF", "", len(self.text), self.line)

    def _literal(self, end: int, trim_left: bool, trim_right: bool) -> Iterator[Token]:
        text, start, line = self.text[self.at:end], self.at, self.line
        self.line += text.count("\n")
        text = text.lstrip(_SPACE) if trim_left else text
        text = text.rstrip(_SPACE) if trim_right else text
        if text:
            yield Token("text", text, start, line)

    def _after_space(self) -> int:
        at = self.at
        while at < len(self.text) and self.text[at] in _SPACE:
            at += 1
        return at

    def _comment(self) -> bool:
        end = self.text.find("*/", self.at)
        if end < 0:
            raise self.error("unclosed comment")
        self.line += self.text.count("\n", self.at, end)
        self.at = end + 2
        for closing, trim in (("}}", False), *((f"{space}-}}}}", True) for space in _SPACE)):
            if self.text.startswith(closing, self.at):
                self.at += len(closing)
                return trim
        raise self.error("comment ends before closing delimiter")

    def _action(self, start: int) -> Generator[Token, None, bool]:
        yield Token("open", "{{", start, self.line)
        depth, began = 0, self.line
        while True:
            before = self.at
            self.at = self._after_space()
            self.line += self.text.count("\n", before, self.at)
            spaced = self.at > before
            if (trim := spaced and self.text.startswith("-}}", self.at)) or self.text.startswith("}}", self.at):
                if depth:
                    raise self.error("unclosed left paren")
                yield Token("close", "}}", self.at, self.line, spaced)
                self.at += 3 if trim else 2
                return trim
            if self.at >= len(self.text):
                raise self.error("unclosed action" if began == self.line else
                                 f"unclosed action started at {self.name}:{began}")
            token = self._token(spaced)
            depth += (token.kind == "(") - (token.kind == ")")
            if depth < 0:
                raise self.error("unexpected right paren")
            yield token

    def _token(self, spaced: bool) -> Token:
        char, start, line = self.text[self.at], self.at, self.line
        kind, end = self._word(char, start)
        self.at = end
        self.line += self.text.count("\n", start, end)
        return Token(kind, self.text[start:end], start, line, spaced)

    def _word(self, char: str, start: int) -> tuple[str, int]:
        following = self.text[start + 1:start + 2]
        if char in "\"`'":
            return self._string(char, start)
        if char in "(),|=":
            return char, start + 1
        if char == ":" and following == "=":
            return ":=", start + 2
        if char.isdigit() or (char in "+-." and following.isdigit()):
            return "number", self._number(start)
        if char in ".$":
            end = self._end_of_name(start + 1)
            return ("field" if end > start + 1 else ".") if char == "." else "variable", self._terminated(end)
        if char.isalnum() or char == "_":
            end = self._end_of_name(start)
            word = self.text[start:end]
            return word if word in _KEYWORDS else "name", self._terminated(end)
        if char == ":":
            raise self.error("expected :=")
        raise self.error(f"unrecognized character in action: {_code(char)}")

    def _end_of_name(self, start: int) -> int:
        match = _ALNUM.match(self.text, start)
        return match.end() if match else start

    def _terminated(self, end: int) -> int:
        following = self.text[end:end + 1]
        if following and following not in _SPACE + ".,|:)(" and not self.text.startswith("}}", end):
            raise self.error(f"bad character {_code(following)}")
        return end

    def _number(self, start: int) -> int:
        match = _NUMBER.match(self.text, start)
        end = match.end() if match else start + 1
        following = self.text[end:end + 1]
        if following.isalnum() or following == "_":
            raise self.error(f"bad number syntax: {quoted(self.text[start:end + 1])}")
        return end

    def _string(self, mark: str, start: int) -> tuple[str, int]:
        kind, what = {'"': ("string", "quoted string"), "`": ("raw", "raw quoted string"),
                      "'": ("char", "character constant")}[mark]
        at = start + 1
        while at < len(self.text) and self.text[at] != mark:
            if mark != "`" and self.text[at] == "\n":
                break
            at += 2 if self.text[at] == "\\" and mark != "`" else 1
        if at >= len(self.text) or self.text[at] != mark:
            raise self.error(f"unterminated {what}")
        return kind, at + 1


def _code(char: str) -> str:
    shown = f" '{char}'" if char.isprintable() else ""
    return f"U+{ord(char):04X}{shown}"
