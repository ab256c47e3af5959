"""Names of instances and disks: what passes is one plain directory name, whatever is thrown at it."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limacore.errors import UsageError
from limacore.paths import HomePaths, check_identifier, check_instance_name, hostname


@given(st.text(max_size=90) | st.text("abcXYZ019._-/ \n\0~", max_size=90))
def test_a_name_that_passes_stays_inside_the_home(name: str) -> None:
    try:
        check_instance_name(name)
    except UsageError as error:
        assert error.hint
        return
    paths = HomePaths().instance(name)
    assert paths.dir.parent == HomePaths().home
    assert os.path.normpath(paths.dir) == str(paths.dir)
    assert not name.startswith((".", "_", "-"))
    assert set(hostname(name)) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")


@pytest.mark.parametrize("name", ["a", "yaml", "a.b_c-d", "0", "A" * 76])
def test_good_names(name: str) -> None:
    assert check_instance_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/b", "a..b", "-a", "a-", "_a", "a b", "a\n", "x.yaml", "x.YML", "A" * 77, "x" * 200, "é"],
)
def test_bad_names(name: str) -> None:
    with pytest.raises(UsageError):
        check_instance_name(name)


def test_an_empty_identifier_is_told_in_the_words_that_scripts_know() -> None:
    with pytest.raises(UsageError, match="identifier must not be empty"):
        check_identifier("")
