"""A disk image given in place of a template: the template made up for it, and the name of its instance."""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath

from limacore.base import notice
from limacore.base.goquote import ticked
from limacore.base.host import machine

_ENDING = re.compile(r"\.(?:img|qcow2|raw|iso|ipsw)(?:\.(?:gz|xz|bz2|zstd))?$")
_OTHER_SYSTEMS = (("FreeBSD", re.compile(r"\bfreebsd\b", re.I)), ("Darwin", re.compile(r"\bmacos\b|\.ipsw", re.I)))
_ARCHES = {"aarch64": ("aarch64", "arm64"), "x86_64": ("amd64", "x86_64"), "armv7l": ("armhf", "armv7l"),
           "ppc64le": ("ppc64el", "ppc64le"), "riscv64": ("riscv64",), "s390x": ("s390x",)}
_TAGS = ("base", "basic", "cloud", "cloudimg", "cloudinit", "current", "daily", "default", "generic", "genericcloud",
         "kvm", "latest", "linux", "minimal", "openstack", "release", "restore", "server", "std", "stream", "uefi",
         "vm")
_END = r"(?=[-_.]|$)"
_TAG = re.compile(rf"[-_.](?:{'|'.join(_TAGS)}){_END}")
_DATE = re.compile(r"[-_.]20\d{6}(?:[-_.]\d+)?")


def is_image(locator: str) -> bool:
    """Whether a locator is that of a disk image, by its ending."""
    return bool(_ENDING.search(locator))


def template(locator: str) -> str:
    """The text of a template for the image at `locator`; an architecture that is only assumed is told."""
    system, arch = _system(locator), _arch(locator)
    if not arch:
        arch = "aarch64" if system == "Darwin" else machine()
        if system != "Darwin":
            notice.warning(f"cannot determine image arch from URL {ticked(locator)}; assuming {ticked(arch)}")
    place = json.dumps(locator, ensure_ascii=False)
    return f'os: "{system}"\narch: "{arch}"\nimages:\n- location: {place}\n  arch: "{arch}"\n'


def _system(locator: str) -> str:
    return next((name for name, pattern in _OTHER_SYSTEMS if pattern.search(locator)), "Linux")


def _arch(locator: str) -> str:
    return next((arch for arch, words in _ARCHES.items()
                 if re.search(rf"\b(?:{'|'.join(words)})\b", locator)), "")


def name_of(locator: str, native: str = "") -> str:
    """A name for an instance of the image: what is left of the file name without the words that all images have."""
    name = _ENDING.sub("", PurePosixPath(locator.partition("?")[0]).name.lower()).removeprefix("nocloud_")
    while (shorter := _TAG.sub("", name)) != name:
        name = shorter
    name = name.replace("universalmac_", "macos-").replace("arm64-aarch64", "arm64")
    name = re.sub(rf"[-_.](?:{'|'.join(_ARCHES.get(native or machine(), ('-',)))}){_END}", "", name)
    name = re.sub(r"^arch\b", "archlinux", _DATE.sub("", name)).replace("-8-8.", "-8.")
    return re.sub(r"^(macos-\d+\.\d+)_.*", r"\1", name)
