"""Two machines on one user-v2 network: they start it together, talk by name, reach the host; the last one ends it."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from limacore.base.proc import identity
from limacore.network import service
from limacore.paths import HomePaths, NetworkPaths
from tests.vm.conftest import BOOT_LIMIT, Cli, left_behind

HOSTS = {"my.example": "10.9.8.7", "also": "lima-a.internal"}
SETTINGS = f'.networks = [{{"lima": "user-v2"}}] | .hostResolver.hosts = {json.dumps(HOSTS)}'
NAMES = ("lima-a.internal", "lima-b.internal", "host.lima.internal", "my.example", "also", "lima-a")
LOOK = """
import socket, subprocess, sys, urllib.request
found = {name: socket.gethostbyname(name) for name in %r}
found["own"] = subprocess.check_output("ip -4 -o addr show eth0", shell=True, text=True).split()[3]
found["ssh"] = socket.create_connection(("lima-a.internal", 22), 30).recv(99).decode().split("_")[0]
found["host"] = urllib.request.urlopen("http://host.lima.internal:%d/", timeout=30).read().decode()
with socket.create_connection(("192.168.104.2", 53), 30) as dns:
    question = b"\\0\\1\\1\\0\\0\\1" + bytes(6) + b"\\6lima-a\\x08internal\\0\\0\\1\\0\\1"
    dns.sendall(bytes((0, len(question))) + question)
    found["tcp"] = socket.inet_ntoa(dns.recv(999)[-4:])
found["ping"] = subprocess.call("sudo ping -c 1 -W 20 lima-a.internal >/dev/null", shell=True)
import json; print(json.dumps(found))
"""


class Hello(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *args: Any) -> None:
        """Nothing."""


def test_two_machines_on_a_network(cli: Cli) -> None:
    network = HomePaths(cli.home).network("user-v2")
    for name in ("a", "b"):
        cli("create", f"--name={name}", f"--set={SETTINGS}", "template:tiny", timeout=900)
    starting = [cli.spawn("start", name) for name in ("a", "b")]
    for process in starting:
        _, said = process.communicate(timeout=2 * BOOT_LIMIT)
        assert process.returncode == 0, said + cli.logs()
    daemon = service.running(network)
    assert daemon

    with HTTPServer(("127.0.0.1", 0), Hello) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        told = cli("shell", "b", "python3", "-c", LOOK % (NAMES, server.server_address[1])).stdout
        server.shutdown()
    a, b = addresses(cli, network)
    assert sorted((a, b)) == ["192.168.104.1", "192.168.104.3"]
    found = json.loads(told)
    assert found == {
        "lima-a.internal": a, "lima-b.internal": b, "lima-a": a, "also": a, "my.example": "10.9.8.7",
        "host.lima.internal": "192.168.104.2", "own": f"{b}/24", "ssh": "SSH-2.0-OpenSSH", "host": "hello", "ping": 0,
        "tcp": a,
    }, found  # fmt: skip
    assert cli("network", "list", "user-v2", "--json").stdout.startswith('{"name":"user-v2","mode":"user-v2"')

    cli("stop", "-f", "a")
    assert service.running(network) == daemon, "the other one uses it"
    cli("stop", "b", timeout=200)
    assert not identity(daemon) and not left_behind(cli.home)
    assert sorted(json.loads(network.leases.read_text())) == ["192.168.104.1", "192.168.104.2", "192.168.104.3"]


def addresses(cli: Cli, network: NetworkPaths) -> tuple[str, str]:
    """Where the ssh ports of both lead to."""
    from limacore.base import http1

    answer = http1.request_sync(network.endpoint_sock, "/services/forwarder/all", timeout=30)
    to = {each["local"]: each["remote"].partition(":")[0] for each in json.loads(answer.body)}
    ports = [cli.listed(name)["sshLocalPort"] for name in ("a", "b")]
    return to[f"127.0.0.1:{ports[0]}"], to[f"127.0.0.1:{ports[1]}"]
