"""The template language of lima.yaml and of `list --format`: results and errors as Go's text/template gives them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limacore.base.gotemplate import Function, Record, TemplateError, expand, parse, references

VALUES = {
    "Name": "n",
    "Dir": "/d",
    "Param": {"a": "b", "empty": ""},
    "UID": 7,
    "Yes": True,
    "Half": 0.5,
    "List": ["x", "y", "z"],
    "None": None,
    "Deep": {"A": {"B": [1, {"C": "c"}]}},
}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("plain", "plain"),
        ("{{.Name}}", "n"),
        ("a{{ .Param.a }}b", "abb"),
        ("{{.Nope}}", "<no value>"),
        ("{{.Param.nope}}", "<no value>"),
        ("{{.Nope.Deeper}}", "<no value>"),
        ("{{.None}}", "<no value>"),
        ("{{if .Param.a}}y{{else}}n{{end}}", "y"),
        ("{{if .Param.empty}}y{{else}}n{{end}}", "n"),
        ("{{if .Nope}}y{{end}}", ""),
        ('{{if eq .Param.a "c"}}1{{else if eq .Name "n"}}2{{else}}3{{end}}', "2"),
        ("x {{- .Name -}} y", "xny"),
        ("a {{/* note */}} b", "a  b"),
        ("a {{- /* note */ -}} b", "ab"),
        ("a{{-1}}", "a-1"),
        ("{{/* a\nb }} */}}c", "c"),
        ('{{"quo\\"ted"}}', 'quo"ted'),
        ("{{`raw {{x}}`}}", "raw {{x}}"),
        ('{{"{{"}}', "{{"),
        ("{{.UID}}", "7"),
        ("{{.Yes}}", "true"),
        ("{{.Half}}", "0.5"),
        ("{{.List}}", "[x y z]"),
        ("{{.Param}}", "map[a:b empty:]"),
        ("{{not .Yes}}", "false"),
        ("{{and .Name (eq .UID 7)}}", "true"),
        ('{{or .Nope "z"}}', "z"),
        ("{{and .Nope .Nope.X.Y}}", "<no value>"),
        ("{{.Name | len}}", "1"),
        ('{{index .Param "a"}}', "b"),
        ("{{index .List 1}}", "y"),
        ('{{index .Deep "A" "B" 0}}', "1"),
        ("{{(index .Deep.A.B 1).C}}", "c"),
        ("{{slice .List 1 2}}", "[y]"),
        ('{{slice "abcd" 1 3}}', "bc"),
        ('{{index "abc" 1}}', "98"),
        ('{{if and .Yes (ne .Name "m")}}k{{end}}', "k"),
        ("{{$x := .Name}}{{$x}}", "n"),
        ("{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}", "2"),
        ("{{$x := 1}}{{if true}}{{$x := 2}}{{end}}{{$x}}", "1"),
        ("{{with .Deep.A}}{{len .B}}{{$.Name}}{{end}}", "2n"),
        ("{{with .Nope}}a{{else}}{{.Name}}{{end}}", "n"),
        ("{{with .Nope}}a{{else with .Name}}{{.}}{{end}}", "n"),
        ("{{range .List}}{{.}},{{end}}", "x,y,z,"),
        ("{{range $i, $e := .List}}{{$i}}{{$e}} {{end}}", "0x 1y 2z "),
        ("{{range $e := .List}}{{$e}}{{end}}", "xyz"),
        ("{{range $k, $v := .Param}}{{$k}}={{$v}};{{end}}", "a=b;empty=;"),
        ("{{range .Nope}}a{{else}}none{{end}}", "none"),
        ("{{range 3}}{{.}}{{end}}", "012"),
        ('{{range .List}}{{if eq . "y"}}{{continue}}{{end}}{{.}}{{end}}', "xz"),
        ('{{range .List}}{{if eq . "y"}}{{break}}{{end}}{{.}}{{end}}', "x"),
        ('{{define "d"}}<{{.}}>{{end}}{{template "d" .Name}}{{template "d"}}', "<n><<no value>>"),
        ('{{block "b" .UID}}[{{.}}]{{end}}', "[7]"),
        ('{{printf "%05d|%s|%q|%v" 42 .Name .Name .List}}', '00042|n|"n"|[x y z]'),
        (
            '{{printf "%-5s|%5s|%.1f|%x|%t|%%|%c|%T" "a" "b" 1.25 255 true 65 .Half}}',
            "a    |    b|1.2|ff|true|%|A|float64",
        ),
        ('{{printf "%d %s" "x"}}', "%!d(string=x) %!s(MISSING)"),
        ('{{printf "%d" 1 2}}', "1%!(EXTRA int=2)"),
        ('{{printf "%[2]s%[1]s" "a" "b"}}', "ba"),
        ('{{printf "%*d|%+d|% d" 4 1 2 3}}', "   1|+2| 3"),
        ('{{printf "%"}}', "%!(NOVERB)"),
        ('{{printf "%6.2f|%e|%g" 3.14159 1e10 1e21}}', "  3.14|1.000000e+10|1e+21"),
        ("{{1e3}}", "1000"),
        ("{{0x10}}", "16"),
        ("{{'a'}}", "97"),
        ("{{1_000}}", "1000"),
        ('{{print 1 2 "a" "b" 3}}', "1 2ab3"),
        ('{{println 1 "a"}}', "1 a\n"),
        ('{{"<a&\'b\\">" | html}}', "&lt;a&amp;&#39;b&#34;&gt;"),
        ('{{"it\'s <b>" | js}}', "it\\'s \\u003Cb\\u003E"),
        ('{{"a b&c/d" | urlquery}}', "a+b%26c%2Fd"),
        ("{{lt 1 2}}{{le 2 2}}{{gt 1 2}}{{ge 2 2}}", "truetruefalsetrue"),
        ("{{eq .UID 1 7}}", "true"),
        ('{{eq .Nope "x"}}', "false"),
        ('{{.Name | printf "%s%s" "a"}}', "an"),
        ("{{if not .Nope}}1{{end}}", "1"),
        ('{{len "\u00e4"}}', "2"),
        ("{{true}}", "true"),
    ],
)
def test_expansion(text: str, result: str) -> None:
    assert expand(text, VALUES) == result


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{{", "template: t:1: unclosed action"),
        ("{{.A", "template: t:1: unclosed action"),
        ("a\n{{.A\n", "template: t:3: unclosed action started at t:2"),
        ("{{end}}", "template: t:1: unexpected {{end}}"),
        ("{{else}}", "template: t:1: unexpected {{else}}"),
        ("{{if .A}}", "template: t:1: unexpected EOF"),
        ("{{foo 1}}", 'template: t:1: function "foo" not defined'),
        ("{{}}", "template: t:1: missing value for command"),
        ("{{if}}a{{end}}", "template: t:1: missing value for if"),
        ("{{(}}", "template: t:1: unclosed left paren"),
        ("{{)}}", "template: t:1: unexpected right paren"),
        ('{{"a}}', "template: t:1: unterminated quoted string"),
        ("{{`a}}", "template: t:1: unterminated raw quoted string"),
        ("{{/* a", "template: t:1: unclosed comment"),
        ("{{/* a */ }}", "template: t:1: comment ends before closing delimiter"),
        ("{{$x}}", 'template: t:1: undefined variable "$x"'),
        ("{{break}}", "template: t:1: {{break}} outside {{range}}"),
        ("{{.A#}}", "template: t:1: bad character U+0023 '#'"),
        ("{{#}}", "template: t:1: unrecognized character in action: U+0023 '#'"),
        ("{{1_}}x{{0x}}", 'template: t:1: bad number syntax: "0x"'),
        ("{{.A|}}", "template: t:1: missing value for command"),
        ("{{|}}", 'template: t:1: unexpected "|" in command'),
        ("{{1|2}}", "template: t:1: non executable command in pipeline stage 2"),
        ("{{.Name.X}}", 'template: t:1:7: executing "t" at <.Name.X>: can\'t evaluate field X in type string'),
        ("ä\nb{{.Name  .Dir}}", 'template: t:2:3: executing "t" at <.Name>: Name is not a method but has arguments'),
        ("{{1 2}}", 'template: t:1:2: executing "t" at <1>: can\'t give argument to non-function 1'),
        (
            "a {{index .Param 3}}",
            'template: t:1:4: executing "t" at <index .Param 3>: error calling index: value has type int; '
            "should be string",
        ),
        (
            "{{index .List 9}}",
            'template: t:1:2: executing "t" at <index .List 9>: error calling index: index out of range: 9',
        ),
        (
            "{{lt .Name 3}}",
            'template: t:1:2: executing "t" at <lt .Name 3>: error calling lt: incompatible types for comparison',
        ),
        ("{{len}}", 'template: t:1:2: executing "t" at <len>: wrong number of args for len: want 1 got 0'),
        ("{{eq 1}}", 'template: t:1:2: executing "t" at <eq 1>: error calling eq: missing argument for comparison'),
        ("{{len 3}}", 'template: t:1:2: executing "t" at <len 3>: error calling len: len of type int'),
        ("{{range .Yes}}{{end}}", 'template: t:1:8: executing "t" at <.Yes>: range can\'t iterate over true'),
        ('{{template "x"}}', 'template: t:1:11: executing "t" at <"x">: template "x" not defined'),
        ("{{nil}}", 'template: t:1:2: executing "t" at <nil>: nil is not a command'),
    ],
)
def test_errors_in_gos_words(text: str, error: str) -> None:
    with pytest.raises(TemplateError) as caught:
        expand(text, VALUES, "t")
    assert str(caught.value) == error


def test_a_struct_knows_its_fields() -> None:
    data = Record("store.FormatData", {"Name": "a", "Config": Record("limatype.LimaYAML", {"CPUs": 2})})
    assert expand("{{.Name}} {{.Config.CPUs}} {{.Config}}", data) == "a 2 {2}"
    with pytest.raises(TemplateError) as caught:
        expand("{{.Nosuch}}", data, "format")
    assert str(caught.value) == (
        'template: format:1:2: executing "format" at <.Nosuch>: can\'t evaluate field Nosuch in type store.FormatData'
    )


def test_functions_of_the_caller() -> None:
    def missing(*values: str) -> str:
        return values[-1] or values[0]

    template = parse('{{missing "-" .Name}}{{.Name | missing "+"}}', functions={"missing": Function(missing, 1, 2)})
    assert template.execute({"Name": ""}) == "-+"
    with pytest.raises(TemplateError, match="want 2 got 3"):
        parse("{{missing 1 2 3}}", functions={"missing": Function(missing, 1, 2)}).execute({})


@pytest.mark.parametrize(
    "text",
    [
        "{{range 1000000000}}{{end}}",
        '{{$x := "ab"}}{{range 60}}{{$x = print $x $x}}{{end}}{{$x}}',
        '{{define "a"}}{{template "a"}}{{end}}{{template "a"}}',
        '{{range 100000}}{{printf "%1000000d" 1}}{{end}}',
        "{{if true}}" * 500 + "{{end}}" * 500,
        "{{" + "(" * 500 + "1" + ")" * 500 + "}}",
        "{{range 2000}}{{range 2000}}{{end}}{{end}}",
        "{{else if true}}" * 300,
        "{{if true}}" + "{{else if true}}" * 300 + "{{end}}",
        '{{printf "%1000000d%1000000d%1000000d%1000000d%1000000d" 1 2 3 4 5}}',
    ],
)
def test_what_has_no_end_ends(text: str) -> None:
    began = time.process_time()
    with pytest.raises(TemplateError):
        expand(text, VALUES)
    assert time.process_time() - began < 10


def test_references() -> None:
    assert references("{{.Status}} {{.Name}}", "Status")
    assert not references(".Status {{.StatusBar}}", "Status")


_WORDS = st.sampled_from(
    [
        "{{",
        "}}",
        "{{-",
        "-}}",
        " ",
        ".Name",
        ".",
        "$x",
        ":=",
        "=",
        "|",
        "(",
        ")",
        "if",
        "range",
        "else",
        "end",
        "with",
        "define",
        "template",
        "block",
        "break",
        "printf",
        '"%d%s%[9]q%*.3f"',
        "'a'",
        "`",
        '"',
        "1",
        "0x",
        "1e9",
        "index",
        "slice",
        "len",
        ".List",
        "eq",
        "and",
        "nil",
        "true",
        "/*",
        "*/",
        "\n",
        ",",
    ]
)


@given(
    st.text('{}.-|()"`/* abif elsend0129N\n', max_size=60)
    | st.lists(_WORDS, max_size=25).map("".join)
    | st.lists(_WORDS, max_size=12).map(lambda words: "{{" + " ".join(words) + "}}")
)
def test_any_text_expands_or_raises_one_error(text: str) -> None:
    try:
        assert isinstance(expand(text, VALUES), str)
    except TemplateError:
        pass
