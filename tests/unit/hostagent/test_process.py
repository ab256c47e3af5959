"""The agent as a process of its own, as clients see it when it cannot start."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from pathlib import Path

import pytest

from limacore import hostlink
from limacore.base.proc import identity
from limacore.errors import StateError
from limacore.hostlink import LogLine, parse_log
from limacore.model.event import Event
from limacore.paths import HomePaths, InstancePaths


@pytest.fixture
def paths(lima_home: Path) -> InstancePaths:
    paths = HomePaths(lima_home).instance("i")
    paths.dir.mkdir()
    return paths


async def end(paths: InstancePaths) -> tuple[list[Event | LogLine], StateError]:
    pid = hostlink.spawn(paths)
    lines: list[Event | LogLine] = []
    with pytest.raises(StateError) as caught:
        async with asyncio.timeout(60):
            async for line in hostlink.follow(paths, pid):
                lines.append(line)
    assert identity(pid) is None
    return lines, caught.value


@pytest.mark.parametrize(("text", "why"), [
    ("cpus: [\n", "lima.yaml"), ("cpus: many\n", "cpus"), (None, "lima.yaml"),
    ("vmType: wsl2\nimages: [{location: /x}]\n", "wsl2"),
])
async def test_a_bad_configuration_is_one_fatal_line(paths: InstancePaths, text: str | None, why: str) -> None:
    if text is not None:
        paths.lima_yaml.write_text(text)
    _, error = await end(paths)
    assert why in str(error)
    log = [json.loads(line) for line in paths.ha_stderr.read_text().splitlines()]
    assert log[-1]["level"] == "fatal" and not any("Traceback" in str(line) for line in log)
    assert not paths.ha_pid.exists() and not paths.ha_sock.exists()


async def test_wait_owned_tells_why_it_never_came(paths: InstancePaths) -> None:
    paths.lima_yaml.write_text("cpus: [\n")
    with pytest.raises(StateError, match=r"lima\.yaml"):
        pid = hostlink.spawn(paths)
        await hostlink.wait_owned(paths, pid)
        async for _ in hostlink.follow(paths, pid):
            pass


async def test_interrupt_spares_strangers(paths: InstancePaths) -> None:
    paths.ha_pid.write_text(f"{os.getpid()}\n")
    hostlink.interrupt(paths)
    hostlink.interrupt(paths, 999999999)


async def test_nobody_answers(paths: InstancePaths) -> None:
    with pytest.raises(StateError, match="does not answer"):
        await hostlink.info(paths)


async def test_follow_ends_after_exiting_and_skips_the_past(paths: InstancePaths) -> None:
    child = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE)
    old = '{"time":"2020-01-01T00:00:00Z","status":{"running":true}}\n'
    paths.ha_stdout.write_text(old + "not json\n")
    paths.ha_stderr.write_text('Traceback of something\n{"level":"info","msg":"m","time":"2020-01-01T00:00:00Z"}\n')
    since, found = time.time(), []
    async for line in hostlink.follow(paths, child.pid, since):
        found.append(line)
        if isinstance(line, Event):
            continue
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(since + 2))
        with paths.ha_stdout.open("a") as file:
            file.write(f'{{"time":"{now}","status":{{"exiting":true}}}}\n')
        assert child.stdin
        child.stdin.close()
        await child.wait()
    assert [type(line) for line in found[:2]] == [LogLine, Event]
    assert isinstance(found[0], LogLine) and found[0].level == ""


def test_log_lines() -> None:
    line = parse_log(b'{"error":"why","level":"warning","msg":"what","time":"2026-01-01T00:00:00Z"}')
    assert (line.level, line.message, line.extra) == ("warning", "what", {"error": "why"})
    assert parse_log(b"\xff\x00").level == "" and parse_log(b"[1]").message == "[1]"


async def test_one_signal_ends_an_agent_that_is_only_launching(paths: InstancePaths, tmp_path: Path,
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    """A QEMU that never answers: the signal must not wait for it."""
    stuck = tmp_path / "qemu-system-x86_64"
    stuck.write_text("#!/bin/sh\ncase $* in *version*) echo 'QEMU emulator version 7.2.0';; *-help*|*help) ;; "
                     "*) exec sleep 600;; esac\n")
    stuck.chmod(0o755)
    monkeypatch.setenv("QEMU_SYSTEM_X86_64", str(stuck))
    (paths.disk).write_bytes(b"\0" * 4096)
    paths.lima_yaml.write_text("images: [{location: /x, arch: x86_64}]\narch: x86_64\nmounts: []\n"
                               "firmware: {legacyBIOS: true}\ncontainerd: {system: false, user: false}\n")
    pid = hostlink.spawn(paths)
    async with asyncio.timeout(60):
        while not paths.ha_sock.exists() and identity(pid):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
        os.kill(pid, signal.SIGINT)
        while identity(pid):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
    assert not paths.ha_pid.exists() and not paths.ha_sock.exists()
