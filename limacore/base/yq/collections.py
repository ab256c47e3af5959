"""Operators on lists and maps as a whole."""

from __future__ import annotations

import functools
import random

from limacore.base.yq import node as nodes
from limacore.base.yq.arithmetic import merge
from limacore.base.yq.evaluate import Scope, copied, first, run
from limacore.base.yq.node import MAP, SCALAR, SEQ, Node, boolean, scalar, sequence, string
from limacore.base.yq.parser import Tree, chain
from limacore.base.yq.paths import splat
from limacore.base.yq.writer import flow
from limacore.errors import UsageError


def _collect(tree: Tree, scope: Scope) -> list[Node]:
    if not scope.nodes:
        return [sequence(run(tree.rhs, scope))]
    return [nodes.replacing(node, _collected(run(tree.rhs, scope.on([node])), scope)) for node in scope.nodes]


def _collected(found: list[Node], scope: Scope) -> Node:
    return sequence([copied(each, scope) for each in found])


def _pairing(tree: Tree, scope: Scope) -> list[Node]:
    made = Node(SEQ, "!!seq")
    for node in scope.nodes or [nodes.null()]:
        inner = scope.reading([node])
        for_node = Node(SEQ, "!!seq")
        for key in run(tree.lhs, inner):
            for value in run(tree.rhs, inner):
                pair = Node(MAP, "!!map")
                pair.add_pair(_as_key(key), copied(value, scope))
                for_node.items.append(pair)
        made.items.append(for_node)
    return [made]


def _as_key(key: Node) -> Node:
    key = nodes.followed(key)
    if key.kind != SCALAR:
        raise UsageError(f"a key must be a text, got {key.tag}")
    return Node(tag=key.tag, value=key.value, style=key.style)


def _collect_object(tree: Tree, scope: Scope) -> list[Node]:
    if not scope.nodes:
        return [Node(MAP, "!!map")]
    if any(node.kind != SEQ or node.size != scope.nodes[0].size for node in scope.nodes):
        raise UsageError("bad expression, a map needs `key: value`", hint='write for instance `{"a": .b}`')
    results = []
    for column in zip(*(node.items for node in scope.nodes), strict=True):
        made = list(column[0].items)
        for part in column[1:]:
            made = _combined(made, part, scope)
        results += made
    return [_rootless(each) for each in results]


def _combined(made: list[Node], part: Node, scope: Scope) -> list[Node]:
    combined = []
    for left in made:
        for right in part.items:
            both = copied(left, scope)
            merge(both, right, "", scope)
            combined.append(both)
    return combined


def _rootless(node: Node) -> Node:
    node.parent, node.key = None, None
    return node


def _map(tree: Tree, scope: Scope) -> list[Node]:
    return [_mapped(tree, node, scope) for node in scope.nodes]


def _mapped(tree: Tree, node: Node, scope: Scope) -> Node:
    found = [each for child in splat(node) for each in run(tree.rhs, scope.on([child]))]
    return _like(node, found, scope)


def _like(node: Node, found: list[Node], scope: Scope) -> Node:
    made = nodes.replacing(node, _collected(found, scope))
    made.style = node.style if node.kind == SEQ else ""
    made.head, made.line, made.foot = node.head, node.line, node.foot
    return made


def _filter(tree: Tree, scope: Scope) -> list[Node]:
    results = []
    for node in scope.nodes:
        kept = [child for child in splat(node) if any(map(nodes.truthy, run(tree.rhs, scope.reading([child]))))]
        results.append(_like(node, kept, scope))
    return results


def _lists(scope: Scope, verb: str) -> list[Node]:
    found = [nodes.followed(node) for node in scope.nodes]
    for node in found:
        if node.kind != SEQ:
            raise UsageError(f"only arrays are supported for {verb}" if verb != "sort" else
                             f"node at path [{nodes.nice_path(node)}] is not an array (it's a {node.tag})")
    return found


def _reverse(tree: Tree, scope: Scope) -> list[Node]:
    return [_like(node, node.items[::-1], scope) for node in _lists(scope, "reverse")]


def _shuffle(tree: Tree, scope: Scope) -> list[Node]:
    return [_like(node, random.sample(node.items, node.size), scope) for node in _lists(scope, "shuffle")]


def _by(tree: Tree, item: Node, scope: Scope) -> list[Node]:
    if tree.right is None:
        return [item]
    return [node for link in chain(tree.right, ",") for node in run(link, scope.reading([item]))[:1]] or [nodes.null()]


def _sort(tree: Tree, scope: Scope) -> list[Node]:
    results = []
    for node in _lists(scope, "sort"):
        keyed = [(item, _by(tree, item, scope)) for item in node.items]
        for _, keys in keyed:
            _refuse_collections(keys)
        keyed.sort(key=functools.cmp_to_key(_by_keys))
        results.append(_like(node, [item for item, _ in keyed], scope))
    return results


def _refuse_collections(keys: list[Node]) -> None:
    for key in map(nodes.followed, keys):
        if key.kind != SCALAR:
            raise UsageError(f"sort only works for scalars, got {key.tag}")


def _by_keys(left: tuple[Node, list[Node]], right: tuple[Node, list[Node]]) -> int:
    return _order(left[1], right[1])


def _order(left: list[Node], right: list[Node]) -> int:
    for a, b in zip(left, right, strict=False):
        if result := _order_scalars(nodes.followed(a), nodes.followed(b)):
            return result
    return len(left) - len(right)


def _order_scalars(left: Node, right: Node) -> int:
    for tag in ("!!null", "!!bool"):
        if (left.tag == tag) != (right.tag == tag):
            return -1 if left.tag == tag else 1
    if left.tag == "!!null":
        return 0
    if left.tag == right.tag == "!!bool":
        return nodes.truthy(left) - nodes.truthy(right)
    numbers = nodes.number(left.value), nodes.number(right.value)
    if left.tag != "!!str" and right.tag != "!!str" and not any(isinstance(each, str) for each in numbers):
        return (numbers[0] > numbers[1]) - (numbers[0] < numbers[1])  # type: ignore[operator]
    return (left.value > right.value) - (left.value < right.value)


def _identity(tree: Tree, item: Node, scope: Scope) -> str:
    found = item if tree.right is None else first(tree.rhs, scope.reading([item]))
    if found is None:
        return "null"
    found = nodes.followed(found)
    return found.value if found.kind == SCALAR else flow(found)


def _grouped(tree: Tree, node: Node, scope: Scope) -> dict[str, list[Node]]:
    groups: dict[str, list[Node]] = {}
    for item in node.items:
        groups.setdefault(_identity(tree, item, scope), []).append(item)
    return groups


def _unique(tree: Tree, scope: Scope) -> list[Node]:
    return [_like(node, [group[0] for group in _grouped(tree, node, scope).values()], scope)
            for node in _lists(scope, "unique")]


def _group_by(tree: Tree, scope: Scope) -> list[Node]:
    results = []
    for node in _lists(scope, "group by"):
        groups = [_collected(group, scope) for group in _grouped(tree, node, scope).values()]
        results.append(nodes.replacing(node, sequence(groups)))
    return results


def _flatten(tree: Tree, scope: Scope) -> list[Node]:
    depth = int(tree.text.partition("(")[2].rstrip(")") or -1)
    for node in _lists(scope, "flatten"):
        flat = _flat(node, depth)
        scope.budget.spend(len(flat))
        node.items = []
        for item in flat:
            node.add_item(item)
    return scope.nodes


def _flat(node: Node, depth: int) -> list[Node]:
    if depth == 0:
        return list(node.items)
    return [each for item in node.items
            for each in (_flat(nodes.followed(item), depth - 1) if nodes.followed(item).kind == SEQ else [item])]


def _length(tree: Tree, scope: Scope) -> list[Node]:
    return [nodes.replacing(node, scalar(_size(nodes.followed(node)))) for node in scope.nodes]


def _size(node: Node) -> int:
    if node.kind != SCALAR:
        return node.size
    return 0 if node.tag == "!!null" else len(node.value)


def _contains(tree: Tree, scope: Scope) -> list[Node]:
    return [nodes.replacing(node, boolean(_within(nodes.followed(node), nodes.followed(other), scope)))
            for node in scope.nodes for other in run(tree.rhs, scope.reading([node]))]


def _within(node: Node, other: Node, scope: Scope) -> bool:
    scope.budget.spend(1)
    if node.kind != other.kind or (node.kind == SCALAR and nodes.real_tag(node) != nodes.real_tag(other)):
        if node.kind == SEQ:
            return any(nodes.equal(item, other) for item in node.items)
        raise UsageError(f"{other.tag} cannot check contained in {node.tag}")
    if node.kind == SEQ:
        return all(any(_may_hold(item, wanted, scope) for item in node.items) for wanted in other.items)
    if node.kind == MAP:
        return all((found := nodes.find(node, key)) is not None and _may_hold(found, value, scope)
                   for key, value in other.pairs)
    return other.value in node.value if node.tag == "!!str" else node.value == other.value


def _may_hold(node: Node, other: Node, scope: Scope) -> bool:
    node, other = nodes.followed(node), nodes.followed(other)
    same = node.kind == other.kind and (node.kind != SCALAR or nodes.real_tag(node) == nodes.real_tag(other))
    return same and _within(node, other, scope)


def _pick(tree: Tree, scope: Scope) -> list[Node]:
    return [_chosen(nodes.followed(node), tree, scope) for node in scope.nodes]


def _chosen(node: Node, tree: Tree, scope: Scope) -> Node:
    wanted = first(tree.rhs, scope.reading([node]))
    names = [item.value for item in wanted.items] if wanted is not None else []
    made, keep = nodes.shell(node), tree.name == "pick"
    if node.kind == MAP:
        pairs = {key.value: (key, value) for key, value in node.pairs}
        chosen = [name for name in names if name in pairs] if keep else [name for name in pairs if name not in names]
        for name in chosen:
            made.add_pair(*pairs[name])
    elif node.kind == SEQ:
        for number, item in enumerate(node.items):
            if (str(number) in names) == keep:
                made.add_item(item)
    else:
        raise UsageError(f"cannot {tree.name} indices from type {node.tag} ({nodes.nice_path(node)})")
    return made


def _sort_keys(tree: Tree, scope: Scope) -> list[Node]:
    for node in run(tree.rhs, scope):
        node.pairs.sort(key=lambda pair: pair[0].value)
    return scope.nodes


def _pivot(tree: Tree, scope: Scope) -> list[Node]:
    return [_pivoted(node) for node in _lists(scope, "pivot")]


def _pivoted(node: Node) -> Node:
    rows = [nodes.followed(item) for item in node.items]
    if all(row.kind == MAP for row in rows):
        names = list({key.value: None for row in rows for key, _ in row.pairs})
        made = Node(MAP, "!!map")
        for name in names:
            made.add_pair(string(name), sequence([row.get(name) or nodes.null() for row in rows]))
        return made
    if any(row.kind != SEQ for row in rows):
        raise UsageError("can only pivot elements of !!seq or !!map types")
    longest = max((row.size for row in rows), default=0)
    return sequence([sequence([row.items[at] if at < row.size else nodes.null() for row in rows])
                     for at in range(longest)])


def _array_to_map(tree: Tree, scope: Scope) -> list[Node]:
    results = []
    for node in _lists(scope, "array_to_map"):
        made = Node(MAP, "!!map")
        for number, item in enumerate(node.items):
            if item.tag != "!!null":
                made.add_pair(scalar(number), item)
        results.append(made)
    return results


OPERATORS = {
    "collect": _collect, ":": _pairing, "collect_object": _collect_object, "map": _map, "filter": _filter,
    "reverse": _reverse, "shuffle": _shuffle, "sort": _sort, "sort_by": _sort, "unique": _unique,
    "unique_by": _unique, "group_by": _group_by, "flatten": _flatten, "length": _length, "contains": _contains,
    "pick": _pick, "omit": _pick, "sort_keys": _sort_keys, "pivot": _pivot, "array_to_map": _array_to_map,
    "split_doc": lambda _, scope: scope.nodes,
}
