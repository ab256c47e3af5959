"""Values as Go's fmt prints them: by default, and by the verbs of `printf`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from limacore.base.goquote import quoted, ticked
from limacore.base.gotemplate.values import MAX_TEXT, Record, type_name

_DIRECTIVE = re.compile(r"%([-+# 0]*)(\[\d+\])?(\*|\d+)?(?:(\.)(\[\d+\])?(\*|\d+)?)?(\[\d+\])?(.?)", re.S)
_MAX_WIDTH = 1_000_000


class _Spec(Struct, frozen=True):
    flags: str
    width: int | None
    precision: int | None
    verb: str


def printed(value: Any, *, named: bool = False) -> str:
    """A value as `%v` prints it; `named` as `%+v` does."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return general(value)
    if isinstance(value, Record):
        return "{" + " ".join(f"{key}:{printed(each, named=named)}" if named else printed(each)
                              for key, each in value.fields.items()) + "}"
    if isinstance(value, Mapping):
        pairs = sorted(value.items(), key=lambda pair: str(pair[0]))
        return "map[" + " ".join(f"{printed(key)}:{printed(each, named=named)}" for key, each in pairs) + "]"
    if isinstance(value, list | tuple):
        return "[" + " ".join(printed(each, named=named) for each in value) + "]"
    return str(value)


def joined(values: Sequence[Any]) -> str:
    """The operands as `print` writes them: a blank between two that are no texts."""
    parts: list[str] = []
    for number, value in enumerate(values):
        if number and not isinstance(value, str) and not isinstance(values[number - 1], str):
            parts.append(" ")
        parts.append(printed(value))
    return "".join(parts)


def general(value: float, precision: int | None = None, *, threshold: int = 21) -> str:
    """A float in the shortest form that reads back the same, with an exponent when it is very large or small."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    digits = repr(value) if precision is None else f"{value:.{max(precision, 1) - 1}e}"
    mantissa, _, exponent = f"{float(digits):e}".partition("e")
    power = int(exponent)
    if -4 <= power < (threshold if precision is None else max(precision, 1)):
        return _plain(value, digits, power, precision)
    shortest = _shortest_mantissa(digits) if precision is None else mantissa.rstrip("0").rstrip(".")
    return f"{shortest}e{'-' if power < 0 else '+'}{abs(power):02d}"


def _plain(value: float, digits: str, power: int, precision: int | None) -> str:
    from decimal import Decimal

    text = f"{Decimal(digits):f}" if precision is None else f"{value:.{max(precision - 1 - power, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _shortest_mantissa(digits: str) -> str:
    from decimal import Decimal

    sign, figures, _ = Decimal(digits).as_tuple()
    text = "".join(map(str, figures)).rstrip("0") or "0"
    return ("-" if sign else "") + text[0] + ("." + text[1:] if len(text) > 1 else "")


def formatted(template: str, values: Sequence[Any]) -> str:
    """`printf`; misuse shows in the text as Go shows it, e.g. `%!d(string=x)`."""
    return _Printf(values).text(template)


class _Printf:
    def __init__(self, values: Sequence[Any]) -> None:
        self.values, self.next, self.reordered, self.size = values, 0, False, 0

    def text(self, template: str) -> str:
        parts, at = [], 0
        while (start := template.find("%", at)) >= 0:
            match = _DIRECTIVE.match(template, start)
            assert match is not None
            parts += [template[at:start], self._limited(self._directive(match))]
            at = match.end()
        parts.append(template[at:])
        if not self.reordered and self.next < len(self.values):
            rest = ", ".join(f"{type_name(each)}={printed(each)}" if each is not None else "<nil>"
                             for each in self.values[self.next:])
            parts.append(f"%!(EXTRA {rest})")
        return "".join(parts)

    def _limited(self, text: str) -> str:
        self.size += len(text)
        if self.size > MAX_TEXT:
            raise ValueError(f"gives more than {MAX_TEXT} characters")
        return text

    def _directive(self, match: re.Match[str]) -> str:
        flags, first, width, point, second, precision, third, verb = match.groups()
        self._move(first)
        wide = self._number(width)
        self._move(second)
        exact = self._number(precision) if point else None
        self._move(third)
        if not verb:
            return "%!(NOVERB)"
        if verb == "%":
            return "%"
        if not 0 <= self.next < len(self.values):
            return f"%!{verb}(BADINDEX)" if self.reordered else f"%!{verb}(MISSING)"
        value = self.values[self.next]
        self.next += 1
        if wide is not None and wide < 0:
            flags, wide = flags + "-", -wide
        spec = _Spec(flags, wide, 0 if point and exact is None else exact, verb)
        return _padded(_one(value, spec), spec, value)

    def _move(self, index: str | None) -> None:
        if index:
            self.next, self.reordered = int(index[1:-1]) - 1, True

    def _number(self, text: str | None) -> int | None:
        if text == "*":
            value = self.values[self.next] if 0 <= self.next < len(self.values) else None
            self.next += 1
            return value if isinstance(value, int) and abs(value) <= _MAX_WIDTH else None
        return min(int(text[:9]), _MAX_WIDTH) if text else None


def _padded(text: str, spec: _Spec, value: Any) -> str:
    width = spec.width or 0
    if "-" in spec.flags:
        return text.ljust(width)
    numeric = isinstance(value, int | float) and not isinstance(value, bool) and spec.verb in "dboOxXeEfFgGv"
    if "0" in spec.flags and (not isinstance(value, int) or spec.precision is None):
        sign = text[:1] if numeric and text[:1] in "+- " else ""
        return sign + text[len(sign):].rjust(width - len(sign), "0")
    return text.rjust(width)


def _one(value: Any, spec: _Spec) -> str:
    if spec.verb == "T":
        return type_name(value)
    if spec.verb == "v":
        return _value(value, spec)
    if isinstance(value, list | tuple) and spec.verb not in "T":
        return "[" + " ".join(_one(each, spec) for each in value) + "]"
    for kinds, verbs, write in _WRITERS:
        if isinstance(value, kinds) and not (isinstance(value, bool) and bool not in kinds) and spec.verb in verbs:
            return str(write(value, spec))
    shown = "<nil>" if value is None else f"{type_name(value)}={printed(value)}"
    return f"%!{spec.verb}({shown})"


def _value(value: Any, spec: _Spec) -> str:
    if "#" in spec.flags:
        return _source(value)
    if isinstance(value, str):
        return _text(value, spec)
    if isinstance(value, int) and not isinstance(value, bool):
        return _integer(value, _Spec(spec.flags, spec.width, spec.precision, "d"))
    if isinstance(value, float):
        return ("+" if "+" in spec.flags and value >= 0 else "") + general(value, spec.precision)
    return printed(value, named="+" in spec.flags)


def _source(value: Any) -> str:
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Mapping):
        pairs = sorted(value.items(), key=lambda pair: str(pair[0]))
        return f"{type_name(value)}{{{', '.join(f'{_source(key)}:{_source(each)}' for key, each in pairs)}}}"
    if isinstance(value, list | tuple):
        return f"{type_name(value)}{{{', '.join(map(_source, value))}}}"
    if isinstance(value, Record):
        return f"{value.type}{{{', '.join(f'{key}:{_source(each)}' for key, each in value.fields.items())}}}"
    return printed(value)


def _text(value: str, spec: _Spec) -> str:
    text = value if spec.precision is None else value[:spec.precision]
    if spec.verb == "q":
        return ticked(text) if "#" in spec.flags else quoted(text)
    if spec.verb in "xX":
        shown = text.encode(errors="surrogateescape").hex(" " if " " in spec.flags else "") if text else ""
        return shown.upper() if spec.verb == "X" else shown
    return text


def _integer(value: int, spec: _Spec) -> str:
    if spec.verb == "c":
        return chr(value) if 0 <= value <= 0x10FFFF and not 0xD800 <= value <= 0xDFFF else "\ufffd"
    if spec.verb == "q":
        return _character(value)
    if spec.verb == "U":
        return f"U+{value:04X}"
    digits = format(abs(value), {"v": "d", "O": "o"}.get(spec.verb, spec.verb))
    if spec.precision is not None:
        digits = digits.rjust(spec.precision, "0")
    prefix = {"b": "0b", "o": "0", "x": "0x", "X": "0X"}.get(spec.verb, "") if "#" in spec.flags else ""
    prefix = "0o" if spec.verb == "O" else prefix
    return _sign(value < 0, spec) + prefix + digits


def _character(value: int) -> str:
    char = chr(value) if 0 <= value <= 0x10FFFF else "\ufffd"
    inner = quoted(char)[1:-1]
    return "'" + {'\\"': '"', "'": "\\'"}.get(inner, inner) + "'"


def _sign(negative: bool, spec: _Spec) -> str:
    return "-" if negative else "+" if "+" in spec.flags else " " if " " in spec.flags else ""


def _float(value: float, spec: _Spec) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        return general(value)
    size = abs(value)
    if spec.verb in "fF":
        text = f"{size:.{6 if spec.precision is None else spec.precision}f}"
    elif spec.verb in "eE":
        text = f"{size:.{6 if spec.precision is None else spec.precision}e}"
    else:
        text = general(size, spec.precision)
    return _sign(value < 0, spec) + (text.upper() if spec.verb in "EG" else text)


def _boolean(value: bool, spec: _Spec) -> str:
    return printed(value)


_WRITERS: tuple[tuple[tuple[type, ...], str, Any], ...] = (
    ((bool,), "t", _boolean), ((int,), "dboOxXcqU", _integer), ((float,), "eEfFgG", _float), ((str,), "sqxX", _text),
)
