"""Maps as lists of `{key, value}`, and back."""

from __future__ import annotations

from limacore.base.yq import node as nodes
from limacore.base.yq.evaluate import Scope, run
from limacore.base.yq.node import MAP, SEQ, Node, scalar, string
from limacore.base.yq.parser import Tree
from limacore.errors import UsageError


def _entries(node: Node) -> Node:
    node = nodes.followed(node)
    if node.kind == MAP:
        pairs = node.pairs
    elif node.kind == SEQ:
        pairs = [(scalar(number), item) for number, item in enumerate(node.items)]
    else:
        raise UsageError(f"{node.tag} has no keys")
    return nodes.sequence([_entry(key, value) for key, value in pairs])


def _entry(key: Node, value: Node) -> Node:
    made = Node(MAP, "!!map")
    made.add_pair(string("key"), key)
    made.add_pair(string("value"), value)
    return made


def _from_entries(entries: list[Node]) -> Node:
    made = Node(MAP, "!!map")
    for entry in map(nodes.followed, entries):
        key, value = entry.get("key"), entry.get("value")
        if key is None or nodes.followed(key).kind != nodes.SCALAR:
            raise UsageError(f"expected to find a 'key' property in {nodes.nice_path(entry) or 'the entry'}")
        made.add_pair(key, value if value is not None else nodes.null())
    return made


def _to(tree: Tree, scope: Scope) -> list[Node]:
    return [nodes.replacing(node, _entries(node)) for node in scope.nodes if nodes.followed(node).tag != "!!null"]


def _from(tree: Tree, scope: Scope) -> list[Node]:
    return [nodes.replacing(node, _from_entries(nodes.followed(node).items)) for node in scope.nodes]


def _with(tree: Tree, scope: Scope) -> list[Node]:
    results = []
    for node in map(nodes.followed, scope.nodes):
        entries = _entries(node).items
        scope.budget.spend(len(entries))
        changed = [each for entry in entries for each in run(tree.rhs, scope.on([entry]))]
        made = nodes.shell(node)
        made.kind, made.tag = MAP, "!!map"
        made.add_children(_from_entries(changed))
        results.append(made)
    return results


OPERATORS = {"to_entries": _to, "from_entries": _from, "with_entries": _with}
