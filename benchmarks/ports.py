"""How soon a host listener follows a guest port, from the moment at which the guest bound or closed it."""

from __future__ import annotations

import statistics
import subprocess
import threading
import time
import types

from measure import LIMATUI, instance

from limacore.guest import agentfile

agent = types.ModuleType("agent")
exec(agentfile.content(), agent.__dict__)

ROUNDS = 50
GUEST = """
import socket, sys, time
for line in sys.stdin:
    word, port = line.split()
    if word == "bind":
        server = socket.create_server(("127.0.0.1", int(port)))
    elif word == "close":
        server.close()
    print(time.time(), flush=True)
"""


class Watch(threading.Thread):
    """Notes when a host port begins or ceases to be listened on."""

    def __init__(self, port: int, wanted: bool) -> None:
        super().__init__(daemon=True)
        self.port, self.wanted, self.at = port, wanted, 0.0

    def run(self) -> None:
        while listening(self.port) is not self.wanted:
            time.sleep(0.0005)
        self.at = time.time()


def listening(port: int) -> bool:
    """By the kernel's short list: /proc/net/tcp costs 10 ms, and a connection keeps the guest's ssh server busy."""
    return ("tcp", "127.0.0.1", port) in agent.diag_dump(agent.TCP, agent.socket.AF_INET)


def main() -> None:
    with instance(started=True):
        guest = subprocess.Popen([LIMATUI, "shell", "t", "python3", "-u", "-c", GUEST], text=True, bufsize=1,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert guest.stdin
        assert guest.stdout

        def say(words: str) -> tuple[float, float]:
            """The guest's clock when it had done so, and how far it is ahead of ours if both ways take as long."""
            begun = time.time()
            print(words, file=guest.stdin, flush=True)
            done = float(guest.stdout.readline())
            ended = time.time()
            trips.append((ended - begun, done - (begun + ended) / 2))
            return done, min(trips)[1]

        trips: list[tuple[float, float]] = []
        for _ in range(100):
            say("echo 0")
        delays: dict[str, list[float]] = {"bind": [], "close": []}
        for number in range(ROUNDS):
            port = 20000 + number
            for word, wanted in (("bind", True), ("close", False)):
                watch = Watch(port, wanted)
                watch.start()
                done, ahead = say(f"{word} {port}")
                watch.join()
                delays[word].append(watch.at - (done - ahead))
        guest.kill()
        guest.wait()
    print(f"clocks compared within {500 * min(trips)[0]:.1f} ms")
    for word, goal in (("bind", 20), ("close", 50)):
        values = sorted(1000 * delay for delay in delays[word])
        middle = statistics.median(values)
        print(f"{word:6} to host listener: median {middle:.1f} ms, max {values[-1]:.1f} ms (goal <= {goal})")


if __name__ == "__main__":
    main()
