"""Forwards of a real guest that outlive what carries them, UDP, sockets of both directions, and names of the host."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.vm.conftest import Cli, left_behind, until

ECHO = """
import socket, sys
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(('127.0.0.1', 7001))
tcp = socket.create_server(('127.0.0.1', 7002))
print('ready', flush=True)
import threading
def answer():
    while True:
        data, where = udp.recvfrom(65536)
        udp.sendto(b'guest ' + data, where)
threading.Thread(target=answer, daemon=True).start()
while True:
    other, _ = tcp.accept()
    other.sendall(b'guest')
    other.close()
"""


@pytest.fixture
def guest(cli: Cli) -> Iterator[Cli]:
    """The tiny guest `t`, started, with rules for every kind of forward and a server that answers on both protocols."""
    rules = [{"guestPort": 7001, "hostPort": FREE["udp"], "proto": "udp"},
             {"guestPort": 7002, "hostPort": FREE["tcp"], "proto": "tcp"},
             {"guestSocket": "/run/host-services/r.sock", "hostSocket": "r.sock", "guestPortRange": [9, 9],
              "reverse": True}]
    cli("create", "--name=t", "--set", f".portForwards = {json.dumps(rules)}",
        "--set", '.hostResolver.hosts = {"db.corp": "10.1.2.3", "alias.corp": "host.lima.internal"}',
        "template:tiny", timeout=900)
    cli("start", "t", timeout=300)
    yield cli
    cli("stop", "-f", "t", check=False)


def _unused(kind: int) -> int:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


FREE = {"udp": _unused(socket.SOCK_DGRAM), "tcp": _unused(socket.SOCK_STREAM), "more": _unused(socket.SOCK_STREAM)}


def serve(cli: Cli) -> subprocess.Popen[str]:
    """The answering server in the guest; ends with the process that is returned, or the connection."""
    ssh(cli, "cat > echo.py", stdin=ECHO)
    return running(cli, "exec python3 echo.py")


def running(cli: Cli, command: str) -> subprocess.Popen[str]:
    """A command in the guest over a connection of its own."""
    return subprocess.Popen(["ssh", "-F", cli.home / "t/ssh.config", "-S", "none", "lima-t", command], text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def ssh(cli: Cli, command: str, stdin: str = "") -> str:
    done = subprocess.run(["ssh", "-F", cli.home / "t/ssh.config", "lima-t", command], capture_output=True, text=True,
                          timeout=60, input=stdin)
    return done.stdout + done.stderr


def by_udp(data: bytes = b"hello", port: int = 0, timeout: float = 1.0) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(timeout)
        sock.connect(("127.0.0.1", port or FREE["udp"]))
        try:
            sock.send(data)
            return sock.recv(65536)
        except OSError:
            return b""


def by_tcp(port: int) -> bytes:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
            return sock.recv(100)
    except OSError:
        return b""


def both_answer() -> bool:
    return by_udp() == b"guest hello" and by_tcp(FREE["tcp"]) == b"guest"


def log(cli: Cli) -> list[str]:
    return [json.loads(line).get("msg", "") for line in (cli.home / "t/ha.stderr.log").read_text().splitlines()]


def master_pid(cli: Cli) -> int:
    config = str(cli.home / "t/ssh.config")
    out = subprocess.run(["ssh", "-F", config, "-O", "check", "lima-t"], capture_output=True, text=True).stderr
    return int(out.partition("pid=")[2].partition(")")[0])


def test_every_kind_of_forward_survives(guest: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    numbers = {}
    server = serve(guest)
    until(both_answer, "TCP and UDP answer", 30)
    numbers["udp ms"] = _median_udp()
    large = os.urandom(8000)
    assert by_udp(large, timeout=5) == b"guest " + large
    _names(guest)
    _reverse(guest)
    _by_hand(guest)

    began = time.monotonic()
    os.kill(master_pid(guest), signal.SIGKILL)
    until(lambda: "the ssh connection to the guest is gone; logging in again" in log(guest), "told", 10)
    until(lambda: by_udp() and by_tcp(FREE["tcp"]), "back after the ssh master was killed", 60)
    numbers["master killed s"] = time.monotonic() - began
    until(lambda: any(line.startswith("forwards were made again") for line in log(guest)), "told", 10)
    assert _reverse_answers(guest)

    began = time.monotonic()
    assert server.poll() is None
    ssh(guest, "sudo pkill -9 -f lima_guestagent")
    until(lambda: "the guest agent's UDP tunnel is gone; making it again" in log(guest), "told", 20)
    until(both_answer, "back after the agent was killed", 60)
    numbers["agent killed s"] = time.monotonic() - began

    stopped = master_pid(guest)
    os.kill(stopped, signal.SIGSTOP)
    began = time.monotonic()
    until(lambda: "the ssh connection to the guest hangs; making another one" in log(guest), "told", 60)
    until(both_answer, "back after the ssh master hung", 60)
    numbers["master stopped s"] = time.monotonic() - began

    began = time.monotonic()
    ssh(guest, "sudo reboot")
    until(lambda: "the guest boots again" in log(guest), "told", 60)
    server.wait(60)
    again = until(lambda: _served_again(guest), "the guest is back", 120)
    until(both_answer, "back after a reboot", 60)
    numbers["reboot s"] = time.monotonic() - began
    again.terminate()
    with capsys.disabled():
        print("\n" + ", ".join(f"{name} {value:.1f}" for name, value in numbers.items()))


def test_what_is_handed_over(cli: Cli) -> None:
    """A file that comes out, the ssh agent that goes in, listeners on IPv6, and a host that was asleep."""
    agent = cli.home / "agent.sock"
    lender = subprocess.Popen(["ssh-agent", "-D", "-a", agent], stdout=subprocess.DEVNULL)
    until(agent.is_socket, "ssh-agent", 10)
    key = cli.home / "key"
    subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-C", "lent", "-f", key], check=True)
    subprocess.run(["ssh-add", "-q", key], check=True, env={**os.environ, "SSH_AUTH_SOCK": str(agent)})
    rules = [{"guest": "/etc/shadow", "host": str(cli.home / "out/shadow"), "deleteOnStop": True},
             {"guest": "/no/such", "host": str(cli.home / "out/no"), "skipIfMissing": True}]
    cli("create", "--name=t", "--set", f".copyToHost = {json.dumps(rules)} | .ssh.forwardAgent = true",
        "template:tiny", timeout=900)
    try:
        cli("start", "t", timeout=300, SSH_AUTH_SOCK=str(agent))
        copied = cli.home / "out/shadow"
        assert "root:" in copied.read_text() and copied.stat().st_mode & 0o777 == 0o600
        lent = "SSH_AUTH_SOCK=/run/host-services/ssh-auth.sock ssh-add -l"
        until(lambda: "lent" in ssh(cli, lent), "the key of the host's agent", 20)

        port = FREE["more"]
        server = running(cli, SIX % {"port": port})
        until(lambda: by_tcp(port) == b"six" and by_udp(port=port) == b"six", "a listener on ::1", 30)

        asleep = cli.pid("t", "ha"), master_pid(cli)
        for pid in asleep:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(28)
        for pid in asleep:
            os.kill(pid, signal.SIGCONT)
        until(lambda: any("slept for" in line for line in log(cli)), "told", 30)
        assert by_tcp(port) == b"six" and by_udp(port=port) == b"six"
        server.terminate()
        cli("stop", "t", timeout=300)
        assert not copied.exists() and not left_behind(cli.home / "t")
    finally:
        cli("stop", "-f", "t", check=False)
        lender.terminate()
        lender.wait()


SIX = """exec python3 -c '
import socket, threading
udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
udp.bind(("::1", %(port)d))
tcp = socket.create_server(("::1", %(port)d), family=socket.AF_INET6)
def answer():
    while True:
        udp.sendto(b"six", udp.recvfrom(9)[1])
threading.Thread(target=answer, daemon=True).start()
while True:
    other, _ = tcp.accept()
    other.sendall(b"six")
    other.close()
'"""


def _served_again(cli: Cli) -> subprocess.Popen[str] | None:
    if "hi" not in ssh(cli, "echo hi"):
        time.sleep(0.5)
        return None
    return serve(cli)


def _median_udp() -> float:
    times = []
    for _ in range(20):
        began = time.perf_counter()
        assert by_udp(timeout=5)
        times.append(time.perf_counter() - began)
    return 1000 * sorted(times)[10]


def _names(cli: Cli) -> None:
    """What the guest resolves; its own list of hosts is put aside, so that the question goes to the server."""
    ssh(cli, "sudo sed -i /host.lima.internal/d /etc/hosts")
    for name, address in (("host.lima.internal", "192.168.5.2"), ("db.corp", "10.1.2.3"), ("alias.corp", "192.168.5.2"),
                          ("lima-t.internal", "192.168.5.15")):
        assert ssh(cli, f"getent ahostsv4 {name}").startswith(f"{address} "), (name, ssh(cli, f"getent hosts {name}"))
    # TCP, too: the same question with a length before it
    ask = ("import socket; s = socket.create_connection(('192.168.5.3', 53), 20); "
           "q = b'\\0\\1\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\2db\\4corp\\0\\0\\1\\0\\1'; "
           "s.sendall(len(q).to_bytes(2, 'big') + q); print(s.recv(99)[-4:].hex())")
    assert ssh(cli, f'python3 -c "{ask}"').strip() == "0a010203"


def _reverse(cli: Cli) -> None:
    path = cli.home / "t/sock/r.sock"
    path.parent.mkdir(exist_ok=True)
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def answer() -> None:
        while True:
            other, _ = server.accept()
            other.sendall(b"host")
            other.close()

    threading.Thread(target=answer, daemon=True).start()
    assert until(lambda: _reverse_answers(cli), "the reverse socket", 20)


def _reverse_answers(cli: Cli) -> bool:
    ask = "import socket; s = socket.socket(socket.AF_UNIX); s.connect('/run/host-services/r.sock'); print(s.recv(9))"
    return "b'host'" in ssh(cli, f'python3 -c "{ask}"')


def _by_hand(cli: Cli) -> None:
    more = FREE["more"]
    cli("forward", "add", "t", "7002", str(more))
    assert by_tcp(more) == b"guest"
    rows = [json.loads(line) for line in cli("forward", "list", "--json", "t").stdout.splitlines()]
    assert {"forwarding"} == {row["state"] for row in rows if row["host"] == f"127.0.0.1:{more}"}
    cli("forward", "remove", "t", str(more))
    assert by_tcp(more) == b""
    cli("forward", "remove", "t", str(FREE["udp"]))
    assert not by_udp(timeout=0.3)
    with socket.create_server(("127.0.0.1", more)):
        refused = cli("forward", "add", "t", "7002", str(more), check=False)
        assert refused.returncode == 1 and f"in use by {psutil.Process().name()}" in refused.stderr
    cli("forward", "add", "--proto=udp", "t", "7001", str(FREE["udp"]))
    assert by_udp() == b"guest hello"
    assert Path(cli.home / "t/ga-udp.sock").is_socket()
