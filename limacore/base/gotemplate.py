"""The part of Go's text/template that lima.yaml files use: values, `if`, comparisons, trimming, comments."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

NO_VALUE = "<no value>"
_ACTION = re.compile(r"\{\{(-(?=\s))?(.*?)(?:(?<=\s)(-))?\}\}", re.S)
_TOKEN = re.compile(
    r'\s*(?:("(?:[^"\\]|\\.)*"|`[^`]*`)|(-?[0-9][0-9_.]*)|((?:\.[A-Za-z_]\w*)+|\.)|([A-Za-z_]\w*)|([()|]))'
)


class TemplateError(ValueError):
    """The text is no template that we can carry out; the caller keeps the raw text and warns."""


class _If(Struct, frozen=True):
    condition: tuple[str, ...]
    then: tuple[Any, ...]
    other: tuple[Any, ...]


class _Value(Struct, frozen=True):
    tokens: tuple[str, ...]


def expand(text: str, values: Mapping[str, Any]) -> str:
    """`text` with its actions carried out; unknown names give `<no value>`. Raises TemplateError."""
    if "{{" not in text:
        return text
    try:
        nodes, _ = _block(_pieces(text), 0, ())
        return _render(nodes, values)
    except TemplateError:
        raise
    except (ValueError, RecursionError) as error:
        raise TemplateError(str(error)) from None


def references(text: str, name: str) -> bool:
    """Whether an action in `text` mentions the variable `.name`."""
    return any(re.search(rf"\.{name}\b", match.group(2)) for match in _ACTION.finditer(text))


def _pieces(text: str) -> list[str | tuple[str, ...]]:
    """Literal texts and token tuples in turn, white space trimmed where the action asks for it."""
    result: list[str | tuple[str, ...]] = []
    position, trim = 0, False
    while (start := text.find("{{", position)) >= 0:
        match = _match(text, start)
        literal = text[position:start]
        literal = literal.lstrip() if trim else literal
        result.append(literal.rstrip() if match.group(1) else literal)
        if not match.group(2).strip().startswith("/*"):
            result.append(_tokens(match.group(2)))
        position, trim = match.end(), bool(match.group(3))
    result.append(text[position:].lstrip() if trim else text[position:])
    return result


def _match(text: str, start: int) -> re.Match[str]:
    match = _ACTION.match(text, start)
    if match is None:
        raise TemplateError("unclosed action")
    return match


def _tokens(action: str) -> tuple[str, ...]:
    found, position, action = [], 0, action.strip()
    while position < len(action):
        match = _TOKEN.match(action, position)
        if match is None:
            raise TemplateError(f"unexpected {action[position:position + 10]!r}")
        found.append(match.group().strip())
        position = match.end()
    if not found:
        raise TemplateError("missing value for command")
    return tuple(found)


def _block(pieces: Sequence[str | tuple[str, ...]], at: int, ends: tuple[str, ...]) -> tuple[tuple[Any, ...], int]:
    """The nodes up to an action that begins with one of `ends`, and its place."""
    nodes: list[Any] = []
    while at < len(pieces):
        piece = pieces[at]
        if isinstance(piece, str):
            nodes.append(piece)
            at += 1
        elif piece[0] in ("end", "else"):
            if piece[0] not in ends:
                raise TemplateError(f"unexpected {{{{{piece[0]}}}}}")
            return tuple(nodes), at
        elif piece[0] == "if":
            node, at = _if(pieces, at, piece[1:])
            nodes.append(node)
        else:
            nodes.append(_Value(piece))
            at += 1
    if ends:
        raise TemplateError("unexpected EOF")
    return tuple(nodes), at


def _if(pieces: Sequence[str | tuple[str, ...]], at: int, condition: tuple[str, ...]) -> tuple[_If, int]:
    then, at = _block(pieces, at + 1, ("end", "else"))
    closing = pieces[at]
    if closing == ("end",):
        return _If(condition, then, ()), at + 1
    if len(closing) > 1 and closing[1] == "if":
        nested, at = _if(pieces, at, tuple(closing[2:]))
        return _If(condition, then, (nested,)), at
    other, at = _block(pieces, at + 1, ("end",))
    return _If(condition, then, other), at + 1


def _render(nodes: Sequence[Any], values: Mapping[str, Any]) -> str:
    parts: list[str] = []
    for node in nodes:
        if isinstance(node, str):
            parts.append(node)
        elif isinstance(node, _Value):
            parts.append(_text(_pipeline(node.tokens, values)))
        else:
            parts.append(_render(node.then if _pipeline(node.condition, values) else node.other, values))
    return "".join(parts)


def _text(value: Any) -> str:
    if value is None:
        return NO_VALUE
    return str(value).lower() if isinstance(value, bool) else str(value)


def _pipeline(tokens: Sequence[str], values: Mapping[str, Any]) -> Any:
    result: Any = None
    for number, command in enumerate(_split(tokens)):
        result = _command(command, values, [result] if number else [])
    return result


def _split(tokens: Sequence[str]) -> list[list[str]]:
    commands: list[list[str]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token == "(") - (token == ")")
        if token == "|" and not depth:
            commands.append([])
        else:
            commands[-1].append(token)
    return commands


def _command(tokens: list[str], values: Mapping[str, Any], piped: list[Any]) -> Any:
    operands = _operands(tokens)
    if not operands:
        raise TemplateError("missing value for command")
    head = operands[0]
    if isinstance(head, str) and re.fullmatch(r"[A-Za-z_]\w*", head) and head not in ("true", "false", "nil"):
        arguments = [_operand(each, values) for each in operands[1:]] + piped
        return _call(head, arguments)
    if len(operands) > 1 or piped:
        raise TemplateError(f"can't give argument to non-function {head}")
    return _operand(head, values)


def _operands(tokens: list[str]) -> list[Any]:
    """Tokens, with what stands in parentheses as one list."""
    result: list[Any] = []
    stack: list[list[Any]] = [result]
    for token in tokens:
        if token == "(":
            stack.append([])
        elif token == ")":
            if len(stack) < 2:
                raise TemplateError("unexpected right paren")
            inner = stack.pop()
            stack[-1].append(inner)
        else:
            stack[-1].append(token)
    if len(stack) > 1:
        raise TemplateError("unclosed left paren")
    return result


def _operand(token: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(token, list):
        return _command(token, values, [])
    if token in _WORDS:
        return _WORDS[token]
    if token.startswith("."):
        return _field(token, values)
    if token.startswith(('"', "`")):
        return token[1:-1] if token[0] == "`" else _unquoted(token)
    if token[0].isdigit() or token[0] == "-":
        return float(token) if "." in token else int(token)
    return _call(token, [])


_WORDS = {"true": True, "false": False, "nil": None}


def _unquoted(token: str) -> str:
    escapes = {"n": "\n", "t": "\t", "r": "\r"}
    return re.sub(r"\\(.)", lambda match: escapes.get(match.group(1), match.group(1)), token[1:-1])


def _field(token: str, values: Mapping[str, Any]) -> Any:
    result: Any = values
    for name in filter(None, token.split(".")):
        result = result.get(name) if isinstance(result, Mapping) else None
    return result


def _call(name: str, arguments: list[Any]) -> Any:
    function = _FUNCTIONS.get(name)
    if function is None:
        raise TemplateError(f"function {name!r} not defined")
    try:
        return function(*arguments)
    except (TypeError, IndexError, KeyError) as error:
        raise TemplateError(f"error calling {name}: {error}") from None


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        if isinstance(value, Mapping) and not isinstance(key, str):
            raise TypeError("value has type int; should be string")
        value = value.get(key) if isinstance(value, Mapping) else value[key]
    return value


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "eq": lambda first, *others: any(first == each for each in others),
    "ne": lambda first, second: first != second,
    "lt": lambda first, second: first < second,
    "le": lambda first, second: first <= second,
    "gt": lambda first, second: first > second,
    "ge": lambda first, second: first >= second,
    "not": lambda value: not value,
    "and": lambda *values: next((each for each in values if not each), values[-1]),
    "or": lambda *values: next((each for each in values if each), values[-1]),
    "len": lambda value: len(value.encode()) if isinstance(value, str) else len(value),
    "index": _index,
}
