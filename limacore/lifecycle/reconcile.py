"""The networks after instances came or went: what somebody uses runs, the rest ends, and networks.yaml is there."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

from limacore.base import notice
from limacore.base.files import locked, mkdir_failed
from limacore.base.goquote import ticked
from limacore.base.host import kernel
from limacore.config import networks
from limacore.errors import ConfigError
from limacore.model.config import Config
from limacore.model.network import Networks
from limacore.network import service, vmnet
from limacore.paths import HomePaths
from limacore.store.scan import instance_names, scan


def reconcile(home: HomePaths) -> None:
    """Make sure of networks.yaml, run what running instances use and end the rest; raises ConfigError, HostError."""
    known = networks.load_or_create(home.networks_yaml)
    certain = _all_seen(home)
    if not home.networks.is_dir():
        return
    with _held(home):
        used = _used(home)
        for name in sorted(used & set(known.networks)):
            _start(home, known, name)
        for name in _present(home, known) - used if certain else ():
            _stop(home, known, name)


@contextlib.contextmanager
def joined(home: HomePaths, config: Config) -> Iterator[None]:
    """Start the networks of an instance. Inside, nobody ends them: there the instance comes to be seen as a user."""
    known = networks.load_or_create(home.networks_yaml)
    wanted = {each.lima for each in config.networks if each.lima in known.networks}
    if not wanted:
        yield
        return
    with _held(home):
        for name in sorted(wanted):
            _start(home, known, name)
        yield


@contextlib.asynccontextmanager
async def joining(home: HomePaths, config: Config) -> AsyncIterator[None]:
    """`joined` for an event loop: who is cancelled while another command has its turn does not take one later."""
    turn = contextlib.ExitStack()
    entering = asyncio.ensure_future(asyncio.to_thread(turn.enter_context, joined(home, config)))
    try:
        await asyncio.shield(entering)
        yield
    finally:
        if entering.done():
            turn.close()
        else:
            entering.add_done_callback(lambda done: turn.close() if done.exception() is None else None)


def _start(home: HomePaths, known: Networks, name: str) -> None:
    if not known.user_v2(name):
        if kernel() == "darwin":  # elsewhere the validation has refused it, or a socket of the user's stands in
            vmnet.start(home, known, name)
        return
    try:
        subnet = known.networks[name].subnet
    except ValueError as error:
        raise ConfigError(f"network {ticked(name)} cannot be used", detail=str(error),
                          hint=f"correct gateway and netmask in {home.networks_yaml}") from error
    service.start(home.network(name), subnet)


def _stop(home: HomePaths, known: Networks, name: str) -> None:
    if known.user_v2(name):
        service.stop(home.network(name))
    else:
        vmnet.stop(known, name)


@contextlib.contextmanager
def _held(home: HomePaths) -> Iterator[None]:
    """One command at a time decides which networks run."""
    try:
        home.networks.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        raise mkdir_failed(home.networks, error) from error
    with locked(home.networks):
        yield


def _present(home: HomePaths, known: Networks) -> set[str]:
    """What runs, even when networks.yaml has it no more."""
    found = {file.parent.name for file in home.networks.glob("*/usernet_*.pid")}
    if kernel() == "darwin":
        found |= {name for name in known.networks if not known.user_v2(name) and vmnet.running(known, name)}
    return found


def _used(home: HomePaths) -> set[str]:
    alive = [each for each in scan(home) if each.ha_pid or each.driver_pid]
    return {network.lima for each in alive if each.config for network in each.config.networks}


def _all_seen(home: HomePaths) -> bool:
    """Whether every instance can be asked what it uses; what cannot is said."""
    missing = [yaml for name in instance_names(home) if not (yaml := home.home / name / "lima.yaml").exists()]
    for yaml in missing:
        notice.warning(f"Skipping instance {ticked(yaml.parent.name)} during network reconcile: open {yaml}: "
                       "no such file or directory")
    return not missing
