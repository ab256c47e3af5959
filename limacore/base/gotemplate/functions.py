"""The functions that every template may call."""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

from limacore.base.gotemplate.printing import formatted, joined, printed
from limacore.base.gotemplate.values import Char, Function, kind, truth, type_name

_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;", "\0": "\ufffd"}
_JS = {"\\": "\\\\", "'": "\\'", '"': '\\"', "<": "\\u003C", ">": "\\u003E", "&": "\\u0026", "=": "\\u003D"}


def _print(*values: Any) -> str:
    return joined(values)


def _println(*values: Any) -> str:
    return " ".join(map(printed, values)) + "\n"


def _printf(template: Any, *values: Any) -> str:
    if not isinstance(template, str):
        raise TypeError(f"wrong type for value; expected string; got {type_name(template)}")
    return formatted(template, values)


def _html(*values: Any) -> str:
    return "".join(_HTML.get(char, char) for char in joined(values))


def _js(*values: Any) -> str:
    return "".join(_JS.get(char) or (char if char.isprintable() else f"\\u{ord(char):04X}") for char in joined(values))


def _urlquery(*values: Any) -> str:
    return urllib.parse.quote_plus(joined(values), safe="~", errors="replace")


def _len(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode(errors="surrogatepass"))
    if isinstance(value, Mapping | list | tuple):
        return len(value)
    raise TypeError("len of nil pointer" if value is None else f"len of type {type_name(value)}")


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        if value is None:
            raise TypeError("index of untyped nil")
        if isinstance(value, Mapping):
            value = value.get(_text_key(key))
        elif isinstance(value, str):
            value = Char(value.encode(errors="surrogatepass")[_place(key, _len(value), False)])
        elif isinstance(value, list | tuple):
            value = value[_place(key, len(value), False)]
        else:
            raise TypeError(f"can't index item of type {type_name(value)}")
    return value


def _text_key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError("value is nil; should be of type string" if key is None else
                        f"value has type {type_name(key)}; should be string")
    return key


def _place(key: Any, length: int, end: bool) -> int:
    if key is None:
        raise TypeError("cannot index slice/array with nil")
    if not isinstance(key, int) or isinstance(key, bool):
        raise TypeError(f"cannot index slice/array with type {type_name(key)}")
    if not 0 <= key < length + end:
        raise IndexError(f"index out of range: {key}")
    return key


def _slice(value: Any, *ends: Any) -> Any:
    if value is None:
        raise TypeError("slice of untyped nil")
    if len(ends) > 3 or (len(ends) == 3 and isinstance(value, str)):
        raise TypeError("cannot 3-index slice a string" if isinstance(value, str) else
                        f"too many slice indexes: {len(ends)}")
    if not isinstance(value, str | list | tuple):
        raise TypeError(f"can't slice item of type {type_name(value)}")
    raw = value.encode(errors="surrogatepass") if isinstance(value, str) else value
    places = [_place(each, len(raw), True) for each in ends[:2]]
    start, stop = [*places, *(0, len(raw))[len(places):]]
    if start > stop:
        raise IndexError(f"invalid slice index: {start} > {stop}")
    part = raw[start:stop]
    return part.decode(errors="replace") if isinstance(part, bytes) else part


def _call(function: Any, *values: Any) -> Any:
    raise TypeError("call of nil" if function is None else f"non-function of type {type_name(function)}")


_BASIC = ("bool", "int", "float", "string")


def _equal(first: Any, second: Any) -> bool:
    one, two = kind(first), kind(second)
    if one == two:
        if one in ("map", "list"):
            raise TypeError(f"non-comparable type {printed(first)}: {type_name(first)}")
        return bool(first == second)
    if first is None or second is None:
        return False
    if one in _BASIC or two in _BASIC:
        raise TypeError("incompatible types for comparison")
    return False


def _eq(first: Any, *others: Any) -> bool:
    if not others:
        raise TypeError("missing argument for comparison")
    return any(_equal(first, each) for each in others)


def _less(first: Any, second: Any) -> bool:
    one, two = kind(first), kind(second)
    if one not in _BASIC or two not in _BASIC or (one == two == "bool"):
        raise TypeError("invalid type for comparison")
    if one != two:
        raise TypeError("incompatible types for comparison")
    return bool(first < second)


def _le(first: Any, second: Any) -> bool:
    return _less(first, second) or _equal(first, second)


def _exactly(count: int, call: Callable[..., Any]) -> Function:
    return Function(call, count, count)


BUILT_IN: dict[str, Function] = {
    "and": Function(lambda *values: values[-1], 1), "or": Function(lambda *values: values[-1], 1),
    "not": _exactly(1, lambda value: not truth(value)), "len": _exactly(1, _len), "index": Function(_index, 1),
    "slice": Function(_slice, 1), "call": Function(_call, 1), "print": Function(_print), "println": Function(_println),
    "printf": Function(_printf, 1), "html": Function(_html), "js": Function(_js), "urlquery": Function(_urlquery),
    "eq": Function(_eq, 1), "ne": _exactly(2, lambda first, second: not _equal(first, second)),
    "lt": _exactly(2, _less), "le": _exactly(2, _le), "gt": _exactly(2, lambda first, second: not _le(first, second)),
    "ge": _exactly(2, lambda first, second: not _less(first, second)),
}
"""`and` and `or` look only as far as they must; that is done where they are called."""
