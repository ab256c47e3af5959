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
from limacore.drivers.base import MachineSpec
from limacore.forward import rules
from limacore.guest.seed import on_system_network
from limacore.hostagent import port, seed
from limacore.model.config import Config
from limacore.model.network import Networks
from limacore.network import dns, names
from limacore.paths import HomePaths, InstancePaths
from limacore.ssh import options as ssh

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


async def prepare(paths: InstancePaths, home: HomePaths, log: Log, *, debug: bool = False, progress: bool = False,
                  nerdctl: Path | None = None) -> Prepared:
    """Read the instance and write what the guest and ssh will read, `nerdctl` with it; raises LimaError."""
    config = _config(paths, home, log)
    ssh_port = port.pick(port.wanted(paths.name, config.ssh.local_port, _version(paths)))
    iid = f"iid-{int(time.time())}"
    known = networks.load(home.networks_yaml) if any(each.lima for each in config.networks) else Networks()
    resolver = await _resolver(paths.name, config, known)
    ports = (resolver.udp_port, resolver.tcp_port) if resolver else (0, 0)
    program, _ = await asyncio.gather(
        ssh.detect(),
        asyncio.to_thread(seed.write, paths, home, config, iid, networks=known, dns_ports=ports, debug=debug,
                          nerdctl=nerdctl),
    )
    found = ssh.options(home, paths, config, program, _identities(config))
    spec = MachineSpec(paths.name, paths, home, config, ssh_port, known)
    prepared = Prepared(spec, iid, found, _table(spec), resolver, bool(nerdctl), progress)
    write_ssh_config(prepared)
    return prepared


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


async def _resolver(name: str, config: Config, known: Networks) -> dns.Server | None:
    """A name server for this instance where the guest is told of one; raises HostError."""
    inner = any(known.user_v2(each.lima) for each in config.networks) or on_system_network(config, known)
    if not config.host_resolver.enabled or config.dns or inner:
        return None
    server = dns.Server(dns.Zone(names.table(config.host_resolver.hosts, name), ipv6=config.host_resolver.ipv6))
    await server.start()
    return server


def _version(paths: InstancePaths) -> str:
    with contextlib.suppress(OSError):
        return paths.lima_version.read_text().strip()
    return ""


def _identities(config: Config) -> tuple[str, ...]:
    return ssh.dot_ssh_identities(Path.home() / ".ssh") if config.ssh.load_dot_ssh_pub_keys else ()


def _table(spec: MachineSpec) -> rules.Table:
    return rules.table(spec.config.port_forwards, spec.ssh_port, spec.paths.dir / "sock")
