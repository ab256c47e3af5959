"""The expression language: what operators mean, what is refused, what stays as it was."""

from __future__ import annotations

import time
from typing import Any

import pytest

from limacore.base import yq
from limacore.errors import ConfigError, LimaError, UsageError

DOCUMENT = """\
# top

a: 1  # one
list:
# first
- name: x
  v: 2
- name: "y"
  v: 1
map: {k: 'v', n: null}
text: hello world
"""


@pytest.mark.parametrize(("expression", "expected"), [
    (".a", [1]),
    (".list[].name", ["x", "y"]),
    (".list[-1].v", [1]),
    (".list[:1]", [[{"name": "x", "v": 2}]]),
    (".nope.deeper", [None]),
    ('.["text"]', ["hello world"]),
    (".li*[0].v", [2]),
    ("..|select(tag == \"!!int\")", [1, 2, 1]),
    (".list | length, (.a | length)", [2, 1]),
    (".a + 2 * 3", [7]),
    ("6 - 2 - 1", [5]),  # operators of one rank group to the right, as in yq
    (".a / 2", [0.5]),
    ("-7 % 3", [-1]),
    ('"ab" * 2, "a,b" / ","', ["abab", ["a", "b"]]),
    ('.a == "1", .text == "hello*"', [True, True]),
    (".nope // .a", [1]),
    (".a > 0 and .a < 1 or true", [True]),
    ('[.list[] | select(.v == 1) | .name]', [["y"]]),
    (".list | sort_by(.v) | .[].name", ["y", "x"]),
    (".list | map(.v) | sort, (.list | map(.v) | reverse)", [[1, 2], [1, 2]]),
    (".list | group_by(.v) | length", [2]),
    ('["b", "a", "b"] | unique', [["b", "a"]]),
    (".map | keys, (.map | has(\"k\"))", [["k", "n"], True]),
    (".map | to_entries | .[0]", [{"key": "k", "value": "v"}]),
    ('.map | with_entries(.key |= "_" + .)', [{"_k": "v", "_n": None}]),
    (".list[0] | path, (.list[0] | .v | key)", [["list", 0], "v"]),
    ('.text | split(" ") | join("-")', ["hello-world"]),
    ('.text | sub("(\\\\w+) (\\\\w+)", "$2 ${1}")', ["world hello"]),
    ('.text | test("^hello"), (.text | capture("(?P<w>o.*)"))', [True, {"w": "o world"}]),
    ('[.text | match("o"; "g") | .offset]', [[4, 7]]),
    (".text | upcase | @base64 | @base64d", ["HELLO WORLD"]),
    (".list[] as $e ireduce (0; . + $e.v)", [3]),
    ('.a as $x | "\\($x) and \\(.text | length)"', ["1 and 11"]),
    ('{"n": .a, (.text): .list[].v}', [{"n": 1, "hello world": 2}, {"n": 1, "hello world": 1}]),
    ('{"a": {"b": [1]}} * {"a": {"c": 2, "b": [3]}}', [{"a": {"b": [3], "c": 2}}]),
    ('{"a": [1]} *+ {"a": [2]}', [{"a": [1, 2]}]),
    ('.map | pick(["n"]), (.map | omit(["n"]))', [{"n": None}, {"k": "v"}]),
    ("[[1, [2]], 3] | flatten, ([[1, [2]]] | flatten(1))", [[1, 2, 3], [1, [2]]]),
    ("[1, 2] - [2], ([3, 1] | min)", [[1], 1]),
    ("[true, false] | any, ([true, false] | all)", [True, False]),
    ('"a: [1]" | from_yaml | .a[0]', [1]),
    (".map | @json, (.map | to_json(0))", ['{"k":"v","n":null}'] * 2),
    ('.list | @csv', ["name,v\nx,2\ny,1"]),
    ('"2024-01-02T03:04:05Z" | format_datetime("02 Jan 2006")', ["02 Jan 2024"]),
    ('.list | contains([{"name": "y"}])', [True]),
    (".a tag, (.text | type)", None),
    ("", [{"a": 1, "list": [{"name": "x", "v": 2}, {"name": "y", "v": 1}], "map": {"k": "v", "n": None},
          "text": "hello world"}]),
])
def test_query(expression: str, expected: list[Any] | None) -> None:
    from limacore.base import yamlio

    data = yamlio.load(DOCUMENT)
    if expected is None:
        with pytest.raises(UsageError):
            yq.query(expression, data)
    else:
        assert yq.query(expression, data) == expected


@pytest.mark.parametrize(("expression", "before", "after"), [
    (".a = 2", "a: 1  # one\n", "a: 2  # one\n"),
    (".list[1].v = 5", '- name: "y"\n  v: 1\n', '- name: "y"\n  v: 5\n'),
    ('.list[1].name = "z"', '- name: "y"\n', '- name: "z"\n'),
    ('.map.n = "1"', "{k: 'v', n: null}", "{k: 'v', n: \"1\"}"),
    ("del(.list[0])", "# first\n- name: x\n  v: 2\n", ""),
    (".list |= reverse", '# first\n- name: x\n  v: 2\n- name: "y"\n  v: 1\n',
     '- name: "y"\n  v: 1\n# first\n- name: x\n  v: 2\n'),
    ('.a line_comment="two"', "# one", "# two"),
    ('.text style="single"', "text: hello world", "text: 'hello world'"),
    ('.new = {"x": ["y"]}', "text: hello world\n", "text: hello world\nnew:\n  x:\n  - \"y\"\n".replace('"y"', "y")),
    ('.text = "#!/bin/sh\\nx\\n"', "text: hello world\n", "text: |\n  #!/bin/sh\n  x\n"),
    (".list[].v += 1", "v: 2\n- name: \"y\"\n  v: 1", "v: 3\n- name: \"y\"\n  v: 2"),
    ('with(.map; .k = 1 | .z = true)', "{k: 'v', n: null}", "{k: 1, n: null, z: true}"),
    (".map |= sort_keys(.)", "", ""),
    (". # only a remark", "", ""),
])
def test_an_edit_changes_nothing_else(expression: str, before: str, after: str) -> None:
    assert before in DOCUMENT
    assert yq.evaluate(expression, DOCUMENT) == DOCUMENT.replace(before, after, 1)


@pytest.mark.parametrize(("before", "after"), [
    ("x: [a: b]\n", "x: [{a: b}]\nn: 1\n"),
    ('x: ["a": b, c, d: [e: {f: g}]]\n', 'x: [{"a": b}, c, {d: [{e: {f: g}}]}]\nn: 1\n'),
    ("x: [? a : b]\n", "x: [{a: b}]\nn: 1\n"),
    ("x: [\n  a: b, # one\n  # two\n  c: d\n]\n", "x:\n- {a: b}  # one\n# two\n- {c: d}\nn: 1\n"),
])
def test_a_single_pair_in_a_list_is_a_map(before: str, after: str) -> None:
    assert yq.evaluate(".n = 1", before) == after


def test_no_expression_leaves_the_bytes() -> None:
    text = "\ufeffa:   1\r\n\r\n\r\n"
    assert yq.evaluate("", text) == text


def test_every_document_is_edited() -> None:
    assert yq.evaluate(".a = 1", "b: 2\n---\nc: 3\n") == "b: 2\na: 1\n---\nc: 3\na: 1\n"


def test_nothing_left_is_an_empty_text() -> None:
    assert yq.evaluate("select(false)", DOCUMENT) == ""
    assert yq.evaluate(".a = 1", "") == ""


@pytest.mark.parametrize(("expression", "message"), [
    (".a = 8GiB", '1:7: lexer: invalid input text "GiB"'),
    (".a b", '1:4: lexer: invalid input text "b"'),
    (".a |\n if . then 1 end", '2:2: lexer: invalid input text "if . then 1 end"'),
    (".a =", "'=' expects 2 args but there is 1"),
    (".a //= 1", "'//' expects 2 args but there is 1"),
    ("select()", "'select' expects 1 arg but received none"),
    (".a[0", "bad expression, could not find matching `]`"),
    (".a)", "bad expression, got close brackets without matching opening bracket"),
    ("1 2", "bad expression, please check expression syntax"),
    (".a as $x", "must use variable with a pipe, e.g. `exp as $x | ...`"),
    ("env(HOME)", "env operations have been disabled"),
    ("strenv(HOME)", "env operations have been disabled"),
    ('.a = load("/etc/passwd")', "file operations have been disabled"),
    ('load_str("x")', "file operations have been disabled"),
    ('system("id")', "system operations are disabled, use --security-enable-system-operator to enable"),
    ('.text | test("(?=x)")', "error parsing regexp: invalid or unsupported Perl syntax: `(?=`"),
    ('error("so")', "so"),
    (".list + {} | .[0] * true", "cannot multiply !!map with !!bool"),
    (".a | keys", "cannot get keys of !!int, keys only works for maps and arrays"),
])
def test_refusals_are_in_the_words_of_yq(expression: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        yq.evaluate(expression, DOCUMENT)
    assert caught.value.message == message


@pytest.mark.parametrize("expression", [
    '.[] as $x ireduce ("x"; . + .)',
    ".[] as $x ireduce ([1]; . + .)",
    '.[] as $x ireduce ({}; {"a": .})',
    ".[] * .[] * .[]",
    '"%s!" | test("^(a+)+$")' % ("a" * 40),
    "[..,..] | [..,..] | [..,..] | [..,..] | [..,..] | [..,..] | [..,..] | [..,..] | [..,..] | [..,..]",
    "+".join(["1"] * 1000),
    "(" * 70_000,
    ".[999999999] = 1",
])
def test_what_grows_without_end_is_ended(expression: str) -> None:
    numbers = "".join(f"- {number}\n" for number in range(500))
    began = time.process_time()
    with pytest.raises(LimaError):
        yq.results(expression, numbers, budget=yq.Budget(steps=200_000, seconds=0.3))
    assert time.process_time() - began < 2


def test_regular_expressions_share_the_time_of_the_whole_expression() -> None:
    texts = "".join(f"- {'a' * (22 + number % 3)}!\n" for number in range(50))
    began = time.monotonic()
    with pytest.raises(UsageError, match="too long"):
        yq.results('.[] | select(test("^(a+)+(b+)+$"))', texts, budget=yq.Budget(seconds=0.5))
    assert time.monotonic() - began < 15, "0.5 s for each of 50 texts would be 25"


def test_a_text_that_is_no_yaml_is_refused() -> None:
    with pytest.raises(ConfigError):
        yq.evaluate(".a = 1", "a: [")


def test_plain_paths_need_no_tree() -> None:
    data = {"name": "x", "config": {"images": [{"location": "y"}]}, "fill": ["z"] * 100_000}
    began = time.process_time()
    for _ in range(1000):
        assert yq.query(".name", data) == ["x"]
        assert yq.query(".config.nope.deeper", data) == [None]
    assert time.process_time() - began < 1
    assert yq.query(".config.images", data) == [[{"location": "y"}]]
    with pytest.raises(UsageError):
        yq.query(".config.images.location", data)


def test_results_are_printed_as_yq_does() -> None:
    assert yq.print_results(["a", 1, None, {"x": [1]}]) == "a\n1\nnull\nx:\n  - 1\n"
    assert yq.print_results([{"x": [1]}, "a"], output="json", indent=0, unwrap_scalar=False) == '{"x":[1]}\n"a"\n'
    assert yq.show(".list[]", DOCUMENT, output="json", indent=0) == '{"name":"x","v":2}\n{"name":"y","v":1}\n'
