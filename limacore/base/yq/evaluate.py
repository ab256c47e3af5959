"""Evaluation of an expression tree over nodes.

The tree is walked directly. jq, which knows values only, would have to be told afterwards which node each result
came from, and it means something else by sorting, uniqueness, arithmetic, merging, missing keys, patterns and text
functions; what the two mean alike is less than what this walk needs anyway. The language has no loops and no
recursion, so a budget of steps ends everything that grows too large, and no process has to be watched.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache

from limacore.base.yq import node as nodes
from limacore.base.yq.node import Node
from limacore.base.yq.parser import Tree, chain
from limacore.errors import UsageError

MAX_STEPS = 3_000_000
"""Nodes that an evaluation may visit or make."""
MAX_SECONDS = 3.0
MAX_TEXT = 32 << 20
"""The longest text that an expression may make, in characters."""
RFC3339 = "2006-01-02T15:04:05Z07:00"


class Budget:
    """What an evaluation may still use; raises UsageError when it is spent."""

    def __init__(self, steps: int = MAX_STEPS, seconds: float = MAX_SECONDS) -> None:
        self._steps = steps
        self._check_at = steps
        self._until = time.monotonic() + seconds

    def spend(self, steps: int) -> None:
        """Use so many steps."""
        self._steps -= steps
        if self._steps < self._check_at:
            self._check_at = self._steps - 1000
            if self._steps < 0:
                raise _too_long()
            self.seconds_left()

    def seconds_left(self) -> float:
        """What is left of its time."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise _too_long()
        return left

    def text(self, text: str) -> str:
        """The same text, unless it is too long."""
        if len(text) > MAX_TEXT:
            raise UsageError("the expression makes a text that is too long")
        self.spend(len(text) >> 6)
        return text


def _too_long() -> UsageError:
    return UsageError("the expression takes too long", hint="make it work on a smaller part of the document")


@dataclass(frozen=True, slots=True)
class Access:
    """What an expression may reach beside the document."""

    environment: bool = False
    files: bool = False


@dataclass(frozen=True, slots=True)
class Scope:
    """The nodes an expression works on, with the variables it can name; `frozen`: missing keys are not made."""

    nodes: list[Node]
    budget: Budget = field(default_factory=Budget)
    variables: dict[str, list[Node]] = field(default_factory=dict)
    frozen: bool = False
    layout: str = RFC3339
    access: Access = field(default_factory=Access)

    def on(self, nodes: list[Node]) -> Scope:
        """The same for other nodes."""
        return replace(self, nodes=nodes)

    def reading(self, nodes: list[Node] | None = None) -> Scope:
        """The same without making what is missing."""
        return replace(self, nodes=self.nodes if nodes is None else nodes, frozen=True)

    def each(self) -> list[Scope]:
        """One scope for every node; itself when there is none: constants have a value without any."""
        return [self.on([node]) for node in self.nodes] or [self]

    def knowing(self, name: str, value: list[Node]) -> Scope:
        """The same with one more variable."""
        return replace(self, variables=self.variables | {name: value})


Operator = Callable[[Tree, Scope], list[Node]]
Calculation = Callable[[Node | None, Node | None, Scope], Node | None]


@lru_cache(1)
def _operators() -> dict[str, Operator]:
    from limacore.base.yq import arithmetic, assigning, attributes, codecs, collections, dates, entries, paths, texts

    table: dict[str, Operator] = {"|": pipe, "short_pipe": pipe, ",": union, ".": lambda _, scope: scope.nodes,
                                  ";": lambda *_: [], "empty": lambda *_: [], "$": variable, "as": _alone,
                                  "ref": _alone, "ireduce": reduce, "number": literal, "bool": literal,
                                  "null": literal}
    for module in (arithmetic, assigning, attributes, codecs, collections, dates, entries, paths, texts):
        table |= module.OPERATORS
    return table


def run(tree: Tree, scope: Scope) -> list[Node]:
    """The results of an expression; raises UsageError."""
    scope.budget.spend(1 + len(scope.nodes))
    return _operators()[tree.name](tree, scope)


def first(tree: Tree, scope: Scope) -> Node | None:
    """The first result, None when there is none."""
    return next(iter(run(tree, scope)), None)


def text_value(tree: Tree, scope: Scope) -> str:
    """The text of the first result, empty when there is none."""
    found = first(tree, scope)
    return found.value if found is not None else ""


def copied(node: Node, scope: Scope) -> Node:
    """A copy, paid for."""
    scope.budget.spend(sum(1 for _ in nodes.walk(node, keys=True)))
    return nodes.copy(node)


def pipe(tree: Tree, scope: Scope) -> list[Node]:
    """`a | b`: b on every result of a; `a as $x | b` once for every value of a."""
    links = chain(tree, tree.name)
    for number, link in enumerate(links[:-1]):
        if link.name in ("as", "ref"):
            return _bound(link, links[number + 1:], scope)
        scope = scope.on(run(link, scope))
    return run(links[-1], scope)


def _bound(link: Tree, rest: list[Tree], scope: Scope) -> list[Node]:
    body = rest[-1]
    for each in reversed(rest[:-1]):
        body = Tree("|", "|", each, body)
    results: list[Node] = []
    for single in scope.each():
        results += _each_value(link, body, single)
    return results


def _each_value(link: Tree, body: Tree, scope: Scope) -> list[Node]:
    if link.rhs.name != "$":
        raise UsageError("RHS of 'as' operator must be a variable name e.g. $foo")
    values = run(link.lhs, scope.reading())
    if not values:
        return run(body, scope)
    results: list[Node] = []
    for value in values:
        kept = value if link.name == "ref" else copied(value, scope)
        results += run(body, scope.knowing(link.rhs.text[1:], [kept]))
    return results


def _alone(tree: Tree, scope: Scope) -> list[Node]:
    raise UsageError("must use variable with a pipe, e.g. `exp as $x | ...`")


def variable(tree: Tree, scope: Scope) -> list[Node]:
    """`$x`; an unknown name has no value."""
    return scope.variables.get(tree.text[1:], [])


def reduce(tree: Tree, scope: Scope) -> list[Node]:
    """`values as $x ireduce (start; step)`."""
    if tree.lhs.name not in ("as", "ref"):
        raise UsageError(f"reduce must be given a variables assignment, got {tree.lhs.name} instead")
    if tree.rhs.name != ";":
        raise UsageError(f"reduce must be given a block, got {tree.rhs.name} instead")
    values = run(tree.lhs.lhs, scope)
    total = run(tree.rhs.lhs, scope)
    for value in values:
        total = run(tree.rhs.rhs, scope.on(total).knowing(tree.lhs.rhs.text[1:], [value]))
    return total


def union(tree: Tree, scope: Scope) -> list[Node]:
    """`a, b`: the results of both."""
    return [node for link in chain(tree, ",") for node in run(link, scope)]


def literal(tree: Tree, scope: Scope) -> list[Node]:
    """A number, true, false or null, once for every node."""
    return [constant(tree.name, tree.text) for _ in scope.each()]


def constant(kind: str, text: str) -> Node:
    """The node of a literal."""
    if kind == "bool":
        return Node(tag="!!bool", value=text)
    if kind == "null":
        return Node(tag="!!null", value=text)
    whole = text[:2].lower() == "0x" or text.lstrip("-").isdigit()
    return Node(tag="!!int" if whole else "!!float", value=text)


def cross(tree: Tree, scope: Scope, calculate: Calculation, *, empty: bool = False,
          decided: Callable[[Node | None], Node | None] = lambda _: None) -> list[Node]:
    """`calculate` for every pair of left and right results; with `empty` also where a side has none.

    `decided` may give the result from the left side alone; the right one is not evaluated then.
    """
    results: list[Node] = []
    for inner in scope.each():
        lefts: list[Node | None] = [*run(tree.lhs, inner)]
        for left in lefts or ([None] if empty else []):
            known = decided(left)
            results += [known] if known is not None else _pairs(left, tree.rhs, inner, calculate, empty)
    return results


def _pairs(left: Node | None, right: Tree, scope: Scope, calculate: Calculation, empty: bool) -> list[Node]:
    rights: list[Node | None] = [*run(right, scope)]
    made = [calculate(left, each, scope) for each in rights or ([None] if empty else [])]
    scope.budget.spend(len(made))
    return [each for each in made if each is not None]
