"""Rules about what happens in the guest: user, scripts, probes, parameters, files copied out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from limacore.base.goquote import quoted
from limacore.config.fields import CHOICES
from limacore.config.rules.finding import doubtful, wrong
from limacore.model.config import Problem

_PARAM_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")
_ONLY_FOR_FILES = ("content", "overwrite", "owner", "path", "permissions", "format")
_NOT_ON_WINDOWS = ("ansible", "boot", "yq")
_OCTAL = re.compile(r"[+-]?[0-7]+")
_EXEMPT_PARAM = "internal_netplanOptional"


def user(filled: dict[str, Any]) -> Iterator[Problem]:
    """The user of the guest must not be root, and must be able to sudo where Lima needs it."""
    guest = filled["user"]
    if guest["name"] == "root":
        yield wrong("user.name", "{} must not be `root`", "guests are entered as an ordinary user with sudo")
    if guest["uid"] == 0:
        yield wrong("user.uid", "{} must not be 0", "choose a uid such as 1000")
    yield from _sudo(filled, guest["passwordlessSudo"])


def _sudo(filled: dict[str, Any], passwordless: bool) -> Iterator[Problem]:
    path = "user.passwordlessSudo"
    if filled["os"] == "Darwin":
        if passwordless:
            yield wrong(path, "`user.passwordlessSudo: true` is not supported on Darwin guest")
        return
    if passwordless:
        return
    if filled["vmType"] == "wsl2":
        yield wrong(path, "`user.passwordlessSudo: false` is not supported on WSL2 guest")
    if not filled["plain"]:
        yield wrong(path, "`user.passwordlessSudo: false` requires `plain: true`")


def provision(filled: dict[str, Any]) -> Iterator[Problem]:
    """Scripts and files for the guest."""
    for number, entry in enumerate(filled["provision"]):
        path, mode = f"provision[{number}]", entry["mode"]
        yield from _inlined(path, path, entry.get("file"))
        if mode not in CHOICES["provision[].mode"]:
            yield wrong(f"{path}.mode", "{} must one of `system`, `user`, `boot`, `data`, `dependency`, `ansible`, or "
                                        "`yq`")
        if entry.get("skipDefaultDependencyResolution") is not None and mode != "dependency":
            yield wrong(f"{path}.mode", "{} cannot set skipDefaultDependencyResolution, only valid on scripts of type "
                                        "`dependency`")
        if filled["os"] == "Windows" and mode in _NOT_ON_WINDOWS:
            yield wrong(f"{path}.mode", f"provision mode `{mode}` is not supported on Windows VM")
        if mode in ("data", "yq"):
            if not entry.get("path"):
                yield wrong(f"{path}.path", f"{{}} must not be empty when mode is `{mode}`")
            else:
                yield from _file(path, entry, mode)
        else:
            yield from _script(path, entry, mode)


def _inlined(path: str, shown: str, locator: Any) -> Iterator[Problem]:
    if isinstance(locator, dict) and locator.get("url"):
        yield wrong(f"{path}.file", f"field `{shown}.file.url` must be empty during validation (script should already "
                                    "be embedded)")
    if isinstance(locator, dict) and locator.get("digest"):
        yield wrong(f"{path}.file", f"field `{shown}.file.digest` support is not yet implemented")


def _file(path: str, entry: dict[str, Any], mode: str) -> Iterator[Problem]:
    if not Path(entry["path"]).is_absolute():
        yield wrong(f"{path}.path", "{} must be an absolute path")
    needed = "content" if mode == "data" else "expression"
    if entry.get(needed) is None:
        yield wrong(f"{path}.{needed}", f"{{}} must not be empty when mode is `{mode}`")
    permissions = entry["permissions"]
    if not _OCTAL.fullmatch(permissions):
        yield wrong(f"{path}.permissions", f"{{}} must be an octal number, got `{permissions}`",
                    "put it in quotes: YAML reads 0644 without quotes as another number",
                    f"{{}} must be an octal number: strconv.ParseInt: parsing {quoted(permissions)}: invalid syntax")


def _script(path: str, entry: dict[str, Any], mode: str) -> Iterator[Problem]:
    if mode != "ansible" and not entry.get("script"):
        yield wrong(f"{path}.script", "{} must not be empty")
    for key in _ONLY_FOR_FILES:
        if entry.get(key) not in (None, ""):
            yield wrong(f"{path}.{key}", f"{{}} must not be set when mode is `{mode}`")
    yield from _playbook(path, entry, mode)
    if "LIMA_CIDATA" in (entry.get("script") or ""):
        yield doubtful(f"{path}.script", "provisioning scripts should not reference the LIMA_CIDATA variables")


def _playbook(path: str, entry: dict[str, Any], mode: str) -> Iterator[Problem]:
    playbook = entry.get("playbook")
    if not playbook:
        return
    if mode != "ansible":
        yield wrong(f"{path}.mode", "{} must be `ansible` if playbook is set")
    if entry.get("script"):
        yield wrong(f"{path}.script", "{} must be empty if playbook is set")
    yield doubtful(path, f"provision mode `ansible` is deprecated, use `ansible-playbook `{playbook}`` instead")
    if not Path(playbook).exists():
        yield wrong(f"{path}.playbook", f"{{}} refers to an inaccessible path: `{playbook}`: stat {playbook}: no such "
                                        "file or directory")


def probes(filled: dict[str, Any]) -> Iterator[Problem]:
    """Readiness probes."""
    for number, probe in enumerate(filled["probes"]):
        path, shown = f"probes[{number}]", f"probe[{number}]"
        yield from _inlined(path, shown, probe.get("file"))
        if not (probe.get("script") or "").startswith("#!"):
            yield wrong(f"{path}.script", f"field `{shown}.script` must start with a '#!' line")
        if probe["mode"] != "readiness":
            yield wrong(f"{path}.mode", f"field `{shown}.mode` can only be `readiness`")


def copies(filled: dict[str, Any]) -> Iterator[Problem]:
    """Files copied to the host."""
    for number, entry in enumerate(filled["copyToHost"]):
        for key in ("guest", "host"):
            if entry.get(key) and not Path(entry[key]).is_absolute():
                yield wrong(f"copyToHost[{number}].{key}", f"field `CopyToHost[{number}].{key}` must be an absolute "
                                                           f"path, but is `{entry[key]}`")


def params(filled: dict[str, Any]) -> Iterator[Problem]:
    """Names and values of parameters."""
    for name, value in filled["param"].items():
        if not _PARAM_NAME.fullmatch(name):
            yield wrong(f"param.{name}", f"param `{name}` name does not match regex `^[a-zA-Z][a-zA-Z0-9_]*$`")
        for char in value:
            if not char.isprintable() and char != "\t":
                shown = quoted(char)[1:-1]
                yield wrong(f"param.{name}", f"param `{name}` value contains unprintable character '{shown}'")


def unused_params(own: dict[str, Any]) -> Iterator[Problem]:
    """Parameters that nothing in the file itself uses; in Lima an error that hides all others."""
    texts = list(_param_texts(own))
    for name in own.get("param", {}):
        used = re.compile(rf"\{{\{{[^}}]*\.Param\.{re.escape(name)}[^}}]*\}}\}}|\bPARAM_{re.escape(name)}\b")
        if name != _EXEMPT_PARAM and not any(used.search(text) for text in texts):
            yield wrong(f"param.{name}", f"field `param` key `{name}` is not used in any provision, probe, copyToHost, "
                                         "or portForward", "remove it, or use it as {{.Param." + name + "}}")


_PARAM_PLACES = {
    "provision": ("script", "content", "expression", "owner", "path", "permissions"),
    "probes": ("script",),
    "copyToHost": ("guest", "host"),
    "portForwards": ("guestSocket", "hostSocket"),
    "mounts": ("location", "mountPoint"),
}


def _param_texts(own: dict[str, Any]) -> Iterator[str]:
    for part, keys in _PARAM_PLACES.items():
        for entry in own.get(part, ()):
            yield from (entry[key] for key in keys if entry.get(key))
            if part == "provision" and entry.get("playbook"):
                yield _content(Path(entry["playbook"]))


def _content(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except (OSError, ValueError):  # ValueError: a null byte in the name
        return ""
