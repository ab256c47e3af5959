"""Rules about the machine: system, architecture, images, sizes, disks, ports, screen."""

from __future__ import annotations

import ntpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from limacore.base.goquote import ticked
from limacore.base.units import parse_size
from limacore.base.version import COMPATIBLE, version_key
from limacore.config.fields import CHOICES
from limacore.config.rules.finding import doubtful, quoted, wrong
from limacore.errors import UsageError
from limacore.model.config import Problem
from limacore.paths import check_identifier

_VERSION = re.compile(r"v?\d+\.\d+\.\d+(?:-.+)?")
_DIGEST = re.compile(r"([a-z0-9]+(?:[.+_-][a-z0-9]+)*):([0-9a-zA-Z=_-]+)")
_DIGITS = {"sha256": 64, "sha384": 96, "sha512": 128}
_WINDOWS_SHELLS = ("cmd.exe", "powershell.exe", "pwsh.exe")
_TPM_ARCHES = ("x86_64", "aarch64", "armv7l", "riscv64")
BUILT = "build:"
"""Prefix of the locator of an image that is built here."""


def version(filled: dict[str, Any]) -> Iterator[Problem]:
    """`minimumLimaVersion`, and `base`, which must have been merged in by now."""
    if filled.get("base"):
        yield wrong("base", "{} must be empty for instances: templates are merged in when an instance is created",
                    words="{} must be empty for YAML validation")
    wanted = filled.get("minimumLimaVersion")
    if wanted is None:
        return
    if not _VERSION.fullmatch(wanted):
        yield wrong("minimumLimaVersion", f"{{}} must be a semver value, got `{wanted}`", "write it as X.Y.Z",
                    f"{{}} must be a semvar value, got {ticked(wanted)}: {wanted} is not in dotted-tri format")
    elif _needs_newer(wanted):
        yield wrong("minimumLimaVersion", f"template requires Lima version `{wanted}`; this is only `{COMPATIBLE}`")


def _needs_newer(wanted: str) -> bool:
    return version_key(wanted.partition("-")[0]) > version_key(COMPATIBLE)


def system(filled: dict[str, Any]) -> Iterator[Problem]:
    """`os`, `arch` and the login shell."""
    guest_os, arch = filled["os"], filled["arch"]
    if guest_os not in CHOICES["os"]:
        yield wrong("os", f"{{}} must be one of [{quoted(CHOICES['os'])}]; got `{guest_os}`")
    if guest_os == "Windows" and arch not in ("x86_64", "aarch64"):
        yield wrong("arch", f"currently Windows guest is only supported on [`x86_64`, `aarch64`]; got `{arch}`")
    if guest_os == "Windows" and filled["vmType"] != "qemu":
        yield wrong("vmType", f"currently Windows guest is only supported on `qemu`; got `{filled['vmType']}`")
    yield from _arch("arch", arch)
    yield from _shell(guest_os, filled["user"]["shell"])


def _arch(path: str, arch: str) -> Iterator[Problem]:
    if arch not in CHOICES["arch"]:
        yield wrong(path, f"field `arch` must be one of [{' '.join(CHOICES['arch'])}]; got `{arch}`")


def _shell(guest_os: str, shell: str) -> Iterator[Problem]:
    if guest_os == "Windows":
        if ntpath.basename(shell).lower() not in _WINDOWS_SHELLS:
            known = " ".join(_WINDOWS_SHELLS)
            yield wrong("user.shell", f"{{}} must be one of [{known}] for Windows guest, got `{shell}`")
    elif not Path(shell).is_absolute():
        yield wrong("user.shell", f"{{}} must be an absolute path, got `{shell}`")


def images(filled: dict[str, Any]) -> Iterator[Problem]:
    """At least one image, each of them usable."""
    if not filled["images"]:
        yield wrong("images", "{} must be set", "add an image: `images: [{location: URL}]`")
    for number, image in enumerate(filled["images"]):
        path = f"images[{number}]"
        yield from file(path, image)
        for part in ("kernel", "initrd"):
            if part in image:
                yield from file(f"{path}.{part}", image[part])
                if image[part]["arch"] != image["arch"]:
                    yield wrong(f"{path}.{part}.arch", f"{path}.{part} has unexpected architecture "
                                                       f"`{image[part]['arch']}`, must be `{image['arch']}`")


def file(path: str, entry: dict[str, Any]) -> Iterator[Problem]:
    """Location, architecture and digest of something to fetch."""
    location = entry["location"]
    reason = _unusable(location)
    if reason:
        yield wrong(f"{path}.location", f"{{}} refers to an invalid local file path: `{location}`: {reason}")
    yield from _arch(f"{path}.arch", entry["arch"])
    if entry.get("digest") and (reason := _bad_digest(entry["digest"])):
        yield wrong(f"{path}.digest", f"{{}} is invalid: {entry['digest']}: {reason}")


def _unusable(location: str) -> str:
    if "://" in location or location.startswith(BUILT):
        return ""
    if not location:
        return "empty path"
    return f"unexpandable path `{location}`" if unexpandable(location) else ""


def unexpandable(path: str) -> bool:
    """Whether a leading `~` names somebody else."""
    return path.startswith("~") and path != "~" and not path.startswith("~/")


def _bad_digest(digest: str) -> str:
    match = _DIGEST.fullmatch(digest)
    if match is None:
        return "invalid checksum digest format"
    algorithm, value = match.groups()
    if algorithm not in _DIGITS:
        return "unsupported digest algorithm"
    if len(value) != _DIGITS[algorithm]:
        return "invalid checksum digest length"
    return "" if re.fullmatch("[0-9a-f]*", value) else "invalid checksum digest format"


def sizes(filled: dict[str, Any]) -> Iterator[Problem]:
    """`cpus`, `memory`, `disk`."""
    if filled["cpus"] == 0:
        yield wrong("cpus", "{} must be set")
    for key in ("memory", "disk"):
        yield from size(key, filled[key], key)


def size(path: str, text: str, name: str) -> Iterator[Problem]:
    """A size in the notation of 3.11."""
    try:
        parse_size(text)
    except UsageError as error:
        yield wrong(path, f"field `{name}` has an invalid value: {error.message}", error.hint)


def disks(filled: dict[str, Any]) -> Iterator[Problem]:
    """Names of additional disks."""
    for number, disk in enumerate(filled["additionalDisks"]):
        path = f"additionalDisks[{number}].name"
        try:
            check_identifier(disk.get("name", ""))
        except UsageError as error:
            yield wrong(path, f"field `{path} is invalid`: {error.message}", error.hint)


def ssh(filled: dict[str, Any]) -> Iterator[Problem]:
    """The port of ssh."""
    if filled["ssh"]["localPort"]:
        yield from port("ssh.localPort", filled["ssh"]["localPort"])


def port(path: str, number: int) -> Iterator[Problem]:
    """A port that may be used on the host."""
    if number == 0:
        yield wrong(path, "{} must be set")
    elif number < 0:
        yield wrong(path, "{} must be > 0")
    elif number == 22:
        yield wrong(path, "{} must not be 22")
    elif number > 65535:
        yield wrong(path, "{} must be < 65536")


def containerd(filled: dict[str, Any]) -> Iterator[Problem]:
    """Archives, when containerd is wanted at all."""
    wanted = filled["containerd"]
    if wanted["system"] or wanted["user"]:
        for number, archive in enumerate(wanted["archives"]):
            yield from file(f"containerd.archives[{number}]", archive)


def devices(filled: dict[str, Any]) -> Iterator[Problem]:
    """TPM, sound and what is experimental."""
    if filled["tpm"] and filled["arch"] not in _TPM_ARCHES:
        yield wrong("tpm", f"{{}} is not supported on architecture `{filled['arch']}`")
    interface = filled["audio"]["interface"]
    if interface not in CHOICES["audio.interface"]:
        yield wrong("audio.interface", f"invalid audio.interface \"{interface}\", must be \"hda\" or \"virtio\"")
    if filled.get("cpuType"):
        yield doubtful("cpuType", "{} is deprecated", "use `vmOpts.qemu.cpuType`", at_start=True)
