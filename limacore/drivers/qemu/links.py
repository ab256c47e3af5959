"""What QEMU gets from the host besides its own files: sockets of networks, directories to share, locked disks."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

from limacore.drivers.base import Log, MachineSpec
from limacore.errors import DriverError
from limacore.model.network import vmnet_socket


@contextlib.contextmanager
def locked_disks(spec: MachineSpec) -> Iterator[None]:
    """Hold the additional disks while a machine uses them; raises LockedError, NotFoundError."""
    if not spec.config.additional_disks:
        yield
        return
    from limacore.store import disklocks

    with contextlib.ExitStack() as stack:
        for disk in spec.config.additional_disks:
            disklocks.lock(spec.home, disk.name, spec.paths.dir)
            stack.callback(disklocks.unlock, spec.home, disk.name, spec.paths.dir)
        yield


@contextlib.contextmanager
def connect_networks(spec: MachineSpec) -> Iterator[dict[int, int]]:
    """Index in `networks` -> connected socket to hand to QEMU; raises DriverError when a network does not run."""
    with contextlib.ExitStack() as stack:
        yield {index: stack.enter_context(_connected(index, path)).fileno() for index, path in _peers(spec).items()}


def _peers(spec: MachineSpec) -> dict[int, Path]:
    peers = {}
    for index, network in enumerate(spec.config.networks):
        if spec.networks.user_v2(network.lima):
            peers[index] = spec.home.network(network.lima).qemu_sock
        elif network.lima:
            peers[index] = vmnet_socket(spec.networks.paths, network.lima)
        elif network.socket:
            peers[index] = Path(network.socket)
    return peers


def _connected(index: int, path: Path) -> socket.socket:
    peer = socket.socket(socket.AF_UNIX)
    try:
        peer.connect(str(path))
    except OSError as error:
        peer.close()
        raise DriverError(f"networks[{index}] is not running", detail=f"`{path}`: {error.strerror or error}",
                          hint="start its daemon, or remove the network from lima.yaml") from error
    return peer


def make_shared_directories(spec: MachineSpec, log: Log, mode: int = 0o755) -> None:
    """Make the host side of mounts where it is missing; raises DriverError when that fails."""
    if spec.config.plain:
        return
    for mount in spec.config.mounts:
        location = Path(mount.location)
        if location.exists():
            continue
        log("warning", f"the mount location `{location}` did not exist and was made")
        try:
            location.mkdir(mode=mode, parents=True)
        except OSError as error:
            raise DriverError(f"cannot make the mount location `{location}`",
                              detail=error.strerror or str(error)) from error
