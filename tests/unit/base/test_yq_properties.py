"""Whatever is typed and whatever the file holds: a result or one error, soon; and what is not changed stays."""

from __future__ import annotations

import time
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from limacore.base import yamlfmt, yamlio, yq
from limacore.errors import LimaError

_ATOMS = some.sampled_from([
    ".", "..", "...", ".a", ".a.b", ".a[0]", ".a[]", ".[]", ".[-1]", '.["b"]', ".a[1:]", "1", "-2", "1.5", "0x10",
    "true", "null", '"x"', '"\\(.a)"', '"(a*)*$"', '"double"', '"g"', "[]", "{}", "$x"])
_WORDS = some.sampled_from([
    "length", "keys", "reverse", "sort", "unique", "flatten", "to_entries", "from_entries", "not", "any", "min",
    "first", "path", "key", "parent", "root", "kind", "tag", "style", "anchor", "line_comment", "upcase", "trim",
    "to_string",
    "to_number", "@json", "to_yaml", "@csv", "@props", "@base64", "@base64d", "@uri", "@sh", "from_yaml", "from_props",
    "to_unix", "from_unix", "pivot", "array_to_map", "env(A)", "shuffle"])
_CALLS = some.sampled_from([
    "map", "map_values", "filter", "select", "with_entries", "sort_by", "unique_by", "group_by", "pick", "omit", "has",
    "contains", "join", "split", "test", "match", "capture", "any_c", "del", "explode", "sort_keys", "eval", "tz",
    "format_datetime", "error", "load", "system", "del_paths", "with", "sub", "set_path"])
_SIGNS = some.sampled_from([
    " + ", " - ", " * ", " / ", " % ", " == ", " != ", " < ", " >= ", " = ", " |= ", " += ", " *= ", " *+ ", " *d ",
    " // ", ", ", " | ", "; ", " and ", " or ", " as $x | ", " style=", " tag=", " line_comment=", " anchor=",
    " alias=", " "])
EXPRESSIONS = some.recursive(_ATOMS, lambda inner: some.one_of(
    some.tuples(inner, _SIGNS, inner).map("".join),
    some.tuples(inner, some.just(" | "), _WORDS).map("".join),
    some.tuples(_CALLS, some.just("("), inner, some.just(")")).map("".join),
    some.tuples(_CALLS, some.just("("), inner, some.just("; "), inner, some.just(")")).map("".join),
    some.tuples(some.just("["), inner, some.just("]")).map("".join),
    some.tuples(some.just('{"k": '), inner, some.just("}")).map("".join),
    some.tuples(inner, some.just(" as $x ireduce ("), inner, some.just("; "), inner, some.just(")")).map("".join),
), max_leaves=8)
_TEXTS = some.text(max_size=12) | some.sampled_from(
    ["yes", "0755", "1e3", "~", "null", "a: b", "- x", "#no", "x #c", " lead", "trail ", "a\nb\n", "\n", "a\n\n", "'",
     '"', "\t", "tab\there", "\u2028", "{", "[1]", "*a", "&a", "!t", "|", ">", "%", "@", "`", "...", "---", "\x85",
     "2024-01-01"])
DATA = some.recursive(
    some.none() | some.booleans() | some.integers(-1000, 1 << 70) | some.floats(allow_nan=False) | _TEXTS,
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(_TEXTS, inner, max_size=4), max_leaves=15)
DOCUMENTS = some.one_of(
    DATA.map(lambda data: yaml.safe_dump(data, allow_unicode=True)),
    DATA.map(lambda data: yaml.safe_dump(data, default_flow_style=True, width=10)),
    some.text(max_size=60),
    some.sampled_from(["a: &x [1, {b: c}]\nd: *x\n", "a: {<<: {z: 1}, y: 2} # c\n", "# c\n",
                       "a: |+\n  x\n\n\nb: >-\n  y\n  z\n"]),
)
_PATIENT = settings(max_examples=300, suppress_health_check=list(HealthCheck))


def _soon(began: float) -> bool:
    return time.process_time() - began < 15


@_PATIENT
@given(EXPRESSIONS, DOCUMENTS)
def test_a_result_or_one_error(expression: str, text: str) -> None:
    began = time.process_time()
    try:
        yq.evaluate(expression, text)
        yq.show(expression, text)
    except LimaError as error:
        assert error.message
    assert _soon(began)


@_PATIENT
@given(some.text(max_size=40), DATA)
def test_any_words_are_an_expression_or_refused(expression: str, data: Any) -> None:
    try:
        yq.query(expression, data)
    except LimaError as error:
        assert error.message


@_PATIENT
@given(DOCUMENTS)
def test_identity_keeps_the_values(text: str) -> None:
    try:
        before = yamlio.load(text)
        after = yq.evaluate(".", text)
    except LimaError:
        return
    if isinstance(before, dict | list):
        assert yamlio.load(after) == before
        assert yamlfmt.format(after) == after


_COMMENTS = some.text(some.characters(min_codepoint=33, max_codepoint=126), max_size=8).map(lambda text: f"# {text}x")
_ENTRIES = some.lists(some.tuples(
    some.lists(_COMMENTS | some.just(""), max_size=3),
    some.sampled_from(["{}: 1", "{}: 'q'  # line", '{}: "d"', "{}:\n  sub: 1\n  # deep\n  more: [a, b]",
                       "{}:\n- x\n# i\n- y: 1", "{}: |\n  # no comment\n\n  text", "{}: # of key\n  k: v", "{}:"]),
), min_size=1, max_size=6)


@_PATIENT
@given(_ENTRIES, some.lists(_COMMENTS, max_size=2))
def test_identity_keeps_comments_and_order(entries: list[tuple[list[str], str]], end: list[str]) -> None:
    lines = [line for number, (above, entry) in enumerate(entries) for line in (*above, entry.format(f"k{number}"))]
    text = "\n".join([*lines, *end]) + "\n"
    after = yq.evaluate(".", text)
    assert list(yamlio.load(after)) == [f"k{number}" for number in range(len(entries))]
    assert [line.split() for line in after.splitlines() if line.strip()] == [
        line.split() for line in text.splitlines() if line.strip()]
    assert yq.evaluate(".", after) == after
