"""The filter of the list: words, `/regex/`-like text, `!` for not, `status:` and other fields."""

from __future__ import annotations

import re
from collections.abc import Callable

from limacore.model.instance import Instance

Test = Callable[[Instance], bool]

_FIELDS: dict[str, Callable[[Instance], str]] = {
    "status": lambda each: each.status.value,
    "arch": lambda each: each.arch,
    "template": lambda each: each.template,
    "vm": lambda each: each.vm_type,
    "name": lambda each: each.name,
    "protected": lambda each: "yes" if each.protected else "no",
}


def parse(text: str) -> Test:
    """A test that holds when every word of `text` does."""
    tests = [_word(word) for word in text.split()]
    return lambda instance: all(test(instance) for test in tests)


def _word(word: str) -> Test:
    if word.startswith("!") and len(word) > 1:
        inner = _word(word[1:])
        return lambda instance: not inner(instance)
    field, colon, value = word.partition(":")
    if colon and field.lower() in _FIELDS:
        return _holds(_FIELDS[field.lower()], value)
    return _holds(_everything, word)


def _holds(read: Callable[[Instance], str], text: str) -> Test:
    try:
        pattern = re.compile(text, re.IGNORECASE)
    except re.error:
        pattern = re.compile(re.escape(text), re.IGNORECASE)
    return lambda instance: pattern.search(read(instance)) is not None


def _everything(instance: Instance) -> str:
    return f"{instance.name} {instance.status.value} {instance.phase}"
