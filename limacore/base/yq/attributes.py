"""Operators that read what stands beside a value: style, tag, comments, anchors, its place."""

from __future__ import annotations

from collections.abc import Callable

from limacore.base.yq import node as nodes
from limacore.base.yq.evaluate import Scope, copied, run
from limacore.base.yq.node import ALIAS, MAP, Node, scalar, string
from limacore.base.yq.parser import Tree


def _each(tree: Tree, scope: Scope) -> list[Node]:
    return [nodes.replacing(node, _READ[tree.name](node)) for node in scope.nodes]


def _style(node: Node) -> Node:
    return string("tagged" if node.tagged else node.style)


def _tag(node: Node) -> Node:
    return string(nodes.followed(node).tag or "!!null")


def _comment(text: str) -> Node:
    lines = [line.removeprefix("# ") for line in text.split("\n")]
    return string("\n".join(lines))


_READ: dict[str, Callable[[Node], Node]] = {
    "style": _style,
    "tag": _tag,
    "kind": lambda node: string(node.kind),
    "anchor": lambda node: string(node.anchor),
    "alias": lambda node: string(node.value if node.kind == ALIAS else ""),
    "line_comment": lambda node: _comment(node.line),
    "head_comment": lambda node: _comment("\n".join(node.head)),
    "foot_comment": lambda node: _comment("\n".join(node.foot)),
    "line": lambda node: scalar(node.row),
    "column": lambda node: scalar(node.column),
    "document_index": lambda node: scalar(node.document),
    "file_index": lambda node: scalar(0),
    "file_name": lambda node: string(""),
}


def _explode(tree: Tree, scope: Scope) -> list[Node]:
    for node in run(tree.rhs, scope):
        exploded(node, scope)
    return scope.nodes


def exploded(node: Node, scope: Scope) -> None:
    """Replace the aliases and `<<` below a node by what they stand for, in place."""
    scope.budget.spend(1)
    if node.kind == ALIAS and node.target is not None:
        _inline(node, copied(node.target, scope))
    if node.kind == MAP and any(key.tag == "!!merge" for key, _ in node.pairs):
        _merge(node, scope)
    node.anchor = ""
    for child in node.children():
        exploded(child, scope)


def _inline(node: Node, found: Node) -> None:
    node.kind, node.tag, node.value, node.style, node.target = found.kind, found.tag, found.value, found.style, None
    node.source = found.source
    node.add_children(found)


def _merge(node: Node, scope: Scope) -> None:
    merged = Node(MAP)
    for key, value in nodes.merged(node):
        scope.budget.spend(merged.size)
        merged.put(key, copied(value, scope))
    node.pairs = []
    node.add_children(merged)


OPERATORS = dict.fromkeys(_READ, _each) | {"explode": _explode}
