"""What an editor may tell about a field, derived from the structs."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from limacore.config.fields import CHOICES, DOCS, SUGGESTED
from limacore.config.shape import Shape, find

_WORDS = {
    "text": "text", "content": "text",
    "int": "whole number", "uint": "whole number, not negative", "bool": "true or false",
    "ip": "IP address", "range": "[first, last]", "disk": "name, or a mapping", "locator": "path, or {url, digest}",
    "locators": "template, or a list of them", "map": "mapping of texts", "open": "mapping", "struct": "mapping",
    "any": "any value",
}


class FieldInfo(Struct, frozen=True):
    """A field as an editor shows it."""

    path: str
    type: str
    doc: str = ""
    choices: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    """The fields below it."""


def describe(path: Iterable[str | int]) -> FieldInfo | None:
    """What is known of the field at a path such as `("mounts", 0, "location")`; None for no field of ours."""
    shape = find(tuple(path))
    if shape is None:
        return None
    item = shape.item if shape.kind == "list" else None
    keys = (item or shape).fields
    return FieldInfo(
        path=shape.path, type=_type(shape), doc=doc_of(shape.path), keys=tuple(keys),
        choices=CHOICES.get(shape.path) or SUGGESTED.get(shape.path, ()),
    )


def _type(shape: Shape) -> str:
    if shape.kind == "list" and shape.item is not None:
        return f"list of {_type(shape.item)}"
    return _WORDS[shape.kind]


def doc_of(path: str) -> str:
    """One sentence about the field at a path such as `mounts[].location`."""
    return DOCS.get(path) or DOCS.get(path.removesuffix("[]"), "")
