"""From YAML nodes to values of the types that lima.yaml asks for, with every misfit as a Problem that has its place."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Callable
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from limacore.base import yamlio
from limacore.base.goquote import quoted
from limacore.config.gonames import go_name
from limacore.config.shape import Shape, locator_shape
from limacore.model.config import Problem

_DECIMAL = re.compile(r"[-+]?[0-9]+")
_DECIMAL_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_LIMITS = {"int": (-(1 << 63), (1 << 63) - 1), "uint": (0, (1 << 32) - 1)}
_WANTED = {"text": "a text", "content": "a text", "int": "a whole number", "uint": "a whole number, not negative",
           "bool": "true or false", "ip": "an IP address"}
_GO_TYPES = {"text": "string", "content": "string", "int": "int", "uint": "uint32", "bool": "bool", "ip": "string"}


class Misfit(ValueError):
    """A value that the field cannot take; the text says what was expected, `words` what limactl says."""

    def __init__(self, message: str, words: str = "") -> None:
        super().__init__(message)
        self.words = words


class Coercion:
    """Walks a node tree by its shape; `problems` fills while it goes."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def mapping(self, node: Node | None, shape: Shape) -> dict[str, Any]:
        """The values of a whole document; problems are collected, what does not fit is left out."""
        if node is None:
            return {}
        value = self._struct(node, shape, ())
        return value if isinstance(value, dict) else {}

    def _value(self, node: Node, shape: Shape, path: yamlio.YamlPath) -> Any:
        if yamlio.is_null(node):
            return None
        method: Callable[[Node, Shape, yamlio.YamlPath], Any] = getattr(self, f"_{shape.kind}", self._scalar)
        return method(node, shape, path)

    def _struct(self, node: Node, shape: Shape, path: yamlio.YamlPath) -> Any:
        if not isinstance(node, MappingNode):
            return self._misfit(node, path, f"{_found(node)} was used where a mapping is expected",
                                f"{_go_kind(node)} was used where mapping is expected")
        result: dict[str, Any] = {}
        for key_node, value_node in yamlio.entries(node):
            key = yamlio.key_text(key_node)
            field = shape.fields.get(key)
            if field is not None:
                result[key] = self._value(value_node, field, (*path, key))
            elif shape.kind == "open":
                result[key] = yamlio.plain(value_node)
            else:
                self._unknown(key_node, key, shape, path)
        return {key: value for key, value in result.items() if value is not None}

    _open = _struct

    def _list(self, node: Node, shape: Shape, path: yamlio.YamlPath) -> Any:
        if not isinstance(node, SequenceNode):
            return self._misfit(node, path, f"{_found(node)} was used where a list is expected",
                                f"{_go_kind(node)} was used where sequence is expected")
        item = shape.item
        assert item is not None
        values = [self._value(each, item, (*path, number)) for number, each in enumerate(node.value)]
        empty: Any = {} if item.fields else ""
        return [type(empty)() if value is None else value for value in values]

    def _map(self, node: Node, shape: Shape, path: yamlio.YamlPath) -> Any:
        if not isinstance(node, MappingNode):
            return self._misfit(node, path, f"{_found(node)} was used where a mapping is expected",
                                f"{_go_kind(node)} was used where mapping is expected")
        assert shape.item is not None
        pairs = [(yamlio.key_text(key), value) for key, value in yamlio.entries(node)]
        values = {key: self._value(value, shape.item, (*path, key)) for key, value in pairs}
        return {key: "" if value is None else value for key, value in values.items()}

    def _range(self, node: Node, shape: Shape, path: yamlio.YamlPath) -> Any:
        if not isinstance(node, SequenceNode):
            return self._misfit(node, path, f"{_found(node)} was used where a list is expected",
                                f"{_go_kind(node)} was used where sequence is expected")
        if len(node.value) > 2:
            return self._misfit(node, path, f"must be two numbers, the first and the last port, not {len(node.value)}",
                                f"array index out of range: {len(node.value)} elements for [2]int")
        assert shape.item is not None
        ends = [self._value(each, shape.item, (*path, number)) or 0 for number, each in enumerate(node.value)]
        return [*ends, 0, 0][:2]

    def _disk(self, node: Node, shape: Shape, path: yamlio.YamlPath) -> Any:
        if isinstance(node, ScalarNode):
            return {"name": yamlio.text_of(node)}
        return self._struct(node, shape, path)

    def _locator(self, node: Node, shape: Shape, path: yamlio.YamlPath) -> Any:
        if isinstance(node, ScalarNode):
            return {"url": yamlio.text_of(node)}
        return self._struct(node, locator_shape(shape.path), path)

    def _locators(self, node: Node, shape: Shape, path: yamlio.YamlPath) -> Any:
        if isinstance(node, ScalarNode):
            return [{"url": yamlio.text_of(node)}]
        if isinstance(node, MappingNode):
            return self._misfit(node, path, "a mapping was used where a text or a list is expected",
                                "mapping was used where sequence is expected")
        return [self._locator(each, shape, (*path, number)) for number, each in enumerate(node.value)]

    def _scalar(self, node: Node, shape: Shape, path: yamlio.YamlPath) -> Any:
        if not isinstance(node, ScalarNode):
            return self._misfit(node, path, f"must be {_WANTED.get(shape.kind, 'a value')}, not {_found(node)}",
                                _go_misfit(node, path, shape.kind))
        try:
            return scalar(node, shape.kind)
        except Misfit as misfit:
            return self._misfit(node, path, str(misfit), misfit.words or _go_misfit(node, path, shape.kind))

    def _misfit(self, node: Node, path: yamlio.YamlPath, what: str, words: str) -> None:
        line, column = yamlio.line_column(node)
        field = yamlio.dotted(path)
        message = f"field `{field}`: {what}" if field else what
        self.problems.append(Problem(path=field, message=message, line=line, column=column, words=words))

    def _unknown(self, node: Node, key: str, shape: Shape, path: yamlio.YamlPath) -> None:
        line, column = yamlio.line_column(node)
        near = difflib.get_close_matches(key, shape.fields, n=1, cutoff=0.6) or [
            name for name in shape.fields if name.lower() == key.lower()
        ]
        self.problems.append(Problem(
            path=yamlio.dotted((*path, key)), message=f"unknown field `{key}`", line=line, column=column,
            hint=f"did you mean `{near[0]}`?" if near else "", severity="warning", words=f"unknown field {quoted(key)}",
        ))


def _found(node: Node) -> str:
    if isinstance(node, MappingNode):
        return "a mapping"
    if isinstance(node, SequenceNode):
        return "a list"
    names = {bool: "a boolean", int: "a number", float: "a number", type(None): "null"}
    value = yamlio.scalar(node) if isinstance(node, ScalarNode) else ""
    return names.get(type(value), "a text")


def _go_kind(node: Node) -> str:
    """What limactl calls a node."""
    if not isinstance(node, ScalarNode):
        return "mapping" if isinstance(node, MappingNode) else "sequence"
    names = {bool: "bool", int: "int", float: "float", type(None): "null"}
    return names.get(type(yamlio.scalar(node)), "string")


def _go_misfit(node: Node, path: yamlio.YamlPath, kind: str) -> str:
    """limactl's words for a value of a wrong type: of the path they name only the first key, as a Go field."""
    types = {"mapping": "map[string]interface {}", "sequence": "[]interface {}", "float": "float64", "int": "uint64"}
    found = types.get(_go_kind(node), _go_kind(node))
    field = go_name(str(path[0])) if path else ""
    return f"cannot unmarshal {found} into Go struct field LimaYAML.{field} of type {_GO_TYPES.get(kind, kind)}"


def scalar(node: ScalarNode, kind: str) -> Any:
    """The value of a scalar for a field of `kind`; raises Misfit."""
    if kind == "content":
        # The one text that may be bytes: it becomes a file in the guest.
        content = yamlio.scalar(node)
        return content if isinstance(content, str) else yamlio.text_of(node)
    if kind == "text":
        return yamlio.text_of(node)
    if kind in _LIMITS:
        return _whole(yamlio.scalar(node), kind)
    if kind == "ip":
        return _address(yamlio.text_of(node))
    value = yamlio.scalar(node)
    if kind == "bool" and not isinstance(value, bool):
        raise Misfit(f"must be true or false, not `{node.value}`")
    return value


def _whole(value: Any, kind: str) -> int:
    if isinstance(value, str) and _DECIMAL.fullmatch(value) and len(value) < 40:
        value = int(value)
    elif isinstance(value, str) and _DECIMAL_FLOAT.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Misfit(f"must be {_WANTED[kind]}, not `{value}`")
    low, high = _LIMITS[kind]
    if value != value or not low <= value <= high:
        raise Misfit(f"must be {_WANTED[kind]} up to {high}, not `{value}`",
                     f"cannot unmarshal {value} into Go value of type {_GO_TYPES[kind]} ( overflow )")
    return int(value)


def _address(text: str) -> str | None:
    if not text:
        return None
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise Misfit(f"invalid IP address: {text}", f"invalid IP address: {text}") from None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
