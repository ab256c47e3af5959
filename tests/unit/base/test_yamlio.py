"""YAML 1.2 core: what values mean, where things stand, and that nothing but one clear error comes out."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limacore.base import yamlio
from limacore.base.yamlio import YamlError
from limacore.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"), ("yes", "yes"), ("on", "on"), ("12:30", "12:30"), ("52:55:55:12:34:56", "52:55:55:12:34:56"),
        ("2026-01-01", "2026-01-01"), ("true", True), ("False", False), ("null", None), ("~", None), ("", None),
        ("0755", 493), ("0o17", 15), ("0x1F", 31), ("0b11", 3), ("1_000", 1000), ("-0", 0), ("+5", 5), ("1.10", 1.1),
        (".5", 0.5), ("5.", 5.0), ("1e3", 1000.0), (".inf", math.inf), ("'3'", "3"), ('"true"', "true"), ("089", 89.0),
        ("1.2.3", "1.2.3"), ("!!str 3", "3"), ("!thing 3", 3), ("!!binary aGk=", "hi"), ("!!binary ???", ""),
    ],
)
def test_scalars_mean_what_yaml_1_2_says(text: str, value: Any) -> None:
    assert yamlio.load(f"k: {text}") == {"k": value}


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("a: [", 1, 4), ("a: 1\nb: 2\na: 3", 3, 1), ("a: *nope", 1, 4), ("a:\n\t- b", 2, 1), ("a: b: c", 1, 5),
        ("x: 1\ny: \0", 2, 4), ("a: {b: 1, b: 2}", 1, 11), ("x: &a {y: 1}\nz:\n  <<: *a\n  y: 2", 4, 3),
    ],
)
def test_errors_carry_line_and_column(text: str, line: int, column: int) -> None:
    with pytest.raises(YamlError) as caught:
        yamlio.load(text, "lima.yaml")
    assert (caught.value.line, caught.value.column) == (line, column)
    assert f"lima.yaml:{line}:{column}" in caught.value.message
    assert "reads" in caught.value.detail


def test_a_file_that_is_no_text_is_refused() -> None:
    with pytest.raises(YamlError, match="not UTF-8"):
        yamlio.decode(b"a: 1\nb: \xff\n", "f")
    with pytest.raises(YamlError, match="at most"):
        yamlio.decode(b"a" * (yamlio.MAX_BYTES + 1))
    assert yamlio.decode("\ufeffa: 1".encode()) == "a: 1"


def test_bombs_and_towers_are_refused() -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    for text in (bomb, "[" * 100_000, "- " * 5000 + "a", "{a: " * 5000, "? " * 5000):
        with pytest.raises(YamlError):
            yamlio.load(text)


def test_a_value_inside_itself_does_not_hang() -> None:
    assert yamlio.load("a: &a [*a]") == {"a": [None]}
    assert yamlio.positions("a: &a [*a]")[("a",)] == (1, 1)


def test_only_the_first_document_counts_but_all_must_be_well_formed() -> None:
    assert yamlio.load("a: 1\n---\nb: 2\n") == {"a": 1}
    with pytest.raises(YamlError):
        yamlio.load("a: 1\n---\nb: [\n")


def test_merge_keys() -> None:
    assert yamlio.load("x: &x {a: 1}\ny: {<<: *x, b: 2}") == {"x": {"a": 1}, "y": {"a": 1, "b": 2}}
    assert yamlio.load("y: {<<: [{a: 1}, {b: 2}]}") == {"y": {"a": 1, "b": 2}}


def test_positions() -> None:
    found = yamlio.positions("a: 1\nlist:\n- x: 1\n- y: 2\n")
    assert found[("list", 1, "y")] == (4, 3)
    assert found[("list", 0)] == (3, 3)
    assert yamlio.dotted(("list", 1, "y")) == "list[1].y"


@pytest.mark.parametrize(("text", "shown"), [("0x1F", "31"), ("1.10", "1.1"), ("1e3", "1e3"), ("True", "true"),
                                            (".nan", "NaN"), (".inf", "+Inf"), ("99999999999999999999", "9" * 20)])
def test_scalars_as_text(text: str, shown: str) -> None:
    node = yamlio.parse(text)
    assert isinstance(node, yamlio.ScalarNode)
    assert yamlio.text_of(node) == shown


_DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-10**12, 10**12) | st.text(st.characters(exclude_categories=["Cs", "Cc"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcxyz09_", max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(_DATA)
def test_what_is_dumped_is_read_back(data: Any) -> None:
    assert yamlio.load(yamlio.dump({"k": data})) == {"k": data}


@given(st.text(max_size=200) | st.text("[]{}-:,&*!|>'\"%@`#? \n\tab01<", max_size=200))
def test_any_text_gives_a_value_or_one_clear_error(text: str) -> None:
    try:
        yamlio.load(text)
        yamlio.positions(text)
    except YamlError as error:
        assert error.reason


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "endless").symlink_to("/dev/zero")
    for name in ("pipe", "endless"):
        with pytest.raises(ConfigError, match="not a regular file"):
            yamlio.read(tmp_path / name)
