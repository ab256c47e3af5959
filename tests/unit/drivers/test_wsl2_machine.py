"""wsl2, a whole run: a real program in the place of wsl.exe, real files, processes and sockets."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from limacore.drivers import catalog
from limacore.drivers.base import Exit, Machine, MachineSpec
from limacore.drivers.wsl2 import hvsock
from limacore.drivers.wsl2 import machine as wsl
from limacore.drivers.wsl2.machine import WslDriver
from limacore.errors import DriverError, HostError
from limacore.hostagent import port
from limacore.model.config import Config
from limacore.model.network import vsock_port
from limacore.paths import HomePaths
from tests.wslstub import WslStub

LIMIT = 30.0
INSIDE = "wsl.exe --distribution lima-one --user root --exec "


@pytest.fixture
def spec(tmp_path_factory: pytest.TempPathFactory) -> MachineSpec:
    home = HomePaths(tmp_path_factory.mktemp("w"))
    paths = home.instance("one")
    paths.dir.mkdir()
    paths.basedisk.write_text("a root file system")
    config = Config(vm_type="wsl2", arch="x86_64", mount_type="wsl2")
    return MachineSpec("one", paths, home, config, port.pick(0))


@pytest.fixture
def stub(tmp_path: Path) -> WslStub:
    return WslStub(tmp_path)


class Story:
    """What was logged, and when a line with some words comes."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, level: str, message: str) -> None:
        self.lines.append(f"{level} {message}")

    async def until(self, words: str) -> None:
        while not any(words in line for line in self.lines):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@asynccontextmanager
async def started(spec: MachineSpec, stub: WslStub, log: Story | None = None) -> AsyncIterator[Machine]:
    async with asyncio.timeout(LIMIT), driver(stub).run(spec, log or Story()) as machine:
        yield machine


def driver(stub: WslStub) -> WslDriver:
    return WslDriver(str(stub.folder / "wsl.exe"), str(stub.folder / "reg.exe"), "x86_64")


async def test_the_first_start_imports_and_boots_and_stop_terminates(spec: MachineSpec, stub: WslStub) -> None:
    log, here = Story(), spec.paths.dir
    async with started(spec, stub, log) as machine:
        await log.until("boot: booted")
        assert spec.paths.driver_pid("wsl2").read_text() == f"{machine.pid}\n"
        await machine.power_button()
        assert await machine.exited == Exit(0)
    asked = stub.asked()
    scripts = [line for line in asked if "lima-wsl2-boot-" in line]
    assert [line for line in asked if line not in scripts and "bash -c" not in line] == [
        "wsl.exe --list --verbose",
        f"wsl.exe --import lima-one {here} {here}/basedisk",
        f"{INSIDE}wslpath -u {here}/cidata",
        "wsl.exe --terminate lima-one",
    ]
    assert f"{INSIDE}bash -c nohup sleep 2147483647d >/dev/null 2>&1 {here}" in asked
    assert [line.split("lima-wsl2-boot-")[0] for line in scripts] == [
        f"{INSIDE}wslpath -u /tmp/", f"{INSIDE}bash /mnt/c/tmp/"]
    assert f"export LIMA_CIDATA_MNT='/mnt/c{here}/cidata'\n" in (stub.folder / "script").read_text()
    assert not spec.paths.driver_pid("wsl2").exists()


@pytest.mark.parametrize("distros", ["  lima-one   Stopped    2\n", "* lima-one   Beendet wird gerade    2\n"])
async def test_a_distribution_that_is_there_is_not_imported_again(
    spec: MachineSpec, tmp_path: Path, distros: str,
) -> None:
    stub = WslStub(tmp_path, distros)
    spec.paths.basedisk.unlink()
    async with started(spec, stub):
        pass
    assert not any("--import" in line for line in stub.asked())
    assert stub.asked()[-1] == "wsl.exe --terminate lima-one"  # leaving ends it


async def test_no_distribution_at_all_is_no_error(spec: MachineSpec, tmp_path: Path) -> None:
    stub = WslStub(tmp_path, "")
    async with started(spec, stub):
        assert any("--import" in line for line in stub.asked())


async def test_a_distribution_that_ends_by_itself_is_told_with_its_code(spec: MachineSpec, stub: WslStub) -> None:
    stub.answer({"--distribution lima-one --user root --exec bash -c": ("", 5)})
    async with started(spec, stub) as machine:
        assert (await machine.exited).code == 5
    assert "wsl.exe --terminate lima-one" not in stub.asked()


@pytest.mark.parametrize(("answers", "message", "detail"), [
    ({"--list": ("WSL ist kaputt.", 1)}, "cannot list", "WSL ist kaputt."),
    ({"--import": ("Kein Platz.", 1)}, "cannot import", "Kein Platz."),
    ({"--distribution lima-one --user root --exec wslpath": ("wslpath: no", 1)}, "cannot find", "wslpath: no"),
])
async def test_failures_carry_the_words_of_wsl(
    spec: MachineSpec, stub: WslStub, answers: dict[str, tuple[str, int]], message: str, detail: str,
) -> None:
    stub.answer(answers)
    with pytest.raises(DriverError, match=message) as caught:
        async with started(spec, stub):
            pass
    assert caught.value.detail == detail
    assert not spec.paths.driver_pid("wsl2").exists()


async def test_a_missing_root_file_system_is_an_error_before_any_import(spec: MachineSpec, stub: WslStub) -> None:
    spec.paths.basedisk.unlink()
    with pytest.raises(DriverError, match="basedisk` is missing"):
        async with started(spec, stub):
            pass
    assert stub.asked() == ["wsl.exe --list --verbose"]


async def test_a_system_without_wsl_is_told(spec: MachineSpec) -> None:
    with pytest.raises(HostError, match=r"`wsl\.exe` is not installed"):
        async with WslDriver(arch="x86_64").run(spec, Story()):
            pass


async def test_failing_boot_scripts_are_said(spec: MachineSpec, stub: WslStub) -> None:
    log = Story()
    stub.answer({"--distribution lima-one --user root --exec bash /mnt": ("half\n", 7)})
    async with started(spec, stub, log):
        await log.until("exit status 7; see /var/log/lima-init.log")
    assert "debug boot: half" in log.lines


async def test_the_ssh_port_leads_to_the_address_of_the_distribution(
    spec: MachineSpec, stub: WslStub, monkeypatch: pytest.MonkeyPatch,
) -> None:
    # 0.0.0.0 is how the stub calls this computer: an address of the loopback network would be passed over.
    server = await asyncio.start_server(lambda _, writer: writer.write(b"SSH-2.0-wsl"), "127.0.0.1", 0)
    monkeypatch.setattr(wsl, "SSH_PORT", server.sockets[0].getsockname()[1])
    async with started(spec, stub):
        reader, writer = await asyncio.open_connection("127.0.0.1", spec.ssh_port)
        assert await reader.readexactly(11) == b"SSH-2.0-wsl"
        writer.close()
    server.close()
    assert f"{INSIDE}hostname -I" in stub.asked()


async def test_the_agent_is_reached_over_hyper_v_where_python_can(
    spec: MachineSpec, stub: WslStub, monkeypatch: pytest.MonkeyPatch,
) -> None:
    called: list[tuple[str, int]] = []
    ours, theirs = socket.socketpair()
    theirs.sendall(b"hello\n")

    def connect(machine: str, number: int) -> socket.socket:
        called.append((machine, number))
        return ours

    own = "aaaaaaaa-2222-3333-4444-555555555555"
    line = f"wslhost.exe --distro-id {{{own}}} --vm-id {{{own.replace('a', 'b')}}}"
    monkeypatch.setattr(hvsock, "possible", lambda: True)
    monkeypatch.setattr(hvsock, "connect", connect)
    monkeypatch.setattr(hvsock, "command_lines", lambda: [line])
    stub.answer({"add": ("FEHLER: Zugriff verweigert.", 1),
                 "query": (f"HKEY_CURRENT_USER\\Lxss\\{{{own}}}\n  DistributionName  REG_SZ  lima-one\n", 0)})
    log, number = Story(), vsock_port("wsl2", str(spec.paths.dir))
    async with started(spec, stub, log):
        reader, _ = await asyncio.open_unix_connection(spec.paths.ga_sock)
        assert await reader.readexactly(6) == b"hello\n"
    theirs.close()
    assert called == [(own.replace("a", "b"), number)]
    assert any(f"{hvsock.service(number)} /v ElementName" in line for line in stub.asked())
    assert any("it is reached over ssh: FEHLER: Zugriff verweigert." in line for line in log.lines)


@pytest.mark.parametrize(("distros", "expected"), [
    ("  lima-one  Stopped  2\n", True), ("  lima-two  Stopped  2\n", False),
])
async def test_deleting_unregisters_what_is_registered(tmp_path: Path, distros: str, expected: bool) -> None:
    stub = WslStub(tmp_path, distros)
    await driver(stub).forget("one")
    assert ("wsl.exe --unregister lima-one" in stub.asked()) is expected


async def test_the_catalog_forgets_only_where_there_is_something_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    stub = WslStub(tmp_path, "  lima-one  Stopped  2\n")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    await catalog.forget("wsl2", "one", "linux")
    await catalog.forget("qemu", "one", "windows")
    assert stub.asked() == []
    await catalog.forget("wsl2", "one", "windows")
    assert stub.asked()[-1] == "wsl.exe --unregister lima-one"
