"""A stand-in for limactl's host agent: the files, sockets, events and signals of it, as recorded, and nothing of ours.

Run as a process, as `limactl start` does: `limactl_agent.py hostagent --pidfile F --socket S NAME`. It has no guest
agent, no second monitor and no address but `/v1/info`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from limacore.config.load import load
from limacore.drivers.base import MachineSpec
from limacore.drivers.qemu import args
from limacore.hostagent import seed
from limacore.model.config import Config
from limacore.paths import HomePaths, InstancePaths

SSH_CONFIG = """\
# This SSH config file can be passed to 'ssh -F'.
# This file is created by Lima, but not used by Lima itself currently.
# Modifications to this file will be lost on restarting the Lima instance.
Host lima-{name}
  IdentityFile "{home}/_config/user"
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  NoHostAuthenticationForLocalhost yes
  PreferredAuthentications publickey
  Compression no
  BatchMode yes
  IdentitiesOnly yes
  GSSAPIAuthentication no
  User {user}
  ControlMaster auto
  ControlPath "{home}/{name}/ssh.sock"
  ControlPersist yes
  Hostname 127.0.0.1
  Port {port}
"""
POWER_DOWN_TIME = 180.0


def emit(**status: object) -> None:
    """One event; every write is on the disk before the next."""
    print(json.dumps({"time": datetime.now().astimezone().isoformat(), "status": status}), flush=True)
    os.fsync(1)


def log(level: str, message: str) -> None:
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    print(json.dumps({"level": level, "msg": message, "time": now}), file=sys.stderr, flush=True)


class Api(BaseHTTPRequestHandler):
    """`GET /v1/info`."""

    protocol_version = "HTTP/1.1"
    port = 0

    def do_GET(self) -> None:
        found = self.path == "/v1/info"
        body = json.dumps({"sshLocalPort": self.port}).encode() if found else b"404 page not found\n"
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json" if found else "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def command_line(paths: InstancePaths, home: HomePaths, config: Config, port: int) -> list[str]:
    """The one that Lima 2.2 uses, which tests/golden/test_qemu_argv.py compares word for word."""
    files = frozenset(name for name in ("disk", "iso", "kernel", "initrd") if (paths.dir / name).exists())
    append = (paths.dir / "kernel.cmdline").read_text()
    host = args.QemuHost(program=("qemu-system-x86_64",), accel="tcg", cpu="max", files=files, append=append)
    return args.argv(MachineSpec(paths.name, paths, home, config, port), host)


def ssh(paths: InstancePaths, *words: str) -> bool:
    done = subprocess.run(["ssh", "-F", paths.dir / "ssh.config", *words], stdin=subprocess.DEVNULL, check=False,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return done.returncode == 0


def wait_ready(paths: InstancePaths, port: int, stopping: threading.Event) -> None:
    while not stopping.wait(0.2):
        if ssh(paths, f"lima-{paths.name}", "true"):
            emit(running=True, sshLocalPort=port)
            return


def power_down(paths: InstancePaths, qemu: subprocess.Popen[bytes]) -> None:
    """By `qmp.sock`, as limactl does; what does not end is killed."""
    log("info", "Sending QMP system_powerdown command")
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as monitor:
        monitor.settimeout(5)
        monitor.connect(str(paths.qmp_sock))
        talk = monitor.makefile("rwb")
        for command in ("qmp_capabilities", "system_powerdown"):
            talk.readline()
            talk.write(json.dumps({"execute": command}).encode() + b"\n")
            talk.flush()
        talk.readline()
    try:
        qemu.wait(POWER_DOWN_TIME)
    except subprocess.TimeoutExpired:
        qemu.kill()
        qemu.wait()
    log("info", "QEMU has exited")


def main(pid_file: Path, sock: Path, name: str) -> None:
    pid_file.write_text(f"{os.getpid()}\n")
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: stopping.set())
    home = HomePaths()
    paths = home.instance(name)
    config = load(paths.lima_yaml, home, exists=True).require(name)
    Api.port = port = free_port()
    seed.write(paths, home, config, f"iid-{int(time.time())}")
    text = SSH_CONFIG.format(name=name, home=home.home, user=config.user.name, port=port)
    (paths.dir / "ssh.config").write_text(text)
    sock.unlink(missing_ok=True)
    with Server(str(sock), Api) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        log("info", f"hostagent socket created at {sock}")
        qemu = subprocess.Popen(command_line(paths, home, config, port), stdin=subprocess.DEVNULL)
        emit(sshLocalPort=port)
        ready = threading.Thread(target=wait_ready, args=(paths, port, stopping))
        ready.start()
        while not stopping.wait(0.05) and qemu.poll() is None:
            pass
        stopping.set()
        log("info", "Received SIGINT, shutting down the host agent")
        ready.join()
        if (paths.dir / "ssh.sock").exists():
            ssh(paths, "-O", "exit", f"lima-{name}")
        power_down(paths, qemu)
        emit(exiting=True)
    sock.unlink(missing_ok=True)
    pid_file.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[3]), Path(sys.argv[5]), sys.argv[6])
