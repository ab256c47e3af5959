"""The SFTP server as a process, asked by OpenSSH's client, and by clients that do not keep to the protocol."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from limacore.mounts import wire
from limacore.mounts.sftp import Server
from limacore.mounts.tree import Tree


def command(location: Path, *flags: str) -> list[str]:
    return [sys.executable, "-m", "limacore.mounts.sftp", str(location), *flags]


def sftp(location: Path, batch: str, *flags: str) -> subprocess.CompletedProcess[str]:
    client = ["sftp", "-q", "-b", "-", "-D", shlex.join(command(location, *flags))]
    return subprocess.run(client, input=batch, text=True, capture_output=True, timeout=30)


@pytest.mark.skipif(not shutil.which("sftp"), reason="no OpenSSH client")
def test_openssh_client_does_all_it_can(tmp_path: Path) -> None:
    inside, beside = tmp_path / "in side ä", tmp_path / "beside"
    (inside / "d").mkdir(parents=True)
    beside.mkdir()
    content = os.urandom(3_000_000)
    (beside / "up").write_bytes(content)
    done = sftp(inside, f"""put "{beside}/up" "{inside}/größe x"
        rename "größe x" d/y
        get d/y "{beside}/down"
        mkdir e
        rmdir e
        symlink y d/link
        chmod 600 d/y
        ln d/y d/z
        ls -la d
        df
        rm d/z
        """)
    assert done.returncode == 0, done.stderr
    assert (beside / "down").read_bytes() == (inside / "d/y").read_bytes() == content
    assert (inside / "d/link").readlink() == Path("y") and (inside / "d/y").stat().st_mode & 0o777 == 0o600
    assert {"d/link", "d/y", "d/z"} <= set(done.stdout.split()) and not (inside / "d/z").exists()


@pytest.mark.skipif(not shutil.which("sftp"), reason="no OpenSSH client")
@pytest.mark.parametrize("escape", ["get ../secret {out}", "get link {out}", "get /etc/hosts {out}", "put {me} ../new",
                                    "put {me} link", "rm ../secret", "rename ../secret got", "chmod 777 link"])
def test_openssh_client_does_not_get_out(tmp_path: Path, escape: str) -> None:
    inside = tmp_path / "in"
    inside.mkdir()
    (tmp_path / "secret").write_text("theirs")
    (tmp_path / "secret").chmod(0o600)
    (inside / "link").symlink_to("../secret")
    done = sftp(inside, escape.format(out=tmp_path / "out", me=__file__) + "\n")
    assert done.returncode
    assert (tmp_path / "secret").read_text() == "theirs" and (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "out").exists() and not (tmp_path / "new").exists()


@pytest.mark.skipif(not shutil.which("sftp"), reason="no OpenSSH client")
def test_read_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for change in ("rm file", f"put {__file__} file", "mkdir d", "chmod 777 file", "rename file other"):
        assert sftp(tmp_path, change + "\n", "--read-only").returncode, change
    assert [path.name for path in tmp_path.iterdir()] == ["file"] and (tmp_path / "file").read_text() == "x"


def test_a_location_that_is_not_there_is_said() -> None:
    done = subprocess.run(command(Path("/nowhere")), capture_output=True, text=True, timeout=30,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 1 and done.stderr == "cannot serve `/nowhere`: No such file or directory\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    for number in range(100):
        (tmp_path / f"{number}").touch()
    tree = Tree(os.fsencode(tmp_path), writable=True)
    yield Server(tree)
    tree.close()


def test_a_long_directory_comes_in_parts(server: Server) -> None:
    handle = _handle(server.answer(b"\x0b" + struct.pack(">I", 1) + wire.text(b".")))
    names = 0
    while (answer := server.answer(b"\x0c" + struct.pack(">I", 2) + wire.text(handle)))[4] == 104:
        names += struct.unpack(">I", answer[9:13])[0]
        assert len(answer) < wire.MOST
    assert names == 102 and answer[12] == wire.EOF
    assert server.answer(b"\x04" + struct.pack(">I", 3) + wire.text(handle))[12] == wire.OK
    assert server.answer(b"\x04" + struct.pack(">I", 3) + wire.text(handle))[12] == wire.NO_SUCH_FILE


def _handle(answer: bytes) -> bytes:
    assert answer[4] == 102
    return answer[13:]


TEXTS = st.one_of(st.binary(max_size=20), st.sampled_from([b"..", b"/", b"1", b"\0", b"a" * 300])).map(wire.text)
NUMBERS = st.integers(0, 2**32 - 1).map(struct.Struct(">I").pack)
PACKETS = st.tuples(st.integers(0, 255).map(lambda kind: bytes((kind,))),
                    st.lists(st.one_of(TEXTS, NUMBERS), max_size=6).map(b"".join)).map(b"".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=400)
@given(st.one_of(PACKETS, st.binary(min_size=1, max_size=60)))
def test_no_packet_brings_it_down(server: Server, packet: bytes) -> None:
    try:
        answer = server.answer(packet)
    except wire.Malformed:
        return
    assert struct.unpack(">I", answer[:4])[0] == len(answer) - 4


@pytest.mark.parametrize("sent", [b"\xff\xff\xff\xff" * 4, b"\0\0\0\0", b"GET / HTTP/1.0\r\n\r\n", b"\0\0\0\5\3aaaa"])
def test_what_is_no_sftp_ends_it(tmp_path: Path, sent: bytes) -> None:
    ours, theirs = socket.socketpair()
    pipe = subprocess.PIPE
    with ours, theirs, subprocess.Popen(command(tmp_path), stdin=theirs, stdout=theirs, stderr=pipe) as child:
        ours.sendall(sent)
        assert child.wait(10) == 1 and child.stderr and b"does not speak SFTP" in child.stderr.read()


def test_it_ends_with_its_peer(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    child = subprocess.Popen(command(tmp_path), stdin=theirs, stdout=theirs)
    theirs.close()
    ours.close()
    assert child.wait(10) == 0
