"""Values as texts of other formats, and back."""

from __future__ import annotations

import base64
import binascii
import csv
import io
import json
import re
import shlex
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from limacore.base.yq import node as nodes
from limacore.base.yq.evaluate import Scope
from limacore.base.yq.node import MAP, SCALAR, SEQ, Node
from limacore.base.yq.parser import Tree
from limacore.base.yq.reader import read
from limacore.base.yq.writer import Layout, write
from limacore.errors import ConfigError, UsageError

_TITLES = {"yaml": "yaml", "y": "yaml", "yml": "yaml", "json": "json", "j": "json", "props": "props", "p": "props",
           "properties": "props", "csv": "csv", "c": "csv", "tsv": "tsv", "t": "tsv", "base64": "base64",
           "uri": "uri", "sh": "sh", "shell": "shell", "s": "shell", "auto": "yaml", "a": "yaml"}


def format_name(text: str) -> str:
    """The format that `-o` or `-p` names; raises UsageError."""
    if text not in _TITLES:
        raise UsageError(f"unknown format '{text}' please use [yaml|json|props|csv|tsv|base64|uri|shell]")
    return _TITLES[text]


def encode(node: Node, form: str, indent: int = 2, *, unwrap: bool = True) -> str:
    """A value in a format, ending with a newline; texts are bare when `unwrap`."""
    node = nodes.followed(node) if form != "yaml" else node
    if form == "json":
        return to_json(node, indent, unwrap=unwrap) + "\n"
    if form == "yaml":
        return to_yaml(node, indent, unwrap=unwrap)
    return _LINES[form](node)


def to_yaml(node: Node, indent: int = 2, *, unwrap: bool = True) -> str:
    """A value as yq prints it: lists indented under their key, a text bare."""
    if unwrap and nodes.followed(node).kind == SCALAR:
        return nodes.followed(node).value + "\n"
    return write(node, Layout(max(indent, 2), indent_lists=True, before_comment=" "))


def to_json(node: Node, indent: int = 2, *, unwrap: bool = False) -> str:
    """A value as JSON in the order of the document."""
    if unwrap and node.kind == SCALAR and nodes.real_tag(node) in ("!!str", "!!timestamp"):
        return node.value
    layout: dict[str, Any] = {"indent": indent} if indent else {"separators": (",", ":")}
    return json.dumps(_finite(nodes.to_plain(node)), ensure_ascii=False, **layout)


def _finite(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_finite(value) for value in data]
    if isinstance(data, float):
        if data != data or data in (float("inf"), float("-inf")):
            raise UsageError(f"json: unsupported value: {data}")
        return int(data) if data.is_integer() and abs(data) < 1e21 else data
    return data


def _props(node: Node) -> str:
    return "".join(f"{'.'.join(path)} = {value}\n" if path else f"{value}\n" for path, value in _leaves(node, ()))


def _leaves(node: Node, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    node = nodes.followed(node)
    if node.kind == SCALAR:
        yield path, "" if node.tag == "!!null" else node.value
    for key, value in node.pairs:
        yield from _leaves(value, (*path, key.value))
    for number, item in enumerate(node.items):
        yield from _leaves(item, (*path, str(number)))


def _rows(node: Node) -> list[list[str]]:
    if node.kind != SEQ:
        raise UsageError(f"csv encoding only works for arrays, got: {node.tag}")
    rows = [nodes.followed(item) for item in node.items]
    if rows and rows[0].kind == MAP:
        names = list(dict.fromkeys(key.value for row in rows for key, _ in row.pairs))
        return [names, *([_cell(row.get(name)) for name in names] for row in rows)]
    return [[_cell(item) for item in row.items] for row in rows] if rows and rows[0].kind == SEQ else [
        [_cell(row) for row in rows]]


def _cell(node: Node | None) -> str:
    node = nodes.followed(node) if node is not None else nodes.null()
    if node.kind != SCALAR:
        raise UsageError("csv encoding only works for arrays of scalars (string/numbers/booleans), "
                         f"child[0] is a {node.tag}")
    return "" if node.tag == "!!null" else node.value


def _table(node: Node, delimiter: str) -> str:
    out = io.StringIO()
    try:
        csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(_rows(node))
    except csv.Error as error:
        raise UsageError(f"cannot be written as a table: {error}") from None
    return out.getvalue()


def _text_only(node: Node, verb: str) -> str:
    if node.kind != SCALAR or nodes.real_tag(node) != "!!str":
        raise UsageError(f"cannot {verb} {node.tag}, can only operate on strings. Please first pipe through "
                         "another encoding operator to convert the value to a string")
    return node.value


def _shell(node: Node) -> str:
    return "".join(f"{re.sub(r'[^0-9A-Za-z_]', '_', '_'.join(path) or 'value')}={shlex.quote(value)}\n"
                   for path, value in _leaves(node, ()))


_LINES = {
    "props": _props,
    "csv": lambda node: _table(node, ","),
    "tsv": lambda node: _table(node, "\t"),
    "base64": lambda node: base64.b64encode(_text_only(node, "encode").encode()).decode(),
    "uri": lambda node: quote_plus(_text_only(node, "encode")),
    "sh": lambda node: shlex.quote(_text_only(node, "encode")),
    "shell": _shell,
}


def documents(text: str, form: str) -> list[Node]:
    """The documents of a text in a format; one null when the format is empty. Raises UsageError, ConfigError."""
    if not form:
        return [nodes.null()]
    return read(text) if form in ("yaml", "json") else [decode(text, form)]


def decode(text: str, form: str) -> Node:
    """The value that a text of a format holds; raises UsageError, ConfigError."""
    if form in ("yaml", "json"):
        return next(iter(read(text)), nodes.null())
    if form == "base64":
        return nodes.string(_from_base64(text))
    if form == "uri":
        return nodes.string(unquote_plus(text))
    if form == "props":
        return _from_props(text)
    if form in ("csv", "tsv"):
        return _from_table(text, "," if form == "csv" else "\t")
    raise UsageError(f"no support for input format {form}")


def _from_base64(text: str) -> str:
    try:
        padded = "".join(text.split()).rstrip("=")
        return base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True).decode(errors="replace")
    except (binascii.Error, ValueError) as error:
        raise ConfigError("illegal base64 data", detail=str(error)) from None


def _from_props(text: str) -> Node:
    made = Node(MAP, "!!map")
    for line in text.splitlines():
        name, _, value = re.sub(r"\s*[=:]\s*", "=", line.strip(), count=1).partition("=")
        if name and name[0] not in "#!":
            _put_path(made, name.split("."), value)
    return made


def _put_path(node: Node, path: list[str], value: str) -> None:
    for part in path[:-1]:
        below = node.get(part)
        node = below if below is not None and below.kind == MAP else _fresh(node, part)
    node.put(nodes.string(path[-1]), Node(tag=nodes.resolve(value), value=value))


def _fresh(node: Node, name: str) -> Node:
    node.put(nodes.string(name), Node(MAP, "!!map"))
    found = node.get(name)
    return found if found is not None else node


def _from_table(text: str, delimiter: str) -> Node:
    try:
        header, *rows = list(csv.reader(io.StringIO(text), delimiter=delimiter)) or [[]]
    except csv.Error as error:
        raise ConfigError("no table", detail=str(error)) from None
    made = Node(SEQ, "!!seq")
    for row in rows:
        entry = Node(MAP, "!!map")
        for name, value in zip(header, row, strict=False):
            entry.put(nodes.string(name), Node(tag=nodes.resolve(value) if value else "!!str", value=value))
        made.add_item(entry)
    return made


def _named(word: str) -> tuple[str, int]:
    """The format and the indent that an operator names."""
    name, _, indent = word.rstrip(")").partition("(")
    short = re.sub(r"^(?:@|to_?|from_?)", "", name)
    if name.startswith("@") and short.endswith("d") and short != "d":
        short = short[:-1]
    return short, int(indent) if indent else 0 if name.startswith("@") else 2


def _encode(tree: Tree, scope: Scope) -> list[Node]:
    form, indent = _named(tree.text)
    _refuse_xml(form)
    results = []
    for node in scope.nodes:
        text = encode(node, form, indent, unwrap=form != "json")
        if (form == "json" and not indent) or form in ("csv", "tsv"):
            text = text.rstrip("\n")
        results.append(nodes.replacing(node, nodes.string(scope.budget.text(text))))
    return results


def _decode(tree: Tree, scope: Scope) -> list[Node]:
    form, _ = _named(tree.text)
    _refuse_xml(form)
    results = []
    for node in map(nodes.followed, scope.nodes):
        scope.budget.spend(len(node.value) >> 3)
        found = decode(node.value, form)
        results.append(nodes.replacing(node, found))
    return results


def _refuse_xml(form: str) -> None:
    if form == "xml":
        raise UsageError("XML is not supported in expressions", hint="use another format, such as @json")


OPERATORS = {"encode": _encode, "decode": _decode}
