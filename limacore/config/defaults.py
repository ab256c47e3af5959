"""Defaults and merging of lima.yaml: pure functions, one for each part of the file."""

from __future__ import annotations

import copy
import os.path
import re
from typing import Any

from limacore.base.goquote import quoted, ticked
from limacore.base.gotemplate import TemplateError, expand
from limacore.base.host import LEAD_UID
from limacore.base.units import format_size
from limacore.config import merging
from limacore.config.layers import Layers
from limacore.config.setting import Setting
from limacore.model.config import Problem
from limacore.model.network import mac_address

_USER_NAME = re.compile(r"[a-z_][a-z0-9_-]*")
_SHELLS = {"Darwin": "/bin/zsh", "FreeBSD": "/bin/sh", "Windows": "cmd.exe"}
_GIBIBYTE = 1 << 30
_NERDCTL = "https://github.com/containerd/nerdctl/releases/download/v2.3.5/nerdctl-full-2.3.5-linux-"
_ARCHIVES = (
    {"location": _NERDCTL + "amd64.tar.gz", "arch": "x86_64",
     "digest": "sha256:b697295c623639734aaab737523c808fd3cc8d3046039fd94fff1744e4c317aa"},
    {"location": _NERDCTL + "arm64.tar.gz", "arch": "aarch64",
     "digest": "sha256:6e4b687f1d138e750a3c8372abc0f81d3d7490b6359c48c0562fc7dfe98859b2"},
)


class Filling:
    """One pass over the three files; `problems` are warnings, never errors."""

    def __init__(self, layers: Layers, setting: Setting) -> None:
        self.layers, self.setting = layers, setting
        self.param = {key: str(value) for key, value in layers.own.get("param", {}).items()}
        self.problems: list[Problem] = []

    def fill(self) -> dict[str, Any]:
        """The whole configuration; what has no value and no default is left out."""
        guest_os = self._word("os", "Linux")
        arch = self._word("arch", self.setting.host.arch)
        user = self.fill_user(guest_os)
        values = self.setting.guest_values(user, self.param)
        filled = {
            **fill_own(self.layers.own), "os": guest_os, "arch": arch,
            **self.layers.scalars({"vmType": None}),
            "images": fill_images(self.layers.chained("images"), arch),
            **fill_size(self.layers, self.setting),
            **fill_plain_fields(self.layers),
            "mounts": self.fill_mounts(values), "ssh": self.fill_ssh(),
            "firmware": fill_firmware(self.layers.below("firmware"), arch),
            "video": fill_video(self.layers.below("video")),
            "provision": self.fill_provision(guest_os, values),
            "containerd": fill_containerd(self.layers.below("containerd"), guest_os, arch),
            "probes": self.fill_probes(values),
            "portForwards": self.fill_port_forwards(values),
            "copyToHost": self.fill_copies(values),
            "networks": self.fill_networks(), "caCerts": fill_ca_certs(self.layers.below("caCerts")),
            "timezone": self.layers.first("timezone", self.setting.host.timezone),
            "user": user,
        }
        return apply_plain(filled) if filled["plain"] else filled

    def _word(self, key: str, fallback: str) -> str:
        value = self.layers.first(key, fallback)
        return fallback if value in ("", "default") else str(value)

    def _expanded(self, text: Any, values: dict[str, Any], what: str, path: str) -> Any:
        if not isinstance(text, str) or "{{" not in text:
            return text
        try:
            return expand(text, values)
        except TemplateError as error:
            self._warn(path, f"Couldn't process {what} {ticked(text)} as a template", str(error))
            return text

    def _warn(self, path: str, message: str, cause: str = "", *, loud: bool = False) -> None:
        self.problems.append(Problem(path=path, message=message, hint=cause, severity="warning", cause=cause,
                                     loud=loud))

    def fill_user(self, guest_os: str) -> dict[str, Any]:
        """The guest's user: like the host's, unless that one cannot be a guest's."""
        layer, host = self.layers.below("user"), self.setting.host
        user = layer.scalars({
            "name": self._user_name(), "comment": host.full_name if host.uid else "", "home": self._home(guest_os),
            "shell": _SHELLS.get(guest_os, "/bin/bash"), "uid": host.uid or LEAD_UID,
            "passwordlessSudo": guest_os != "Darwin",
        })
        values = self.setting.guest_values({**user, "home": None}, self.param)
        return {**user, "home": self._expanded(user["home"], values, "home", "user.home")}

    def _user_name(self) -> str:
        name = self.setting.host.user
        if self.setting.host.uid == 0 or not _USER_NAME.fullmatch(name):
            return "lima"
        return "lima" if name == "admin" and not self.setting.created_before("1.0.0") else name

    def _home(self, guest_os: str) -> str:
        if guest_os == "Darwin":
            return "/Users/{{.User}}.guest"
        ending = "linux" if self.setting.created_before("2.1.0") else "guest"
        return f"/home/{{{{.User}}}}.{ending}"

    def fill_ssh(self) -> dict[str, Any]:
        """How the guest is reached; the oldest default instance keeps its well-known port."""
        layer = self.layers.below("ssh")
        ssh = layer.scalars({
            "localPort": 0, "loadDotSSHPubKeys": False, "forwardAgent": False, "forwardX11": False,
            "forwardX11Trusted": False, "overVsock": None,
        })
        if ssh["localPort"] == 0 and self.setting.name == "default" and self.setting.created_before("2.0.0"):
            ssh["localPort"] = 60022
        return {**ssh, **self._over_vsock()}

    def _over_vsock(self) -> dict[str, Any]:
        text = self.setting.over_vsock
        if not text:
            return {}
        self._warn("ssh.overVsock", "The environment variable LIMA_SSH_OVER_VSOCK is deprecated in favor of "
                                    "the YAML field .ssh.overVsock")
        words = dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True)
        words |= dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False)
        if text not in words:
            self._warn("ssh.overVsock", f"invalid LIMA_SSH_OVER_VSOCK value {ticked(text)}",
                       f"strconv.ParseBool: parsing {quoted(text)}: invalid syntax")
            return {}
        return {"overVsock": words[text]}

    def fill_provision(self, guest_os: str, values: dict[str, Any]) -> list[dict[str, Any]]:
        """Scripts and files for the guest, templates carried out."""
        owner = "root:wheel" if guest_os in ("Darwin", "FreeBSD") else "root:root"
        entries = [dict(each) for each in self.layers.chained("provision")]
        return [self._provision(entry, number, owner, values) for number, entry in enumerate(entries)]

    def _provision(self, entry: dict[str, Any], number: int, owner: str, values: dict[str, Any]) -> dict[str, Any]:
        mode = entry.get("mode") or "system"
        result = {**entry, "mode": mode}
        expanded = {"script": "provisioning script"}
        if mode == "dependency":
            result.setdefault("skipDefaultDependencyResolution", False)
        if mode in ("data", "yq"):
            expanded |= {"content": "data content", "expression": "expression", "owner": "owner", "path": "path"}
            result = {**_file_defaults(mode, owner), **result}
        for key, what in expanded.items():
            if key in result:
                result[key] = self._expanded(result[key], values, what, f"provision[{number}].{key}")
        return result

    def fill_probes(self, values: dict[str, Any]) -> list[dict[str, Any]]:
        """Readiness probes with numbered descriptions."""
        probes = [dict(each) for each in self.layers.chained("probes")]
        for number, probe in enumerate(probes):
            probe["mode"] = probe.get("mode") or "readiness"
            probe["description"] = probe.get("description") or f"user probe {number + 1}/{len(probes)}"
            script = probe.get("script") or ""
            probe["script"] = self._expanded(script, values, "probe script", f"probes[{number}].script")
        return probes

    def fill_port_forwards(self, values: dict[str, Any]) -> list[dict[str, Any]]:
        """Forward rules with both ranges."""
        rules = [dict(each) for each in self.layers.chained("portForwards")]
        return [self._rule(rule, f"portForwards[{number}]", values) for number, rule in enumerate(rules)]

    def _rule(self, rule: dict[str, Any], path: str, values: dict[str, Any]) -> dict[str, Any]:
        host_values = self.setting.host_values(self.param)
        guest_socket = self._expanded(rule.get("guestSocket"), values, "guest socket", f"{path}.guestSocket")
        host_socket = self._expanded(rule.get("hostSocket"), host_values, "host socket", f"{path}.hostSocket")
        if host_socket and not host_socket.startswith("/"):
            host_socket = f"{self.setting.directory}/sock/{host_socket}"
        return rule_defaults({**rule, "guestSocket": guest_socket or "", "hostSocket": host_socket or ""})

    def fill_copies(self, values: dict[str, Any]) -> list[dict[str, Any]]:
        """Files copied out of the guest."""
        host_values = self.setting.host_values(self.param)
        return [{
            **entry,
            "guest": self._expanded(entry.get("guest", ""), values, "copyToHost guest", f"copyToHost[{number}].guest"),
            "host": self._expanded(entry.get("host", ""), host_values, "copyToHost host", f"copyToHost[{number}].host"),
        } for number, entry in enumerate(self.layers.chained("copyToHost"))]

    def fill_mounts(self, values: dict[str, Any]) -> list[dict[str, Any]]:
        """Mounts merged by mount point, with the defaults of every mount type."""
        mounts = copy.deepcopy(self.layers.rising("mounts"))
        placed = [self.placed(mount, f"mounts[{number}]", values) for number, mount in enumerate(mounts)]
        return [merging.mount_defaults(mount) for mount in merging.merge_mounts(placed)]

    def placed(self, mount: dict[str, Any], path: str, values: dict[str, Any]) -> dict[str, Any]:
        """A mount with its two places expanded."""
        host = self.setting.host_values(self.param)
        location = self._expanded(mount.get("location", ""), host, "mount location", f"{path}.location")
        location = expand_tilde(clean_path(location), self.setting.host.home)
        point = mount.get("mountPoint")
        expanded = self._expanded(point, values, "mount point", f"{path}.mountPoint")
        return {**mount, "location": location, "mountPoint": location if point is None else expanded}

    def fill_networks(self) -> list[dict[str, Any]]:
        """Networks merged by interface, with derived addresses."""
        networks, messages = merging.merge_networks(copy.deepcopy(self.layers.rising("networks")))
        for message in messages:
            self._warn("networks", message, loud=True)
        return [{
            **network,
            "macAddress": network.get("macAddress") or mac_address(f"{self.setting.yaml_path}#{number}"),
            "interface": network.get("interface") or f"lima{number}",
            "metric": network.get("metric", 100),
        } for number, network in enumerate(networks)]


def _file_defaults(mode: str, owner: str) -> dict[str, Any]:
    common = {"owner": owner, "permissions": "644"}
    return common | ({"content": "", "overwrite": True} if mode == "data" else {"format": "auto"})


def rule_defaults(rule: dict[str, Any]) -> dict[str, Any]:
    """A port forward rule with addresses, ranges and protocol."""
    result = dict(rule)
    if result.get("guestIP") is None:
        result["guestIP"] = "0.0.0.0" if result.get("guestIPMustBeZero") else "127.0.0.1"
    if result.get("guestIPMustBeZero") is None:
        result["guestIPMustBeZero"] = result["guestIP"] == "0.0.0.0"
    result["guestPortRange"] = _range(result, "guest", [1, 65535])
    result["hostIP"] = result.get("hostIP") or "127.0.0.1"
    if result["hostSocket"]:
        result["hostPortRange"] = list(result.get("hostPortRange") or (0, 0))
    else:
        result["hostPortRange"] = _range(result, "host", result["guestPortRange"])
    result["proto"] = result.get("proto") or "any"
    return result


def _range(rule: dict[str, Any], side: str, fallback: list[int]) -> list[int]:
    given = list(rule.get(f"{side}PortRange") or (0, 0))
    if given != [0, 0]:
        return given
    port = rule.get(f"{side}Port") or 0
    return [port, port] if port else list(fallback)


def fill_own(own: dict[str, Any]) -> dict[str, Any]:
    """Fields that only the instance's own file decides."""
    return {key: own[key] for key in ("base", "minimumLimaVersion", "cpuType", "message", "rosetta") if key in own}


def fill_images(images: list[dict[str, Any]], arch: str) -> list[dict[str, Any]]:
    """Images, each with an architecture."""
    return [_image(with_arch(image, arch)) for image in images]


def _image(image: dict[str, Any]) -> dict[str, Any]:
    wanted: tuple[str, ...] = ("kernel", "initrd")
    parts = {key: with_arch(image[key], image["arch"]) for key in wanted if key in image}
    return {**image, **parts}


def with_arch(file: dict[str, Any], arch: str) -> dict[str, Any]:
    """A file for `arch` unless it names another."""
    return {"location": "", **file, "arch": file.get("arch") or arch}


def fill_size(layers: Layers, setting: Setting) -> dict[str, Any]:
    """Processors, memory and disk; a modest part of the host."""
    memory = min(4 * _GIBIBYTE, setting.host.memory // 2) or 4 * _GIBIBYTE
    return {
        "cpus": layers.first("cpus") or min(4, setting.host.cpus),
        "memory": layers.first("memory") or format_size(memory),
        "disk": layers.first("disk") or "100GiB",
    }


def fill_plain_fields(layers: Layers) -> dict[str, Any]:
    """Everything that is merged by a general rule and has a constant default."""
    asked = (each.get("dns") for each in (layers.override, layers.own, layers.default))
    dns: list[str] = next(filter(None, asked), [])
    resolver = layers.below("hostResolver")
    return {
        **layers.scalars({
            "mountType": None, "mountInotify": False, "upgradePackages": False, "guestInstallPrefix": "/usr/local",
            "propagateProxyEnv": True, "plain": False, "nestedVirtualization": False, "tpm": False,
        }),
        **{key: layers.merged(key) for key in ("vmOpts", "osOpts", "env", "param")},
        "additionalDisks": [{"name": "", **disk} for disk in layers.chained("additionalDisks")],
        "mountTypesUnsupported": layers.chained("mountTypesUnsupported"),
        "audio": layers.below("audio").scalars({"device": "", "interface": ""}),
        "hostResolver": {**resolver.scalars({"enabled": True, "ipv6": False}), "hosts": resolver.merged("hosts")},
        "dns": [each for each in dns if each],
    }


def fill_firmware(layers: Layers, arch: str) -> dict[str, Any]:
    """BIOS or UEFI."""
    images = [with_arch(image, arch) for image in layers.chained("images")]
    return {"legacyBIOS": layers.first("legacyBIOS", False), "images": images}


def fill_video(layers: Layers) -> dict[str, Any]:
    """The screen: none unless asked for."""
    asked = (each.get("display") for each in (layers.override, layers.own, layers.default))
    display = next(filter(None, asked), "none")
    return {"display": display, "vnc": layers.below("vnc").scalars({"display": None})}


def fill_containerd(layers: Layers, guest_os: str, arch: str) -> dict[str, Any]:
    """Rootless containerd where it exists for the guest."""
    archives = [with_arch(each, arch) for each in layers.chained("archives")] or [dict(each) for each in _ARCHIVES]
    available = guest_os == "Linux" and arch in ("x86_64", "aarch64")
    return {"system": layers.first("system", False), "user": layers.first("user", available), "archives": archives}


def fill_ca_certs(layers: Layers) -> dict[str, Any]:
    """Certificates, duplicates dropped."""
    lists = {key: list(dict.fromkeys(layers.rising(key))) for key in ("files", "certs")}
    return {"removeDefaults": layers.first("removeDefaults", False), **lists}


def apply_plain(filled: dict[str, Any]) -> dict[str, Any]:
    """A plain machine: no mounts, no containerd, only static forwards."""
    containerd = {**filled["containerd"], "system": False, "user": False}
    static = [rule for rule in filled["portForwards"] if rule.get("static")]
    return {**filled, "mounts": [], "containerd": containerd, "portForwards": static, "timezone": ""}


def clean_path(text: str) -> str:
    """`text` with `.`, `..` and double slashes resolved by words alone; `.` when empty."""
    cleaned = os.path.normpath(text) if text else "."
    return "/" + cleaned.lstrip("/") if cleaned.startswith("//") else cleaned


def expand_tilde(path: str, home: str) -> str:
    """A leading `~` as the home directory; `~user` is left alone."""
    if path == "~":
        return home
    return home + path[1:] if path.startswith("~/") else path
