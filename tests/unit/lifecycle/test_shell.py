"""The remote script: words arrive in the guest exactly as they were given."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limacore.base import remote
from limacore.base.remote import quoted


def script(
    *command: str, mounts: tuple[str, ...] = (), workdir: str = "", cwd: str = "/x", home: str = "/home/u"
) -> str:
    return remote.script(command, shell="/bin/bash", locations=mounts, workdir=workdir, cwd=cwd, home=home)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (script(), "false ; exec /bin/bash -l"),
        (script("true"), "false ; exec /bin/bash -l -c true"),
        (script("echo", "a b"), "false ; exec /bin/bash -l -c 'echo '\"'\"'a b'\"'\"''"),
        (script("true", workdir="/a b"), "cd '/a b' || exit 1 ; exec /bin/bash -l -c true"),
    ],
)
def test_scripts(text: str, expected: str) -> None:
    assert text == expected


def test_mounted_directory_is_entered() -> None:
    assert script(mounts=("/tmp",), cwd="/tmp/sub").startswith("cd /tmp/sub || cd /home/u ;")
    assert script(mounts=("/tmp",), cwd="/usr", home="/tmp/u").startswith("cd /tmp/u ;")


@pytest.mark.parametrize(
    ("words", "expected"),
    [(["A=1 2", "env"], "A='1 2' env"), (["A=", "env"], "A='' env"), (["echo", "A=1 2"], "echo 'A=1 2'")],
)
def test_leading_assignments(words: list[str], expected: str) -> None:
    assert quoted(words) == expected


@given(st.lists(st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"])), min_size=1, max_size=4))
def test_words_survive_a_real_shell(words: list[str]) -> None:
    argv = ["printf", "%s\\0", *words]
    done = subprocess.run(["bash", "-c", quoted(argv)], capture_output=True, check=True)
    assert done.stdout == b"".join(word.encode() + b"\0" for word in words)
