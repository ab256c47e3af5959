"""watch: what it prints of a host agent's events, live and from before; screenshot: what it asks and writes."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from limacore.base import http1
from limacore.base.picture import FORMATS, Pixels, bmp, png, read_ppm
from limacore.cli.eventtext import failed_scripts, sentences
from limacore.drivers.base import GuestMemory
from limacore.errors import NotFoundError, StateError
from limacore.forward.rules import Fixed
from limacore.hostagent import api
from limacore.model.agentstatus import AgentStatus, HostInfo
from limacore.model.event import (
    CloudInitProgress,
    Event,
    EventStatus,
    MachineEvent,
    PortForwardEvent,
    ScriptEvent,
    StepEvent,
    VsockEvent,
)
from limacore.model.instance import Forward
from limacore.model.mount import MountState

YAML = "images: [{location: /nowhere.qcow2}]\nmounts: []\n"
EARLY = {"time": "2026-01-02T03:04:05.678901234Z", "status": {"sshLocalPort": 60022}}
LATE = {"time": "2026-01-02T03:05:06Z", "status": {
    "running": True, "sshLocalPort": 60022, "portForward": {
        "type": "forwarding", "protocol": "tcp", "guestAddr": "127.0.0.1:80", "hostAddr": "127.0.0.1:80\x1b[2J"}}}
OURS = {"time": "2026-01-02T03:04:06Z", "status": {"sshLocalPort": 60022, "step": {"name": "ssh", "state": "done"}}}


def instance(home: Path, name: str, *events: object) -> Path:
    (home / name).mkdir()
    (home / name / "lima.yaml").write_text(YAML)
    add(home / name, *events)
    return home / name


def add(directory: Path, *events: object) -> None:
    with (directory / "ha.stdout.log").open("a") as file:
        file.writelines(json.dumps(each, separators=(",", ":")) + "\n" for each in events)


class Watch:
    """A running `watch`; `until` waits for a text in what it printed."""

    def __init__(self, home: Path, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.argv[0] = 'limactl'; from limatui.__main__ import main; "
             "sys.exit(main())", "watch", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "LIMA_HOME": str(home), "TZ": "UTC"})
        self.text = ""
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.text += line

    def until(self, text: str) -> None:
        deadline = time.monotonic() + 60
        while text not in self.text:
            assert time.monotonic() < deadline, self.text
            time.sleep(0.02)

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)


@contextlib.contextmanager
def watching(home: Path, *words: str) -> Iterator[Watch]:
    running = Watch(home, *words)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()


def test_events_from_now_on(lima_home: Path) -> None:
    a = instance(lima_home, "a", EARLY)
    with watching(lima_home) as seen:
        seen.until("Watching for events...")
        add(a, OURS, LATE)
        seen.until("2026-01-02 03:05:06 a | running\n2026-01-02 03:05:06 a | ssh available on port 60022\n"
                   "2026-01-02 03:05:06 a | forwarding tcp 127.0.0.1:80 to 127.0.0.1:80\\x1b[2J\n")
        instance(lima_home, "b", EARLY)
        seen.until("New instance detected: b\n2026-01-02 03:04:05 b | ssh available on port 60022\n")
        assert "03:04:05 a" not in seen.text and "03:04:06" not in seen.text
        assert seen.interrupt() == -signal.SIGINT
        assert "Traceback" not in seen.text


def test_history_as_json(lima_home: Path) -> None:
    instance(lima_home, "a", EARLY)
    with watching(lima_home, "--json", "--history", "a", "nosuch") as seen:
        seen.until("Watching for events...")
        seen.until(json.dumps({"instance": "a", "event": EARLY}, separators=(",", ":")) + "\n")
        assert "level=warning msg=\"Failed to inspect instance `nosuch`\" error=\"open " in seen.text


def test_what_the_agent_logs(lima_home: Path) -> None:
    a = instance(lima_home, "a")
    (a / "ha.stderr.log").write_text('{"level":"info","msg":"hello","time":"2026-01-02T03:04:05Z"}\n')
    with watching(lima_home, "--verbose", "--history") as seen:
        seen.until('time="2026-01-02T03:04:05Z" level=info msg="[hostagent] hello"\n')


def test_nothing_is_left(lima_home: Path) -> None:
    instance(lima_home, "a", {"time": 1})
    with watching(lima_home, "--history", "a") as seen:
        assert seen.process.wait(20) == 1
        seen.until("nothing is left to watch")
        assert "Watcher for instance `a` stopped" in seen.text
    with watching(lima_home, "nosuch") as seen:
        assert seen.process.wait(20) == 1


@pytest.mark.parametrize(("status", "said"), [
    (EventStatus(running=True, degraded=True, errors=("x", "y")), ["running (degraded)", "error: x", "error: y"]),
    (EventStatus(exiting=True), ["exiting"]),
    (EventStatus(cloud_init_progress=CloudInitProgress(log_line="l")), ["cloud-init: l"]),
    (EventStatus(cloud_init_progress=CloudInitProgress(completed=True)), ["cloud-init completed"]),
    (EventStatus(port_forward=PortForwardEvent("not-forwarding", "udp", "0.0.0.0:53")),
     ["not forwarding udp 0.0.0.0:53"]),
    (EventStatus(port_forward=PortForwardEvent("stopping", "tcp", "g")), ["stopping forwarding tcp g"]),
    (EventStatus(port_forward=PortForwardEvent("failed", "tcp", "g", error="e")), ["failed to forward tcp g: e"]),
    (EventStatus(vsock=VsockEvent("started", "h", 22)), ["started vsock forwarder: h -> vsock:22"]),
    (EventStatus(vsock=VsockEvent("skipped", reason="r")), ["skipped vsock forwarder: r"]),
    (EventStatus(running=True, step=StepEvent("ssh", "done")), []),
    (EventStatus(running=True, machine=MachineEvent("paused", "host disk full")),
     ["the machine is paused: host disk full"]),
])
def test_sentences(status: EventStatus, said: list[str]) -> None:
    assert sentences(status) == said


def test_failed_scripts_are_counted_once_each() -> None:
    events = [ScriptEvent("boot.Linux/x.sh", 0, 1), ScriptEvent("provision.user/00000000"),
              *[ScriptEvent(f"provision.system/{number:08}", 0, number % 2) for number in range(3)] * 2]
    assert failed_scripts(events) == " (1 of 3 provision scripts failed)"
    assert failed_scripts(events[:1]) == ""
    assert failed_scripts([ScriptEvent("provision.user/00000000", 0, 2)]) == " (1 of 1 provision script failed)"


def test_recorded_events_can_be_said(golden: Path) -> None:
    logs = sorted(golden.glob("runtime/events/*/ha.stdout.log"))
    assert logs
    for log in logs:
        recorded = re.sub(rb"@\w+@", b"22", log.read_bytes())
        events = [msgspec.json.decode(line, type=Event) for line in recorded.splitlines()]
        assert all(sentences(event.status) for event in events)


TWO_BY_TWO = Pixels(2, 2, bytes(range(12)))


def test_pictures() -> None:
    assert read_ppm(b"P6\n2 2\n255\n" + bytes(range(12))) == TWO_BY_TWO
    assert png(TWO_BY_TWO)[:8] == b"\x89PNG\r\n\x1a\n"
    drawn = bmp(TWO_BY_TWO)
    assert int.from_bytes(drawn[2:6], "little") == len(drawn) == 54 + 16
    assert drawn[54:] == bytes((8, 7, 6, 11, 10, 9, 0, 0, 2, 1, 0, 5, 4, 3, 0, 0))
    for broken in (b"", b"P6 2 2 255 abc", b"P5 1 1 255 a"):
        with pytest.raises(ValueError, match="pixmap"):
            read_ppm(broken)


class NoForwards:
    """A host agent without forwards."""

    async def add(self, made: Fixed) -> Forward:
        raise NotImplementedError

    async def remove(self, host: str) -> bool:
        return False


class NoSteering:
    """A host agent whose machine can be asked for nothing."""

    async def pause(self) -> None:
        raise StateError("no")

    resume = suspend = pause

    async def memory(self) -> GuestMemory:
        raise StateError("no", hint="now")

    async def set_memory(self, wanted: int) -> GuestMemory:
        return GuestMemory(wanted, 2 * wanted)


class NoMounts:
    """A host agent without mounts."""

    async def remount(self, mount_point: str) -> MountState:
        raise NotFoundError(f"nothing is to be mounted on `{mount_point}`")


@pytest.mark.parametrize(("target", "method", "status"), [
    ("/v1/limatui/power?do=pause", "POST", 409), ("/v1/limatui/power?do=jump", "POST", 400),
    ("/v1/limatui/power?do=pause", "GET", 405), ("/v1/limatui/memory", "GET", 409),
    ("/v1/limatui/memory?bytes=5", "POST", 200), ("/v1/limatui/memory?bytes=5g", "POST", 400),
    ("/v1/limatui/memory", "DELETE", 405),
    ("/v1/limatui/mounts?remount=/x", "POST", 404), ("/v1/limatui/mounts", "GET", 405),
    ("/v1/screenshot", "GET", 200), ("/v1/screenshot?format=BMP", "GET", 200),
    ("/v1/screenshot?format=gif", "GET", 400), ("/v1/screenshot", "POST", 405), ("/v1/info", "GET", 200),
])
async def test_the_route(tmp_path: Path, target: str, method: str, status: int) -> None:
    async def pixels() -> Pixels:
        return TWO_BY_TWO

    answers = api.handler(lambda: HostInfo("", 1), lambda metrics: AgentStatus("running"), pixels, NoForwards(),
                          NoMounts(), NoSteering())
    async with http1.serve(tmp_path / "s", answers):
        response = await http1.request(tmp_path / "s", target, method=method)
    assert response.status == status
    if status == 200 and "screenshot" in target:
        assert response.body == FORMATS["bmp" if "BMP" in target else "png"](TWO_BY_TWO)


async def test_a_driver_that_cannot(tmp_path: Path) -> None:
    async def pixels() -> None:
        return None

    answers = api.handler(lambda: HostInfo("", 1), lambda metrics: AgentStatus("running"), pixels, NoForwards(),
                          NoMounts(), NoSteering())
    async with http1.serve(tmp_path / "s", answers):
        assert (await http1.request(tmp_path / "s", "/v1/screenshot")).status == 501
