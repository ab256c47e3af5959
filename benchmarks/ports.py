"""How soon a host listener follows a guest port, from when the guest was told to bind or close it."""

from __future__ import annotations

import socket
import statistics
import subprocess
import threading
import time

from measure import LIMATUI, instance

ROUNDS = 50
GUEST = """
import socket, sys
for line in sys.stdin:
    word, port = line.split()
    if word == "bind":
        server = socket.create_server(("127.0.0.1", int(port)))
    elif word == "close":
        server.close()
    print(word, flush=True)
"""


class Watch(threading.Thread):
    """Notes when a host port begins or ceases to answer."""

    def __init__(self, port: int, wanted: bool) -> None:
        super().__init__(daemon=True)
        self.port, self.wanted, self.at = port, wanted, 0.0

    def run(self) -> None:
        while answers(self.port) is not self.wanted:
            time.sleep(0.0005)
        self.at = time.perf_counter()


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def main() -> None:
    with instance(started=True):
        guest = subprocess.Popen([LIMATUI, "shell", "t", "python3", "-u", "-c", GUEST], text=True, bufsize=1,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert guest.stdin
        assert guest.stdout

        def say(words: str) -> float:
            begun = time.perf_counter()
            print(words, file=guest.stdin, flush=True)
            guest.stdout.readline()
            return time.perf_counter() - begun

        half = statistics.median(say("echo 0") for _ in range(20)) / 2
        delays: dict[str, list[float]] = {"bind": [], "close": []}
        for number in range(ROUNDS):
            port = 20000 + number
            for word, wanted in (("bind", True), ("close", False)):
                watch = Watch(port, wanted)
                watch.start()
                reached = time.perf_counter() + half
                say(f"{word} {port}")
                watch.join()
                delays[word].append(watch.at - reached)
        guest.kill()
        guest.wait()
    for word, goal in (("bind", 20), ("close", 50)):
        values = sorted(1000 * delay for delay in delays[word])
        middle = statistics.median(values)
        print(f"{word:6} to host listener: median {middle:.1f} ms, max {values[-1]:.1f} ms (goal <= {goal})")


if __name__ == "__main__":
    main()
