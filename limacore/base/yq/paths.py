"""Operators that follow, name and remove paths."""

from __future__ import annotations

from limacore.base.yq import node as nodes
from limacore.base.yq.evaluate import Scope, first, run, text_value
from limacore.base.yq.node import MAP, SEQ, Node, boolean, scalar, string
from limacore.base.yq.parser import Tree
from limacore.errors import UsageError

_MOST_FILLED = 100_000


def fits(name: str, pattern: str) -> bool:
    """Whether a text fits a pattern with `*` and `?`, in time linear in practice."""
    if "*" not in pattern and "?" not in pattern:
        return name == pattern
    at = star = mark = 0
    star = -1
    for_pattern = 0
    while at < len(name):
        char = pattern[for_pattern] if for_pattern < len(pattern) else ""
        if char == "*":
            star, mark = for_pattern, at
            for_pattern += 1
        elif char and char in ("?", name[at]):
            at, for_pattern = at + 1, for_pattern + 1
        elif star >= 0:
            mark += 1
            at, for_pattern = mark, star + 1
        else:
            return False
    return not pattern[for_pattern:].strip("*")


def _key(tree: Tree, scope: Scope) -> list[Node]:
    text, optional = tree.text, tree.text.endswith("?")
    text = text.removesuffix("?")[1:]
    name = text[1:-1] if text.startswith('"') and text.endswith('"') and len(text) > 1 else text
    return [found for node in scope.nodes for found in _step(node, string(name), scope, optional)]


def _step(node: Node, key: Node, scope: Scope, optional: bool = False) -> list[Node]:
    node = nodes.followed(node)
    if node.tag == "!!null" and not scope.frozen:
        _become(node, MAP)
    if node.kind == MAP:
        return _in_map(node, key, scope)
    return _in_list(node, [key], scope, optional) if node.kind == SEQ else []


def _become(node: Node, kind: str) -> None:
    node.kind, node.tag, node.value, node.style, node.source = kind, f"!!{kind}", "", "", ()


def _in_map(node: Node, key: Node, scope: Scope) -> list[Node]:
    found = _matching(node, key.value)
    scope.budget.spend(node.size)
    if not found and not scope.frozen:
        if not node.pairs:
            node.style = ""
        return [node.add_pair(key, nodes.null())]
    return found


def _matching(node: Node, name: str) -> list[Node]:
    found: dict[str, Node] = {}
    for key, value in nodes.merged(node) if name != "<<" else node.pairs:
        if fits(key.value, name):
            found[key.value] = value
    return list(found.values())


def _in_list(node: Node, indices: list[Node], scope: Scope, optional: bool) -> list[Node]:
    found = []
    for index in indices:
        number = nodes.number(index.value)
        if not isinstance(number, int):
            if optional:
                continue
            raise UsageError(f"cannot index array with '{index.value}' (strconv.ParseInt: parsing "
                             f"\"{index.value}\": invalid syntax)", hint="a list is indexed by numbers")
        found.append(_at(node, number, scope))
    return found


def _at(node: Node, number: int, scope: Scope) -> Node:
    if number >= len(node.items) + _MOST_FILLED:
        raise UsageError(f"index [{number}] is too far behind the end of the array, its size is {len(node.items)}")
    if not node.items and number >= 0:
        node.style = ""
    while len(node.items) <= number:
        scope.budget.spend(1)
        node.add_item(nodes.null())
    if number < -len(node.items):
        raise UsageError(f"index [{number}] out of range, array size is {len(node.items)}")
    return node.items[number]


def _traverse(tree: Tree, scope: Scope) -> list[Node]:
    inside = tree.rhs.right
    if inside is not None and inside.name == ":":
        return [_slice(nodes.followed(node), inside, scope) for node in run(tree.lhs, scope)]
    lefts = run(tree.lhs, scope)
    indices = next((found.items for found in run(tree.rhs, scope.reading())), [])
    return [found for node in lefts for found in _indexed(node, indices, scope, tree.text == "?")]


def _indexed(node: Node, indices: list[Node], scope: Scope, optional: bool) -> list[Node]:
    node = nodes.followed(node)
    if node.tag == "!!null":
        if scope.frozen:
            return []
        _become(node, MAP if indices and indices[0].tag != "!!int" else SEQ)
    if not indices:
        return splat(node)
    if node.kind == MAP:
        return [found for index in indices for found in _in_map(node, index, scope)]
    return _in_list(node, indices, scope, optional) if node.kind == SEQ else []


def splat(node: Node) -> list[Node]:
    """Every value of a map or list, `<<` merged in."""
    node = nodes.followed(node)
    if node.kind == MAP:
        return list({key.value: value for key, value in nodes.merged(node)}.values())
    return list(node.items)


def _slice(node: Node, bounds: Tree, scope: Scope) -> Node:
    inner = scope.reading([node])
    start, end = (_bound(text_value(side, inner)) for side in (bounds.lhs, bounds.rhs))
    if node.kind == nodes.SCALAR:
        return nodes.replacing(node, string(node.value[start:end]))
    return nodes.replacing(node, nodes.sequence(node.items[start:end], node.style))


def _bound(text: str) -> int:
    number = nodes.number(text)
    if not isinstance(number, int):
        raise UsageError(f"cannot slice with '{text}'", hint="bounds are whole numbers")
    return number


def _descend(tree: Tree, scope: Scope) -> list[Node]:
    found = [each for node in scope.nodes for each in nodes.walk(node, keys=tree.name == "...")]
    scope.budget.spend(len(found))
    return found


def _delete(tree: Tree, scope: Scope) -> list[Node]:
    kept = list(scope.nodes)
    for node in reversed(run(tree.rhs, scope.reading())):
        if node.parent is not None:
            scope.budget.spend(node.parent.size)
            node.parent.remove(node)
        else:
            kept = [each for each in kept if each is not node]
    return kept


def _path(tree: Tree, scope: Scope) -> list[Node]:
    return [nodes.replacing(node, nodes.sequence([scalar(part) for part in nodes.path_of(node)]))
            for node in scope.nodes]


def follow(node: Node, path: list[Node], scope: Scope) -> list[Node]:
    """The nodes that a list of keys and numbers leads to."""
    found = [node]
    for part in path:
        found = [each for parent in found for each in _indexed(parent, [part], scope, False)]
    return found


def _set_path(tree: Tree, scope: Scope) -> list[Node]:
    if tree.rhs.name != ";":
        raise UsageError("SETPATH must be given a block (;), got something else instead")
    for node in scope.nodes:
        path, value = (first(side, scope.reading([node])) for side in (tree.rhs.lhs, tree.rhs.rhs))
        for target in follow(node, path.items if path is not None else [], scope):
            _assign(target, value)
    return scope.nodes


def _assign(target: Node, value: Node | None) -> None:
    from limacore.base.yq.assigning import update

    if value is not None:
        update(target, value)


def _delete_paths(tree: Tree, scope: Scope) -> list[Node]:
    for node in scope.nodes:
        paths = first(tree.rhs, scope.reading([node]))
        doomed = [each for path in paths.items for each in follow(node, path.items, scope.reading())] if paths else []
        for each in doomed:
            if each.parent is not None:
                each.parent.remove(each)
    return scope.nodes


def _key_of(node: Node) -> Node | None:
    if node.key is not None and not node.is_key:
        return node.key
    if node.parent is not None and node.parent.kind == SEQ:
        return nodes.replacing(node, scalar(nodes.index_in(node.parent, node)))
    return node if node.is_key else None


def _get_key(tree: Tree, scope: Scope) -> list[Node]:
    return [key for node in scope.nodes if (key := _key_of(node)) is not None]


def _is_key(tree: Tree, scope: Scope) -> list[Node]:
    return [boolean(node.is_key) for node in scope.nodes]


def _keys(tree: Tree, scope: Scope) -> list[Node]:
    results = []
    for node in map(nodes.followed, scope.nodes):
        if node.kind == MAP:
            keys = [_bare(key) for key, _ in node.pairs]
        elif node.kind == SEQ:
            keys = [scalar(number) for number in range(len(node.items))]
        else:
            raise UsageError(f"cannot get keys of {node.tag}, keys only works for maps and arrays")
        results.append(nodes.replacing(node, nodes.sequence(keys)))
    return results


def _bare(key: Node) -> Node:
    return Node(tag=key.tag, value=key.value, style=key.style)


def _ancestors(node: Node) -> list[Node]:
    above = []
    while node.parent is not None:
        node = node.parent
        above.append(node)
    return above


def _parent(tree: Tree, scope: Scope) -> list[Node]:
    level = int(tree.text.partition("(")[2].rstrip(")") or 1)
    results = []
    for node in scope.nodes:
        line = [node, *_ancestors(node)]
        at = level if level >= 0 else len(line) + level
        results += [line[at]] if 0 <= at < len(line) else []
    return results


def _parents(tree: Tree, scope: Scope) -> list[Node]:
    return [nodes.sequence(_ancestors(node)) for node in scope.nodes]


def _root(tree: Tree, scope: Scope) -> list[Node]:
    return [[node, *_ancestors(node)][-1] for node in scope.nodes]


def _has(tree: Tree, scope: Scope) -> list[Node]:
    wanted = text_value(tree.rhs, scope.reading())
    results = []
    for node in map(nodes.followed, scope.nodes):
        number = nodes.number(wanted)
        there = node.get(wanted) is not None if node.kind == MAP else (
            isinstance(number, int) and 0 <= number < len(node.items))
        results.append(nodes.replacing(node, boolean(there)))
    return results


def _select(tree: Tree, scope: Scope) -> list[Node]:
    return [node for node in scope.nodes if any(map(nodes.truthy, run(tree.rhs, scope.reading([node]))))]



OPERATORS = {
    "path_key": _key, "traverse": _traverse, "..": _descend, "...": _descend, "del": _delete, "path": _path,
    "set_path": _set_path, "del_paths": _delete_paths, "key": _get_key, "is_key": _is_key, "keys": _keys,
    "parent": _parent, "parents": _parents, "root": _root, "has": _has, "select": _select,
}
