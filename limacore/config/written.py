"""A filled configuration as it is written out: keys in the order of the schema, what is unset left out."""

from __future__ import annotations

from typing import Any

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
    return value


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
