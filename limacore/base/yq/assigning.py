"""Operators that change the document: values keep the comments, anchors and quotes of what they replace."""

from __future__ import annotations

from limacore.base.yq import node as nodes
from limacore.base.yq.arithmetic import compound
from limacore.base.yq.evaluate import Scope, copied, first, run, text_value
from limacore.base.yq.node import DOUBLE, FLOW, FOLDED, LITERAL, SINGLE, Node
from limacore.base.yq.parser import Tree
from limacore.errors import UsageError

_STYLES = frozenset({"", DOUBLE, SINGLE, LITERAL, FOLDED, FLOW, "tagged"})


def update(target: Node, other: Node, *, clobber: bool = False, anchor: bool = False) -> None:
    """Give `target` the value of `other`."""
    if target is other:
        return
    changes_type = nodes.real_tag(target) != nodes.real_tag(other)
    if (target.kind != nodes.SCALAR and not target.size) or changes_type:
        target.style = other.style
    source = nodes.copy(other)
    if target.value != source.value:
        target.source = source.source
    target.pairs, target.items = [], []
    target.kind, target.value = source.kind, source.value
    target.add_children(source)
    if source.tag == "!!null" and not source.value:
        target.value = "null"
    update_attributes(target, source, clobber=clobber, anchor=anchor)


def update_attributes(target: Node, other: Node, *, clobber: bool = False, anchor: bool = False) -> None:
    """Give `target` the tag and the comments of `other`, and its style where it has none."""
    if clobber or target.tag.startswith("!!") or not target.tag:
        target.tag, target.tagged = other.tag, other.tagged
    target.kind, target.target = other.kind, other.target
    target.anchor = other.anchor if anchor else target.anchor
    target.style = target.style or other.style
    target.head = other.head or target.head
    target.line = other.line or target.line
    target.foot = other.foot or target.foot


def _assign(tree: Tree, scope: Scope) -> list[Node]:
    clobber = "c" in tree.text
    if tree.text.startswith("|"):
        for target in run(tree.lhs, scope):
            value = first(tree.rhs, scope.on([target]))
            if value is not None:
                update(target, value, clobber=clobber)
        return scope.nodes
    for node in scope.nodes:
        targets = run(tree.lhs, scope.on([node]))
        for target in targets:
            for value in run(tree.rhs, scope.reading([node])):
                update(target, copied(value, scope), clobber=clobber)
    return scope.nodes


def _compound(tree: Tree, scope: Scope) -> list[Node]:
    for target in run(tree.lhs, scope):
        for value in compound(tree, scope, copied(target, scope)):
            update(target, value)
    return scope.nodes


def _values(tree: Tree, scope: Scope, target: Node, common: str) -> str:
    if "|=" not in tree.text:
        return common
    return text_value(tree.rhs, scope.reading([target]))


def _assign_comments(tree: Tree, scope: Scope) -> list[Node]:
    common = "" if "|=" in tree.text else text_value(tree.rhs, scope.reading())
    where = tree.text.partition("_")[0].removesuffix("Comment")
    for target in run(tree.lhs, scope):
        comment = _values(tree, scope, target, common)
        lines = tuple(comment.split("\n")) if comment else ()
        if where in ("line", "comments") or tree.name == "comments=":
            target.line = comment
        if where == "head" or tree.name == "comments=":
            target.head = lines
        if where == "foot" or tree.name == "comments=":
            target.foot = lines
    return scope.nodes


def _assign_meta(tree: Tree, scope: Scope) -> list[Node]:
    what = tree.text.partition(" ")[0]
    if what.endswith("_comment"):
        return _assign_comments(tree, scope)
    common = "" if "|=" in tree.text else text_value(tree.rhs, scope.reading())
    for target in run(tree.lhs, scope):
        _META[what](target, _values(tree, scope, target, common))
    return scope.nodes


def _set_style(target: Node, style: str) -> None:
    if style not in _STYLES:
        raise UsageError(f"unknown style {style}",
                         hint="styles are double, single, literal, folded, flow, tagged or the empty text")
    target.tagged = style == "tagged"
    target.style, target.source = "" if style == "tagged" else style, ()


def _set_tag(target: Node, tag: str) -> None:
    target.tag = tag
    target.tagged = bool(tag) and not tag.startswith("!!")


def _set_anchor(target: Node, anchor: str) -> None:
    _refuse_odd(anchor)
    target.anchor = anchor


def _set_alias(target: Node, name: str) -> None:
    if not name:
        return
    _refuse_odd(name)
    root = target
    while root.parent is not None:
        root = root.parent
    found = next((node for node in nodes.walk(root) if node.anchor == name), None)
    target.kind, target.value, target.tag, target.target = nodes.ALIAS, name, "", found
    target.pairs, target.items = [], []


def _refuse_odd(name: str) -> None:
    if any(char.isspace() or char in ",[]{}*&" or not char.isprintable() for char in name):
        raise UsageError(f"`{name}` cannot be an anchor", hint="anchors are single words without , [ ] { }")


def _with(tree: Tree, scope: Scope) -> list[Node]:
    if tree.rhs.name != ";":
        raise UsageError(f"with must be given a block (;), got {tree.rhs.text or tree.rhs.name} instead")
    for node in run(tree.rhs.lhs, scope):
        run(tree.rhs.rhs, scope.on([node]))
    return scope.nodes


def _map_values(tree: Tree, scope: Scope) -> list[Node]:
    for node in map(nodes.followed, scope.nodes):
        for child in node.children():
            value = first(tree.rhs, scope.on([child]))
            if value is not None:
                update(child, value)
    return scope.nodes


_META = {"style": _set_style, "tag": _set_tag, "anchor": _set_anchor, "alias": _set_alias}
OPERATORS = {
    "=": _assign, "+=": _compound, "-=": _compound, "*=": _compound, "assign_meta": _assign_meta,
    "comments=": _assign_comments, "with": _with, "map_values": _map_values,
}
