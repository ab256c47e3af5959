"""The seed of a boot: `cidata.iso` for the guest and `cloud-config.yaml` for people."""

from __future__ import annotations

import os
from pathlib import Path

from limacore.base.files import write_atomic
from limacore.guest import cidata
from limacore.guest.seed import Seed, read_certificates
from limacore.model.config import Config
from limacore.model.network import Networks
from limacore.paths import HomePaths, InstancePaths
from limacore.store import keys

_NONE = Networks()


def write(paths: InstancePaths, home: HomePaths, config: Config, iid: str, *,
          networks: Networks = _NONE, dns_ports: tuple[int, int] = (0, 0), debug: bool = False,
          nerdctl: Path | None = None) -> None:
    """Write both files anew, with the UDP and TCP port of our name server and the archive with containerd; raises
    HostError when that cannot be done.

    Takes 0.1 s: not for the event loop."""
    seed = Seed(
        config=config, name=paths.name, directory=os.fspath(paths.dir), public_keys=keys.public_keys(home, config),
        iid=iid, debug=debug, networks=networks, udp_dns_port=dns_ports[0], tcp_dns_port=dns_ports[1],
        host_home=os.fspath(Path.home()), certificates=read_certificates(config),
    )
    write_atomic(paths.cloud_config, cidata.cloud_config(seed), 0o444)
    large = {cidata.NERDCTL: nerdctl} if nerdctl else {}
    if config.vm_type == "wsl2":
        cidata.write_folder(paths.cidata_folder, cidata.files(seed), large)
    else:
        cidata.write_iso(paths.cidata, cidata.files(seed), large)
