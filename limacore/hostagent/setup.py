"""What happens before the machine is launched: read, choose a port, write the seed and `ssh.config`."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from limacore.base.files import write_atomic
from limacore.config import networks
from limacore.config.load import load
from limacore.drivers.base import MachineSpec, Resume
from limacore.errors import HostError, LimaError
from limacore.forward import rules
from limacore.guest.seed import on_system_network
from limacore.hostagent import port, seed
from limacore.model.config import Config
from limacore.model.network import Networks
from limacore.model.suspension import Suspension
from limacore.network import dns, names
from limacore.paths import HomePaths, InstancePaths
from limacore.ssh import options as ssh
from limacore.store import suspension

Log = Callable[[str, str], None]


class Prepared(Struct, frozen=True):
    """All that a boot needs."""

    spec: MachineSpec
    iid: str
    ssh_options: tuple[str, ...]
    table: rules.Table
    resolver: dns.Server | None = None
    """Answers the guest's questions for names; belongs to whoever prepared."""
    containerd: bool = False
    """Whether the guest is given the archive with containerd."""
    progress: bool = False
    """Whether events tell what cloud-init prints."""
    resumed: Suspension | None = None
    """What the guest is to go on from; None for a boot."""


async def prepare(paths: InstancePaths, home: HomePaths, log: Log, *, debug: bool = False, progress: bool = False,
                  nerdctl: Path | None = None) -> Prepared:
    """Read the instance and write what the guest and ssh will read, `nerdctl` with it; raises LimaError."""
    config = _config(paths, home, log)
    resumed = await resumable(paths, home, config, log)
    ssh_port = _port(paths, config, resumed, log)
    iid = resumed.iid if resumed else f"iid-{int(time.time())}"
    known = networks.load(home.networks_yaml) if any(each.lima for each in config.networks) else Networks()
    resolver = await _resolver(paths.name, config, known, resumed)
    ports = (resolver.udp_port, resolver.tcp_port) if resolver else (0, 0)
    program, _ = await asyncio.gather(
        ssh.detect(), asyncio.sleep(0) if resumed else  # the guest has the seed mounted
        asyncio.to_thread(seed.write, paths, home, config, iid, networks=known, dns_ports=ports, debug=debug,
                          nerdctl=nerdctl),
    )
    found = ssh.options(home, paths, config, program, _identities(config))
    spec = MachineSpec(paths.name, paths, home, config, ssh_port, known,
                       Resume(resumed.tag, resumed.machine) if resumed else None)
    prepared = Prepared(spec, iid, found, _table(spec), resolver, bool(nerdctl), progress, resumed)
    write_ssh_config(prepared)
    return prepared


async def forget_suspended(paths: InstancePaths, home: HomePaths, config: Config, why: str, log: Log) -> None:
    """Boot in place of going on: say why, and give back the room of the state."""
    log("warning", f"the suspended state is not used, the guest boots: {why}")
    suspension.forget(paths)
    await _clean(paths, home, config, log)


async def resumable(paths: InstancePaths, home: HomePaths, config: Config, log: Log) -> Suspension | None:
    """The state to go on from, when it fits; one that does not is given up."""
    if not suspension.exists(paths):
        await _clean(paths, home, config, log)
        return None
    record = suspension.read(paths)
    why = "suspended.json cannot be read" if record is None else await asyncio.to_thread(
        suspension.why_not, record, paths, home, config)
    if why:
        await forget_suspended(paths, home, config, why, log)
        return None
    return record


async def _clean(paths: InstancePaths, home: HomePaths, config: Config, log: Log) -> None:
    try:
        await suspension.clean(paths, home, config)
    except LimaError as error:
        log("warning", str(error))


def _port(paths: InstancePaths, config: Config, resumed: Suspension | None, log: Log) -> int:
    """The port of before for a guest that goes on, if it can be had."""
    if resumed:
        try:
            return port.pick(resumed.ssh_port)
        except HostError as error:
            if config.ssh.local_port:
                raise
            log("warning", f"the ssh port is another one now: {error.message}: {error.detail}")
    return port.pick(port.wanted(paths.name, config.ssh.local_port, _version(paths)))


def with_other_port(prepared: Prepared) -> Prepared:
    """The same with another free ssh port, written to `ssh.config`; for when a stranger took the first."""
    spec = replace(prepared.spec, ssh_port=port.pick(0))
    changed = replace(prepared, spec=spec, table=_table(spec))
    write_ssh_config(changed)
    return changed


def write_ssh_config(prepared: Prepared) -> None:
    """Write `ssh.config`, readable by its owner only."""
    spec = prepared.spec
    write_atomic(spec.paths.ssh_config, ssh.config_text(spec.name, prepared.ssh_options, spec.ssh_port), 0o600)


def _config(paths: InstancePaths, home: HomePaths, log: Log) -> Config:
    loaded = load(paths.lima_yaml, home, exists=True)
    for problem in loaded.problems:
        if problem.severity != "error":
            log("warning", f"{problem.path}: {problem.message}" if problem.path else problem.message)
    return loaded.require(str(paths.lima_yaml))


async def _resolver(name: str, config: Config, known: Networks, resumed: Suspension | None) -> dns.Server | None:
    """A name server for this instance where the guest is told of one; raises HostError."""
    inner = any(known.user_v2(each.lima) for each in config.networks) or on_system_network(config, known)
    if not config.host_resolver.enabled or config.dns or inner:
        return None
    server = dns.Server(dns.Zone(names.table(config.host_resolver.hosts, name), ipv6=config.host_resolver.ipv6))
    await server.start(*(resumed.dns_ports if resumed else (0, 0)))
    return server


def _version(paths: InstancePaths) -> str:
    with contextlib.suppress(OSError):
        return paths.lima_version.read_text().strip()
    return ""


def _identities(config: Config) -> tuple[str, ...]:
    return ssh.dot_ssh_identities(Path.home() / ".ssh") if config.ssh.load_dot_ssh_pub_keys else ()


def _table(spec: MachineSpec) -> rules.Table:
    return rules.table(spec.config.port_forwards, spec.ssh_port, spec.paths.dir / "sock")
