"""What a running host agent of ours tells on `GET /v1/limatui/status`."""

from __future__ import annotations

from msgspec import Struct, field

from limacore.model.guest import Metrics
from limacore.model.instance import Forward, Step
from limacore.model.mount import MountState


class AgentStatus(Struct, frozen=True):
    """`phase` is `starting`, `running` (requirements met), `stopping`, `paused`, `panicked`; times in epoch seconds."""

    phase: str
    phase_detail: str = ""
    steps: tuple[Step, ...] = ()
    forwards: tuple[Forward, ...] = ()
    accel: str = ""
    machine: str = ""
    """`qemu 7.2 · q35 · 2 cpus · tcg`."""
    started_at: float = 0.0
    ready_seconds: float = 0.0
    agent: str = ""
    """`answering`, `over ssh` (a guest in which none can run), `silent` or empty."""
    clock_skew_ms: float | None = None
    metrics: Metrics | None = None
    errors: tuple[str, ...] = ()
    mounts: tuple[MountState, ...] = ()


class HostInfo(Struct, frozen=True, rename="camel", omit_defaults=True):
    """`GET /v1/info`, as Lima defines it."""

    auto_started_identifier: str = ""
    ssh_local_port: int = field(default=0, name="sshLocalPort")
