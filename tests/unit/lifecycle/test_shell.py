"""The remote script: words arrive in the guest exactly as they were given."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limacore.base import remote
from limacore.base.remote import quoted


def script(*command: str, environment: tuple[str, ...] = (), directory: str = "false") -> str:
    return remote.script(command, shell="/bin/bash", directory=directory, environment=environment)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (script(), "false ; exec /bin/bash -l"),
        (script("true"), "false ; exec /bin/bash -l -c true"),
        (script("echo", "a b"), "false ; exec /bin/bash -l -c 'echo '\"'\"'a b'\"'\"''"),
        (script("true", directory="cd / || exit 1"), "cd / || exit 1 ; exec /bin/bash -l -c true"),
        (script("true", environment=("A=1", "B=x y")), "false ; exec env A=1 'B=x y' /bin/bash -l -c true"),
    ],
)
def test_scripts(text: str, expected: str) -> None:
    assert text == expected


@pytest.mark.parametrize(("mounts", "given", "expected"), [
    ((), {}, "false"),
    ((), {"workdir": "/a b"}, "cd '/a b' || exit 1"),
    ((), {"synced": "/h/x"}, "cd /h/x"),
    (("/usr",), {"cwd": "/usr/lib"}, "cd /usr/lib || cd /nowhere/u"),
    (("/usr/",), {"cwd": "/usr", "synced": "/h/x"}, "cd /usr || cd /nowhere/u"),
    (("/usr",), {"cwd": "/usrlib"}, "false"),
    (("/usr",), {"cwd": "/", "home": "/usr/u"}, "cd /usr/u"),
    (("/",), {"cwd": "/usr"}, "cd /usr || cd /nowhere/u"),
])
def test_where_a_shell_begins(mounts: tuple[str, ...], given: dict[str, str], expected: str) -> None:
    pairs = tuple((each, each) for each in mounts)
    assert remote.change_directory(pairs, **{"cwd": "/", "home": "/nowhere/u", **given}) == expected


def test_the_guest_has_a_directory_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "real/sub").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    pairs = ((str(tmp_path / "link"), "/mnt/shared dir"), ("/", "/host"))
    entered = remote.change_directory(pairs, cwd=str(tmp_path / "real/sub"), home="/root/u")
    assert entered == "cd '/mnt/shared dir/sub' || cd /host/root/u"


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
