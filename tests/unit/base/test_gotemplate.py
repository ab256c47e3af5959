"""The template language of lima.yaml."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limacore.base.gotemplate import TemplateError, expand, references

VALUES = {"Name": "n", "Dir": "/d", "Param": {"a": "b", "empty": ""}, "UID": 7, "Yes": True}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("plain", "plain"), ("{{.Name}}", "n"), ("a{{ .Param.a }}b", "abb"), ("{{.Nope}}", "<no value>"),
        ("{{.Param.nope}}", "<no value>"), ("{{if .Param.a}}y{{else}}n{{end}}", "y"),
        ("{{if .Param.empty}}y{{else}}n{{end}}", "n"), ("{{if .Nope}}y{{end}}", ""),
        ('{{if eq .Param.a "c"}}1{{else if eq .Name "n"}}2{{else}}3{{end}}', "2"),
        ("x {{- .Name -}} y", "xny"), ("a {{/* note */}} b", "a  b"), ("a {{- /* note */ -}} b", "ab"),
        ('{{"quo\\"ted"}}', 'quo"ted'), ("{{`raw`}}", "raw"), ("{{.UID}}", "7"), ("{{.Yes}}", "true"),
        ("{{not .Yes}}", "false"), ('{{and .Name (eq .UID 7)}}', "true"), ('{{or .Nope "z"}}', "z"),
        ("{{.Name | len}}", "1"), ('{{index .Param "a"}}', "b"), ("{{if and .Yes (ne .Name \"m\")}}k{{end}}", "k"),
    ],
)
def test_expansion(text: str, result: str) -> None:
    assert expand(text, VALUES) == result


@pytest.mark.parametrize(
    "text",
    ["{{", "{{.A", "{{end}}", "{{else}}", "{{if .A}}", "{{if .A}}{{else}}", "{{foo}}", "{{foo 1}}", "{{}}", "{{(}}",
     "{{)}}", "{{.A .B}}", "{{index .Param 3}}", "{{range .A}}{{end}}", "{{1 2}}", "{{|}}", "{{len}}", "{{len 3}}",
     "{{lt .Name 3}}", "{{1_}}"],
)
def test_what_is_no_template_of_ours_says_so(text: str) -> None:
    with pytest.raises(TemplateError):
        expand(text, VALUES)


def test_references() -> None:
    assert references("{{.Status}} {{.Name}}", "Status")
    assert not references(".Status {{.StatusBar}}", "Status")


@given(st.text("{}.-|()\"`/* abif elsend0129N\n", max_size=60))
def test_any_text_expands_or_raises_one_error(text: str) -> None:
    try:
        assert isinstance(expand(text, VALUES), str)
    except TemplateError:
        pass
