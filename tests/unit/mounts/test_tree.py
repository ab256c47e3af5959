"""Nothing leads out of a mounted directory: not `..`, not links, not what is swapped while a path is walked."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from limacore.mounts.tree import Tree


@pytest.fixture
def place(tmp_path: Path) -> Path:
    inside = tmp_path / "in"
    (inside / "sub" / "deep").mkdir(parents=True)
    (inside / "file").write_text("mine")
    (tmp_path / "secret").write_text("theirs")
    (tmp_path / "in-beside").mkdir()
    for name, target in {"up": "../secret", "abs": str(tmp_path / "secret"), "out": "..", "hosts": "/etc/hosts",
                         "sub/back": "../file", "sub/far": "../../secret", "own": str(inside / "file"),
                         "round": "round", "chain": "up", "folder": "sub", "beside": str(tmp_path / "in-beside"),
                         "dangling": "new"}.items():
        (inside / name).symlink_to(target)
    return inside


@pytest.fixture
def tree(place: Path) -> Iterator[Tree]:
    tree = Tree(os.fsencode(place), writable=True)
    yield tree
    tree.close()


def read(tree: Tree, path: str) -> bytes:
    fd = tree.open(os.fsencode(path), os.O_RDONLY)
    try:
        return os.read(fd, 100)
    finally:
        os.close(fd)


ESCAPES = ["../secret", "sub/../../secret", "up", "abs", "hosts", "sub/far", "chain", "out/secret", "folder/far",
           "sub/deep/../../../secret", "/etc/hosts", "{}/../secret", "{}-beside", "beside/x", "out/in/../secret"]


@pytest.mark.parametrize("path", ESCAPES)
@pytest.mark.parametrize("what", [
    lambda tree, path: tree.open(path, os.O_RDONLY),
    lambda tree, path: tree.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
    lambda tree, path: tree.stat(path, follow=True),
    lambda tree, path: tree.folder(path),
    lambda tree, path: tree.truncate(path, 0),
    lambda tree, path: tree.chmod(path, 0o777),
    lambda tree, path: tree.utime(path, 1, 1),
    lambda tree, path: tree.chown(path, os.getuid(), os.getgid()),
    lambda tree, path: tree.statvfs(path),
])
def test_every_way_out_is_refused(tree: Tree, place: Path, what: Callable[[Tree, bytes], object], path: str) -> None:
    secret = place.parent / "secret"
    before = secret.stat()
    with pytest.raises(OSError):
        what(tree, os.fsencode(path.format(place)))
    after = secret.stat()
    assert secret.read_text() == "theirs" and (after.st_mode, after.st_mtime) == (before.st_mode, before.st_mtime)


@pytest.mark.parametrize("path", ["../secret", "out/secret", "sub/../../secret", "{}/../secret", "/etc/hosts"])
def test_changes_of_names_stay_inside(tree: Tree, place: Path, path: str) -> None:
    outside = os.fsencode(path.format(place))
    for change in (lambda: tree.unlink(outside), lambda: tree.mkdir(outside + b"2", 0o755),
                   lambda: tree.rename(b"file", outside + b"2", replace=True),
                   lambda: tree.rename(outside, b"got", replace=True), lambda: tree.link(outside, b"got"),
                   lambda: tree.link(b"file", outside + b"2"), lambda: tree.symlink(b"x", outside + b"2"),
                   lambda: tree.rmdir(outside)):
        with pytest.raises(PermissionError):
            change()
    assert sorted(path.name for path in place.parent.iterdir()) == ["in", "in-beside", "secret"]


def test_what_is_inside_works(tree: Tree, place: Path) -> None:
    for path in ("file", f"{place}/file", f"{place}//sub/../file", "sub/back", "folder/back", "own", "./file"):
        assert read(tree, path) == b"mine"
    assert tree.real(b".") == os.fsencode(place) and tree.real(b"sub/../file") == os.fsencode(place / "file")
    assert tree.readlink(b"up") == b"../secret", "what a link says is no secret"
    os.close(tree.open(b"dangling", os.O_WRONLY | os.O_CREAT, 0o640))
    assert (place / "new").stat().st_mode & 0o777 == 0o640
    tree.chmod(b"own", 0o600)
    tree.utime(b"folder", 7, 8)
    assert (place / "file").stat().st_mode & 0o777 == 0o600 and (place / "sub").stat().st_mtime == 8
    tree.rename(b"file", b"sub/moved", replace=False)
    with pytest.raises(FileExistsError):
        tree.rename(b"new", b"sub/moved", replace=False)
    tree.link(b"sub/moved", b"again")
    assert (place / "again").read_text() == "mine"
    with pytest.raises(OSError):
        tree.stat(b"round", follow=True)


def test_a_location_that_is_a_link_is_known_by_both_names(place: Path) -> None:
    (place.parent / "alias").symlink_to(place)
    tree = Tree(os.fsencode(place.parent / "alias"), writable=False)
    assert read(tree, f"{place.parent}/alias/file") == read(tree, f"{place}/file") == b"mine"
    tree.close()


def test_devices_and_pipes_are_not_opened(tree: Tree, place: Path) -> None:
    os.mkfifo(place / "pipe")
    for flags in (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY | os.O_CREAT):
        with pytest.raises(OSError):
            tree.open(b"pipe", flags)
    with pytest.raises(IsADirectoryError):
        tree.open(b"sub", os.O_RDONLY)


def test_read_only_changes_nothing(place: Path) -> None:
    tree = Tree(os.fsencode(place), writable=False)
    for change in (lambda: tree.unlink(b"file"), lambda: tree.mkdir(b"d", 0o755), lambda: tree.chmod(b"file", 0),
                   lambda: tree.open(b"file", os.O_RDWR), lambda: tree.open(b"x", os.O_CREAT),
                   lambda: tree.open(b"file", os.O_TRUNC), lambda: tree.rename(b"file", b"x", replace=True),
                   lambda: tree.symlink(b"a", b"b"), lambda: tree.link(b"file", b"b"), lambda: tree.rmdir(b"sub"),
                   lambda: tree.utime(b"file", 1, 1), lambda: tree.truncate(b"file", 0)):
        with pytest.raises(PermissionError):
            change()
    assert read(tree, "file") == b"mine"
    tree.close()


@pytest.mark.parametrize("target", ["swap/secret", "sub/swap"])
def test_a_link_swapped_in_during_the_walk_is_no_way_out(tree: Tree, place: Path, target: str) -> None:
    """One thread turns a directory (or file) into a link to the outside and back, another reads through it."""
    folder = target.startswith("swap")
    real, link, name = (place / each for each in (("r", "l", "swap") if folder else ("sub/r", "sub/l", "sub/swap")))
    if folder:
        real.mkdir()
        (real / "secret").write_text("mine")
        link.symlink_to("..")
    else:
        real.write_text("mine")
        link.symlink_to("../../secret")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            for each in (real, link):
                each.rename(name)
                name.rename(each)

    swapping = threading.Thread(target=swap)
    swapping.start()
    seen = set()
    try:
        for _ in range(4000):
            try:
                seen.add(read(tree, target))
            except OSError:
                pass
    finally:
        stop.set()
        swapping.join()
    assert b"theirs" not in seen
