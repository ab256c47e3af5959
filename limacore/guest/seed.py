"""What one boot of one instance is seeded with, and the facts that several of its files share."""

from __future__ import annotations

from msgspec import Struct

from limacore.errors import ConfigError, UsageError
from limacore.model.config import Config, Network
from limacore.model.network import SLIRP_DNS, SLIRP_GATEWAY, SLIRP_GUEST, Networks, mac_address
from limacore.paths import expanded

MOUNT_POINT = "/mnt/lima-cidata"


class Seed(Struct, frozen=True, kw_only=True):
    """The filled configuration and what the host adds to it at a start; `directory` is the instance's own."""

    config: Config
    name: str
    directory: str
    public_keys: tuple[str, ...]
    iid: str = ""
    """Instance id: new at each start, so that cloud-init works anew. Empty in the copy for people."""
    debug: bool = False
    udp_dns_port: int = 0
    tcp_dns_port: int = 0
    """Ports of the host's DNS server on the loopback address; 0 when the hypervisor's own answers."""
    networks: Networks = Networks()
    """What the networks are that the configuration names."""
    host_home: str = ""
    certificates: tuple[str, ...] = ()
    """Contents of `caCerts.files`, see `read_certificates`."""


class Card(Struct, frozen=True):
    """A network card of the guest."""

    name: str
    mac: str
    metric: int


def read_certificates(config: Config) -> tuple[str, ...]:
    """The certificates that the configuration names by file; raises ConfigError when one cannot be read."""
    texts = []
    for name in config.ca_certs.files:
        try:
            texts.append(expanded(name).read_text())
        except (OSError, UnicodeDecodeError, UsageError) as error:
            raise ConfigError(f"caCerts.files: `{name}` cannot be read", detail=str(error),
                              hint="correct the path in lima.yaml, or remove the entry") from error
    return tuple(texts)


def on_system_network(config: Config, known: Networks) -> bool:
    """Whether eth0 is on a network of macOS or Windows, which has addresses of its own and answers for names."""
    if config.vm_type == "wsl2":  # it has no others
        return True
    return config.vm_type == "vz" and not any(known.user_v2(each.lima) for each in config.networks)


def gateway(seed: Seed) -> str:
    """The host as the guest sees it; empty where the guest's own route tells that."""
    return "" if _on_system(seed) else _user_v2_gateway(seed) or SLIRP_GATEWAY


def dns_address(seed: Seed) -> str:
    """The name server of the network of eth0; empty where there is none."""
    return "" if _on_system(seed) else _user_v2_gateway(seed) or SLIRP_DNS


def guest_address(seed: Seed) -> str:
    """The guest's fixed address on the built-in network; empty where it has none."""
    return "" if _user_v2(seed) or _on_system(seed) else SLIRP_GUEST


def name_servers(seed: Seed) -> tuple[str, ...]:
    """What the guest is told to ask; empty leaves it to DHCP."""
    config = seed.config
    if config.dns or _on_system(seed):
        return config.dns
    return (dns_address(seed),) if config.host_resolver.enabled or _user_v2(seed) else ()


def cards(seed: Seed) -> tuple[Card, ...]:
    """eth0, then every extra network but the first of user-v2, which is eth0 itself."""
    first = Card("eth0", mac_address(seed.directory), 200)
    networks = seed.config.networks
    inner = _user_v2(seed)
    others = [_card(number, network) for number, network in enumerate(networks) if network is not inner]
    return (first, *others)


def _card(number: int, network: Network) -> Card:
    return Card(network.interface or f"lima{number}", network.mac_address, network.metric)


def _on_system(seed: Seed) -> bool:
    return on_system_network(seed.config, seed.networks)


def _user_v2(seed: Seed) -> Network | None:
    return next((each for each in seed.config.networks if seed.networks.user_v2(each.lima)), None)


def _user_v2_gateway(seed: Seed) -> str:
    network = _user_v2(seed)
    named = seed.networks.user_v2(network.lima) if network else None
    return named.guest_gateway if named else ""
