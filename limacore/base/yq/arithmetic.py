"""Operators that compute and compare."""

from __future__ import annotations

from limacore.base.yq import node as nodes
from limacore.base.yq.evaluate import Scope, copied, cross, first, run
from limacore.base.yq.node import MAP, SCALAR, SEQ, Node, boolean
from limacore.base.yq.parser import Tree
from limacore.base.yq.paths import fits, splat
from limacore.errors import UsageError

_NUMBERS = ("!!int", "!!float")
_INT64 = 1 << 63


def _known(node: Node | None) -> Node:
    return nodes.followed(node) if node is not None else nodes.null()


def add(left: Node | None, right: Node | None, scope: Scope) -> Node:
    """`+`: numbers, texts, lists (an item is appended) and maps; null adds nothing."""
    left, right = _known(left), _known(right)
    if left.tag == "!!null":
        return nodes.replacing(left, copied(right, scope))
    if left.kind == SEQ:
        return _appended(left, right, scope)
    if left.kind != right.kind:
        raise UsageError(f"{right.tag} ({nodes.nice_path(right)}) cannot be added to a {left.tag} "
                         f"({nodes.nice_path(left)})")
    return _joined_maps(left, right, scope) if left.kind == MAP else _add_scalars(left, right, scope)


def _appended(left: Node, right: Node, scope: Scope) -> Node:
    made = copied(left, scope)
    made.style = left.style if left.items else ""
    if right.kind == SEQ:
        made.add_children(copied(right, scope))
    elif right.tag != "!!null":
        made.add_item(copied(right, scope))
    return made


def _joined_maps(left: Node, right: Node, scope: Scope) -> Node:
    made = copied(left, scope)
    made.style = left.style if left.pairs else ""
    for key, value in right.pairs:
        scope.budget.spend(made.size)
        made.put(key, value)
    return made


def _add_scalars(left: Node, right: Node, scope: Scope) -> Node:
    made, tags = nodes.shell(left), (nodes.real_tag(left), nodes.real_tag(right))
    made.source = ()
    if tags[0] == "!!timestamp" and tags[1] == "!!str":
        from limacore.base.yq.dates import shifted

        made.value = shifted(left.value, right.value, scope.layout)
    elif "!!str" in tags or "!!timestamp" in tags:
        made.tag = left.tag if tags[0] == "!!str" else right.tag
        made.value = scope.budget.text(left.value + ("" if tags[1] == "!!null" else right.value))
    elif tags[0] in _NUMBERS and tags[1] in _NUMBERS:
        _put_number(made, left, right, lambda a, b: a + b)
    elif tags[1] != "!!null":
        raise UsageError(f"{tags[0]} cannot be added to {tags[1]}")
    return made


def _put_number(made: Node, left: Node, right: Node, calculate: object) -> None:
    a, b = _number(left), _number(right)
    assert callable(calculate)
    value = calculate(a, b)
    if isinstance(value, int) and not -_INT64 <= value < _INT64:
        value = (value + _INT64) % (2 * _INT64) - _INT64
    made.tag = left.tag if isinstance(value, int) or not left.tag.startswith("!!") else "!!float"
    made.value = _as_written(left.value, value)


def _as_written(model: str, value: int | float) -> str:
    if isinstance(value, int) and value >= 0:
        if model[:2].lower() == "0x":
            return f"0x{value:X}"
        if model.startswith("0o"):
            return f"0o{value:o}"
    return nodes.text_of(value)


def _number(node: Node) -> int | float:
    text = node.value.lstrip("0") or "0" if node.value.isdigit() else node.value
    value = nodes.number(text)
    if isinstance(value, str):
        raise UsageError(f"strconv.ParseInt: parsing \"{node.value}\": invalid syntax")
    return value


def subtract(left: Node | None, right: Node | None, scope: Scope) -> Node:
    """`-`: numbers; lists without the items of the other."""
    left, right = _known(left), _known(right)
    if left.tag == "!!null":
        return nodes.replacing(left, copied(right, scope))
    if left.kind == SEQ:
        return _without(left, right, scope)
    tags = nodes.real_tag(left), nodes.real_tag(right)
    if left.kind == MAP or right.kind != SCALAR:
        raise UsageError("maps not yet supported for subtraction" if left.kind == MAP else
                         f"{right.tag} ({nodes.nice_path(right)}) cannot be subtracted from {left.tag}")
    if tags[0] not in _NUMBERS or tags[1] not in _NUMBERS:
        raise UsageError("strings cannot be subtracted" if "!!str" in tags else
                         f"{right.tag} cannot be subtracted from {left.tag}")
    made = nodes.shell(left)
    _put_number(made, left, right, lambda a, b: a - b)
    return made


def _without(left: Node, right: Node, scope: Scope) -> Node:
    if right.kind != SEQ:
        raise UsageError(f"{right.tag} ({nodes.nice_path(right)}) cannot be subtracted from {left.tag}")
    made = nodes.shell(left)
    scope.budget.spend(left.size * right.size)
    for item in left.items:
        if not any(nodes.equal(item, other) for other in right.items):
            made.add_item(item)
    return made


def multiply(left: Node | None, right: Node | None, scope: Scope, flags: str = "") -> Node:
    """`*`: numbers, a repeated text, and maps or lists merged deeply by the flags `+ d n ?`."""
    left, right = _known(left), _known(right)
    if left.tag == "!!null" and right.kind != SCALAR:
        return nodes.replacing(left, copied(right, scope))
    if left.kind == right.kind and left.kind in (MAP, SEQ):
        made = copied(left, scope)
        merge(made, right, flags, scope)
        return made
    if left.kind == MAP and right.tag == "!!null":
        return copied(left, scope)
    return _multiply_scalars(left, right, scope)


def _multiply_scalars(left: Node, right: Node, scope: Scope) -> Node:
    tags = nodes.real_tag(left), nodes.real_tag(right)
    made = nodes.shell(left)
    if tags[0] in _NUMBERS and tags[1] in _NUMBERS:
        _put_number(made, left, right, lambda a, b: a * b)
        return made
    if sorted(tags) == ["!!int", "!!str"]:
        return _repeated(*((left, right) if tags[0] == "!!str" else (right, left)), scope)
    raise UsageError(f"cannot multiply {left.tag} with {right.tag}")


def _repeated(text: Node, times: Node, scope: Scope) -> Node:
    count = _number(times)
    if count < 0:
        raise UsageError(f"cannot repeat string by a negative number ({times.value})")
    if count > 10_000_000:
        raise UsageError(f"cannot repeat string by more than 10 million ({times.value})")
    scope.budget.text(" " * min(len(text.value) * int(count), 1 << 30))
    made = nodes.shell(text)
    made.value = text.value * int(count)
    return made


def merge(left: Node, right: Node, flags: str, scope: Scope) -> None:
    """Put `right` over `left`, in place: maps by key, lists replaced, appended (`+`) or merged by place (`d`)."""
    from limacore.base.yq.assigning import update, update_attributes

    scope.budget.spend(1 + left.size)
    if left.kind == right.kind == MAP:
        update_attributes(left, right)
        for key, value in right.pairs:
            _merge_key(left, key, value, flags, scope)
    elif left.kind == right.kind == SEQ and "+" in flags:
        left.add_children(copied(right, scope))
    elif left.kind == right.kind == SEQ and "d" in flags:
        for mine, other in zip(left.items, right.items, strict=False):
            merge(mine, other, flags, scope)
        for extra in right.items[len(left.items):]:
            left.add_item(copied(extra, scope))
    elif "n" not in flags or left.tag == "!!null":
        update(left, copied(right, scope))


def _merge_key(left: Node, key: Node, value: Node, flags: str, scope: Scope) -> None:
    mine = nodes.find(left, key)
    if mine is not None:
        merge(mine, value, flags, scope)
    elif "?" not in flags:
        if not left.pairs:
            left.style = ""
        left.add_pair(key, copied(value, scope))


def divide(left: Node | None, right: Node | None, scope: Scope) -> Node:
    """`/`: numbers; a text split by another."""
    left, right = _known(left), _known(right)
    tags = nodes.real_tag(left), nodes.real_tag(right)
    if tags == ("!!str", "!!str"):
        parts = left.value.split(right.value) if right.value else list(left.value)
        scope.budget.spend(len(parts))
        return nodes.replacing(left, nodes.sequence([nodes.string(part) for part in parts]))
    if tags[0] not in _NUMBERS or tags[1] not in _NUMBERS:
        raise UsageError(f"{left.tag} ({nodes.nice_path(left)}) cannot be divided by {right.tag} "
                         f"({nodes.nice_path(right)})")
    made, below = nodes.shell(left), float(_number(right))
    above = float(_number(left))
    value = above / below if below else (float("nan") if above in (0, float("nan")) else above * float("inf"))
    made.tag, made.value = "!!float", nodes.float_text(value)
    return made


def _modulo(left: Node | None, right: Node | None, scope: Scope) -> Node:
    left, right = _known(left), _known(right)
    tags = nodes.real_tag(left), nodes.real_tag(right)
    if tags[0] not in _NUMBERS or tags[1] not in _NUMBERS:
        raise UsageError(f"{left.tag} ({nodes.nice_path(left)}) cannot modulo by {right.tag} "
                         f"({nodes.nice_path(right)})")
    made, below = nodes.shell(left), _number(right)
    if below == 0:
        raise UsageError("cannot modulo by 0")
    above = _number(left)
    rest = abs(above) % abs(below) if abs(above) != float("inf") else float("nan")
    value = -rest if above < 0 else rest  # the sign of the left side, as in Go
    made.tag, made.value = tags[0], nodes.text_of(value)
    return made


def _arithmetic(tree: Tree, scope: Scope) -> list[Node]:
    flags = tree.text[1:]
    if tree.name == "*":
        return cross(tree, scope.reading(), lambda left, right, inner: multiply(left, right, inner, flags))
    calculate = {"+": add, "-": subtract, "/": divide, "%": _modulo}[tree.name]
    return cross(tree, scope.reading(), calculate)


def _same(left: Node | None, right: Node | None) -> bool:
    if left is None or right is None:
        other = left or right
        return other is None or other.tag == "!!null"
    left, right = nodes.followed(left), nodes.followed(right)
    if left.tag == "!!null":
        return right.tag == "!!null"
    return left.kind == right.kind == SCALAR and fits(left.value, right.value)


def _equals(tree: Tree, scope: Scope) -> list[Node]:
    return cross(tree, scope.reading(), lambda left, right, _: boolean(_same(left, right)), empty=True)


def _differs(tree: Tree, scope: Scope) -> list[Node]:
    return cross(tree, scope.reading(), lambda left, right, _: boolean(not _same(left, right)), empty=True)


def _compare(tree: Tree, scope: Scope) -> list[Node]:
    sign = tree.text.strip()
    return cross(tree, scope.reading(), lambda left, right, _: boolean(_compared(left, right, sign)), empty=True)


def _compared(left: Node | None, right: Node | None, sign: str) -> bool:
    if left is None or right is None:
        return left is right and "=" in sign
    left, right = nodes.followed(left), nodes.followed(right)
    if left.kind != SCALAR:
        raise UsageError(f"{'maps' if left.kind == MAP else 'arrays'} not yet supported for comparison")
    if right.kind != SCALAR:
        raise UsageError(f"{right.tag} ({nodes.nice_path(right)}) cannot be subtracted from {left.tag}")
    tags = nodes.real_tag(left), nodes.real_tag(right)
    if tags[0] in _NUMBERS and tags[1] in _NUMBERS:
        return _ordered(_number(left), _number(right), sign)
    if tags[0] in ("!!str", "!!timestamp") and tags[1] in ("!!str", "!!timestamp"):
        return _ordered(left.value, right.value, sign)
    if "!!null" in tags:
        return tags[0] == tags[1] and "=" in sign
    raise UsageError(f"{left.tag} not yet supported for comparison")


def _ordered(left: float | str, right: float | str, sign: str) -> bool:
    if "=" in sign and left == right:
        return True
    return left > right if ">" in sign else left < right  # type: ignore[operator]


def _extreme(tree: Tree, scope: Scope) -> list[Node]:
    sign, results = "<" if tree.name == "min" else ">", []
    for node in scope.nodes:
        best: Node | None = None
        for item in splat(node):
            if best is None or _compared(item, best, sign):
                best = item
        results += [best] if best is not None else []
    return results


def _or(tree: Tree, scope: Scope) -> list[Node]:
    return _logic(tree, scope, True)


def _and(tree: Tree, scope: Scope) -> list[Node]:
    return _logic(tree, scope, False)


def _logic(tree: Tree, scope: Scope, deciding: bool) -> list[Node]:
    return cross(tree, scope.reading(), lambda _, right, __: boolean(nodes.truthy(right)), empty=True,
                 decided=lambda left: boolean(deciding) if nodes.truthy(left) == deciding else None)


def _not(tree: Tree, scope: Scope) -> list[Node]:
    return [boolean(not nodes.truthy(node)) for node in scope.nodes]


def _alternative(tree: Tree, scope: Scope) -> list[Node]:
    return cross(tree, scope, lambda left, right, _: right if right is not None else left, empty=True,
                 decided=lambda left: left if nodes.truthy(left) else None)


def _quantified(tree: Tree, scope: Scope) -> list[Node]:
    every, results = tree.name.startswith("all"), []
    for node in map(nodes.followed, scope.nodes):
        if node.kind != SEQ:
            raise UsageError(f"any only supports arrays, was {node.tag}")
        tested = [_tested(tree.right, item, scope) for item in node.items]
        values = [nodes.truthy(each) for each in tested if each is not None]
        results.append(boolean(all(values) if every else any(values)))
    return results


def _tested(condition: Tree | None, item: Node, scope: Scope) -> Node | None:
    return item if condition is None else first(condition, scope.reading([item]))


def _first(tree: Tree, scope: Scope) -> list[Node]:
    return [item for node in scope.nodes for item in splat(node)[:1]]


def compound(tree: Tree, scope: Scope, target: Node) -> list[Node]:
    """What `+=`, `-=` or `*=` makes of a target."""
    calculate = {"+": add, "-": subtract, "*": multiply}[tree.name[0]]
    rights = [each for node in scope.nodes for each in run(tree.rhs, scope.reading([node]))]
    if tree.name == "*=":
        return [multiply(target, right, scope, tree.text[2:]) for right in rights]
    return [calculate(target, right, scope) for right in rights]


OPERATORS = {
    "+": _arithmetic, "-": _arithmetic, "*": _arithmetic, "/": _arithmetic, "%": _arithmetic, "==": _equals,
    "!=": _differs, "compare": _compare, "min": _extreme, "max": _extreme, "or": _or, "and": _and, "not": _not,
    "//": _alternative, "any": _quantified, "all": _quantified, "any_c": _quantified, "all_c": _quantified,
    "first": _first,
}
