"""What templates work on: how Go calls the types of values, what counts as true, structs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

NO_VALUE = "<no value>"
MAX_TEXT = 4 << 20
"""The longest text that a template may build, in characters."""


class Record(Struct, frozen=True):
    """A Go struct: its type as messages name it, its fields in order. Asking for another field is an error."""

    type: str
    fields: Mapping[str, Any]


class Function(Struct, frozen=True):
    """Something to call: `most` arguments at most, any number when it is negative. It raises ValueError to fail."""

    call: Callable[..., Any]
    least: int = 0
    most: int = -1


class Char(int):
    """One byte of a string, as `index` gives it; prints as its number."""


def kind(value: Any) -> str:
    """`bool`, `int`, `float`, `string`, `map`, `list`, `struct` or `nil`."""
    if value is None:
        return "nil"
    for python, name in _KINDS:
        if isinstance(value, python):
            return name
    return "other"


_KINDS: tuple[tuple[Any, str], ...] = (
    (bool, "bool"), (int, "int"), (float, "float"), (str, "string"), (Record, "struct"), (Mapping, "map"),
    ((list, tuple), "list"),
)
_TYPES = {"nil": "<nil>", "bool": "bool", "int": "int", "float": "float64", "string": "string",
          "map": "map[string]interface {}", "list": "[]interface {}"}


def type_name(value: Any) -> str:
    """The type of a value as Go's messages name it."""
    if isinstance(value, Char):
        return "uint8"
    return value.type if isinstance(value, Record) else _TYPES.get(kind(value), type(value).__name__)


def truth(value: Any) -> bool:
    """Whether `if` takes it; a struct always counts."""
    return bool(value) or isinstance(value, Record)
