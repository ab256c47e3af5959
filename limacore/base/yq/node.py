"""The tree that expressions work on: values with their style, tag, anchor and comments, as a YAML file holds them.

Mutable on purpose: an assignment changes the node that a path found, and everything else keeps its text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from yaml.nodes import ScalarNode

from limacore.base import yamlio

MAP, SEQ, SCALAR, ALIAS = "map", "seq", "scalar", "alias"
FLOW, LITERAL, FOLDED, SINGLE, DOUBLE = "flow", "literal", "folded", "single", "double"
_CORE = "tag:yaml.org,2002:"
_TIME = re.compile(r"\d{4}-\d\d?-\d\d?(?:(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?"
                   r"(?:[ \t]*(?:Z|[-+]\d\d?(?::?\d\d)?))?)?")


@dataclass(slots=True, eq=False)
class Node:
    """One value. Comments are lines: `head` above, `line` behind, `foot` below; an empty line is a blank one."""

    kind: str = SCALAR
    tag: str = ""
    value: str = ""
    style: str = ""
    tagged: bool = False
    anchor: str = ""
    target: Node | None = None
    items: list[Node] = field(default_factory=list)
    pairs: list[tuple[Node, Node]] = field(default_factory=list)
    head: tuple[str, ...] = ()
    line: str = ""
    foot: tuple[str, ...] = ()
    parent: Node | None = None
    key: Node | None = None
    is_key: bool = False
    document: int = 0
    row: int = 0
    column: int = 0
    source: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many children a map or list has."""
        return len(self.pairs) or len(self.items)

    def children(self) -> list[Node]:
        """The values directly below."""
        return [value for _, value in self.pairs] if self.kind == MAP else self.items

    def add_pair(self, key: Node, value: Node) -> Node:
        """Append copies of a key and its value; returns the value's."""
        key, value = copy(key), copy(value)
        key.parent, key.is_key, key.key = self, True, None
        value.parent, value.is_key, value.key = self, False, key
        self.pairs.append((key, value))
        return value

    def add_item(self, item: Node) -> Node:
        """Append a copy to the list; returns it."""
        item = copy(item)
        item.parent, item.is_key, item.key = self, False, None
        self.items.append(item)
        return item

    def add_children(self, other: Node) -> None:
        """Append copies of another node's children."""
        for key, value in other.pairs:
            self.add_pair(key, value)
        for item in other.items:
            self.add_item(item)

    def put(self, key: Node, value: Node) -> None:
        """Set the value of a key to a copy, in place where the key is there."""
        for number, (known, old) in enumerate(self.pairs):
            if equal(known, key):
                fresh = copy(value)
                fresh.parent, fresh.key, fresh.is_key = self, known, False
                fresh.line = fresh.line or old.line
                self.pairs[number] = known, fresh
                return
        self.add_pair(key, value)

    def remove(self, child: Node) -> None:
        """Take a child out; a key takes its value with it."""
        self.pairs = [pair for pair in self.pairs if child is not pair[0] and child is not pair[1]]
        self.items = [item for item in self.items if item is not child]

    def get(self, key: str) -> Node | None:
        """The value of a key of a map."""
        return next((value for known, value in self.pairs if known.value == key), None)


def copy(node: Node) -> Node:
    """A deep copy; an alias keeps pointing to the node it points to."""
    made = shell(node)
    for key, value in node.pairs:
        fresh_key, fresh = copy(key), copy(value)
        fresh_key.parent = fresh.parent = made
        fresh.key = fresh_key
        made.pairs.append((fresh_key, fresh))
    for item in node.items:
        fresh = copy(item)
        fresh.parent = made
        made.items.append(fresh)
    return made


def shell(node: Node) -> Node:
    """A copy without the children."""
    return Node(node.kind, node.tag, node.value, node.style, node.tagged, node.anchor, node.target,
                head=node.head, line=node.line, foot=node.foot, parent=node.parent, key=node.key, is_key=node.is_key,
                document=node.document, row=node.row, column=node.column, source=node.source)


def replacing(old: Node, new: Node) -> Node:
    """`new` at the place of `old`."""
    new.parent, new.document = old.parent, old.document
    new.key = old if old.is_key else old.key
    return new


def scalar(value: Any, text: str | None = None) -> Node:
    """A scalar of a plain value, written as `text` where given."""
    return Node(tag=tag_of(value), value=text if text is not None else text_of(value))


def string(text: str) -> Node:
    """A text."""
    return Node(tag="!!str", value=text)


def null() -> Node:
    """The null that stands for what is missing."""
    return Node(tag="!!null", value="null")


def boolean(value: bool) -> Node:
    """True or false."""
    return Node(tag="!!bool", value="true" if value else "false")


def sequence(items: list[Node], style: str = "") -> Node:
    """A list of copies."""
    made = Node(SEQ, "!!seq", style=style)
    for item in items:
        made.add_item(item)
    return made


def tag_of(value: Any) -> str:
    """The short tag of a plain value."""
    if value is None:
        return "!!null"
    names = {bool: "!!bool", int: "!!int", float: "!!float", dict: "!!map", list: "!!seq"}
    return names.get(type(value), "!!str")


def text_of(value: Any) -> str:
    """A plain scalar as YAML and Go write it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return float_text(value) if isinstance(value, float) else str(value)


def float_text(value: float) -> str:
    """A number in Go's shortest form (`%v`)."""
    if value != value:
        return ".nan"
    if value in (float("inf"), float("-inf")):
        return ".inf" if value > 0 else "-.inf"
    if value == 0:
        return "0"
    sign, digits, _ = Decimal(repr(value)).normalize().as_tuple()
    power = Decimal(repr(value)).adjusted()
    if -4 <= power < 6:
        return f"{Decimal(repr(value)).normalize():f}"
    mantissa = str(digits[0]) + ("." + "".join(map(str, digits[1:])) if len(digits) > 1 else "")
    return f"{'-' * sign}{mantissa}e{'-' if power < 0 else '+'}{abs(power):02}"


def resolve(text: str) -> str:
    """The short tag of an unquoted scalar."""
    if text[:1].isdigit() and _TIME.fullmatch(text):
        return "!!timestamp"
    return "!!" + yamlio.scalar_tag(text).removeprefix(_CORE)


def real_tag(node: Node) -> str:
    """The tag, or what the text looks like where the tag is somebody's own."""
    return node.tag if node.tag.startswith("!!") or not node.value else resolve(node.value)


def followed(node: Node) -> Node:
    """The node that an alias stands for."""
    while node.kind == ALIAS and node.target is not None:
        node = node.target
    return node


def truthy(node: Node | None) -> bool:
    """Neither missing, null nor false."""
    if node is None or node.tag == "!!null":
        return False
    return not (node.kind == SCALAR and node.tag == "!!bool" and node.value.lower() == "false")


def equal(left: Node, right: Node) -> bool:
    """The same values, whatever their style."""
    left, right = followed(left), followed(right)
    if left.kind != right.kind:
        return False
    if left.kind == SCALAR:
        return real_tag(left) == real_tag(right) and (left.tag == "!!null" or left.value == right.value)
    if left.size != right.size:
        return False
    if left.kind == SEQ:
        return all(map(equal, left.items, right.items))
    return all((other := find(right, key)) is not None and equal(value, other) for key, value in left.pairs)


def find(mapping: Node, key: Node) -> Node | None:
    """The value of the key that equals `key`."""
    return next((value for known, value in mapping.pairs if equal(known, key)), None)


def walk(node: Node, *, keys: bool = False) -> Iterator[Node]:
    """The node and everything below it; aliases are not followed."""
    yield node
    for key, value in node.pairs:
        if keys:
            yield key
        yield from walk(value, keys=keys)
    for item in node.items:
        yield from walk(item, keys=keys)


def index_in(parent: Node, child: Node) -> int:
    """The place of an item in its list; -1 when it is not there any more."""
    return next((number for number, item in enumerate(parent.items) if item is child), -1)


def path_of(node: Node) -> list[str | int]:
    """The keys and numbers that lead to a node."""
    path: list[str | int] = []
    while True:
        if node.is_key:
            path.append(node.value)
        elif node.key is not None:
            path.append(node.key.value)
        elif node.parent is not None and node.parent.kind == SEQ:
            path.append(index_in(node.parent, node))
        if node.parent is None:
            return path[::-1]
        node = node.parent


def nice_path(node: Node) -> str:
    """The path as messages name it: `a.b[0]`."""
    text = ""
    for part in path_of(node):
        text += f"[{part}]" if isinstance(part, int) or (text and "." in part) else ("." if text else "") + part
    return text


def from_plain(data: Any) -> Node:
    """A tree of plain data."""
    if isinstance(data, dict):
        made = Node(MAP, "!!map")
        for key, value in data.items():
            _own(made, from_plain(value), string(str(key)))
        return made
    if isinstance(data, (list, tuple)):
        made = Node(SEQ, "!!seq")
        for value in data:
            _own(made, from_plain(value), None)
        return made
    return scalar(data)


def _own(parent: Node, child: Node, key: Node | None) -> None:
    child.parent = parent
    if key is None:
        parent.items.append(child)
        return
    key.parent, key.is_key, child.key = parent, True, key
    parent.pairs.append((key, child))


def to_plain(node: Node) -> Any:
    """Plain data of a tree, with `<<` merged in."""
    node = followed(node)
    if node.kind == MAP:
        return {key.value: to_plain(value) for key, value in merged(node)}
    if node.kind == SEQ:
        return [to_plain(item) for item in node.items]
    return _plain_scalar(node)


def merged(node: Node) -> Iterator[tuple[Node, Node]]:
    """The pairs of a map; those of `<<` first, so that the map's own win."""
    for key, value in node.pairs:
        if key.tag == "!!merge":
            source = followed(value)
            for each in source.items if source.kind == SEQ else [source]:
                yield from merged(followed(each))
    yield from ((key, value) for key, value in node.pairs if key.tag != "!!merge")


def _plain_scalar(node: Node) -> Any:
    tag, text = real_tag(node), node.value
    if tag == "!!null":
        return None
    if tag == "!!bool":
        return text.lower() == "true"
    if tag in ("!!int", "!!float"):
        return number(text)
    return text


def number(text: str) -> int | float | str:
    """The value of a YAML number; the text itself when it is none."""
    tag = resolve(text)
    if tag not in ("!!int", "!!float"):
        return text
    value = yamlio.scalar(ScalarNode(_CORE + tag.removeprefix("!!"), text))
    return value if isinstance(value, (int, float)) else text
