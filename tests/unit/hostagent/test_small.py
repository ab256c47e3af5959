"""The parts of a host agent by themselves."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from pathlib import Path

import msgspec
import pytest

from limacore.diagnosis import agentlog
from limacore.errors import GuestError, HostError, StateError
from limacore.hostagent import api, pidfile, port, requirements, serialwatch, troubles
from limacore.hostagent.emit import Emitter, encode
from limacore.hostagent.requirements import command, plan
from limacore.model.config import Config, Containerd, Mount, Probe
from limacore.model.event import Event, PortForwardEvent, ScriptEvent
from tests.instances import named


def test_events_are_written_as_the_reference_tool_does(golden: Path) -> None:
    lines = [line.replace(b"@SSHPORT@", b"4711") for file in sorted((golden / "runtime/events").glob("*/*stdout.log"))
             for line in file.read_bytes().splitlines()]
    assert len(lines) > 100
    for line in lines:
        assert encode(msgspec.json.decode(line, type=Event)) == line


def test_sticky_status(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "events", os.O_WRONLY | os.O_CREAT)
    emit = Emitter(fd, now=lambda: 0)
    emit.booting(1)
    emit.port(PortForwardEvent("forwarding", "tcp", "a", "b"))
    emit.agent("answering")
    emit.running(1)
    emit.exiting(("<why>",))
    os.close(fd)
    lines = (tmp_path / "events").read_text().splitlines()
    kept = [json.loads(line)["status"] for line in lines]
    forward = {"type": "forwarding", "protocol": "tcp", "guestAddr": "a", "hostAddr": "b"}
    assert kept == [
        {"sshLocalPort": 1}, {"sshLocalPort": 1, "portForward": forward},
        {"sshLocalPort": 1, "portForward": forward, "agent": {"state": "answering"}},
        {"running": True, "sshLocalPort": 1}, {"exiting": True, "errors": ["<why>"]}]
    assert "\\u003cwhy\\u003e" in lines[-1]


def test_scripts_of_the_user_are_steps_below_the_scripts(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "events", os.O_WRONLY | os.O_CREAT)
    emit = Emitter(fd)
    for name in ("scripts", "ready"):
        emit.begin(name)
    emit.script(ScriptEvent("boot.Linux/30-install-packages.sh"))
    for name in ("provision.system/00000000", "provision.user/00000003"):
        emit.script(ScriptEvent(name))
    emit.script(ScriptEvent("provision.system/00000000", 1.5, 0))
    emit.script(ScriptEvent("provision.boot/00000001", 0.1, 7, "one\ntwo"))
    os.close(fd)
    assert [(step.name, step.state, step.detail) for step in emit.steps()] == [
        ("scripts", "active", ""), ("script 00000000 (system)", "done", ""),
        ("script 00000003 (user)", "active", ""), ("script 00000001 (boot)", "failed", "exit code 7: two"),
        ("ready", "active", "")]
    assert emit.steps()[1].seconds == 1.5
    told = [status["script"] for line in (tmp_path / "events").read_text().splitlines()
            if "script" in (status := json.loads(line)["status"])]
    assert told[-1] == {"name": "provision.boot/00000001", "seconds": 0.1, "exit_code": 7, "output": "one\ntwo"}


def test_steps_run_once_and_keep_their_order(tmp_path: Path) -> None:
    clock = iter(range(0, 100_000_000_000, 1_000_000_000))
    fd = os.open(tmp_path / "events", os.O_WRONLY | os.O_CREAT)
    emit = Emitter(fd, now=lambda: next(clock))
    emit.begin("ssh")
    emit.begin("ssh")
    emit.done("kernel")
    emit.done("ssh")
    emit.begin("ssh")
    emit.failed("ssh", "late")
    os.close(fd)
    assert [(step.name, step.state) for step in emit.steps()] == [("kernel", "done"), ("ssh", "done")]
    assert emit.steps()[1].seconds > 0


def test_requirements_of_kinds_of_guests() -> None:
    def names(config: Config) -> list[str]:
        return [f"{each.label}: {each.requirement.description}" for each in plan(config, "iid-1")]

    assert names(Config()) == [
        "essential requirement 1 of 3: ssh", "essential requirement 2 of 3: user session is ready for ssh",
        "essential requirement 3 of 3: Explicitly start ssh ControlMaster",
        "final requirement 1 of 1: boot scripts must have finished"]
    assert names(Config(plain=True))[:2] == [
        "essential requirement 1 of 2: ssh", "essential requirement 2 of 2: Explicitly start ssh ControlMaster"]
    mounted = Config(mount_type="reverse-sshfs", mounts=(Mount(location="/x"),))
    assert names(mounted)[2:4] == ["essential requirement 3 of 4: sshfs binary to be installed",
                                   "essential requirement 4 of 4: fuse to allow_other as user"]
    probed = Config(containerd=Containerd(user=True), probes=(Probe(script="true", description="p"),))
    assert names(probed)[3:4] == ["optional requirement 1 of 1: p"]
    with_archive = [f"{each.label}: {each.requirement.description}" for each in plan(probed, "i", containerd=True)]
    assert with_archive[3:6] == [
        "optional requirement 1 of 3: systemd must be available",
        "optional requirement 2 of 3: containerd binaries to be installed", "optional requirement 3 of 3: p"]


@pytest.mark.parametrize("shell", ["sh", "bash", "fish", "busybox sh"])
@pytest.mark.parametrize(("script", "said"), [
    ("#!/bin/sh\necho $((1 + 1))\n", "2\n"), ("echo ${BASH_VERSION:+bash}\n", "bash\n"),
    ("#!/usr/bin/env python3\nprint('it''s')\n", "its\n"), ("#!/bin/sh -eu\nfalse\necho no\n", ""),
    ("#!/bin/sh '; echo evil'\necho fine\n", "fine\n"),
])
def test_scripts_reach_their_interpreter_through_any_shell(shell: str, script: str, said: str) -> None:
    if not shutil.which(shell.split()[0]):
        pytest.skip(f"no {shell} here")
    done = subprocess.run([*shell.split(), "-c", command(script)], input=script, capture_output=True, text=True)
    assert done.stdout == said


async def test_requirements_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "TIME", 0.05)

    async def never() -> str:
        return "not yet"

    with pytest.raises(GuestError, match="not yet"):
        await requirements.until_true(never)


@pytest.mark.parametrize(("line", "phase"), [
    (b"[    0.000000] Linux version 6.1.0-cloud (x)", "kernel"), (b"[    0.9] Run /init as init process", "init"),
    (b"[    2.1] systemd[1]: Detected virtualization qemu.", "init"), (b"SeaBIOS (version 1.16)", ""),
])
def test_phases_of_a_boot(line: bytes, phase: str) -> None:
    assert serialwatch.phase(line) == phase


def test_ssh_port_of_old_instances() -> None:
    assert port.wanted("default", 0, "1.2.3") == 60022
    assert port.wanted("default", 0, "2.0.0") == port.wanted("other", 0, "1.0.0") == port.wanted("default", 0, "") == 0
    assert port.wanted("default", 2222, "1.0.0") == 2222
    with pytest.raises(HostError):
        port.wanted("default", -1, "")


def test_taken_port_names_its_owner() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(HostError, match=f"pid {os.getpid()}"):
        port.pick(taken.getsockname()[1])
    assert port.pick(0) > 0


def test_pid_file(tmp_path: Path) -> None:
    path = tmp_path / "ha.pid"
    path.write_text("999999999\n")
    with pidfile.owned(path):
        assert path.read_text() == f"{os.getpid()}\n"
    assert list(tmp_path.iterdir()) == []
    for stale in (b"", b"x", f"{os.getpid()}".encode()):  # a reused pid of a process that is no agent
        path.write_bytes(stale)
        with pidfile.owned(path):
            assert path.read_text() == f"{os.getpid()}\n"


def test_pid_file_of_a_living_agent(tmp_path: Path) -> None:
    path = tmp_path / "ha.pid"
    with subprocess.Popen(["sh", "-c", "read x", "hostagent", "--pidfile", str(path)], stdin=subprocess.PIPE) as other:
        named(other, path)
        path.write_text(f"{other.pid}\n")
        with pytest.raises(StateError, match=f"pid {other.pid}"), pidfile.owned(path):
            pass
        assert path.exists()
        other.communicate(b"\n")


def test_systemd_unit(tmp_path: Path) -> None:
    file = tmp_path / "cgroup"
    file.write_text("0::/user.slice/user@1000.service/app.slice/lima-vm@default.service\n")
    assert api.systemd_unit(file) == "lima-vm@default.service"
    file.write_text("0::/user.slice/session-1.scope\n")
    assert api.systemd_unit(file) == "" and api.systemd_unit(tmp_path / "none") == ""


def test_bad_news_of_qemu_becomes_a_sentence_that_the_doctor_knows() -> None:
    full = {"operation": "write", "nospace": True, "reason": "No space left on device", "action": "stop"}
    said = troubles.sentence("BLOCK_IO_ERROR", full)
    assert said == "QEMU cannot write the disk: nospace (BLOCK_IO_ERROR); the guest is stopped"
    broken = troubles.sentence("BLOCK_IO_ERROR", {"operation": "read", "reason": "Input/output error"})
    damaged = troubles.sentence("BLOCK_IMAGE_CORRUPTED", {"msg": "L2 table"})
    panicked = troubles.sentence("GUEST_PANICKED", {})
    known = [agentlog.listen((agentlog.Entry(1, "error", each),))[0].id for each in (said, broken, damaged, panicked)]
    assert known == ["start-disk-full", "guest-disk-failed", "guest-disk-failed", "guest-panicked"]
    assert not troubles.sentence("RESET", {"guest": True})
