"""The tiny guest by itself: built, booted by a plain QEMU, heard over its virtio port, switched off."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from limacore.guest import cidata
from limacore.guest.seed import Seed
from limacore.images.build import BuiltImage, build
from limacore.model.config import Config, Provision, User
from limacore.model.guest import PORT_NAME, BootProgress, FromGuest, Hello, Note, Port, Ports
from limacore.paths import cache_dir

LIMIT = 120.0
decode = msgspec.json.Decoder(FromGuest).decode

pytestmark = pytest.mark.skipif(not shutil.which("qemu-system-x86_64"), reason="QEMU is not installed")


@pytest.fixture(scope="module")
def image() -> BuiltImage:
    """The user's own build when there is one; else it is built now, which is a test too."""
    return asyncio.run(build("tiny", cache_dir()))


class Lines:
    """JSON lines of a stream socket."""

    def __init__(self, path: Path) -> None:
        deadline = time.monotonic() + LIMIT
        while True:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(LIMIT)
            try:
                self.socket.connect(str(path))
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.02)
        self.file = self.socket.makefile("rwb")

    def say(self, **message: Any) -> None:
        self.file.write(json.dumps(message).encode() + b"\n")
        self.file.flush()

    def hear(self) -> bytes:
        line = self.file.readline()
        assert line, "the other side hung up"
        return line

    def until(self, fits: Callable[[Any], bool]) -> Any:
        while not fits(message := decode(self.hear())):
            pass
        return message


class Machine:
    """A tiny guest under TCG, with files of its own."""

    def __init__(self, image: BuiltImage, folder: Path) -> None:
        self.image, self.folder = image, folder
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "id")], check=True)
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", str(image.image),
                        str(folder / "disk"), "3G"], check=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]

    def seed(self, iid: str, *provision: Provision) -> None:
        user = User(name="tester", uid=1234, home="/home/tester.guest", comment='T "q"')
        config = Config(user=user, provision=provision, param={"word": 'a "b" $c'}, env={"GIVEN": "yes"})
        seed = Seed(config=config, name="tiny.test", directory=str(self.folder), iid=iid,
                    public_keys=((self.folder / "id.pub").read_text().strip(),))
        cidata.write_iso(self.folder / "cidata.iso", cidata.files(seed, {}))

    @contextlib.contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        for name in ("ga.sock", "qmp.sock"):
            (self.folder / name).unlink(missing_ok=True)
        qemu = subprocess.Popen(self.argv(), cwd=self.folder, stdin=subprocess.DEVNULL)
        try:
            yield qemu
        except BaseException:
            print(f"QEMU: {qemu.poll()}\n{self.serial()[-6000:]}")  # pytest shows it with the failure
            raise
        finally:
            if qemu.poll() is None:
                qemu.kill()
            qemu.wait()

    def argv(self) -> list[str]:
        user_network = "user,id=net0,net=192.168.5.0/24,dhcpstart=192.168.5.15"
        return [
            "qemu-system-x86_64", "-m", "512", "-cpu", "max", "-machine", "q35,vmport=off",
            "-accel", "tcg,thread=multi,tb-size=512", "-smp", "1",
            "-kernel", str(self.image.kernel), "-append", self.image.cmdline, "-initrd", str(self.image.initrd),
            "-drive", "file=disk,if=none,id=boot-disk", "-device", "virtio-blk-pci,drive=boot-disk",
            "-drive", "id=cdrom0,if=none,format=raw,readonly=on,file=cidata.iso",
            "-device", "virtio-scsi,id=scsi0", "-device", "scsi-cd,bus=scsi0.0,drive=cdrom0",
            "-netdev", f"{user_network},hostfwd=tcp:127.0.0.1:{self.port}-:22", "-device", "virtio-net-pci,netdev=net0",
            "-device", "virtio-rng-pci", "-display", "none", "-vga", "none", "-serial", "file:serial.log",
            "-chardev", "socket,id=ga,path=ga.sock,server=on,wait=off", "-device", "virtio-serial",
            "-device", f"virtserialport,chardev=ga,name={PORT_NAME}", "-qmp", "unix:qmp.sock,server=on,wait=off",
        ]  # fmt: skip

    def banner(self) -> bytes:
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5) as ssh:
                ssh.settimeout(5)
                if found := ssh.recv(64):
                    return found
            time.sleep(0.05)
        raise AssertionError(self.serial())

    def ssh(self, command: str, *, check: bool = True) -> str:
        options = ("IdentitiesOnly=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null",
                   "LogLevel=ERROR", "BatchMode=yes", "ConnectTimeout=60")
        done = subprocess.run(["ssh", "-F", "none", "-i", str(self.folder / "id"), "-p", str(self.port),
                               *(word for option in options for word in ("-o", option)), "tester@127.0.0.1", command],
                              capture_output=True, text=True, timeout=LIMIT)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout

    def power_button(self) -> None:
        qmp = Lines(self.folder / "qmp.sock")
        qmp.hear()
        for command in ("qmp_capabilities", "system_powerdown"):
            qmp.say(execute=command)
            while b'"return"' not in qmp.hear():
                pass

    def serial(self) -> str:
        return (self.folder / "serial.log").read_text(errors="replace")


@pytest.fixture
def machine(image: BuiltImage) -> Iterator[Machine]:
    folder = Path(tempfile.mkdtemp(prefix="tiny-", dir="/tmp"))
    yield Machine(image, folder)
    shutil.rmtree(folder)


def hear_of(agent: Lines, wanted: set[Port], part: Callable[[Ports], tuple[Port, ...]]) -> None:
    """Listen until every wanted port was in that part of some message."""
    heard: set[Port] = set()
    while not wanted <= heard:
        heard.update(part(agent.until(lambda each: isinstance(each, Ports))))


def is_ready(iid: str) -> Callable[[Any], bool]:
    return lambda each: isinstance(each, BootProgress) and each.state == "ready" and each.iid == iid


def test_first_boot_everything_that_was_asked_for_and_the_power_button(machine: Machine) -> None:
    machine.seed(
        "iid-1", Provision(script='#!/bin/sh\necho "$PARAM_word" >/root/system\n'),
        Provision(script="#!/bin/sh\nexit 5\n"),
        Provision(mode="user", script='#!/bin/bash\necho "$USER $PARAM_word $XDG_RUNTIME_DIR" >~/user\n'),
        Provision(mode="data", path="/etc/a/b.conf", content="text", owner="tester:tester", permissions="640"),
    )  # fmt: skip
    with machine.running() as qemu:
        agent = Lines(machine.folder / "ga.sock")
        hello = agent.until(lambda each: isinstance(each, Hello))
        assert (hello.iid, hello.version) == ("iid-1", 1)
        failed = agent.until(lambda each: isinstance(each, BootProgress) and bool(each.exit_code))
        assert (failed.name, failed.exit_code) == ("provision.system/00000001", 5)
        agent.until(is_ready("iid-1"))
        assert machine.banner().startswith(b"SSH-2.0-")
        assert machine.ssh("id -un; sudo cat /root/system; cat user; hostname; . /etc/environment; echo $GIVEN") == (
            'tester\na "b" $c\ntester a "b" $c /run/user/1234\nlima-tiny-test\nyes\n')
        assert machine.ssh("stat -c '%U:%G %a' /etc/a/b.conf; stat -c %U:%a ~ ~/.ssh ~/.ssh/authorized_keys") == (
            "tester:tester 640\ntester:750\ntester:700\ntester:600\n")
        assert int(machine.ssh("df --output=size -m / | tail -1")) > 2700, "the root file system did not grow"
        assert machine.ssh("stat -c %a /mnt/lima-cidata; cat /mnt/lima-cidata/lima.env 2>&1", check=False).startswith(
            "700\ncat: ")
        assert machine.ssh("getent hosts host.lima.internal").split() == ["192.168.5.2", "host.lima.internal"]
        machine.power_button()
        assert qemu.wait(60) == 0
    assert "reboot: Power down" in machine.serial()
    assert "tiny-test login:" in machine.serial()


def test_later_boots_keep_the_user_and_the_host_key_and_listen_to_the_agent(machine: Machine) -> None:
    machine.seed("iid-1")
    with machine.running() as qemu:
        agent = Lines(machine.folder / "ga.sock")
        agent.until(is_ready("iid-1"))
        machine.banner()
        before = machine.ssh("cat /etc/ssh/ssh_host_ed25519_key.pub /proc/sys/kernel/random/boot_id; echo mine >note")
        agent.say(type="power-off", reboot=True)
        again = agent.until(lambda each: isinstance(each, Hello) and each.boot_id not in before)
        assert again.iid == "iid-1"
        agent.until(is_ready("iid-1"))
        machine.banner()
        machine.ssh("sudo poweroff", check=False)
        assert qemu.wait(60) == 0
    machine.seed("iid-2")
    with machine.running() as qemu:
        agent = Lines(machine.folder / "ga.sock")
        agent.until(is_ready("iid-2"))
        machine.banner()
        after = machine.ssh("cat /etc/ssh/ssh_host_ed25519_key.pub; cat note")
        assert after.splitlines() == [before.splitlines()[0], "mine"]
        assert machine.ssh("grep -c . ~/.ssh/authorized_keys; sudo grep -c ^tester: /etc/passwd") == "1\n1\n"
        agent.say(type="power-off")
        assert qemu.wait(60) == 0


def test_ports_are_told_at_once_and_an_idle_agent_sleeps(machine: Machine) -> None:
    machine.seed("iid-1")
    with machine.running() as qemu:
        agent = Lines(machine.folder / "ga.sock")
        agent.until(is_ready("iid-1"))
        agent.say(type="ask", what="hello")
        hello = agent.until(lambda each: isinstance(each, Hello) and each.port_source != "")
        assert hello.port_source == "tracefs"
        machine.banner()
        serve = ("import socket, sys; t = socket.create_server(('127.0.0.1', 4567)); u = socket.socket(type=2);"
                 " u.bind(('0.0.0.0', 4568)); sys.stdin.read(1); t.close(); u.close(); sys.stdin.read(1)")
        with subprocess.Popen(["ssh", "-F", "none", "-i", str(machine.folder / "id"), "-p", str(machine.port),
                               "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                               "-o", "LogLevel=ERROR", "tester@127.0.0.1", f'python3 -c "{serve}"'],
                              stdin=subprocess.PIPE) as server:
            assert server.stdin
            wanted = {Port("tcp", "127.0.0.1", 4567), Port("udp", "0.0.0.0", 4568)}
            hear_of(agent, wanted, lambda each: each.added)
            server.stdin.write(b"x")
            server.stdin.flush()
            hear_of(agent, wanted, lambda each: each.removed)
        # The port itself does not always tell of a host program that comes back at once: so that one asks.
        agent.socket.shutdown(socket.SHUT_RDWR)
        agent = Lines(machine.folder / "ga.sock")
        agent.say(type="nonsense")
        agent.until(lambda each: isinstance(each, Note))
        agent.say(type="ask", what="hello")
        agent.until(lambda each: isinstance(each, Hello))
        count = ("pid=$(pgrep -o -f ^python3.*lima_guestagent);"
                 " read_it() { grep ^voluntary /proc/$pid/status | cut -f2; };"
                 " sleep 2; a=$(read_it); sleep 5; b=$(read_it); echo $((b - a))")
        assert int(machine.ssh(count)) <= 4
        machine.power_button()
        assert qemu.wait(60) == 0


async def test_a_build_that_is_cancelled_leaves_nothing_half_made(tmp_path: Path) -> None:
    begun = asyncio.Event()
    task = asyncio.create_task(build("tiny", tmp_path, lambda text, _: begun.set() if "extract" in text else None))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    left = {path.name for path in (tmp_path / "build").iterdir()}
    assert left <= {".tiny.lock", "apt"}
    mounts = Path("/proc/mounts").read_text()
    assert str(tmp_path) not in mounts
    assert [path for path in Path("/proc").iterdir() if path.name.isdigit() and str(tmp_path) in _words(path)] == []


def _words(process: Path) -> str:
    try:
        return (process / "cmdline").read_text(errors="replace")
    except OSError:
        return ""
