"""Which program copies, and what it is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from limacore.base import notice
from limacore.errors import HostError, LimaError, StateError, UsageError
from limacore.lifecycle.shell import Route
from limacore.lifecycle.transfer import Place, Wish, argv, as_scp_does, place, rsync_words, scp_words


def route(name: str, *, program: str = "/bin/false", version: tuple[int, int, int] = (9, 2, 1)) -> Route:
    options = ("Compression=no", "User=u", f'ControlPath="/l/{name}/ssh.sock"')
    return Route((program,), version, options, "u", "127.0.0.1", 6000 + ord(name))


def wish(*texts: str, backend: str = "auto", recursive: bool = False, verbose: bool = False) -> Wish:
    return Wish(tuple(map(place, texts)), backend, recursive, verbose)


def path_with(folder: Path, monkeypatch: pytest.MonkeyPatch, *programs: str) -> None:
    for name in programs:
        (folder / name).symlink_to("/bin/true")
    monkeypatch.setenv("PATH", str(folder))


def test_places() -> None:
    assert place("a:b:c") == Place("a", "b:c") and place("./b") == Place(None, "./b") and place("a:") == Place("a", "")


@pytest.mark.parametrize(("given", "expected"), [
    (["a:/dir", "y"], ["/dir/", "y/"]), (["d", "a:/dst"], ["d/", "/dst/"]), (["d/", "a:/dst"], ["d", "/dst/"]),
    (["d", "a:/dst/"], ["d", "/dst/"]), (["a:/dir/", "y/"], ["/dir/", "y/"]), (["d", "a:"], ["d/", "./"]),
    (["/", "a:/x"], ["/", "/x/"]),
])
def test_slashes_of_recursive_rsync(given: list[str], expected: list[str]) -> None:
    assert [each.path for each in as_scp_does([place(text) for text in given])] == expected


def test_words_for_scp() -> None:
    one, two = {"a": route("a")}, {"a": route("a"), "b": route("b")}
    own = ["-o", "Compression=no", "-o", "User=u", "-o", 'ControlPath="/l/a/ssh.sock"']
    head = ["-F", "/dev/null"]
    assert scp_words(wish("x", "a:y"), one) == [*head, *own, "-q", "-3", "--", "x", "scp://u@127.0.0.1:6097/y"]
    assert scp_words(wish("a:/x", "b:y", recursive=True, verbose=True), two) == [
        *head, "-o", "Compression=no", "-v", "-r", "-3", "--", "scp://u@127.0.0.1:6097//x", "scp://u@127.0.0.1:6098/y"]
    assert scp_words(wish("x", "y"), {}) == [*head, "-q", "-3", "--", "x", "y"]


def test_words_for_an_old_scp() -> None:
    old = (7, 9, 1)
    words = scp_words(wish("x", "a:y"), {"a": route("a", version=old)})
    assert words[-6:] == ["-3", "-P", "6097", "--", "x", "u@127.0.0.1:y"]
    with pytest.raises(HostError):
        scp_words(wish("a:x", "b:y"), {name: route(name, version=old) for name in "ab"})


def test_words_for_rsync() -> None:
    words = rsync_words(wish("x", "a:y", verbose=True), {"a": route("a")})
    assert words == ["-a", "-v", "--progress", "-e", "/bin/false -F /dev/null -o Compression=no -o User=u "
                     "-o 'ControlPath=\"/l/a/ssh.sock\"' -p 6097", "--", "x", "u@127.0.0.1:y"]
    assert rsync_words(wish("x", "y", recursive=True), {}) == ["-a", "-q", "-r", "--", "x/", "y/"]


def test_a_file_is_copied_by_rsync_also_when_directories_may_be(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    asked = wish(str(tmp_path / "x"), "a:y", recursive=True)
    assert rsync_words(asked, {"a": route("a")})[-2:] == [str(tmp_path / "x"), "u@127.0.0.1:y"]
    notice.call_it("limactl")
    assert rsync_words(asked, {"a": route("a")})[-2:] == [f"{tmp_path}/x/", "u@127.0.0.1:y/"]


@pytest.mark.parametrize(("texts", "backend", "guest", "tool"), [
    (("x", "a:y"), "auto", True, "rsync"), (("x", "a:y"), "auto", False, ""),
    (("a:x", "a:z", "y"), "sftp", True, ""), (("x", "a:y"), "scp", True, "scp"),
    (("a:x", "a:y"), "auto", True, "scp"), (("a:x", "b:y"), "rsync", True, "rsync"),
    (("x", "y"), "auto", False, "rsync"),
])
def test_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, texts: tuple[str, ...], backend: str, guest: bool,
                     tool: str) -> None:
    path_with(tmp_path, monkeypatch, "scp", "rsync")
    program = "/bin/true" if guest else "/bin/false"
    words = argv(wish(*texts, backend=backend), lambda name: route(name, program=program))
    assert words[:1] == ([str(tmp_path / tool)] if tool else []), "without a program it is ours to do"


@pytest.mark.parametrize("texts", [
    ("x", "y"), ("a:x", "b:y"), ("a:x", "a:y"), ("x", "a:y", "a:z"), ("a:x", "b:x", "y"), ("a:x", "y", "z")])
def test_sftp_is_between_here_and_one_guest(texts: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="between this computer and one instance"):
        argv(wish(*texts, backend="sftp"), route)


def test_limactl_has_no_sftp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path_with(tmp_path, monkeypatch, "scp")
    notice.call_it("limactl")
    with pytest.raises(UsageError, match="must be one of: scp, rsync, auto"):
        argv(wish("x", "a:y", backend="sftp"), route)
    assert argv(wish("x", "a:y"), route)[0] == str(tmp_path / "scp")


def stopped(name: str) -> Route:
    raise StateError(f"{name} is stopped")


@pytest.mark.parametrize(("texts", "backend", "reach", "kind", "message"), [
    (("a:x", "y"), "bad", stopped, UsageError, "invalid backend `bad`, must be one of: sftp, scp, rsync, auto"),
    (("a:x", "y"), "rsync", stopped, StateError, "rsync not available on guest(s)"),
    (("a:x", "y"), "rsync", route, StateError, "rsync not available on guest(s)"),
    (("x", "y"), "rsync", route, HostError, "rsync not found on host"),
    (("a:x", "b:y"), "auto", stopped, StateError, "a is stopped"),
    (("x", "y"), "scp", route, HostError, "`scp` is not installed"),
])
def test_refusals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, texts: tuple[str, ...], backend: str,
                  reach: Callable[[str], Route], kind: type[LimaError], message: str) -> None:
    path_with(tmp_path, monkeypatch)
    with pytest.raises(kind) as caught:
        argv(wish(*texts, backend=backend), reach)
    assert caught.value.message == message
