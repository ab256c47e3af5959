"""The variables of cidata: `lima.env`, `param.env` and the block for /etc/environment."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from limacore.guest import seed as facts
from limacore.guest.seed import Seed
from limacore.model.config import Config, Provision
from limacore.model.network import vsock_port

Pair = tuple[str, str]
IsLoopback = Callable[[str], bool]

HOST_NAME = "host.lima.internal"
"""What a boot script makes the guest call the host."""
_PROXIES = ("ftp_proxy", "http_proxy", "https_proxy", "no_proxy")


def lima_env(seed: Seed) -> str:
    """`LIMA_CIDATA_*` in the order that the reference tool has; values are not quoted."""
    groups = (_identity(seed), _mounts(seed), _disks(seed.config), _files(seed.config), _system(seed.config),
              _network(seed), _rest(seed))
    return _lines((f"LIMA_CIDATA_{key}", value) for group in groups for key, value in group)


def param_env(config: Config) -> str:
    """`PARAM_*`, sorted; empty when there are none."""
    return _lines(parameters(config))


def parameters(config: Config) -> list[Pair]:
    """Names (with their prefix) and values of the parameters of the template."""
    return [(f"PARAM_{key}", config.param[key]) for key in sorted(config.param)]


def etc_environment(env: Mapping[str, str]) -> str:
    """The block that a boot script puts into /etc/environment."""
    return "#LIMA-START\n" + _lines(sorted(env.items())) + "#LIMA-END\n"


def guest_environment(seed: Seed, host: Mapping[str, str], is_loopback: IsLoopback) -> dict[str, str]:
    """`env` of the configuration with the host's proxies, which the guest reaches through the gateway."""
    env = dict(seed.config.env)
    if seed.config.propagate_proxy_env:
        env |= {name: host[name] for name in _proxy_names() if name in host}
    for name in _proxy_names():
        value = env.get(name)
        if value == "":
            del env[name]
        elif value and not name.lower().startswith("no_"):
            env[name] = through_gateway(value, facts.gateway(seed) or HOST_NAME, is_loopback)
    return env | dict(_both_cases(env))


def through_gateway(url: str, gateway: str, is_loopback: IsLoopback) -> str:
    """`url` with the gateway for its host when that means this computer; otherwise as it is."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return url
    if not host or not is_loopback(host):
        return url
    login, at, _ = parts.netloc.rpartition("@")
    return parts._replace(netloc=login + at + gateway + (f":{port}" if port is not None else "")).geturl()


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this computer; asks the resolver for names (may block)."""
    import socket

    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return any(ipaddress.ip_address(address.partition("%")[0]).is_loopback for address in found)


def _proxy_names() -> Iterator[str]:
    for name in _PROXIES:
        yield name
        yield name.upper()


def _both_cases(env: Mapping[str, str]) -> Iterator[Pair]:
    for name in _PROXIES:
        value = env.get(name, env.get(name.upper()))
        if value is not None:
            yield name, value
            yield name.upper(), value


def _lines(pairs: Iterable[Pair]) -> str:
    return "".join(f"{key}={value}\n" for key, value in pairs)


def _flag(value: bool) -> str:
    return "1" if value else ""


def _word(value: bool) -> str:
    return "true" if value else "false"


def _identity(seed: Seed) -> Iterator[Pair]:
    user = seed.config.user
    yield "DEBUG", _word(seed.debug)
    yield "IID", seed.iid
    yield "NAME", seed.name
    yield "USER", user.name
    yield "UID", str(user.uid)
    yield "COMMENT", printable(user.comment)
    yield "HOME", user.home
    yield "SHELL", user.shell


def printable(text: str) -> str:
    """`text` without characters that would break a line or a terminal."""
    return "".join(each for each in text if each.isprintable())


def _mounts(seed: Seed) -> Iterator[Pair]:
    mounts = seed.config.mounts
    home = (each.mount_point for each in mounts if seed.host_home and each.location == seed.host_home)
    yield "HOSTHOME_MOUNTPOINT", next(home, "")
    yield "MOUNTS", str(len(mounts))
    for number, mount in enumerate(mounts):
        yield f"MOUNTS_{number}_MOUNTPOINT", mount.mount_point
    yield "MOUNTTYPE", "" if seed.config.mount_type == "wsl2" else seed.config.mount_type


def _disks(config: Config) -> Iterator[Pair]:
    yield "DISKS", str(len(config.additional_disks))
    for number, disk in enumerate(config.additional_disks):
        yield f"DISK_{number}_NAME", disk.name
        yield f"DISK_{number}_DEVICE", f"vd{chr(ord('b') + number)}"
        yield f"DISK_{number}_FORMAT", _word(disk.format)
        yield f"DISK_{number}_FSTYPE", disk.fs_type
        yield f"DISK_{number}_FSARGS", " ".join(disk.fs_args)


def _files(config: Config) -> Iterator[Pair]:
    for number, entry in enumerate(config.provision):
        if entry.mode == "data":
            yield f"DATAFILE_{number:08}_OVERWRITE", _word(entry.overwrite)
            yield from _placed(f"DATAFILE_{number:08}", entry)
    for number, entry in enumerate(config.provision):
        if entry.mode == "yq":
            yield f"YQ_PROVISION_{number:08}_FORMAT", entry.format or "auto"
            yield from _placed(f"YQ_PROVISION_{number:08}", entry)


def _placed(prefix: str, entry: Provision) -> Iterator[Pair]:
    yield f"{prefix}_OWNER", entry.owner or "root:root"
    yield f"{prefix}_PATH", entry.path
    yield f"{prefix}_PERMISSIONS", entry.permissions or "644"


def _system(config: Config) -> Iterator[Pair]:
    containerd = config.containerd
    yield "GUEST_INSTALL_PREFIX", config.guest_install_prefix
    yield "UPGRADE_PACKAGES", _flag(config.upgrade_packages)
    yield "CONTAINERD_USER", _flag(containerd.user)
    yield "CONTAINERD_SYSTEM", _flag(containerd.system)
    if containerd.user or containerd.system:
        yield "CONTAINERD_ARCHIVE", "nerdctl-full.tgz"


def _network(seed: Seed) -> Iterator[Pair]:
    yield "SLIRP_DNS", facts.dns_address(seed)
    yield "SLIRP_GATEWAY", facts.gateway(seed)
    yield "SLIRP_IP_ADDRESS", facts.guest_address(seed)
    yield "UDP_DNS_LOCAL_PORT", str(seed.udp_dns_port)
    yield "TCP_DNS_LOCAL_PORT", str(seed.tcp_dns_port)


def _rest(seed: Seed) -> Iterator[Pair]:
    config = seed.config
    skips = any(each.skip_default_dependency_resolution for each in config.provision)
    yield "ROSETTA_ENABLED", _word(config.rosetta.enabled)
    yield "ROSETTA_BINFMT", _word(config.rosetta.binfmt)
    yield "SKIP_DEFAULT_DEPENDENCY_RESOLUTION", _flag(skips)
    yield "VMTYPE", config.vm_type
    yield "VSOCK_PORT", str(vsock_port(config.vm_type, seed.directory))
    yield "VIRTIO_PORT", ""
    yield "PLAIN", _flag(config.plain)
    yield "NO_CLOUD_INIT", _flag(config.vm_type == "wsl2")
    yield "PASSWORDLESS_SUDO", _flag(config.user.passwordless_sudo)
