"""What a user-v2 network costs: processor time of its switch for a stream of frames, against a mere copy."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
import time
from ipaddress import IPv4Network
from pathlib import Path

from limacore.network import frames, service
from limacore.paths import HomePaths

ONE, TWO = bytes.fromhex("525555000001"), bytes.fromhex("525555000002")
FRAMES, BATCH = 200_000, 40


def sent_and_read(sender: socket.socket, reader: socket.socket) -> int:
    """Send frames of full size, and count the bytes that arrive."""
    block = frames.packet(TWO, ONE, b"\x88\xb5", bytes(1500)) * BATCH

    def send() -> None:
        for _ in range(FRAMES // BATCH):
            sender.sendall(block)
        time.sleep(1)
        reader.shutdown(socket.SHUT_RD)

    threading.Thread(target=send, daemon=True).start()
    return sum(iter(lambda: len(reader.recv(1 << 18)), 0))


def processor(pid: int) -> float:
    """Seconds of processor time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def plugged(path: Path, mac: bytes) -> socket.socket:
    """A machine that has said who it is."""
    plug = socket.socket(socket.AF_UNIX)
    plug.connect(str(path))
    plug.sendall(frames.packet(frames.BROADCAST, mac, b"\x88\xb5", bytes(46)))
    return plug


def by_switch() -> float:
    """Bytes a second of the switch's processor time."""
    with tempfile.TemporaryDirectory(prefix="net-", dir="/tmp") as folder:
        paths = HomePaths(Path(folder)).network("user-v2")
        service.start(paths, IPv4Network("192.168.104.0/24"))
        try:
            pid, reader, sender = service.running(paths), plugged(paths.qemu_sock, TWO), plugged(paths.qemu_sock, ONE)
            reader.recv(1 << 10)
            before = processor(pid)
            return sent_and_read(sender, reader) / (processor(pid) - before)
        finally:
            service.stop(paths)


def by_copying() -> float:
    """The same of a thread that reads and writes as they come."""
    (sender, inner), (outer, reader) = socket.socketpair(), socket.socketpair()
    spent = [0.0]

    def copy() -> None:
        before = time.thread_time()
        while (data := inner.recv(1 << 18)):
            outer.sendall(data)
            spent[0] = time.thread_time() - before

    threading.Thread(target=copy, daemon=True).start()
    return sent_and_read(sender, reader) / spent[0]


def main() -> None:
    """Print the figures."""
    ours, bare = by_switch() / 1e6, by_copying() / 1e6
    print(f"{FRAMES} frames of 1514 bytes: {ours:.0f} MB for a second of processor time of the switch, "
          f"{bare:.0f} MB for one of a thread that only copies, ratio {bare / ours:.2f}")


if __name__ == "__main__":
    main()
