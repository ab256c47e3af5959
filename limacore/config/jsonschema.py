"""The JSON schema (draft 2020-12) of lima.yaml, made from the structs, and whether a document conforms to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from limacore.base.version import COMPATIBLE
from limacore.config.fields import CHOICES
from limacore.config.schema import doc_of
from limacore.config.shape import Shape, config_shape, disk_shape, locator_shape

_ROOT = "LimaYAML"
_REQUIRED = frozenset(("images[].location", "images[].kernel.location", "images[].initrd.location", "mounts[].location",
                       "additionalDisks[].name", "firmware.images[].location", "containerd.archives[].location"))
_DEFAULTS = {"provision[].mode": "system", "probes[].mode": "readiness"}
_WITH_ENUM = frozenset(("os", "arch", "vmType", "mountType", "portForwards[].proto", "provision[].mode",
                        "probes[].mode", "images[].arch", "audio.interface", "mounts[].sshfs.sftpDriver"))
_SCALARS: dict[str, dict[str, Any]] = {
    "text": {"type": "string"}, "content": {"type": "string"},
    "bool": {"type": "boolean"}, "int": {"type": "integer"}, "any": {},
    "uint": {"type": "integer", "minimum": 0, "maximum": (1 << 32) - 1}, "ip": {"type": "string"},
}


def schema() -> dict[str, Any]:
    """The whole schema; any field may be null, which leaves it unset."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"urn:lima:lima.yaml:{COMPATIBLE}",
        "$ref": f"#/$defs/{_ROOT}", "$defs": {
            _ROOT: _object(config_shape()), "Disk": _object(disk_shape()), "Locator": _object(locator_shape("base[]")),
        },
    }


def _object(shape: Shape) -> dict[str, Any]:
    properties = {key: _described(field) for key, field in shape.fields.items()}
    required = [key for key, field in shape.fields.items() if field.path in _REQUIRED]
    if shape.path.startswith("base[]"):
        required = ["url"]
    return {"type": "object", "properties": properties, **({"required": required} if required else {}),
            "additionalProperties": shape.kind == "open"}


def _described(field: Shape) -> dict[str, Any]:
    entry = _nullable(field)
    if doc := doc_of(field.path):
        entry["description"] = doc
    if field.path in _DEFAULTS:
        entry["default"] = _DEFAULTS[field.path]
    return entry


def _nullable(field: Shape) -> dict[str, Any]:
    if field.path in _WITH_ENUM:
        words = CHOICES.get(field.path) or CHOICES["arch"]
        return {"enum": [None, *words]}
    return {"oneOf": [*_kinds(field), {"type": "null"}]}


def _kinds(shape: Shape) -> list[dict[str, Any]]:
    text, locator = {"type": "string"}, {"$ref": "#/$defs/Locator"}
    if shape.kind == "locators":
        return [text, {"type": "array", "items": {"oneOf": [text, locator]}}]
    if shape.kind == "locator":
        return [text, locator]
    if shape.kind == "disk":
        return [text, {"$ref": "#/$defs/Disk"}]
    if shape.kind == "range":
        return [{"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2}]
    if shape.kind == "list" and shape.item:
        return [{"type": "array", "items": _either(_kinds(shape.item))}]
    if shape.kind == "map" and shape.item:
        return [{"type": "object", "additionalProperties": _either(_kinds(shape.item))}]
    return [_object(shape) if shape.fields else dict(_SCALARS[shape.kind])]


def _either(kinds: list[dict[str, Any]]) -> dict[str, Any]:
    return kinds[0] if len(kinds) == 1 else {"oneOf": kinds}


def mismatches(document: Any, rules: dict[str, Any] | None = None) -> list[str]:
    """How a document does not conform to a schema of this kind, one line for each place, nested by two blanks."""
    whole = rules or schema()
    return list(_mismatches(document, whole, whole["$defs"], ""))


def _mismatches(value: Any, rule: dict[str, Any], named: dict[str, Any], at: str) -> Iterator[str]:
    if "$ref" in rule:
        rule = named[rule["$ref"].rpartition("/")[2]]
    here = f"at '{at}'"
    if "oneOf" in rule:
        yield from _one_of(value, rule["oneOf"], named, at)
        return
    if "enum" in rule and value not in rule["enum"]:
        yield f"- {here}: value must be one of {', '.join(map(_shown, rule['enum']))}"
        return
    wanted = rule.get("type")
    if wanted and not _is(value, wanted):
        yield f"- {here}: got {_type_of(value)}, want {wanted}"
    elif wanted == "object":
        yield from _properties(value, rule, named, at)
    elif wanted == "array":
        yield from _items(value, rule, named, at)
    elif wanted == "integer" and not rule.get("minimum", value) <= value <= rule.get("maximum", value):
        yield f"- {here}: must be from {rule['minimum']} to {rule['maximum']} but found {value}"


def _one_of(value: Any, kinds: list[dict[str, Any]], named: dict[str, Any], at: str) -> Iterator[str]:
    found = [list(_mismatches(value, kind, named, at)) for kind in kinds]
    if not all(found):
        return
    # One of the right type tells more than that it is also none of the others.
    deep = [lines for lines in found if not lines[0].startswith(f"- at '{at}': got ")]
    yield f"- at '{at}': 'oneOf' failed, none matched"
    yield from (f"  {line}" for lines in deep or found for line in lines)


def _properties(value: dict[str, Any], rule: dict[str, Any], named: dict[str, Any], at: str) -> Iterator[str]:
    known, others = rule.get("properties", {}), rule.get("additionalProperties", True)
    missing = [key for key in rule.get("required", ()) if key not in value]
    if missing:
        yield f"- at '{at}': missing propert{'y' if len(missing) == 1 else 'ies'} {_listed(missing)}"
    strange = [key for key in value if key not in known]
    if strange and others is False:
        yield f"- at '{at}': additional properties {_listed(strange)} not allowed"
    for key, each in value.items():
        if key in known or isinstance(others, dict):
            yield from _mismatches(each, known.get(key, others), named, f"{at}/{key}")


def _items(value: list[Any], rule: dict[str, Any], named: dict[str, Any], at: str) -> Iterator[str]:
    if not rule.get("minItems", 0) <= len(value) <= rule.get("maxItems", len(value)):
        yield f"- at '{at}': {len(value)} items, want {rule['minItems']}"
    for number, each in enumerate(value):
        yield from _mismatches(each, rule["items"], named, f"{at}/{number}")


_TYPES = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number",
          type(None): "null"}


def _type_of(value: Any) -> str:
    return _TYPES.get(type(value), type(value).__name__)


def _is(value: Any, wanted: str) -> bool:
    return _type_of(value) == wanted or (wanted == "integer" and isinstance(value, float) and value.is_integer())


def _listed(keys: list[str]) -> str:
    return ", ".join(f"'{key}'" for key in keys)


def _shown(value: Any) -> str:
    return "null" if value is None else f"'{value}'"
