"""Both ways with limactl: what it runs is ours to list, enter and stop; what we run answers as it expects.

limactl is played by what is known of it: a stand-in for its host agent (`limactl_agent`), and its steps done by hand.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.ui.terminal import terminal
from tests.vm.conftest import Cli, left_behind, processes_of, until

ROOT = Path(__file__).parents[2]


@contextmanager
def started_by_limactl(cli: Cli, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """Its host agent runs, launched as `limactl start` launches it; the guest boots."""
    folder = cli.home / name
    argv = [sys.executable, "-m", "tests.vm.limactl_agent", "hostagent", "--pidfile", str(folder / "ha.pid"),
            "--socket", str(folder / "ha.sock"), name]
    with (folder / "ha.stdout.log").open("wb") as out, (folder / "ha.stderr.log").open("wb") as err:
        agent = subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=cli.env(),
                                 start_new_session=True)
    try:
        yield agent
    finally:
        agent.kill()
        agent.wait()


def events(folder: Path) -> list[dict[str, Any]]:
    """What limactl reads while it follows: each line is an event, or it gives up."""
    return [json.loads(line)["status"] for line in (folder / "ha.stdout.log").read_bytes().splitlines(keepends=True)
            if line.endswith(b"\n") and line.strip()]


def as_limactl_left_it(folder: Path) -> None:
    """One plain disk, as limactl 2 makes it."""
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", folder / "diffdisk", folder / "plain"], check=True)
    for name in ("disk", "diffdisk", "basedisk"):
        (folder / name).unlink()
    (folder / "plain").rename(folder / "disk")


def test_what_limactl_started_is_ours_to_use_and_to_stop(tiny: Cli, tmp_path: Path) -> None:
    folder = tiny.home / "t"
    as_limactl_left_it(folder)
    with started_by_limactl(tiny, "t") as agent:
        until(lambda: tiny.state("t") != "Stopped", "it is seen while it boots")
        until(lambda: any(each.get("running") for each in events(folder)), "the guest is up")
        entry = tiny.listed("t")
        port = next(each["sshLocalPort"] for each in events(folder) if "sshLocalPort" in each)
        assert (entry["status"], entry["limatui"]["status"]) == ("Running", "Running")
        assert (entry["sshLocalPort"], entry["hostAgentPID"]) == (port, agent.pid)
        assert entry["driverPID"] == tiny.pid("t", "qemu") and not entry.get("errors")
        assert f"127.0.0.1:{port}" in tiny("list").stdout

        assert tiny("shell", "t", "hostname").stdout == "lima-t\n"
        assert tiny("shell", "t", "sh", "-c", "exit 7", check=False).returncode == 7
        (tmp_path / "there").write_text("and back\n")
        tiny("copy", str(tmp_path / "there"), "t:")
        tiny("copy", "t:there", str(tmp_path / "back"))
        assert (tmp_path / "back").read_text() == "and back\n"
        many = tmp_path / "many"
        (many / "sub").mkdir(parents=True)
        for number in range(50):
            (many / f"sub/{number}").write_text(str(number))
        tiny("copy", "--backend=sftp", "-r", str(many), "t:")
        tiny("copy", "--backend=sftp", "-r", "t:many", str(tmp_path / "again"))
        assert len(list((tmp_path / "again/sub").iterdir())) == 50
        assert (tmp_path / "again/sub/7").read_text() == "7"
        assert "in the guest" in tiny("copy", "--backend=sftp", "t:nope", str(tmp_path), check=False).stderr
        assert f"ssh available on port {port}" in watched(tiny)
        assert "another" not in tiny("doctor", "t", check=False).stdout
        missing = tiny("forward", "list", "t", check=False)
        assert missing.returncode == 1 and missing.stderr.count("\n") == 1

        with terminal("-m", "limatui", size=(120, 36), environ=tiny.env()) as screen:
            screen.until(lambda text: "Running" in text)
            screen.press(b"l", "following")
            screen.press(b"\x1b", "STATUS")
            screen.write(b"qq")
            assert screen.ended() == 0

        assert "already running" in tiny("start", "t").stderr
        told = tiny("stop", "t").stderr
        assert f"Sending SIGINT to hostagent process {agent.pid}" in told
        assert "[hostagent] QEMU has exited" in told and "The instance t has shut down" in told
        assert agent.wait(30) == 0
        assert events(folder)[-1] == {"exiting": True}
    assert tiny.state("t") == "Stopped"
    assert not left_behind(tiny.home)

    with started_by_limactl(tiny, "t") as agent:
        until((folder / "qemu.pid").exists, "its QEMU runs")
        tiny("stop", "-f", "t")
        assert agent.wait(30) == -signal.SIGKILL
    assert tiny.state("t") == "Stopped"
    assert not left_behind(tiny.home)


def watched(cli: Cli) -> str:
    """Its events, as `watch` tells them."""
    watch = cli.spawn("watch", "--history", "t")
    try:
        assert watch.stdout
        return "".join(line for line, _ in zip(watch.stdout, range(2), strict=False))
    finally:
        watch.kill()
        watch.communicate()


class Limactl:
    """What limactl does with an instance, step by step, as the specification has it."""

    def __init__(self, home: Path, name: str) -> None:
        self.folder, self.name = home / name, name

    def status(self) -> str:
        """Pid files, then `/v1/info`; like limactl it takes the pid file of a dead process away."""
        agent, driver = self.live("ha.pid"), self.live("qemu.pid")
        if agent and not (self.folder / "ha.sock").exists():
            return "Broken"
        if agent:
            assert self.info()["sshLocalPort"] > 0
        return {(True, True): "Running", (False, False): "Stopped"}.get((bool(agent), bool(driver)), "Broken")

    def live(self, file: str) -> int:
        try:
            pid = int((self.folder / file).read_text().strip())
        except FileNotFoundError:
            return 0
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            (self.folder / file).unlink()
            return 0
        return pid

    def info(self) -> dict[str, Any]:
        """As Go's client asks: HTTP/1.1, and the connection may be kept."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(str(self.folder / "ha.sock"))
            connection.sendall(b"GET /v1/info HTTP/1.1\r\nHost: lima-hostagent\r\nUser-Agent: Go-http-client/1.1\r\n"
                               b"Accept-Encoding: gzip\r\n\r\n")
            reader = connection.makefile("rb")
            assert reader.readline().startswith(b"HTTP/1.1 200 ")
            headers = dict(line.decode().strip().lower().split(": ", 1) for line in iter(reader.readline, b"\r\n"))
            assert headers["content-type"] == "application/json"
            return dict(json.loads(reader.read(int(headers["content-length"]))))

    def ssh(self, *words: str) -> str:
        argv = ["ssh", "-F", str(self.folder / "ssh.config"), f"lima-{self.name}", *words]
        return subprocess.run(argv, stdin=subprocess.DEVNULL, check=True, capture_output=True, text=True).stdout

    def copy(self, source: str, target: str) -> None:
        options = ["-F", str(self.folder / "ssh.config"), "-q", "-3"]
        subprocess.run(["scp", *options, "--", source, target], stdin=subprocess.DEVNULL, check=True)

    def stop(self) -> None:
        os.kill(self.live("ha.pid"), signal.SIGINT)
        until(lambda: events(self.folder)[-1].get("exiting"), "the exiting event")
        until(lambda: self.status() == "Stopped", "both processes are gone")

    def stop_by_force(self) -> None:
        for file in ("qemu.pid", "ha.pid"):
            os.kill(self.live(file), signal.SIGKILL)
        for path in self.folder.iterdir():
            if path.name.endswith((".pid", ".sock", ".tmp")):
                path.unlink()

    def delete_by_force(self) -> None:
        self.stop_by_force()
        shutil.rmtree(self.folder)


def test_what_we_started_answers_limactl(tiny: Cli, tmp_path: Path) -> None:
    limactl = Limactl(tiny.home, "t")
    assert limactl.status() == "Stopped"
    tiny("start", "t")
    assert limactl.status() == "Running"
    port = limactl.info()["sshLocalPort"]
    assert f"  Port {port}\n" in (limactl.folder / "ssh.config").read_text()
    ready = next(each for each in events(limactl.folder) if each.get("running"))
    assert ready["sshLocalPort"] == port and not ready.get("degraded")
    assert limactl.ssh("hostname") == "lima-t\n"
    (tmp_path / "there").write_text("and back\n")
    limactl.copy(str(tmp_path / "there"), "lima-t:there")
    limactl.copy("lima-t:there", str(tmp_path / "back"))
    assert (tmp_path / "back").read_text() == "and back\n"
    limactl.stop()
    assert tiny.state("t") == "Stopped"
    assert not left_behind(tiny.home)
    assert "Received SIGINT, shutting down the host agent" in (limactl.folder / "ha.stderr.log").read_text()

    tiny("start", "t")
    limactl.stop_by_force()
    assert tiny.state("t") == limactl.status() == "Stopped"
    until(lambda: not left_behind(tiny.home), "what belonged to the guest ends with it")

    starting = tiny.spawn("start", "t")
    until(lambda: limactl.live("qemu.pid"), "QEMU runs")
    limactl.delete_by_force()
    said = starting.communicate(timeout=60)[1]
    assert starting.returncode == 1 and "Traceback" not in said
    assert tiny("list", "-q").stdout == ""
    until(lambda: not processes_of(tiny.home), "nothing of it runs")
