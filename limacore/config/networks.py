"""networks.yaml: what it holds, and what is in it before anyone has written one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec

from limacore.base import notice, yamlio
from limacore.base.files import mkdir_failed, write_atomic
from limacore.base.goquote import ticked
from limacore.config import unmarshal
from limacore.config.coerce import Coercion
from limacore.config.shape import networks_shape
from limacore.errors import ConfigError
from limacore.model.config import Problem
from limacore.model.network import DEFAULT_USER_V2, USER_V2, Networks

_DAEMONS = ("/opt/socket_vmnet/bin/socket_vmnet", "", "/usr/local/opt/socket_vmnet/bin/socket_vmnet",
            "/opt/homebrew/opt/socket_vmnet/bin/socket_vmnet")
_DEFAULT = """\
# Networks that instances can join by `networks: [{{lima: NAME}}]`.

# For modes shared, host and bridged (macOS): the daemon, its run directory, and the file of `limactl sudoers`.
paths:
  socketVMNet: "{daemon}"
  varRun: /private/var/run/lima
  sudoers: /private/etc/sudoers.d/lima

# Who may start the daemon.
group: admin

networks:
  # Instances reach each other; needs no privileges.
  user-v2:
    mode: user-v2
    gateway: 192.168.104.1
    netmask: 255.255.255.0
  shared:
    mode: shared
    gateway: 192.168.105.1
    dhcpEnd: 192.168.105.254
    netmask: 255.255.255.0
  bridged:
    mode: bridged
    interface: en0
    # the interface of the host decides about addresses
  host:
    mode: host
    gateway: 192.168.106.1
    dhcpEnd: 192.168.106.254
    netmask: 255.255.255.0
"""


def default_text() -> str:
    """networks.yaml as it is written when there is none."""
    return _DEFAULT.format(daemon=_daemon())


def _daemon() -> str:
    for candidate in _DAEMONS:
        found = candidate or shutil.which("socket_vmnet") or ""
        if found and Path(found).exists():
            return str(Path(found).resolve())
    return _DAEMONS[0]


def load(path: Path) -> Networks:
    """The networks in the file at `path`, the default ones when there is no file; raises ConfigError."""
    return parse(yamlio.read(path) if path.exists() else default_text(), str(path))


def load_or_create(path: Path) -> Networks:
    """The same, and the file is there afterwards; raises ConfigError, HostError."""
    if not path.exists():
        try:
            path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        except OSError as error:
            raise mkdir_failed(path.parent, error) from error
        write_atomic(path, default_text())
    return load(path)


def parse(text: str, name: str) -> Networks:
    """The networks in a text; raises ConfigError."""
    problems, values = _typed(text, name)
    if failed := next((each for each in problems if each.severity == "error"), None):
        raise ConfigError(f"cannot parse {ticked(name)}: {unmarshal.place(failed, text)}",
                          hint="correct that line, or remove the file: it is written anew")
    if loose := unmarshal.loose(problems, text):
        notice.warning("Non-strict YAML is deprecated and will be unsupported in a future version of Lima: " + name,
                       error=loose)
    values["networks"] = {key: each or {} for key, each in values.get("networks", {}).items()}
    return _with_user_v2(msgspec.convert(values, Networks))


def _typed(text: str, name: str) -> tuple[list[Problem], dict[str, Any]]:
    try:
        root = yamlio.parse(text, name)
    except yamlio.YamlError as error:
        return [unmarshal.syntax(error)], {}
    coercion = Coercion()
    values = coercion.mapping(root, networks_shape())
    return coercion.problems, values


def _with_user_v2(config: Networks) -> Networks:
    if any(each.mode == USER_V2 and each.gateway for each in config.networks.values()):
        return config
    return msgspec.structs.replace(config, networks={**config.networks, USER_V2: DEFAULT_USER_V2})
