"""A filled configuration as it is written out: keys in the order of the schema, what is unset left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from limacore.base import yamlio
from limacore.config.fields import ALWAYS_SHOWN, HIDDEN_WHEN_EMPTY
from limacore.config.shape import Shape, config_shape

_FILE_KEYS = ("arch", "digest", "cmdline", "variant", "archVariant", "vmType")


def written(filled: dict[str, Any]) -> dict[str, Any]:
    """All fields in order, as `--fill` and `list --json` show them."""
    return dict(_struct(filled, config_shape()))


def _value(value: Any, shape: Shape) -> Any:
    if isinstance(value, list) and shape.kind == "list" and shape.item is not None:
        return [_value(each, shape.item) for each in value]
    if isinstance(value, dict) and shape.kind == "map":
        return dict(sorted(value.items()))
    if isinstance(value, dict) and shape.kind == "open":
        return _sorted(value)
    if isinstance(value, dict) and shape.fields:
        return _struct(value, shape)
    return _readable(value) if isinstance(value, str) and not value.isascii() else value


def _readable(text: str) -> str:
    """Bytes that are no text (of `!!binary`) as the sign for such: what is shown has to be text."""
    return _SURROGATE.sub("\ufffd", text)


_SURROGATE = re.compile("[\ud800-\udfff]")


def _struct(values: dict[str, Any], shape: Shape) -> dict[str, Any]:
    result = {}
    for key, field in shape.fields.items():
        if key == "script" and field.path == "provision[].script":
            values = {"script": "", **values}
        if key in values and _is_shown(values[key], key, field):
            value = _value(values[key], field)
            if value not in ({}, []) or field.path in ALWAYS_SHOWN:
                result[key] = value
    return result


def _is_shown(value: Any, key: str, field: Shape) -> bool:
    if value is None:
        return False
    if field.path in ALWAYS_SHOWN or value:
        return True
    return field.path not in HIDDEN_WHEN_EMPTY and not (key in _FILE_KEYS and "." in field.path)


def _sorted(value: Any) -> Any:
    if isinstance(value, list):
        return [_sorted(each) for each in value]
    if isinstance(value, dict):
        kept = {key: _sorted(value[key]) for key in sorted(value)}
        return {key: each for key, each in kept.items() if each not in ({}, None)}
    return value


def without_empty_maps(value: Any) -> Any:
    """The value with every empty map in it removed, as `list --json` prints."""
    if isinstance(value, dict):
        kept = {key: without_empty_maps(each) for key, each in value.items()}
        return {key: each for key, each in kept.items() if each != {}}
    if isinstance(value, list):
        return [each for each in map(without_empty_maps, value) if each != {}]
    return value


def to_yaml(data: dict[str, Any]) -> str:
    """Such a configuration as text, in the style that limactl prints it."""
    return "".join(_lines(data, "")) or "{}\n"


def flow(value: Any) -> str:
    """A value as YAML on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_one_line(key)}: {flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return _one_line(value)


def _one_line(value: Any) -> str:
    return _double_quoted(value) if isinstance(value, str) and "\n" in value else _scalar(value, "")


def _lines(data: dict[str, Any], indent: str) -> Iterator[str]:
    for key, value in data.items():
        name = f"{indent}{_scalar(key, indent)}:"
        if isinstance(value, dict) and value:
            yield f"{name}\n"
            yield from _lines(value, indent + "  ")
        elif isinstance(value, list) and value:
            yield f"{name}\n"
            yield from _items(value, indent)
        else:
            yield f"{name} {_scalar(value, indent + '  ')}\n"


def _items(items: list[Any], indent: str) -> Iterator[str]:
    for item in items:
        if isinstance(item, dict | list) and item:
            inner = _lines(item, indent + "  ") if isinstance(item, dict) else _items(item, indent + "  ")
            yield f"{indent}- " + "".join(inner)[len(indent) + 2:]
        else:
            yield f"{indent}- {_scalar(item, indent + '  ')}\n"


_WORDS = re.compile(r"y|n|yes|no|on|off|true|false|null|~", re.I)
_DATE = re.compile(r"\d{4}-\d\d?-\d\d?([Tt ].*)?|([01]?\d|2[0-3]):[0-5]\d")
_FIRST = tuple("*&[]{},!|>%'\"@ `")
_UNFIT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")


def _scalar(value: Any, indent: str) -> str:
    if isinstance(value, dict | list):
        return "{}" if isinstance(value, dict) else "[]"
    if not isinstance(value, str):
        return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    if _UNFIT.search(value):
        return _double_quoted(value)
    if "\n" in value and not value.startswith((" ", "\n")) and "#" not in value and "\\" not in value:
        return _literal(value, indent)
    return _double_quoted(value) if _needs_quotes(value) else value


def _needs_quotes(text: str) -> bool:
    if text in ("", "-", "?") or text.startswith(_FIRST) or text.endswith((":", " ", "\t")) or "\n" in text:
        return True
    if any(mark in text for mark in ("#", "\\", ": ", "- ")) or text.startswith(("? ", "- ", "---")):
        return True
    if _WORDS.fullmatch(text) or _DATE.fullmatch(text):
        return True
    return not yamlio.scalar_tag(text).endswith((":str", ":merge")) and not _EXPONENT.fullmatch(text)


_EXPONENT = re.compile(r"[0-9.]+[eE][0-9]+")


def _literal(text: str, indent: str) -> str:
    chomp = "|-" if not text.endswith("\n") else "|+" if text.endswith("\n\n") else "|"
    lines = text.removesuffix("\n").split("\n") if text.endswith("\n") else text.split("\n")
    return chomp + "".join(f"\n{indent}{line}" if line else "\n" for line in lines)


def _double_quoted(text: str) -> str:
    return '"' + "".join(_ESCAPES.get(char) or (_escaped(char) if _UNFIT.match(char) else char) for char in text) + '"'


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\a": "\\a", "\b": "\\b"}


def _escaped(char: str) -> str:
    return f"\\x{ord(char):02x}" if ord(char) < 256 else f"\\u{ord(char):04x}"
