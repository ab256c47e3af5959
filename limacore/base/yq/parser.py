"""Expressions as trees, by operator precedence; errors in the words of yq.

Operators of the same precedence group to the right, as they do in yq: `6 - 2 - 1` is 5.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from limacore.base.yq.lexer import Token, tokens
from limacore.errors import UsageError

MAX_DEPTH = 120
"""How deep an expression may nest; chains of `|` and `,` count once."""

_BINARY = {
    ";": 10, ",": 10, ":": 15, "or": 20, "and": 20, "|": 30, "ireduce": 35, "=": 40, "+=": 40, "-=": 40, "as": 40,
    "ref": 40, "comments=": 40, "==": 40, "!=": 40, "compare": 40, "*": 42, "*=": 42, "/": 42, "%": 42, "+": 42,
    "-": 42, "//": 42, "short_pipe": 45, "traverse": 50, "assign_meta": 40,
}
_UNARY = dict.fromkeys((
    "collect", "map", "filter", "error", "pick", "omit", "eval", "map_values", "format_datetime", "with_dtf", "tz",
    "contains", "any_c", "all_c", "with_entries", "with", "set_path", "del_paths", "explode", "sort_by", "sort_keys",
    "join", "sub", "match", "capture", "test", "split", "select", "has", "unique_by", "group_by", "system"), 50)
_UNARY |= {"load": 52, "del": 40}
_HIGH = {"path_key": 55, ".": 55, "$": 55, "to_entries": 52}
_META = frozenset({"line_comment", "head_comment", "foot_comment", "style", "tag", "anchor", "alias"})
_THEN_PATH = frozenset({"path_key", "$", ")", "]", "}", "to_entries"})
_OPEN = {"(": ")", "[": "]", "{": "}"}


class Tree(msgspec.Struct, frozen=True):
    """An operation with what it works on."""

    name: str
    text: str = ""
    left: Tree | None = None
    right: Tree | None = None

    @property
    def lhs(self) -> Tree:
        """What stands before the operator."""
        return _there(self.left)

    @property
    def rhs(self) -> Tree:
        """What stands behind the operator, or in its brackets."""
        return _there(self.right)


def _there(tree: Tree | None) -> Tree:
    if tree is None:
        raise UsageError("bad expression, please check expression syntax")
    return tree


@lru_cache(64)
def parse(expression: str) -> Tree | None:
    """The tree of an expression, None when it holds nothing; raises UsageError in yq's words."""
    tree = _tree(_postfix(_completed(tokens(expression))))
    if tree is not None:
        _refuse_depth(tree)
    return tree


def _completed(words: list[Token]) -> list[Token]:
    """The words with those that the notation leaves out: `.a.b` is `.a | .b`, `.[:2]` is `.[0:2]`."""
    full: list[Token] = []
    skip = False
    for number, word in enumerate(words):
        if skip:
            skip = False
            continue
        following = words[number + 1] if number + 1 < len(words) else Token("", "")
        if word.name == ".[":
            full += [Token(".", "."), Token("traverse", "TRAVERSE_ARRAY")]
            word = Token("[", "[")
        if word.name == ":" and number and words[number - 1].name in (".[", "["):
            full.append(Token("number", "0"))
        if word.name in _META and following.name == "=":
            word, skip = Token("assign_meta", f"{word.name} {following.text}"), True
        full.append(word)
        full += _after(word, following)
    return full


def _after(word: Token, following: Token) -> list[Token]:
    if word.name == ":" and following.name == "]":
        return [Token("length", "length")]
    if word.name in ("[", "{") and following.name == _OPEN[word.name]:
        return [Token("empty", "EMPTY")]
    if word.name in _THEN_PATH and following.name in ("path_key", ".["):
        return [Token("short_pipe", ".")]
    if word.name in _THEN_PATH and following.name == "[":
        return [Token("traverse", "")]
    return []


def _precedence(word: Token) -> int:
    return _BINARY.get(word.name) or _UNARY.get(word.name) or _HIGH.get(word.name) or 50


def _postfix(words: list[Token]) -> list[Token]:
    stack = [Token("(", "(")]
    result: list[Token] = []
    for word in [*words, Token(")", ")")]:
        if word.name in _OPEN:
            stack.append(word)
        elif word.name in _OPEN.values():
            _close(word, stack, result)
        else:
            while stack and stack[-1].name not in _OPEN and _precedence(stack[-1]) > _precedence(word):
                result.append(stack.pop())
            stack.append(word)
    if stack:
        raise UsageError(f"bad expression - probably missing close bracket on {stack[-1].text}")
    return result


def _close(word: Token, stack: list[Token], result: list[Token]) -> None:
    while stack and _OPEN.get(stack[-1].name) != word.name:
        if stack[-1].name in _OPEN:
            raise UsageError(f"bad expression, could not find matching `{_OPEN[stack[-1].name]}`")
        result.append(stack.pop())
    if not stack:
        kind = "brackets" if word.name == ")" else "collect brackets"
        raise UsageError(f"bad expression, got close {kind} without matching opening bracket")
    stack.pop()
    if word.name == "]":
        result.append(Token("collect", ""))
        if stack and stack[-1].name == "traverse":
            result.append(Token("traverse", "?" if word.text.endswith("?") else ""))
            stack.pop()
    elif word.name == "}":
        result += [Token("collect_object", ""), Token("short_pipe", "")]


def _tree(operations: list[Token]) -> Tree | None:
    stack: list[Tree] = []
    for each in operations:
        if each.name in _BINARY:
            stack.append(_binary(each, stack))
        elif each.name in _UNARY:
            if not stack:
                raise UsageError(f"'{each.text.strip()}' expects 1 arg but received none")
            stack.append(Tree(each.name, each.text, right=stack.pop()))
        else:
            stack.append(Tree(each.name, each.text))
    if len(stack) > 1:
        raise UsageError("bad expression, please check expression syntax")
    return stack[0] if stack else None


def _binary(word: Token, stack: list[Tree]) -> Tree:
    if len(stack) < 2:
        shown = word.text.strip().partition(" ")[0]
        raise UsageError(f"'{shown}' expects 2 args but there is {len(stack)}",
                         hint="an operator lacks a value on one of its sides")
    right, left = stack.pop(), stack.pop()
    return Tree(word.name, word.text, left, right)


def chain(tree: Tree, name: str) -> list[Tree]:
    """The links of a chain such as `a | b | c`."""
    links = []
    while tree.name == name and tree.left is not None and tree.right is not None:
        links.append(tree.left)
        tree = tree.right
    return [*links, tree]


def _refuse_depth(root: Tree) -> None:
    level = [root]
    for _ in range(MAX_DEPTH):
        level = [child for tree in level for link in _links(tree) for child in (link.left, link.right) if child]
        if not level:
            return
    raise UsageError(f"the expression nests deeper than {MAX_DEPTH} levels")


def _links(tree: Tree) -> list[Tree]:
    return chain(tree, tree.name) if tree.name in ("|", ",", "short_pipe") else [tree]
