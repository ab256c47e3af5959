"""Events of a host agent: the lines of `ha.stdout.log`.

Format: one JSON object per line, `{"time": RFC 3339, "status": {...}}`, as Lima 2.x writes it.
`step`, `script`, `agent` and `machine` are our additions; readers that do not know them skip them.
"""

from __future__ import annotations

from msgspec import Struct, field


class PortForwardEvent(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A port of the guest: `type` is `forwarding`, `not-forwarding`, `stopping` or `failed`."""

    type: str = ""
    protocol: str = ""
    guest_addr: str = ""
    host_addr: str = ""
    error: str = ""


class VsockEvent(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A vsock forward, which only other drivers have: `type` is `started`, `skipped` or `failed`."""

    type: str = ""
    host_addr: str = ""
    vsock_port: int = 0
    reason: str = ""


class CloudInitProgress(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A line of the cloud-init log."""

    log_line: str = ""
    completed: bool = False
    active: bool = False


PROVISION = "provision."
"""What the folders in cidata begin with that hold entries of `provision`; the mode follows."""


class StepEvent(Struct, frozen=True, omit_defaults=True):
    """A boot step: `state` is `active`, `done` or `failed`; `seconds` it took."""

    name: str = ""
    state: str = ""
    detail: str = ""
    seconds: float = 0.0


class ScriptEvent(Struct, frozen=True, omit_defaults=True):
    """A script of the guest that began (`exit_code` None) or ended; `output` is the last that a failed one printed."""

    name: str = ""
    seconds: float = 0.0
    exit_code: int | None = None
    output: str = ""

    @property
    def provision(self) -> str:
        """`00000003 (system)` for an entry of `provision`, empty for a boot script of ours."""
        folder, _, number = self.name.partition("/")
        return f"{number} ({folder.removeprefix(PROVISION)})" if folder.startswith(PROVISION) else ""


class AgentEvent(Struct, frozen=True, omit_defaults=True):
    """The guest agent answered, or went silent; skew of the guest clock in milliseconds."""

    state: str = ""
    skew_ms: float | None = None


class MachineEvent(Struct, frozen=True, omit_defaults=True):
    """The machine as its hypervisor tells: `running`, `paused`, `suspending`, `suspended` or `panicked`, and why."""

    state: str = ""
    detail: str = ""


class EventStatus(Struct, frozen=True, omit_defaults=True, rename="camel"):
    """What the event says."""

    running: bool = False
    degraded: bool = False
    exiting: bool = False
    errors: tuple[str, ...] = ()
    ssh_local_port: int = field(default=0, name="sshLocalPort")
    cloud_init_progress: CloudInitProgress | None = None
    port_forward: PortForwardEvent | None = None
    vsock: VsockEvent | None = None
    step: StepEvent | None = None
    script: ScriptEvent | None = None
    agent: AgentEvent | None = None
    machine: MachineEvent | None = None


class Event(Struct, frozen=True):
    """One line: when (RFC 3339 with nanoseconds and offset) and what."""

    time: str
    status: EventStatus


BOOT_STEPS = ("image", "disk", "firmware", "kernel", "init", "ssh", "agent", "scripts", "ready")
"""The steps of a boot in order; `image` and `disk` are done by the client, the others by the host agent."""
