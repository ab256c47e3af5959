"""A forwarded TCP port against `ssh -L` on a connection of its own: a load, and a connect with one answer."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator

from measure import LIMATUI, instance, interleave, tell

SIZE = 48 << 20
PORT = 8090
# One byte asks: `1` for one byte back, anything else for the whole load.
SERVER = f"""
import socket, socketserver
class Answer(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(b"x" if self.request.recv(1) == b"1" else bytes({SIZE}))
socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("127.0.0.1", {PORT}), Answer).serve_forever()
"""


@contextlib.contextmanager
def running(*argv: str) -> Iterator[None]:
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def until_open(port: int) -> None:
    for _ in range(600):
        with contextlib.suppress(OSError):
            answer(port)
            return
        time.sleep(0.1)
    raise SystemExit(f"port {port} does not answer")


def answer(port: int) -> float:
    """Seconds from connect to the first byte."""
    begun = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), 30) as peer:
        peer.sendall(b"1")
        if peer.recv(1) != b"x":
            raise ConnectionError
    return time.perf_counter() - begun


def load(port: int) -> float:
    """Seconds of the whole load."""
    begun, got = time.perf_counter(), 0
    with socket.create_connection(("127.0.0.1", port), 60) as peer:
        peer.sendall(b"2")
        while data := peer.recv(1 << 20):
            got += len(data)
    if got != SIZE:
        raise SystemExit(f"{got} of {SIZE} bytes came")
    return time.perf_counter() - begun


if __name__ == "__main__":
    with instance(started=True) as place, socket.create_server(("127.0.0.1", 0)) as free:
        other = free.getsockname()[1]
        free.close()
        config = str(place / "ssh.config")
        alone = ("-o", "ControlMaster=no", "-o", "ControlPath=none")
        with (
            running(LIMATUI, "shell", "--workdir=/", "t", "python3", "-c", SERVER),
            running("ssh", "-F", config, *alone, "-N", "-L", f"{other}:127.0.0.1:{PORT}", "lima-t"),
        ):
            until_open(PORT)
            until_open(other)
            loads = interleave(5, limatui=lambda: load(PORT), ssh=lambda: load(other))
            answers = interleave(30, limatui=lambda: answer(PORT), ssh=lambda: answer(other))
    tell(f"{SIZE >> 20} MiB through a forwarded port", loads, "ssh", "s", 1)
    tell("connect and one answer", answers, "ssh")
