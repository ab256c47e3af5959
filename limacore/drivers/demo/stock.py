"""What the demo has in store: images that templates name, the download cache, the snapshots of some machines."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

from msgspec import Struct

from limacore.model.cache import CacheEntry
from limacore.model.snapshot import Snapshot

_MIB = 1 << 20
_DAY = 86400.0


class Image(Struct, frozen=True):
    """An image: where it comes from, its bytes, which templates name it."""

    name: str
    url: str
    size: int
    templates: tuple[str, ...]

    @property
    def key(self) -> str:
        """The name of its directory in the cache."""
        return hashlib.sha256(self.url.encode()).hexdigest()


DEBIAN = Image("debian-13", "https://cloud.debian.org/images/cloud/trixie/20261014-2266/"
               "debian-13-genericcloud-amd64-20261014-2266.qcow2", 331 * _MIB, ("default", "tiny", "debian-13"))
UBUNTU_LTS = Image("ubuntu-24.04", "https://cloud-images.ubuntu.com/releases/noble/release-20261009/"
                   "ubuntu-24.04-server-cloudimg-amd64.img", 593 * _MIB, ("k8s",))
UBUNTU = Image("ubuntu-26.04", "https://cloud-images.ubuntu.com/releases/resolute/release-20261021/"
               "ubuntu-26.04-server-cloudimg-amd64.img", 612 * _MIB, ("ubuntu-26.04", "docker"))
ALPINE = Image("alpine", "https://dl-cdn.alpinelinux.org/alpine/v3.22/releases/cloud/"
               "nocloud_alpine-3.22.2-x86_64-uefi-cloudinit-r0.qcow2", 186 * _MIB, ("alpine",))
NERDCTL = Image("nerdctl", "https://github.com/containerd/nerdctl/releases/download/v2.2.0/"
                "nerdctl-full-2.2.0-linux-amd64.tar.gz", 263 * _MIB, ("default", "k8s"))
BOOKWORM = Image("debian-12", "https://cloud.debian.org/images/cloud/bookworm/20260316-2053/"
                 "debian-12-genericcloud-amd64-20260316-2053.qcow2", 348 * _MIB, ())
FEDORA = Image("fedora-44", "https://download.fedoraproject.org/pub/fedora/linux/releases/44/Cloud/x86_64/images/"
               "Fedora-Cloud-Base-Generic-44-1.7.x86_64.qcow2", 212 * _MIB, ())
IMAGES = (DEBIAN, UBUNTU_LTS, UBUNTU, ALPINE)


def image_of(template: str) -> Image:
    """The image that a template boots."""
    return next((each for each in IMAGES if template in each.templates), DEBIAN)


def cached(image: Image, home: Path, now: float, *, age: float = 0.0, size: int | None = None) -> CacheEntry:
    """A download as the cache has it, `age` seconds old; one of fewer bytes than the image is partial."""
    partial = size is not None and size < image.size
    file = home / "cache/download/by-url-sha256" / image.key / ("data.part" if partial else "data")
    digest = f"sha512:{hashlib.sha512(image.url.encode()).hexdigest()}"
    return CacheEntry(image.key, image.url, str(file), image.size if size is None else size, now - age,
                      "" if partial or not image.templates else digest, partial)


def first_cache(home: Path, now: float) -> dict[str, CacheEntry]:
    """What was downloaded before the demo begins, by key."""
    ages = ((DEBIAN, 5), (UBUNTU_LTS, 12), (NERDCTL, 12), (ALPINE, 41), (BOOKWORM, 219))
    entries = [cached(image, home, now, age=days * _DAY) for image, days in ages]
    entries.append(cached(FEDORA, home, now, age=2 * _DAY, size=FEDORA.size * 2 // 5))
    return {each.key: each for each in entries}


def users(entry: CacheEntry, templates: dict[str, str]) -> tuple[str, ...]:
    """Instances (`templates`: instance to template), then templates, that refer to a download."""
    image = next((each for each in (*IMAGES, NERDCTL) if each.key == entry.key), None)
    if image is None:
        return ()
    own = sorted(name for name, template in templates.items() if template.removeprefix("template:") in image.templates)
    return (*own, *(f"template:{each}" for each in image.templates))


def taken(tag: str, memory: int, at: float) -> Snapshot:
    """A snapshot made at a moment; `memory` bytes of machine state."""
    return Snapshot("", tag, memory, time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at)))


def first_snapshots(now: float) -> dict[str, tuple[Snapshot, ...]]:
    """By machine."""
    return {
        "default": (taken("clean", 0, now - 20 * _DAY), taken("before-upgrade", 1170 * _MIB, now - 1.2 * _DAY),
                    taken("nginx-works", 1238 * _MIB, now - 5400.0)),
        "k8s": (taken("fresh", 0, now - 12 * _DAY),),
    }
