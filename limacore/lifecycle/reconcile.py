"""The networks after instances came or went: what nobody can be asked about is said, and networks.yaml is there."""

from __future__ import annotations

from limacore.base import notice
from limacore.base.goquote import ticked
from limacore.config import networks
from limacore.paths import HomePaths
from limacore.store.scan import instance_names


def reconcile(home: HomePaths) -> None:
    """Make sure of networks.yaml; raises ConfigError when it cannot be used."""
    networks.load_or_create(home.networks_yaml)
    for name in instance_names(home):
        yaml = home.home / name / "lima.yaml"
        if not yaml.exists():
            notice.warning(f"Skipping instance {ticked(name)} during network reconcile: open {yaml}: "
                           "no such file or directory")
