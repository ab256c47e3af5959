"""An event of a host agent in words, as `watch` prints it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from limacore.base import notice
from limacore.model.event import CloudInitProgress, EventStatus, PortForwardEvent, ScriptEvent, VsockEvent


def sentences(status: EventStatus) -> list[str]:
    """Everything that an event says, the status that it repeats first; our own boot steps are left out."""
    if status.machine and notice.program() != "limactl":
        return [f"the machine is {status.machine.state}" + (f": {each}" if (each := status.machine.detail) else "")]
    if status.step or status.script or status.agent or status.machine:
        return []
    return [*_base(status), *_cloud_init(status.cloud_init_progress), *_port(status.port_forward),
            *_vsock(status.vsock)]


def _base(status: EventStatus) -> Iterator[str]:
    if status.running:
        yield "running (degraded)" if status.degraded else "running"
    if status.exiting:
        yield "exiting"
    if status.ssh_local_port:
        yield f"ssh available on port {status.ssh_local_port}"
    yield from (f"error: {each}" for each in status.errors)


def _cloud_init(progress: CloudInitProgress | None) -> Iterator[str]:
    if progress is None:
        return
    if progress.completed:
        yield "cloud-init completed"
    elif progress.log_line:
        yield f"cloud-init: {progress.log_line}"


def _port(event: PortForwardEvent | None) -> Iterator[str]:
    if event is None:
        return
    what = f"{event.protocol} {event.guest_addr}"
    told = {
        "forwarding": f"forwarding {what} to {event.host_addr}", "not-forwarding": f"not forwarding {what}",
        "stopping": f"stopping forwarding {what}", "failed": f"failed to forward {what}: {event.error}",
    }
    if event.type in told:
        yield told[event.type]


def _vsock(event: VsockEvent | None) -> Iterator[str]:
    if event is None:
        return
    told = {
        "started": f"started vsock forwarder: {event.host_addr} -> vsock:{event.vsock_port}",
        "skipped": f"skipped vsock forwarder: {event.reason}",
        "failed": f"failed to start vsock forwarder: {event.reason}",
    }
    if event.type in told:
        yield told[event.type]


def failed_scripts(events: Iterable[ScriptEvent]) -> str:
    """` (1 of 5 provision scripts failed)` for what was told of a start; empty when none did."""
    codes = {event.name: event.exit_code for event in events if event.provision and event.exit_code is not None}
    failed = sum(code != 0 for code in codes.values())
    return f" ({failed} of {len(codes)} provision script{'s' * (len(codes) != 1)} failed)" if failed else ""
