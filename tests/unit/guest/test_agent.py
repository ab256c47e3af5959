"""The guest agent, really run: over its unix socket, with real sockets that come and go."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import psutil
import pytest

from limacore.model.guest import MAX_LINE, BootProgress, Clock, FromGuest, Hello, Metrics, Note, Port, Ports
from tests.unit.guest import agentmodule

decode = msgspec.json.Decoder(FromGuest).decode

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the agent runs in Linux guests")


class Talk:
    """One connection to a running agent."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(str(path))
        self.rest = b""

    def say(self, line: bytes) -> None:
        self.socket.sendall(line + b"\n")

    def hear(self) -> Any:
        while b"\n" not in self.rest:
            block = self.socket.recv(65536)
            assert block, "the agent hung up"
            self.rest += block
        line, _, self.rest = self.rest.partition(b"\n")
        return decode(line)

    def until(self, fits: Callable[[Any], bool]) -> Any:
        """The next message that fits; the time-out of the socket is the only limit."""
        while not fits(message := self.hear()):
            pass
        return message


class Running:
    """An agent with a run directory of its own."""

    def __init__(self, run: Path) -> None:
        self.run = run
        (run / "lima.env").write_text("LIMA_CIDATA_NAME=x\nLIMA_CIDATA_IID=iid-5\n")
        self.process = subprocess.Popen(
            [sys.executable, "-I", str(agentmodule.file(run)), "daemon", "--run", str(run),
             "--socket-owner", str(os.getuid())],
            env={**os.environ, "LIMA_CIDATA_MNT": str(run)}, stderr=subprocess.PIPE)

    def talk(self) -> Talk:
        deadline = time.monotonic() + 60
        while True:
            try:
                return Talk(self.run / "lima-guestagent.sock")
            except OSError:
                assert self.process.poll() is None and time.monotonic() < deadline, self.process.stderr
                time.sleep(0.01)

    def poke(self) -> None:
        fd = os.open(self.run / "lima-guestagent.fifo", os.O_RDWR)
        os.write(fd, b"\n")
        os.close(fd)


@pytest.fixture
def agent() -> Iterator[Running]:
    run = Path(tempfile.mkdtemp(prefix="ga-", dir="/tmp"))
    running = Running(run)
    yield running
    running.process.terminate()
    assert running.process.wait(20) == 0
    assert not (run / "lima-guestagent.sock").exists()
    shutil.rmtree(run)


def knows_ports(message: Any) -> bool:
    return isinstance(message, Hello) and message.port_source != ""


def test_it_greets_with_who_it_is(agent: Running) -> None:
    hello = agent.talk().until(lambda each: isinstance(each, Hello))
    assert (hello.version, hello.iid, hello.hostname) == (1, "iid-5", socket.gethostname())
    assert hello.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert (agent.run / "lima-guestagent.sock").stat().st_mode & 0o777 == 0o600


def test_a_listening_socket_comes_and_goes(agent: Running) -> None:
    talk = agent.talk()
    talk.until(knows_ports)
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.create_server((address, 0), family=family) as server:
            port = Port("tcp", address, server.getsockname()[1])
            talk.until(lambda each, port=port: isinstance(each, Ports) and port in each.added)
        talk.until(lambda each, port=port: isinstance(each, Ports) and port in each.removed)


def test_a_udp_socket_comes_and_goes(agent: Running) -> None:
    talk = agent.talk()
    talk.until(knows_ports)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        port = Port("udp", "127.0.0.1", bound.getsockname()[1])
        talk.until(lambda each: isinstance(each, Ports) and port in each.added)
    talk.until(lambda each: isinstance(each, Ports) and port in each.removed)


def test_a_full_list_is_there_for_the_asking(agent: Running) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        talk = agent.talk()
        talk.until(knows_ports)
        talk.say(b'{"type":"ask","what":"ports"}')
        full = talk.until(lambda each: isinstance(each, Ports) and each.full)
        assert Port("tcp", "127.0.0.1", server.getsockname()[1]) in full.added


def test_the_boot_is_told_as_it_happens_and_again_to_latecomers(agent: Running) -> None:
    talk = agent.talk()
    talk.until(lambda each: isinstance(each, Hello))
    with (agent.run / "lima-boot-progress").open("w") as progress:
        progress.write("start 3.50 boot.Linux/a b.sh\nend 4.75 7 boot.Linux/a b.sh\nstart 4.8")
    agent.poke()
    is_boot = lambda each: isinstance(each, BootProgress)  # noqa: E731
    assert talk.until(is_boot) == BootProgress("start", "boot.Linux/a b.sh")
    assert talk.until(is_boot) == BootProgress("end", "boot.Linux/a b.sh", 7, 1.25)
    (agent.run / "lima-boot-done").write_text("iid-5\n")
    agent.poke()
    assert talk.until(is_boot) == BootProgress("ready", iid="iid-5")
    late = agent.talk()
    assert isinstance(late.hear(), Hello)
    assert [late.hear().state for _ in range(3)] == ["start", "end", "ready"]


def test_a_new_run_of_the_scripts_begins_anew(agent: Running) -> None:
    (agent.run / "lima-boot-progress").write_text("start 1.0 a\nend 1.5 0 a\n")
    (agent.run / "lima-boot-done").write_text("old\n")
    talk = agent.talk()
    talk.until(lambda each: isinstance(each, BootProgress) and each.state == "ready")
    (agent.run / "lima-boot-done").unlink()
    (agent.run / "lima-boot-progress").write_text("start 2.0 b\n")
    agent.poke()
    assert talk.until(lambda each: isinstance(each, BootProgress)) == BootProgress("start", "b")


@pytest.mark.parametrize("line", [
    b"nonsense", b"[]", b'"x"', b"{}", b'{"type":"ask"}', b'{"type":"ask","what":"?"}', b'{"type":"set-clock"}',
    b'{"type":"set-interval","metrics":"x"}', b"\xff\xfe", b"x" * (MAX_LINE + 10), b"[" * 5000,
])  # fmt: skip
def test_what_it_does_not_understand_it_refuses(agent: Running, line: bytes) -> None:
    talk = agent.talk()
    talk.say(line)
    note = talk.until(lambda each: isinstance(each, Note))
    assert note.level == "warning"
    talk.say(b'{"type":"ask","what":"metrics"}')
    assert isinstance(talk.until(lambda each: isinstance(each, Metrics)), Metrics)


def test_metrics_come_at_the_pace_asked_for_and_only_then(agent: Running) -> None:
    talk = agent.talk()
    talk.say(b'{"type":"set-interval","metrics":0.2}')
    first, second = (talk.until(lambda each: isinstance(each, Metrics)) for _ in range(2))
    assert 0 < first.memory_used < first.memory_total
    assert 0 < second.disk_used <= second.disk_total
    assert 0 <= second.cpu_percent <= 100
    known = {f"{name} {each.address}" for name, found in psutil.net_if_addrs().items() for each in found
             if each.family is socket.AF_INET and not each.address.startswith("127.")}
    assert known <= set(second.addresses) and not any(each.startswith("lo ") for each in second.addresses)


def test_a_clock_that_is_right_is_left_alone(agent: Running) -> None:
    talk = agent.talk()
    talk.until(knows_ports)
    for _ in range(20):  # a busy machine hands the question over too late now and then
        talk.say(b'{"type":"set-clock","time":%f}' % time.time())
        clock = talk.until(lambda each: isinstance(each, Clock))
        if abs(clock.skew_ms) <= 100:
            break
    assert (clock.adjusted, clock.error) == (False, "")


def test_more_ports_than_a_line_holds_are_told_in_parts(agent: Running) -> None:
    talk = agent.talk()
    talk.until(knows_ports)
    with contextlib.ExitStack() as many:
        servers = [many.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(700)]
        wanted = {Port("tcp", "127.0.0.1", each.getsockname()[1]) for each in servers}
        hear_until(talk, lambda known: wanted <= known)
        talk.say(b'{"type":"ask","what":"ports"}')
        first = talk.until(lambda each: isinstance(each, Ports) and each.full)
        second = talk.hear()
        assert first.more and not second.full and not second.more and wanted <= {*first.added, *second.added}
    hear_until(talk, lambda known: not wanted & known, {*first.added, *second.added})


def hear_until(talk: Talk, fits: Callable[[set[Port]], bool], before: Iterable[Port] = ()) -> None:
    """Apply what changes until it fits; the time-out of the socket is the only limit."""
    known = set(before)
    while not fits(known):
        message = talk.until(lambda each: isinstance(each, Ports))
        known = (known | set(message.added)) - set(message.removed)


def test_changes_of_ports_that_were_dropped_are_made_good(module: ModuleType, tmp_path: Path) -> None:
    agent = module.Agent(run=str(tmp_path), virtio_port="")
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    link = agent.clients[theirs.fileno()] = module.Link(theirs.fileno())
    agent.poll.register(theirs, 0)
    agent.ports.known = {("tcp", "127.0.0.1", 7000)}
    link.outgoing = b"x" * (module.MAX_PENDING - 1) + b"\n"
    link.send({"type": "ports", "full": False, "added": [], "removed": []})
    heard = b""
    while heard.count(b"\n") < 2:
        agent.flush()
        heard += ours.recv(1 << 20)
    assert decode(heard.splitlines()[1]) == Ports((Port("tcp", "127.0.0.1", 7000),), full=True)
    ours.close()
    theirs.close()


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    return agentmodule.module(tmp_path_factory.mktemp("agent"))


@pytest.mark.parametrize("text", ["plain", 'a "b" \\', "\x00\x1f\x7f\n", "Ü–😀", "\ud800"])
def test_its_json_is_json(module: ModuleType, text: str) -> None:
    message = {"type": text, "list": [1, 2.5, True, {"k": text}]}
    expected = text.encode("utf-8", "replace").decode()
    assert msgspec.json.decode(module.encode(message).encode()) == {
        "type": expected, "list": [1, 2.5, True, {"k": expected}]}


def test_the_last_resort_agrees_with_the_first(module: ModuleType) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("::1", 0), family=socket.AF_INET6):
        found = module.proc_dump()
        assert ("tcp", "127.0.0.1", server.getsockname()[1]) in found
        dumped, source = module.dump()
        assert source == "proc" or {each for each in found if each[2] and each[0] == "tcp"} == {
            each for each in dumped if each[0] == "tcp"}


def test_options_of_other_agents_are_ignored(module: ModuleType) -> None:
    words = ["--debug", "--socket-owner", "7", "--vsock-port=1", "--virtio-port=x.y", "--tick", "3s"]
    assert module.options(words) == {"socket_owner": 7, "virtio_port": "x.y", "vsock_port": 1}


STATE = (b"  python3-7 [000] .N... 12.5: inet_sock_set_state: family=AF_INET%b protocol=IPPROTO_TCP sport=%d dport=0 "
         b"saddr=%b daddr=0.0.0.0 saddrv6=%b daddrv6=%b oldstate=%b newstate=%b\n")


def traced(port: int, *states: bytes, ip: bytes = b"127.0.0.1", six: bytes = b"::ffff:127.0.0.1") -> bytes:
    both = zip((b"TCP_CLOSE", *states), states, strict=False)
    return b"".join(STATE % (b"6" if six == b"::1" else b"", port, ip, six, six, old, new) for old, new in both)


FOUR, SIX = ("tcp", "127.0.0.1", 80), ("tcp", "::1", 80)


@pytest.mark.parametrize(("data", "found"), [
    (b"", (set(), {}, False, False)),
    (traced(80, b"TCP_LISTEN"), ({FOUR}, {}, False, False)),
    (traced(80, b"TCP_LISTEN", ip=b"0.0.0.0", six=b"::1"), ({SIX}, {}, False, False)),
    (traced(80, b"TCP_LISTEN", b"TCP_CLOSE"), (set(), {FOUR: socket.AF_INET}, False, False)),
    (traced(80, b"TCP_LISTEN", b"TCP_CLOSE", six=b"::1"), (set(), {SIX: socket.AF_INET6}, False, False)),
    (traced(80, b"TCP_LISTEN", b"TCP_CLOSE", b"TCP_LISTEN"), ({FOUR}, {FOUR: socket.AF_INET}, False, False)),
    (traced(0, b"TCP_LISTEN"), (set(), {}, True, False)),
    (b"  x=1 sport=5-7 [000] 1.0: udp_bind: (udp_lib_get_port+0x0/0x5)\n", (set(), {}, False, True)),
    (b"CPU:0 [LOST 7 EVENTS]\n", (set(), {}, True, False)),
])
def test_what_a_trace_pipe_tells(module: ModuleType, data: bytes, found: Any) -> None:
    assert module.trace_events(data) == found


def test_an_address_is_gone_when_no_other_socket_listens_on_it(module: ModuleType) -> None:
    with socket.socket() as one, socket.socket() as other:
        for sock in (one, other):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.bind(("127.0.0.1", one.getsockname()[1] if sock is other else 0))
            sock.listen()
        address = ("tcp", "127.0.0.1", one.getsockname()[1])
        one.close()
        assert module.gone({address: socket.AF_INET}) == set()
        other.close()
        assert module.gone({address: socket.AF_INET}) == {address}


class _Vsock:
    """A listening socket whose next connection comes from a given context."""

    def __init__(self, cid: int) -> None:
        self.ours, theirs = socket.socketpair()
        self.accepted = theirs.detach(), (cid, 1024)

    def _accept(self) -> tuple[int, tuple[int, int]]:
        return self.accepted


@pytest.mark.parametrize(("cid", "greeted"), [(2, True), (1, False), (3, False)])
def test_only_the_host_may_connect_over_vsock(
    module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cid: int, greeted: bool,
) -> None:
    monkeypatch.setenv("LIMA_CIDATA_MNT", str(tmp_path))
    agent = module.Agent(run=str(tmp_path), virtio_port="", vsock_port=2222)
    server = agent.vsock_server = _Vsock(cid)
    agent.accept(server)
    agent.flush()
    server.ours.settimeout(10)
    found = server.ours.recv(1 << 16)
    assert found.startswith(b"{") if greeted else found == b""
    assert len(agent.clients) == int(greeted)
    for fd in agent.clients:
        os.close(fd)


@pytest.mark.skipif(not hasattr(socket, "AF_VSOCK") or not Path("/dev/vsock").exists(), reason="no vsock here")
def test_a_vsock_port_is_listened_on_when_it_is_asked_for(module: ModuleType, tmp_path: Path) -> None:
    with socket.socket(socket.AF_VSOCK) as probe:
        probe.bind((socket.VMADDR_CID_ANY, socket.VMADDR_PORT_ANY))
        port = probe.getsockname()[1]
    agent = module.Agent(run=str(tmp_path), virtio_port="", vsock_port=port)
    agent.listen_vsock()
    assert agent.vsock_server.getsockname()[1] == port
    agent.vsock_server.close()
    agent = module.Agent(run=str(tmp_path), virtio_port="")
    agent.listen_vsock()
    assert agent.vsock_server is None
