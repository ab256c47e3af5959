"""Operators on texts, and those that reach outside of the document (refused unless allowed)."""

from __future__ import annotations

import os
import re
from pathlib import Path

from limacore.base.yq import node as nodes
from limacore.base.yq import regex
from limacore.base.yq.evaluate import Scope, first, run, text_value
from limacore.base.yq.node import MAP, SCALAR, SEQ, Node, boolean, scalar, string
from limacore.base.yq.parser import Tree, parse
from limacore.errors import ConfigError, UsageError

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "b": "\b", "a": "\a", '"': '"', "\\": "\\"}
_ESCAPE = re.compile(r"\\(.)", re.S)
_MAX_EVALS = 50
_HINT = ". Hint: Most often you'll want to use '|=' over '=' for this operation"


def _string(tree: Tree, scope: Scope) -> list[Node]:
    raw = tree.text[1:-1]
    if "\\(" not in raw:
        return [string(_unescaped(raw)) for _ in scope.each()]
    return [string(_interpolated(raw, single)) for single in scope.each()]


def _unescaped(raw: str) -> str:
    return _ESCAPE.sub(lambda found: _ESCAPES.get(found.group(1), found.group()), raw)


def _interpolated(raw: str, scope: Scope) -> str:
    made, at = "", 0
    for found in _ESCAPE.finditer(raw):
        if found.group(1) != "(" or found.start() < at:
            continue
        end = _closing(raw, found.end())
        tree = parse(_unescaped(raw[found.end():end]))
        value = first(tree, scope) if tree is not None else None
        made = scope.budget.text(made + _unescaped(raw[at:found.start()]) + (_shown(value) if value else ""))
        at = end + 1
    return made + _unescaped(raw[at:])


def _closing(text: str, start: int) -> int:
    depth = 1
    for at in range(start, len(text)):
        depth += (text[at] == "(") - (text[at] == ")")
        if not depth:
            return at
    raise UsageError("unclosed interpolation string \\(")


def _shown(node: Node) -> str:
    from limacore.base.yq.writer import YQ, write

    return node.value if nodes.followed(node).kind == SCALAR else write(node, YQ).rstrip("\n")


def _texts(scope: Scope, verb: str) -> list[Node]:
    for node in map(nodes.followed, scope.nodes):
        if node.kind != SCALAR or nodes.real_tag(node) != "!!str":
            raise UsageError(verb.replace("%", node.tag))
    return [nodes.followed(node) for node in scope.nodes]


def _changed(node: Node, text: str) -> Node:
    return nodes.replacing(node, Node(tag=node.tag, value=text, style=node.style))


def _case(tree: Tree, scope: Scope) -> list[Node]:
    found = _texts(scope, "cannot change case with %, can only operate on strings. ")
    return [_changed(node, node.value.upper() if tree.name == "upcase" else node.value.lower()) for node in found]


def _trim(tree: Tree, scope: Scope) -> list[Node]:
    return [_changed(node, node.value.strip())
            for node in _texts(scope, "cannot trim %, can only operate on strings. ")]


def _sub(tree: Tree, scope: Scope) -> list[Node]:
    if tree.rhs.name not in (";", ","):
        raise UsageError("sub must be given a pattern and a replacement", hint='write `sub("from", "to")`')
    pattern, new = text_value(tree.rhs.lhs, scope.reading()), text_value(tree.rhs.rhs, scope.reading())
    return [_substituted(node, pattern, new, scope)
            for node in _texts(scope, "cannot substitute with %, can only substitute strings" + _HINT)]


def _substituted(node: Node, pattern: str, new: str, scope: Scope) -> Node:
    names = dict(regex.compiled(pattern).groupindex)
    made, at = "", 0
    for match in regex.spans(pattern, node.value, scope.budget.seconds_left()):
        groups = [node.value[start:end] if start >= 0 else "" for start, end in match]
        made = scope.budget.text(made + node.value[at:match[0][0]] + regex.expanded(new, names, groups))
        at = match[0][1]
    return nodes.replacing(node, string(made + node.value[at:]))


def _pattern(tree: Tree, scope: Scope) -> tuple[str, bool]:
    if tree.rhs.name != ";":
        return text_value(tree.rhs, scope.reading()), False
    flags = text_value(tree.rhs.rhs, scope.reading())
    if "i" in flags:
        raise UsageError("'i' is not a valid option for match. To ignore case, use an expression like "
                         'match("(?i)cat")')
    if flags.strip("g"):
        raise UsageError(f"Unrecognised match params '{flags}'", hint="the only one is `g`: all matches")
    return text_value(tree.rhs.lhs, scope.reading()), "g" in flags


def _matching(tree: Tree, scope: Scope) -> list[Node]:
    pattern, every = _pattern(tree, scope)
    expression = regex.compiled(pattern)
    results = []
    for node in _texts(scope, "cannot match with %, can only match strings" + _HINT):
        found = regex.spans(pattern, node.value, scope.budget.seconds_left())
        scope.budget.spend(len(found) * (1 + expression.groups))
        if tree.name == "test":
            results.append(nodes.replacing(node, boolean(bool(found))))
            continue
        describe = _described if tree.name == "match" else _captured
        results += [nodes.replacing(node, describe(node.value, each, expression))
                    for each in (found if every else found[:1])]
    return results


def _described(text: str, match: list[tuple[int, int]], expression: re.Pattern[str]) -> Node:
    names = {number: name for name, number in expression.groupindex.items()}
    groups = [_span(text, *match[number], names.get(number)) for number in range(1, len(match))]
    whole = _span(text, *match[0], None)
    whole.add_pair(string("captures"), nodes.sequence(groups))
    return whole


def _span(text: str, start: int, end: int, name: str | None) -> Node:
    there = start >= 0
    made = Node(MAP, "!!map")
    made.add_pair(string("string"), string(text[start:end]) if there else nodes.null())
    made.add_pair(string("offset"), scalar(start))
    made.add_pair(string("length"), scalar(end - start if there else 0))
    if name:
        made.add_pair(string("name"), string(name))
    return made


def _captured(text: str, match: list[tuple[int, int]], expression: re.Pattern[str]) -> Node:
    made = Node(MAP, "!!map")
    for name, number in expression.groupindex.items():
        start, end = match[number]
        made.add_pair(string(name), string(text[start:end]) if start >= 0 else nodes.null())
    return made


def _join(tree: Tree, scope: Scope) -> list[Node]:
    glue = text_value(tree.rhs, scope.reading())
    results = []
    for node in map(nodes.followed, scope.nodes):
        if node.kind != SEQ:
            raise UsageError(f"cannot join with {node.tag}, can only join arrays of scalars")
        parts = ["" if item.tag == "!!null" else nodes.followed(item).value for item in node.items]
        results.append(nodes.replacing(node, string(scope.budget.text(glue.join(parts)))))
    return results


def _split(tree: Tree, scope: Scope) -> list[Node]:
    glue = text_value(tree.rhs, scope.reading())
    filled = scope.on([node for node in scope.nodes if node.tag != "!!null"])
    results = []
    for node in _texts(filled, "cannot split %, can only split strings"):
        parts = (node.value.split(glue) if glue else list(node.value)) if node.value else []
        scope.budget.spend(len(parts))
        results.append(nodes.replacing(node, nodes.sequence([string(part) for part in parts])))
    return results


def _to_string(tree: Tree, scope: Scope) -> list[Node]:
    results = []
    for node in map(nodes.followed, scope.nodes):
        made = string(_shown(node))
        made.style = node.style if node.tag == "!!str" else nodes.DOUBLE
        results.append(nodes.replacing(node, made))
    return results


def _to_number(tree: Tree, scope: Scope) -> list[Node]:
    results = []
    for node in map(nodes.followed, scope.nodes):
        value = nodes.number(node.value) if node.kind == SCALAR else ""
        if isinstance(value, str):
            raise UsageError(f"cannot convert node value [{node.value}] at path {nodes.nice_path(node)} of tag "
                             f"{node.tag} to number")
        results.append(nodes.replacing(node, scalar(value, node.value)))
    return results


def _eval(tree: Tree, scope: Scope) -> list[Node]:
    level = len(scope.variables.get("\0evals", []))
    if level > _MAX_EVALS:
        raise UsageError("eval nests too deeply")
    inner = parse(text_value(tree.rhs, scope.reading()))
    deeper = scope.knowing("\0evals", [nodes.null()] * (level + 1))
    return run(inner, deeper) if inner is not None else scope.nodes


def _error(tree: Tree, scope: Scope) -> list[Node]:
    raise UsageError(text_value(tree.rhs, scope.reading()) or "aborted")


def _env(tree: Tree, scope: Scope) -> list[Node]:
    if not scope.access.environment:
        raise UsageError("env operations have been disabled", hint="write the value into the expression")
    if tree.text.startswith("envsubst"):
        return [_changed(node, _substitute_environment(node.value)) for node in scope.nodes]
    word, _, name = tree.text.rstrip(")").partition("(")
    value = os.environ.get(name)
    if value is None and word == "env":
        raise UsageError(f"value for env variable '{name}' not provided in env()")
    return [string(value or "") if word == "strenv" else _parsed(value or "")]


def _parsed(text: str) -> Node:
    from limacore.base.yq.reader import read

    return next(iter(read(text)), nodes.null())


def _substitute_environment(text: str) -> str:
    def one(found: re.Match[str]) -> str:
        return os.environ.get(found.group(1) or found.group(3), "") or found.group(2) or ""

    return re.sub(r"\$(?:\{(\w+)(?::?-([^}]*))?\}|(\w+))", one, text)


def _load(tree: Tree, scope: Scope) -> list[Node]:
    if not scope.access.files:
        raise UsageError("file operations have been disabled", hint="write the value into the expression")
    path = Path(text_value(tree.rhs, scope.reading()))
    try:
        text = path.read_text()
    except (OSError, ValueError) as error:
        raise ConfigError(f"failed to load {path}: {getattr(error, 'strerror', None) or error}") from None
    return [string(text) if "str" in tree.text else _parsed(text)]


def _system(tree: Tree, scope: Scope) -> list[Node]:
    raise UsageError("system operations are disabled, use --security-enable-system-operator to enable",
                     hint="programs are never run from an expression")


OPERATORS = {
    "string": _string, "upcase": _case, "downcase": _case, "trim": _trim, "sub": _sub, "match": _matching,
    "capture": _matching, "test": _matching, "join": _join, "split": _split, "to_string": _to_string,
    "to_number": _to_number, "eval": _eval, "error": _error, "env": _env, "load": _load, "system": _system,
}
