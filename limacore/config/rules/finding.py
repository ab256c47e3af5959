"""How a rule says what is wrong."""

from __future__ import annotations

from collections.abc import Iterable

from limacore.model.config import Problem


def wrong(path: str, message: str, hint: str = "", words: str = "") -> Problem:
    """An error at a field; the message, and limactl's words where they differ, may name it by `{}`."""
    field = f"field `{path}`"
    return Problem(path=path, message=message.replace("{}", field), hint=hint, words=words.replace("{}", field))


def doubtful(path: str, message: str, hint: str = "", *, at_start: bool = False, words: str = "") -> Problem:
    """A warning at a field."""
    field = f"field `{path}`"
    return Problem(path=path, message=message.replace("{}", field), hint=hint, severity="warning", at_start=at_start,
                   words=words.replace("{}", field))


def quoted(words: Iterable[str]) -> str:
    """`` `a` `b` ``."""
    return " ".join(f"`{word}`" for word in words)
