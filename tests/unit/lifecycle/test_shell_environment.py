"""Which variables of the host a guest gets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limacore.errors import UsageError
from limacore.lifecycle.environment import passed

HOST = {"HOME": "/h", "LANG": "C", "BASHX": "b", "MY_A": "x y", "_": "u", "SSH_AUTH_SOCK": "s", "SSH": "ssh"}


def names(**variables: str) -> list[str]:
    return [each.partition("=")[0] for each in passed({**HOST, **variables})]


@pytest.mark.parametrize(("block", "allow", "expected"), [
    ("", "", ["LANG", "MY_A", "SSH"]),
    ("MY_*", "", ["HOME", "LANG", "BASHX", "_", "SSH_AUTH_SOCK", "SSH"]),
    ("+MY_*, ,SSH", "", ["LANG"]),
    ("*", "", []),
    ("*", "HOME, *_A", ["HOME", "MY_A"]),
    ("", "SSH_*", ["LANG", "MY_A", "SSH_AUTH_SOCK", "SSH"]),
    ("my_a", "", ["HOME", "LANG", "BASHX", "MY_A", "_", "SSH_AUTH_SOCK", "SSH"]),
])
def test_block_and_allow(block: str, allow: str, expected: list[str]) -> None:
    found = names(LIMA_SHELLENV_BLOCK=block, LIMA_SHELLENV_ALLOW=allow)
    assert [name for name in found if not name.startswith("LIMA_SHELLENV")] == expected


@pytest.mark.parametrize(("block", "allow", "message"), [
    ("A-B", "", "Invalid LIMA_SHELLENV_BLOCK pattern: pattern `A-B` contains invalid character `-` at position 1"),
    ("+X,a.b", "", "Invalid LIMA_SHELLENV_BLOCK pattern: pattern `a.b` contains invalid character `.` at position 1"),
    ("", "B?", "Invalid LIMA_SHELLENV_ALLOW pattern: pattern `B?` contains invalid character `?` at position 1"),
])
def test_patterns_that_are_none(block: str, allow: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        names(LIMA_SHELLENV_BLOCK=block, LIMA_SHELLENV_ALLOW=allow)
    assert caught.value.message == message


@given(st.text(max_size=12), st.text(max_size=12))
def test_any_pattern_is_used_or_refused(block: str, allow: str) -> None:
    try:
        found = names(LIMA_SHELLENV_BLOCK=block, LIMA_SHELLENV_ALLOW=allow)
    except UsageError as error:
        assert error.message.startswith("Invalid LIMA_SHELLENV_")
    else:
        assert set(found) <= {*HOST, "LIMA_SHELLENV_BLOCK", "LIMA_SHELLENV_ALLOW"}
