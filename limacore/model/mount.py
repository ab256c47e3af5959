"""A mount as it really is in a running guest."""

from __future__ import annotations

import hashlib

from msgspec import Struct

from limacore.model.config import Mount


class MountState(Struct, frozen=True):
    """`type` as `mountType`; `mounted` and `writable` as the guest's mount table said last; `error` why not."""

    location: str
    mount_point: str
    type: str
    writable: bool = False
    mounted: bool = False
    error: str = ""


def tag(mount: Mount) -> str:
    """The name by which the guest finds a 9p or virtiofs mount."""
    digest = hashlib.sha256(f"{mount.location}:{mount.mount_point}".encode()).hexdigest()
    return f"lima-{digest[:16]}"
