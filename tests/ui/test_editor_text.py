"""What the editor knows of YAML text: colours, fields, changes. Pure functions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limacore.config.fields import CHOICES, DOCS
from limacore.model.config import Problem
from limatui.ink import plain
from limatui.widgets.editor.diff import changed_lines, count_changes, diff
from limatui.widgets.editor.keydoc import about, problem_lines, summary
from limatui.widgets.editor.yamltext import block_lines, key_path, patches

TEXT = """\
# comment
images:
- location: "https://x/y"
  arch: x86_64
cpus: 4
nested:
  - a: 1
    b:
      c: true
dns:
- 1.1.1.1
script: |
  #!/bin/sh
  echo "key: value"

  done
after: 'x' # why
mounts: [{location: "~"}]
"""
LINES = TEXT.split("\n")


@pytest.mark.parametrize(("row", "path"), [
    (0, ""), (1, "images"), (2, "images[].location"), (3, "images[].arch"), (4, "cpus"), (6, "nested[].a"),
    (7, "nested[].b"), (8, "nested[].b.c"), (10, "dns[]"), (11, "script"), (13, "script"), (15, "script"),
    (16, "after"), (17, "mounts"), (18, ""),
])
def test_the_field_at_a_line(row: int, path: str) -> None:
    assert key_path(LINES, row) == path


def test_block_texts_end_with_their_indentation() -> None:
    assert block_lines(LINES) == {12, 13, 14, 15}


def colours(line: str, *, in_block: bool = False) -> dict[str, str]:
    return {line[patch.start : patch.end]: patch.mark for patch in patches(line, in_block=in_block) if patch.end}


@pytest.mark.parametrize(("line", "expected"), [
    ("cpus: 4", {"cpus": "number", ":": "dim", "4": "warn"}),
    ("a: true", {"a": "number", ":": "dim", "true": "protected"}),
    ("a: some words", {"a": "number", ":": "dim", "some words": "running"}),
    ('  arch: "x: y" # c', {"  ": "dim", "arch": "number", ":": "dim", '"x: y"': "running", "# c": "faint"}),
    ("# a: b", {"# a: b": "faint"}),
    ("- 1.1.1.1", {"-": "dim", "1.1.1.1": "running"}),
    ("url: http://x#y", {"url": "number", ":": "dim", "http://x": "running", "#y": "running"}),
])
def test_colours(line: str, expected: dict[str, str]) -> None:
    found = colours(line)
    assert {text: mark for text, mark in found.items() if text in expected} == {
        text: mark for text, mark in expected.items() if text != "#y"}


def test_scripts_are_plain_but_their_comments() -> None:
    assert colours("  key: value", in_block=True) == {"  key: value": "text-bright"}
    assert colours("  # why", in_block=True) == {"  # why": "dim"}


@given(st.text(alphabet="ab:-# '\"|>[]{},\t\\1\u202e\x1b\n", max_size=60))
def test_any_text_can_be_coloured_and_located(text: str) -> None:
    lines = text.split("\n")
    blocks = block_lines(lines)
    for row, line in enumerate(lines):
        for patch in patches(line, in_block=row in blocks):
            assert 0 <= patch.start <= patch.end <= len(line)
        key_path(lines, row)


def test_changes() -> None:
    assert changed_lines("a\nb\nc", "a\nB\nc\nd") == {1, 3}
    assert count_changes("a\nb\nc", "a\nB\nc\nd") == 2
    assert [plain(line) for line in diff("a\nb\nc", "a\nB\nc")] == ["line 1", "  a", "- b", "+ B", "  c"]
    assert diff("same", "same") == ()


def parts(path: str) -> tuple[str | int, ...]:
    names = (part for name in path.split(".") for part in ((name[:-2], 0) if name.endswith("[]") else (name,)))
    return tuple(names)


@pytest.mark.parametrize("path", sorted(DOCS))
def test_every_documented_field_is_told(path: str) -> None:
    lines = [plain(line) for line in about(parts(path), 36)]
    assert lines[0] == path
    assert "no field" not in "".join(lines), f"{path} is documented and does not exist"


def test_choices_and_unknown_fields_are_told() -> None:
    assert CHOICES["vmType"][0] in plain(about(("vmType",), 60)[1])
    assert "no field of lima.yaml" in plain(about(("cpuss",), 36)[1])


def test_problems_are_told_with_line_and_hint() -> None:
    problems = (Problem("a", "wrong", "do this", line=3), Problem("b", "odd", severity="warning"))
    assert [plain(line) for line in problem_lines(problems, 40)] == ["✗ 3    wrong", "       do this", "▲      odd"]
    assert plain(summary(problems)) == "1 error  1 hint"
    assert plain(summary(())) == "no problems"
