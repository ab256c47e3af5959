"""What the editor offers to write, by the lines above the cursor."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limacore.config.schema import describe
from limatui.present.completion import Choice, choices, spot

TEXT = """\
images:
- location: x
  |
cpus: 4
"""
NAMES = {"base": ("template:default", "template:_images/debian-13")}


def at(marked: str) -> tuple[Choice, ...]:
    """What is offered at the bar in a text."""
    lines = marked.split("\n")
    row = next(number for number, line in enumerate(lines) if "|" in line)
    column = lines[row].index("|")
    lines[row] = lines[row].replace("|", "", 1)
    place = spot(lines, row, column)
    return choices(place, NAMES) if place else ()


def words(marked: str) -> list[str]:
    return [choice.text for choice in at(marked)]


@pytest.mark.parametrize(("marked", "first"), [
    ("vm|\ncpus: 4\n", ["vmType", "vmOpts"]),
    (TEXT, ["arch", "digest", "kernel"]),
    ("mountType: rev|", ["reverse-sshfs"]),
    ("provision:\n- mode: d|", ["data", "dependency"]),
    ("provision:\n  - mode: system\n    scr|", ["script"]),
    ("portForwards:\n- guestPort: 80\n  host|\n  ignore: true\n- hostIP: x", ["hostIP", "hostPort", "hostPortRange"]),
    ("containerd:\n  user: |", ["true", "false"]),
    ("ssh:\n  forward|", ["forwardAgent", "forwardX11", "forwardX11Trusted"]),
    ("base:\n- deb|", ["template:_images/debian-13"]),
    ("base: |", ["template:default"]),
    ("mounts:\n- |", ["location", "mountPoint", "writable"]),
    ("mounts:\n  mou|", ["mountPoint"]),
    ("video:\n  vnc:\n    |", ["display"]),
    ("cp|: 4", ["cpuType", "cpus"]),
    ("arch: \"x|\"", ["x86_64"]),
])
def test_what_is_offered(marked: str, first: list[str]) -> None:
    assert words(marked)[:len(first)] == first


@pytest.mark.parametrize("marked", [
    "# cp|", "script: x\nprovision:\n- script: |-\n    cp|".replace("|-", ">"), "images: [{loc|", "cpus: 4 |",
    "nothing:\n  known|", "cpus: 4\n  deeper|", "env:\n  FOO: |", "cpus|",
])
def test_where_nothing_is_offered(marked: str) -> None:
    assert [word for word in words(marked) if word != "cpus"] in ([], ["cpuType"])


def test_keys_that_are_there_are_not_offered_again() -> None:
    offered = words("cpus: 1\nmemory: 1GiB\n|\ndisk: 3GiB\n")
    assert not {"cpus", "memory", "disk"} & set(offered)
    assert "arch" in offered
    first_item = words("mounts:\n- location: a\n  |\n- location: b\n  writable: true\n")
    assert "writable" in first_item and "location" not in first_item


@pytest.mark.parametrize(("marked", "word", "insert"), [
    ("cpu|", "cpus", "cpus: "),
    ("mou|", "mounts", "mounts:\n- "),
    ("ss|", "ssh", "ssh:\n  "),
    ("provision:\n- scr|", "script", "script: |\n    "),
    ("mounts:\n  loc|", "location", "- location: "),
    ("cp|: 4", "cpus", "cpus"),
    ("vmType: q|", "qemu", "qemu"),
])
def test_what_is_written(marked: str, word: str, insert: str) -> None:
    assert next(choice.insert for choice in at(marked) if choice.text == word) == insert


def test_every_key_has_its_documentation_with_it() -> None:
    assert all(choice.doc for choice in at("|"))
    info = describe(("cpus",))
    assert info and next(choice for choice in at("cpu|") if choice.text == "cpus").type == info.type


@given(st.text(alphabet="ab:-# '\"|>[]{},\t\\1\u202e\x1b\ncpusmounts", max_size=80), st.integers(0, 80))
def test_any_text_is_survived(text: str, column: int) -> None:
    lines = text.split("\n")
    for row, line in enumerate(lines):
        place = spot(lines, row, min(column, len(line)))
        if place is not None:
            assert 0 <= place.start <= len(line) and place.start <= place.end <= len(line)
            choices(place, NAMES)


def test_a_thousand_lines_take_no_time() -> None:
    lines = ["provision:", *["- mode: system", "  script: |", "    echo a", "    echo b"] * 250, "vm"]
    began = time.process_time()
    for _ in range(20):
        place = spot(lines, len(lines) - 1, 2)
        assert place is not None and choices(place, NAMES)
    assert (time.process_time() - began) / 20 < 0.02
