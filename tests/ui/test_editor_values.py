"""Values with their layers, as lines. Pure functions."""

from __future__ import annotations

import pytest

from limacore.model.template import Effective
from limatui.ink import plain, width
from limatui.present import effective as values

FOUND = (
    Effective(("cpus",), "4", "instance", 5), Effective(("memory",), "4GiB", "built in"),
    Effective(("portForwards", 0, "guestPort"), "80", "instance", 14),
    Effective(("portForwards", 0, "hostPort"), "8080", "instance", 15),
    Effective(("portForwards", 0, "proto"), "any", "built in"),
    Effective(("timezone",), "UTC", "override", 2), Effective(("images", 0, "location"), "x", "base"),
)
BEFORE = {("cpus",): "2", ("memory",): "4GiB"}


def test_the_field_at_the_cursor_comes_first_and_what_is_built_in_last() -> None:
    near = values.near(FOUND, ("portForwards", 0, "hostPort"), 6)
    assert [values.short(each.path) for each in near] == ["hostPort", "guestPort", "timezone", "proto"]
    assert [each.path for each in values.near(FOUND, (), 2)] == [("timezone",)]
    assert values.near((), ("cpus",), 6) == ()


def test_beside_the_editor() -> None:
    lines = [plain(line).rstrip() for line in values.aside(values.near(FOUND, ("cpus",), 6), BEFORE, 36)]
    assert lines[0].split() == ["cpus", "4", "here,", "was", "2"]
    assert lines[1].split() == ["timezone", "UTC", "override.yaml"]


@pytest.mark.parametrize("cells", [30, 40, 76, 120])
def test_a_row_fits(cells: int) -> None:
    for each in FOUND:
        line = values.row(each, cells, BEFORE)
        assert width(line) <= cells
        assert plain(line).strip().startswith(values.path_text(each.path)[:12])


def test_a_changed_value_says_what_it_was() -> None:
    assert "was 2" in plain(values.row(FOUND[0], 100, BEFORE))
    assert "was" not in plain(values.row(FOUND[1], 100, BEFORE))


@pytest.mark.parametrize(("query", "count"), [("", 7), ("cpus", 1), ("port 80", 2), ("override", 1), ("built in", 2),
                                              ("nothing like", 0)])
def test_searching(query: str, count: int) -> None:
    assert len(values.matching(FOUND, query)) == count
