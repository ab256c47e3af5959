"""Two dashboards and a stranger on one serial socket: who has it is said, it can be had, and comes back."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

from tests.ui.terminal import Terminal, terminal


@pytest.fixture
def port(lima_home: Path) -> Iterator[Path]:
    """A serial socket that serves one client after another, as QEMU's does, and says hello to each."""
    (lima_home / "default").mkdir()
    path = lima_home / "default/serial.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        threading.Thread(target=_serve, args=(server,), daemon=True).start()
        yield path
        server.shutdown(socket.SHUT_RDWR)


def _serve(server: socket.socket) -> None:
    number = 0
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        with client:
            number += 1
            client.sendall(b"hello number %d\r\n" % number)
            while client.recv(1000):
                pass


def dashboard(home: Path) -> AbstractContextManager[Terminal]:
    return terminal("-m", "tests.ui.keys_app", str(home), "watch", size=(80, 24))


def test_the_second_dashboard_takes_it_over_and_the_first_has_it_back(port: Path) -> None:
    home = port.parent.parent
    with ExitStack() as stack:
        first = stack.enter_context(dashboard(home))
        first.until(lambda text: "● live" in text and "hello number 1" in text)
        with dashboard(home) as second:
            second.until(lambda text: f"held by process {first.process.pid}" in text and "enter takes it over" in text)
            second.press(b"\r", "hello number 2")
            assert "● live" in second.text
            first.until(lambda text: f"held by process {second.process.pid}" in text)
            second.write(b"\x11")
            assert second.ended() == 0
        first.until(lambda text: "● live" in text and "hello number 3" in text)


def test_a_dashboard_that_was_killed_holds_nothing(port: Path) -> None:
    with dashboard(port.parent.parent) as first:
        first.until(lambda text: "hello number 1" in text)
    with dashboard(port.parent.parent) as second:
        second.until(lambda text: "● live" in text and "hello number 2" in text)


@pytest.mark.skipif(not Path("/proc/net/unix").exists(), reason="only Linux tells who is connected")
def test_a_stranger_is_named_and_followed(port: Path) -> None:
    if not shutil.which("socat"):
        pytest.skip("socat is not installed: ./dev setup")
    with subprocess.Popen(["socat", "-u", f"UNIX-CONNECT:{port}", "-"], stdout=subprocess.PIPE) as stranger:
        assert stranger.stdout is not None
        assert stranger.stdout.readline() == b"hello number 1\r\n"
        with dashboard(port.parent.parent) as ours:
            ours.until(lambda text: f"held by socat (process {stranger.pid})" in text)
            ours.press(b"\r", f"held by socat (process {stranger.pid})")
            stranger.kill()
            ours.until(lambda text: "● live" in text and "hello number 2" in text)
