"""YAML 1.2 core on libyaml: nodes with positions, plain data, one kind of error that says where.

PyYAML's own loaders are YAML 1.1 (`NO` is false, `12:30` is 750), accept duplicate keys and lose positions.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from limacore.errors import ConfigError, NotFoundError

MAX_BYTES = 4 << 20
"""The longest document that is read, in bytes."""
_MAX_DEPTH = 100
_MAX_EXPANDED = 250_000
_BOM = "\ufeff"

_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?(?:0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*)")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_MAYBE_OTHER = frozenset("~nNtTfF.<+-0123456789")
_CORE = "tag:yaml.org,2002:"
YamlPath = tuple[str | int, ...]


class YamlError(ConfigError):
    """A text that is no YAML we read: `line` and `column` count from 1 (0 when the whole file is meant)."""

    def __init__(self, reason: str, name: str = "", text: str = "", line: int = 0, column: int = 0) -> None:
        self.reason, self.line, self.column = reason, line, column
        super().__init__(f"{_where(name, line, column)}{reason}", detail=excerpt(text, line),
                         hint="correct that line and try again" if line else "")


def _where(name: str, line: int, column: int) -> str:
    if not name:
        return f"line {line}, column {column}: " if line else ""
    return f"`{name}:{line}:{column}`: " if line else f"`{name}`: "


def excerpt(text: str, line: int) -> str:
    """The source line `line`, shortened, for an error message."""
    lines = text.splitlines()
    if not 0 < line <= len(lines):
        return ""
    return f"line {line} reads `{lines[line - 1].strip()[:120]}`"


# `yaml` itself does not export the parser of libyaml, which is ten times as quick as the one in Python.
_Parser: type = getattr(getattr(yaml, "cyaml", None), "CParser", None) or yaml.Loader
_BY_TAG = (("merge", re.compile("<<")), ("null", _NULL), ("bool", _BOOL), ("int", _INT), ("float", _FLOAT))


class _Core(yaml.resolver.BaseResolver):
    """Tags of plain scalars by the YAML 1.2 core schema."""

    def resolve(self, kind: type, value: str | None, implicit: Any) -> str:
        if kind is ScalarNode:
            return scalar_tag(value or "") if implicit[0] else _CORE + "str"
        return _CORE + ("seq" if kind is SequenceNode else "map")

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:
        return None

    def ascend_resolver(self) -> None:
        return None


class _Loader(_Core, _Parser):  # type: ignore[misc]
    def __init__(self, text: str) -> None:
        _Parser.__init__(self, text)  # type: ignore[misc]
        _Core.__init__(self)


def scalar_tag(text: str) -> str:
    """The full tag of an unquoted scalar."""
    if text and text[0] not in _MAYBE_OTHER:
        return _CORE + "str"
    for tag, pattern in _BY_TAG:
        if pattern.fullmatch(text):
            return _CORE + tag
    return _CORE + "str"


def decode(raw: bytes, name: str = "") -> str:
    """The text of a YAML file; raises YamlError for what is no UTF-8 text or too long."""
    if len(raw) > MAX_BYTES:
        raise YamlError(f"is {len(raw)} bytes long; at most {MAX_BYTES} are read", name)
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise YamlError("is not UTF-8 text", name, line=line, column=1) from None
    return text.removeprefix(_BOM)


def read(path: Path) -> str:
    """The text of the file at `path`; raises NotFoundError, ConfigError."""
    try:
        if not path.is_dir() and not path.is_file() and path.exists():  # a pipe would be waited for, a device never end
            raise ConfigError(f"open {path}: not a regular file")
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise NotFoundError(f"open {path}: no such file or directory") from None
    except OSError as error:
        raise ConfigError(f"open {path}: {error.strerror}") from error
    return decode(raw, str(path))


def parse(text: str, name: str = "") -> Node | None:
    """The node tree of the first document (all must be well formed); None when empty. Raises YamlError."""
    _refuse_unreadable(text, name)
    try:
        documents = list(_compose(text, name))
    except yaml.YAMLError as error:
        raise _syntax(error, name, text) from None
    first = documents[0] if documents else None
    if first is not None:
        _Checker(name, text).check(first)
    return first


def _refuse_unreadable(text: str, name: str) -> None:
    if len(text) > MAX_BYTES:
        raise YamlError(f"is too long; at most {MAX_BYTES} bytes are read", name)
    if match := _CONTROL.search(text):
        line, column = text.count("\n", 0, match.start()) + 1, match.start() - text.rfind("\n", 0, match.start())
        raise YamlError(f"control character {match.group()!r} is not allowed", name, text, line, column)


def _compose(text: str, name: str) -> Iterator[Node]:
    _refuse_depth(text, name)
    loader = _Loader(text)
    while loader.check_node():
        yield loader.get_node()


def _refuse_depth(text: str, name: str) -> None:
    # libyaml builds nodes recursively in C: depth has to be known before it is asked.
    if not _may_be_deep(text):
        return
    loader, depth = _Loader(text), 0
    while loader.check_event():
        event = loader.get_event()
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            mark = event.start_mark
            raise YamlError(f"nests deeper than {_MAX_DEPTH} levels", name, text, mark.line + 1, mark.column + 1)


def _may_be_deep(text: str) -> bool:
    if text.count("[") + text.count("{") > _MAX_DEPTH:
        return True
    return bool(re.search(rf"^ {{{_MAX_DEPTH - 10},}}\S", text, re.M)) or text.count("- -") + text.count("? ") > 20


def _syntax(error: yaml.YAMLError, name: str, text: str) -> YamlError:
    mark: Any = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    if mark is None:
        return YamlError(str(reason), name)
    if reason == "exceeded maximum nesting depth":  # of libyaml 0.2.6, which looks far ahead
        reason = f"nests deeper than {_MAX_DEPTH} levels"
    elif "flow" in str(getattr(error, "context", "")) and (start := _unclosed(text)):
        # The bracket that is never closed is what has to be found, not the end of the file.
        mark, sequence = start.start_mark, isinstance(start, yaml.SequenceStartEvent)
        reason = "sequence end token ']' not found" if sequence else "could not find flow mapping end token '}'"
    elif reason == "found character that cannot start any token" and text[mark.index:mark.index + 1]:
        reason = f"found character '{text[mark.index]}' that cannot start any token"
    return YamlError(str(reason), name, text, mark.line + 1, mark.column + 1)


def _unclosed(text: str) -> yaml.Event | None:
    """The innermost flow collection that is open where the text stops making sense."""
    loader, stack = _Loader(text), []
    try:
        while loader.check_event():
            event = loader.get_event()
            if isinstance(event, yaml.CollectionStartEvent):
                stack.append(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                stack.pop()
    except yaml.YAMLError:
        return stack[-1] if stack and stack[-1].flow_style else None
    return None


class _Checker:
    """Refuses duplicate keys and aliases that grow without bound."""

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text = name, text
        self.sizes: dict[int, int] = {}

    def check(self, root: Node) -> None:
        self._size(root)

    def _size(self, node: Node) -> int:
        known = self.sizes.get(id(node))
        if known is None:
            self.sizes[id(node)] = 0
            known = 1 + sum(map(self._size, children(node)))
            self.sizes[id(node)] = known
            if known > _MAX_EXPANDED and known > 10 * len(self.sizes):
                raise self._at(node, "its aliases expand to too many values")
            if isinstance(node, MappingNode):
                self._keys(node)
        return known

    def _keys(self, node: MappingNode) -> None:
        seen: dict[str, Node] = {}
        for key, _ in entries(node):
            text = key.value if isinstance(key, ScalarNode) else None
            if text is None:
                raise self._at(key, "a key must be a plain text")
            if text in seen:
                raise self._at(key, f"mapping key \"{text}\" already defined at {location(seen[text])}")
            seen[text] = key

    def _at(self, node: Node, reason: str) -> YamlError:
        return YamlError(reason, self.name, self.text, *line_column(node))


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below `node`."""
    if isinstance(node, SequenceNode):
        yield from node.value
    elif isinstance(node, MappingNode):
        for key, value in node.value:
            yield key
            yield value


def entries(node: MappingNode) -> Iterator[tuple[Node, Node]]:
    """Keys and values with `<<` merged in; a merged key and the same key given explicitly both appear."""
    for key, value in node.value:
        if key.tag != _CORE + "merge":
            yield key, value
            continue
        for merged in value.value if isinstance(value, SequenceNode) else [value]:
            if isinstance(merged, MappingNode) and merged is not node:
                yield from entries(merged)


def line_column(node: Node) -> tuple[int, int]:
    """Where a node begins, counted from 1."""
    return node.start_mark.line + 1, node.start_mark.column + 1


def location(node: Node) -> str:
    """`[line:column]`."""
    line, column = line_column(node)
    return f"[{line}:{column}]"


def is_null(node: Node) -> bool:
    """Whether the node is `null`, `~` or nothing."""
    return bool(isinstance(node, ScalarNode) and node.tag == _CORE + "null" and _NULL.fullmatch(node.value))


def scalar(node: ScalarNode) -> Any:
    """The value of a scalar node: None, bool, int, float or str."""
    tag, text = node.tag.removeprefix(_CORE), str(node.value)
    if tag == "binary":
        return _binary(text)
    if not node.tag.startswith(_CORE) and not node.style:
        tag = scalar_tag(text).removeprefix(_CORE)
    if tag == "null":
        return None if _NULL.fullmatch(text) else text
    if tag == "bool":
        return text.lower() == "true" if _BOOL.fullmatch(text) else text
    if tag == "int":
        return _integer(text) if _INT.fullmatch(text) else text
    if tag == "float":
        return _float(text) if _FLOAT.fullmatch(text) else text
    return text


def _binary(text: str) -> str:
    """The content of `!!binary`; bytes that are no UTF-8 travel as surrogates."""
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode(errors="surrogateescape")
    except (binascii.Error, ValueError):
        return ""


def _integer(text: str) -> int | str:
    digits = text.replace("_", "").lower()
    if len(digits) > 100:
        return text
    sign, digits = (-1, digits[1:]) if digits[0] == "-" else (1, digits.lstrip("+"))
    for prefix, radix in (("0x", 16), ("0o", 8), ("0b", 2)):
        if digits.startswith(prefix):
            return sign * int(digits[2:], radix) if digits[2:] else text
    return sign * int(digits, 8 if digits.startswith("0") and len(digits) > 1 else 10)


def _float(text: str) -> float:
    lowered = text.lower()
    return float(lowered.replace(".inf", "inf").replace(".nan", "nan"))


def plain(node: Node | None) -> Any:
    """Plain data of a node tree; aliases share their value. A value inside itself becomes None."""
    return _Plain().value(node)


class _Plain:
    def __init__(self) -> None:
        self.made: dict[int, Any] = {}

    def value(self, node: Node | None) -> Any:
        if node is None:
            return None
        if isinstance(node, ScalarNode):
            return scalar(node)
        if id(node) not in self.made:
            self.made[id(node)] = None
            self.made[id(node)] = self._collection(node)
        return self.made[id(node)]

    def _collection(self, node: Node) -> Any:
        if isinstance(node, MappingNode):
            return {key_text(key): self.value(value) for key, value in entries(node)}
        return [self.value(item) for item in node.value]


def key_text(node: Node) -> str:
    """The text of a mapping key: numbers in decimal, null as nothing."""
    return text_of(node) if isinstance(node, ScalarNode) else ""


def text_of(node: ScalarNode) -> str:
    """A scalar as a text field takes it: numbers and booleans in their shortest form."""
    value = scalar(node)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if -(1 << 63) <= value < 1 << 64 else str(node.value)
    if isinstance(value, float):
        return _float_text(value, str(node.value))
    text = str(value)
    return text if text.isascii() else text.encode(errors="surrogateescape").decode(errors="replace")


def _float_text(value: float, source: str) -> str:
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    if "e" in source.lower():
        return source
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e21 else repr(value)


def load(text: str, name: str = "") -> Any:
    """The first document of `text` as plain data; raises YamlError."""
    return plain(parse(text, name))


def positions(text: str, name: str = "") -> dict[YamlPath, tuple[int, int]]:
    """Line and column (from 1) of every key and item by its path; raises YamlError."""
    root = parse(text, name)
    return node_positions(root) if root is not None else {}


def node_positions(root: Node) -> dict[YamlPath, tuple[int, int]]:
    """The same of a parsed text."""
    return dict(_positions(root, (), frozenset()))


def _positions(node: Node, path: YamlPath, above: frozenset[int]) -> Iterator[tuple[YamlPath, tuple[int, int]]]:
    if id(node) in above:
        return
    for part, mark, value in _parts(node):
        yield (*path, part), line_column(mark)
        yield from _positions(value, (*path, part), above | {id(node)})


def _parts(node: Node) -> Iterable[tuple[str | int, Node, Node]]:
    if isinstance(node, MappingNode):
        return [(key_text(key), key, value) for key, value in entries(node)]
    if isinstance(node, SequenceNode):
        return [(number, item, item) for number, item in enumerate(node.value)]
    return []


def dotted(path: YamlPath) -> str:
    """`mounts[0].location` of a path."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


class _Dumper(yaml.SafeDumper):
    """Block style with texts of several lines as literals."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> ScalarNode:
    if "\n" in text and not text.startswith((" ", "\n")) and not re.search(r"[^\n\x20-\x7e\u00a0-\ud7ff]| \n", text):
        return dumper.represent_scalar(_CORE + "str", text, style="|")
    quote = scalar_tag(text) != _CORE + "str"
    return dumper.represent_scalar(_CORE + "str", text, style='"' if quote else None)


_Dumper.add_representer(str, _represent_text)
_Dumper.ignore_aliases = lambda self, data: True  # type: ignore[method-assign]


def dump(data: Any) -> str:
    """Plain data as YAML: keys in the given order, sequences not indented."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1 << 20)
