"""Copying over SFTP: against OpenSSH's own server, and against one that lies."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from limacore.errors import GuestError, LimaError, NotFoundError, UsageError
from limacore.lifecycle import sftp
from limacore.lifecycle.sftpcopy import download, upload
from limacore.model.job import Progress
from tests.unit.lifecycle.instances import quiet, tree

SERVER = Path("/usr/lib/openssh/sftp-server")
needs_server = pytest.mark.skipif(not SERVER.exists(), reason="OpenSSH's sftp-server is not installed")
LIAR = """
import os, struct, sys
from limacore.mounts import wire
from limacore.mounts.wire import Kind
DIRECTORY, FILE = (struct.pack(">II", 4, mode) for mode in (0o40755, 0o100644))
names = [name.encode() for name in sys.argv[2:]]
listed, opened, seen = False, sys.argv[1], 0
while head := sys.stdin.buffer.read(4):
    packet = sys.stdin.buffer.read(int.from_bytes(head))
    kind, number = packet[0], int.from_bytes(packet[1:5])
    seen += 1
    if kind == Kind.INIT:
        answer = wire.version({})
    elif opened == "dies" and seen == 4:
        sys.exit(3)
    elif kind in (Kind.STAT, Kind.LSTAT):
        answer = wire.reply(105, number, DIRECTORY)
    elif kind in (Kind.OPENDIR, Kind.OPEN):
        answer = wire.handle(number, b"h")
    elif kind == Kind.READDIR and not listed:
        listed = True
        answer = wire.names(number, [wire.text(name) + wire.text(b"") + FILE for name in names])
    elif kind == Kind.READ and opened == "babbles":
        answer = wire.data(number, b"x" * 100_000)
    elif kind == Kind.READ and opened == "raves":
        answer = wire.reply(103, number, b"\\xff" * 7)
    else:
        answer = wire.status(number, wire.OK if kind == Kind.CLOSE else wire.EOF)
    sys.stdout.buffer.write(answer)
    sys.stdout.buffer.flush()
"""


@asynccontextmanager
async def server(home: Path) -> AsyncIterator[sftp.Client]:
    """A client of OpenSSH's server, which begins in `home`."""
    async with sftp.connected([str(SERVER), "-d", str(home)]) as client:
        yield client


def planted(place: Path) -> Path:
    """A directory with all that a copy must keep."""
    top = place / "top"
    (top / "a b/deep").mkdir(parents=True)
    (top / "big").write_bytes(os.urandom(3_000_001))
    (top / "empty").touch(0o640)
    (top / "a b/run").write_text("#!/bin/sh\n")
    (top / "a b/run").chmod(0o751)
    (top / "a b/deep" / os.fsdecode(b"caf\xc3\xa9 \xff")).write_text("x")
    (top / "link").symlink_to("a b/run")
    (top / "dead").symlink_to("/no/such")
    for number in range(100):
        (top / f"small-{number}").write_text(str(number))
    os.utime(top / "big", (1_000_000_000, 1_000_000_000))
    return top


@needs_server
async def test_what_goes_there_comes_back_as_it_was(tmp_path: Path) -> None:
    top, guest, back = planted(tmp_path), tmp_path / "guest", tmp_path / "back"
    guest.mkdir()
    back.mkdir()
    told: list[Progress] = []
    async with server(guest) as client:
        assert client.piece > sftp.PIECE
        await upload(client, (str(top),), "", recursive=True, report=told.append)
        assert tree(guest / "top") == tree(top)
        assert (guest / "top/big").read_bytes() == (top / "big").read_bytes()
        await download(client, ("top",), str(back), recursive=True, report=quiet)
        await download(client, ("top",), str(back / "again"), recursive=True, report=quiet)
    assert tree(back / "top") == tree(back / "again") == tree(top)
    assert (back / "top/big").read_bytes() == (top / "big").read_bytes()
    assert (back / "top/big").stat().st_mtime == 1_000_000_000
    assert told[-1].fraction == 1.0 and told[-1].done > 3_000_001


@needs_server
async def test_places_are_understood_as_scp_does(tmp_path: Path) -> None:
    guest, here = tmp_path / "guest", tmp_path / "here"
    (guest / "d").mkdir(parents=True)
    here.mkdir()
    for name in "xy":
        (tmp_path / name).write_text(name)
    async with server(guest) as client:
        await upload(client, (str(tmp_path / "x"),), "", recursive=False, report=quiet)
        await upload(client, (str(tmp_path / "x"),), "new", recursive=False, report=quiet)
        await upload(client, (str(tmp_path / "y"),), "new", recursive=False, report=quiet)
        await upload(client, (str(tmp_path / "x"), str(tmp_path / "y")), "~/d", recursive=False, report=quiet)
        await download(client, ("d/x", "new"), str(here), recursive=False, report=quiet)
        await download(client, (str(guest / "d/y"),), str(tmp_path / "z"), recursive=False, report=quiet)
    found = {str(path.relative_to(guest)): path.read_text() for path in guest.rglob("*") if path.is_file()}
    assert found == {"x": "x", "new": "y", "d/x": "x", "d/y": "y"}
    assert {path.name: path.read_text() for path in here.iterdir()} == {"x": "x", "new": "y"}
    assert (tmp_path / "z").read_text() == "y"


@needs_server
async def test_refusals_say_what_is_wrong(tmp_path: Path) -> None:
    guest = tmp_path / "guest"
    (guest / "d").mkdir(parents=True)
    (tmp_path / "x").touch()
    os.mkfifo(tmp_path / "pipe")
    async with server(guest) as client:
        for sources, target, kind, said in (
            ((str(guest),), "", UsageError, "is a directory"), ((str(tmp_path / "no"),), "", NotFoundError, "no such"),
            ((str(tmp_path / "x"),) * 2, "new", UsageError, "is not a directory"),
            ((str(tmp_path / "x"),), "new/", UsageError, "is not a directory"),
            ((str(tmp_path / "pipe"),), "", UsageError, "not a regular file"),
            ((str(tmp_path / "x"),), "no/such/place", GuestError, "no such file or directory"),
        ):
            with pytest.raises(kind, match=said):
                await upload(client, sources, target, recursive=False, report=quiet)
        for path, kind, said in (("d", UsageError, "is a directory"), ("no", NotFoundError, "there is no `no`")):
            with pytest.raises(kind, match=said):
                await download(client, (path,), str(tmp_path), recursive=False, report=quiet)
    assert [path.name for path in guest.rglob("*")] == ["d"]


@pytest.mark.parametrize(("how", "names", "said"), [
    ("lists", ("ok", "../evil"), "names"), ("lists", ("/evil",), "names"), ("lists", ("a", "a"), "names"),
    ("lists", ("",), "names"), ("babbles", ("a",), "does not speak SFTP"), ("raves", ("a",), "does not speak SFTP"),
    ("dies", ("a",), "ended"),
])
async def test_a_guest_that_lies_writes_nothing_elsewhere(tmp_path: Path, how: str, names: tuple[str, ...],
                                                          said: str) -> None:
    (tmp_path / "here").mkdir()
    with pytest.raises(LimaError, match=said):
        async with sftp.connected([sys.executable, "-c", LIAR, how, *names]) as client:
            await download(client, ("d",), str(tmp_path / "here"), recursive=True, report=quiet)
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


@needs_server
async def test_links_that_are_here_lead_no_file_elsewhere(tmp_path: Path) -> None:
    guest, here = tmp_path / "guest", tmp_path / "here"
    (guest / "d/sub").mkdir(parents=True)
    (guest / "d/file").write_text("evil")
    (guest / "d/sub/file").write_text("evil")
    (here / "d").mkdir(parents=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "precious").write_text("mine")
    async with server(guest) as client:
        (here / "d/file").symlink_to(tmp_path / "precious")
        with pytest.raises(LimaError):
            await download(client, ("d",), str(here), recursive=True, report=quiet)
        (here / "d/file").unlink()
        shutil.rmtree(here / "d/sub", ignore_errors=True)  # it may have come before the link was met
        (here / "d/sub").symlink_to(tmp_path / "mine")
        with pytest.raises(LimaError):
            await download(client, ("d",), str(here), recursive=True, report=quiet)
    assert (tmp_path / "precious").read_text() == "mine" and not list((tmp_path / "mine").iterdir())


async def test_no_server_says_why() -> None:
    with pytest.raises(GuestError) as caught:
        async with sftp.connected(["sh", "-c", "echo subsystem request failed >&2; exit 1"]):
            pass
    assert caught.value.detail == "subsystem request failed"
