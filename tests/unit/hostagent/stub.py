"""A guest without a machine: a real ssh server, a real socket that speaks like the guest agent, a process as the VM."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncssh
import msgspec

from limacore.base.log import JsonLog
from limacore.drivers.base import Exit, Log, MachineSpec
from limacore.forward.rules import table
from limacore.hostagent.agent import Agent
from limacore.hostagent.emit import Emitter
from limacore.hostagent.power import Power
from limacore.hostagent.setup import Prepared
from limacore.model.config import Config, PortForward, User
from limacore.model.event import Event
from limacore.model.guest import BootProgress, Hello, Ports, PowerOff, ToGuest
from limacore.paths import HomePaths
from limacore.ssh.options import SshProgram, options

IID = "iid-1"
DEFAULTS = Config()
_decoder: msgspec.json.Decoder[ToGuest] = msgspec.json.Decoder(ToGuest)


class _SshServer(asyncssh.SSHServer):
    def __init__(self, key: asyncssh.SSHKey, connections: list[asyncssh.SSHServerConnection]) -> None:
        self._key = key
        self._connections = connections

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connections.append(conn)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == "u" and key.public_data == self._key.public_data

    def connection_requested(self, *where: object) -> bool:
        return True

    def unix_connection_requested(self, *where: object) -> bool:
        return True


async def _execute(run: Path, process: asyncssh.SSHServerProcess[bytes]) -> None:
    """Run the command for real on this host, with `run` for the guest's /run."""
    child = await asyncio.create_subprocess_shell(
        process.command or "true", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    script = await process.stdin.read()
    out, err = await child.communicate(script.replace(b"/run/lima", f"{run}/lima".encode()))
    with contextlib.suppress(BrokenPipeError):  # the host may have hung up, which must not end the whole connection
        process.stdout.write(out)
        process.stderr.write(err)
        process.exit(child.returncode or 0)


class StubMachine:
    """A `sleep` that stands for QEMU; its guest obeys the power button unless told not to."""

    accel = "tcg"
    description = "stub"

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.pid = process.pid
        self.process = process
        self.exited: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self.obeys = True
        self.presses = 0

    async def watch(self) -> None:
        code = await self.process.wait()
        self.exited.set_result(Exit(code, "stub: killed" if code else ""))

    async def power_button(self) -> None:
        self.presses += 1
        if self.obeys:
            self.end()

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            assert self.process.stdin
            self.process.stdin.close()

    async def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.exited


class StubGuest:
    """The driver and everything behind it."""

    name = "stub"

    def __init__(self, home: HomePaths, config: Config = DEFAULTS, *, with_agent: bool = True) -> None:
        user = msgspec.structs.replace(config, user=User(name="u"))
        self.paths = home.instance("i")
        self.paths.dir.mkdir(parents=True)
        self.run_directory = home.home / "run"
        self.run_directory.mkdir()
        home.config.mkdir()
        subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", home.private_key], check=True)
        self._key = asyncssh.read_public_key(home.public_key)
        self._host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.home, self.config, self._with_agent = home, user, with_agent
        self.got: list[ToGuest] = []
        self._connections: list[asyncssh.SSHServerConnection] = []
        self.received = asyncio.Event()
        self.connected = asyncio.Event()
        self.machine: StubMachine
        self._writer: asyncio.StreamWriter
        self._acceptor: asyncssh.SSHAcceptor

    async def prepared(self, *rules: PortForward) -> Prepared:
        await self.ssh_up(0)
        port = self._acceptor.get_port()
        found = options(self.home, self.paths, self.config, SshProgram((9, 2, 1)))
        spec = MachineSpec("i", self.paths, self.home, self.config, port)
        return Prepared(spec, IID, found, table(rules, port, self.paths.dir / "sock"))

    async def ssh_up(self, port: int) -> None:
        self._acceptor = await asyncssh.create_server(
            lambda: _SshServer(self._key, self._connections), "127.0.0.1", port, server_host_keys=[self._host_key],
            process_factory=functools.partial(_execute, self.run_directory), encoding=None,
        )

    async def ssh_down(self) -> None:
        self._acceptor.close()
        await self._acceptor.wait_closed()
        for connection in self._connections:
            connection.close()

    def ssh_port(self) -> int:
        return int(self._acceptor.get_port())

    @contextlib.asynccontextmanager
    async def run(self, spec: MachineSpec, log: Log) -> AsyncIterator[StubMachine]:
        process = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE,
                                                       stdout=asyncio.subprocess.DEVNULL)
        self.machine = StubMachine(process)
        watch = asyncio.create_task(self.machine.watch())
        server = await asyncio.start_unix_server(self.serve, self.paths.ga_sock) if self._with_agent else None
        try:
            yield self.machine
        finally:
            await self.machine.kill()
            await watch
            if server:
                server.close()
            self._acceptor.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.connected.set()
        while line := await reader.readline():
            message = _decoder.decode(line)
            self.got.append(message)
            self.received.set()
            if isinstance(message, PowerOff):
                self.machine.end()
        writer.close()

    def say(self, message: Any) -> None:
        self.say_raw(msgspec.json.encode(message) + b"\n")

    def say_raw(self, data: bytes) -> None:
        self._writer.write(data)

    async def boot(self, boot_id: str = "b1") -> None:
        """What a healthy guest says until it is ready."""
        await self.connected.wait()
        self.say(Hello(1, IID, boot_id, "6.1", port_source="tracefs"))
        self.say(Ports((port(22, "0.0.0.0"),), full=True))
        self.say(BootProgress("start", "07-etc-environment.sh"))
        self.say(BootProgress("end", "07-etc-environment.sh", 0, 0.1))
        self.say(BootProgress("ready", iid=IID))


def port(number: int, ip: str = "127.0.0.1") -> Any:
    from limacore.model.guest import Port

    return Port("tcp", ip, number)


class Running:
    """An agent at work in this process, with its two logs in files."""

    def __init__(self, agent: Agent, guest: StubGuest) -> None:
        self.agent, self.guest = agent, guest

    def events(self) -> list[Event]:
        lines = self.guest.paths.ha_stdout.read_bytes().splitlines()
        return [msgspec.json.decode(line, type=Event) for line in lines]

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.guest.paths.ha_stderr.read_bytes().splitlines()]

    async def until(self, check: Any, timeout: float = 20.0) -> Any:
        """The first true value of `check()`, looked for after each change of the logs' sizes."""
        async with asyncio.timeout(timeout):
            while not (found := check()):  # noqa: ASYNC110 - nobody tells when a file grows
                await asyncio.sleep(0.01)
            return found

    async def until_connected(self, number: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to a port of this host that is about to be listened on."""
        async with asyncio.timeout(60):
            while True:
                try:
                    return await asyncio.open_connection("127.0.0.1", number)
                except ConnectionRefusedError:
                    await asyncio.sleep(0.01)

    async def until_running(self) -> Event:
        return await self.until(lambda: next((each for each in self.events() if each.status.running), None))

    def forwards(self) -> list[tuple[str, str, str]]:
        return [(each.status.port_forward.type, each.status.port_forward.guest_addr, each.status.port_forward.host_addr)
                for each in self.events() if each.status.port_forward]


@contextlib.asynccontextmanager
async def running(guest: StubGuest, *rules: PortForward) -> AsyncIterator[Running]:
    """Run an agent on the stub; leaving the block insists on its end."""
    out, err = (os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
                for path in (guest.paths.ha_stdout, guest.paths.ha_stderr))
    agent = Agent(await guest.prepared(*rules), guest, Power(JsonLog(err)), Emitter(out), JsonLog(err))
    task = asyncio.create_task(agent.run())
    found = Running(agent, guest)
    try:
        yield found
    finally:
        agent.power.signalled(2)
        agent.power.signalled(2)
        with contextlib.suppress(Exception):
            await task
        os.close(out)
        os.close(err)


def home(directory: Path) -> HomePaths:
    return HomePaths(directory)
