"""A machine whose memory is kept in its disk while nothing of it runs, and what must still be so for it to go on."""

from __future__ import annotations

from msgspec import Struct

TAG = "limatui.suspended"
"""The snapshot that holds the memory; no snapshot of a user bears this name."""


class Suspension(Struct, frozen=True, omit_defaults=True):
    """`suspended.json`: what the guest takes for granted. Digests are SHA-256 in hexadecimal."""

    at: float
    """When, in seconds since the epoch."""
    machine: tuple[str, ...]
    """The program, its version and its arguments, as far as the saved state depends on them."""
    config: str
    """Digest of the configuration with its defaults."""
    seed: str
    """Digest of `cidata.iso`, which the guest has mounted."""
    iid: str
    """The seed's number: what the guest answers when it is asked which boot it has done."""
    ssh_port: int
    dns_ports: tuple[int, int] = (0, 0)
    """UDP and TCP port of the name server: rules in the guest name them."""
    tag: str = TAG
    format: int = 1
