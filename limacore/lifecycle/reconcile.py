"""The networks after instances came or went: what somebody uses runs, the rest ends, and networks.yaml is there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from limacore.base import notice
from limacore.base.files import locked, mkdir_failed
from limacore.base.goquote import ticked
from limacore.config import networks
from limacore.errors import ConfigError
from limacore.model.config import Config
from limacore.model.network import USER_V2, NamedNetwork
from limacore.network import service
from limacore.paths import HomePaths
from limacore.store.scan import instance_names, scan


def reconcile(home: HomePaths) -> None:
    """Make sure of networks.yaml and end networks that no instance uses; raises ConfigError when it cannot be used."""
    known = networks.load_or_create(home.networks_yaml)
    certain = _all_seen(home)
    idle = [name for name, each in known.networks.items() if each.mode == USER_V2 and _is_there(home, name)]
    if idle and certain:
        with _held(home):
            used = _used(home)
            for name in idle:
                if name not in used:
                    service.stop(home.network(name))


@contextlib.contextmanager
def joined(home: HomePaths, config: Config) -> Iterator[None]:
    """Start the networks of an instance. Inside, nobody ends them: there the instance comes to be seen as a user."""
    known = networks.load_or_create(home.networks_yaml).networks
    wanted = {each.lima: known[each.lima] for each in config.networks if each.lima in known}
    if not wanted:
        yield
        return
    with _held(home):
        for name, network in wanted.items():
            if network.mode == USER_V2:
                _start(home, name, network)
        yield


def _start(home: HomePaths, name: str, network: NamedNetwork) -> None:
    try:
        subnet = network.subnet
    except ValueError as error:
        raise ConfigError(f"network {ticked(name)} cannot be used", detail=str(error),
                          hint=f"correct gateway and netmask in {home.networks_yaml}") from error
    service.start(home.network(name), subnet)


@contextlib.contextmanager
def _held(home: HomePaths) -> Iterator[None]:
    """One command at a time decides which networks run."""
    try:
        home.networks.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        raise mkdir_failed(home.networks, error) from error
    with locked(home.networks):
        yield


def _is_there(home: HomePaths, name: str) -> bool:
    return (home.networks / name / f"usernet_{name}.pid").exists()


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
