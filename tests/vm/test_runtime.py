"""What the dashboard asks of a running machine: forwards, probes, mounts anew, addresses, its boots, a shell."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path

import pytest

from limacore.engine import Engine
from limacore.model.instance import Instance
from limacore.model.job import JobState
from tests.vm.conftest import Cli, left_behind
from tests.vm.test_engine import ended, seen


def _unused() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.fixture
def guest(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The tiny guest `t` with one mount."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "file").write_text("hello\n")
    mounts = json.dumps([{"location": f"{tmp_path}/shared", "mountPoint": "/mnt/shared"}])
    cli("create", "--name=t", "template:tiny", "--set", f".mounts = {mounts}", timeout=900)
    return cli


async def test_a_running_machine_is_asked(guest: Cli, tmp_path: Path) -> None:
    engine = Engine(guest.home, interval=0.2)
    started = await ended(engine, engine.start("t"))
    assert started.state is JobState.DONE, started
    found = await seen(engine, "t", lambda each: each.addresses and each.mounts and each.usage.guest_memory_used)
    assert any(address.endswith(" 192.168.5.15") for address in found.addresses)
    (boot,) = await engine.boots("t")
    assert boot.seconds == found.ready_seconds and {"kernel", "ssh"} <= {step.name for step in boot.steps}
    try:
        await _shell(engine)
        await _forwards(engine, _unused())
        await _mounts(guest, engine)
    finally:
        assert (await ended(engine, engine.stop("t"))).state is JobState.DONE
        await engine.close()
    assert not left_behind(guest.home)


async def _shell(engine: Engine) -> None:
    """A terminal of the size asked for, and of the next one; sent as a whole, told by the guest itself."""
    async with engine.console("t", "shell", size=(91, 17)) as shell:
        await shell.write(b"stty size; echo $TERM\n")
        await _until(shell, b"17 91", b"xterm-256color")
        shell.resize(70, 30)
        await shell.write(b"stty size\n")
        await _until(shell, b"30 70")
        await shell.write(b"exit\n")
        async with asyncio.timeout(60):
            while await shell.read():
                pass


async def _until(shell: object, *texts: bytes) -> None:
    seen_so_far = b""
    async with asyncio.timeout(60):
        while not all(text in seen_so_far for text in texts):
            data = await shell.read()  # type: ignore[attr-defined]
            assert data, seen_so_far
            seen_so_far += data


async def _forwards(engine: Engine, port: int) -> None:
    """The guest's ssh server answers behind a port; behind another one nobody does."""
    other = _unused()
    assert (await ended(engine, engine.add_forward("t", "22", str(port)))).state is JobState.DONE
    assert (await ended(engine, engine.add_forward("t", "9", str(other)))).state is JobState.DONE
    words = {each.host: each.word for each in await engine.probe_forwards("t")}
    assert (words[f"127.0.0.1:{port}"], words[f"127.0.0.1:{other}"]) == ("answers", "closes")
    await seen(engine, "t", lambda each: "by hand" in _rules(each) and "the port of ssh" in _rules(each))
    assert (await ended(engine, engine.remove_forward("t", f"127.0.0.1:{port}"))).state is JobState.DONE
    assert f"127.0.0.1:{port}" not in {each.host for each in await engine.probe_forwards("t")}
    refused = await ended(engine, engine.remove_forward("t", f"127.0.0.1:{port}"))
    assert "nothing is forwarded to" in refused.error


def _rules(instance: Instance) -> set[str]:
    return {each.rule for each in instance.forwards}


async def _mounts(guest: Cli, engine: Engine) -> None:
    """Unmounted in the guest it stays away until it is asked for; asked for while it is there, it is made anew."""
    guest("shell", "--workdir=/", "t", "fusermount3", "-u", "/mnt/shared")
    await seen(engine, "t", lambda each: not each.mounts[0].mounted)
    assert (await ended(engine, engine.remount("t", "/mnt/shared"))).state is JobState.DONE
    assert guest("shell", "--workdir=/", "t", "cat", "/mnt/shared/file").stdout == "hello\n"
    guest("remount", "t", "/mnt/shared")
    assert guest("shell", "--workdir=/", "t", "cat", "/mnt/shared/file").stdout == "hello\n"
    assert (await seen(engine, "t", lambda each: each.mounts)).mounts[0].mounted
    assert "nothing is to be mounted" in (await ended(engine, engine.remount("t", "/no"))).error
