"""Which port of this computer leads to the guest's ssh server."""

from __future__ import annotations

import socket

from limacore.base.version import older_than
from limacore.errors import HostError
from limacore.forward.owner import listening_process

_FORMER_DEFAULT = 60022


def wanted(name: str, configured: int, lima_version: str) -> int:
    """The port that must be taken, 0 for any; raises HostError for a negative one."""
    if configured < 0:
        raise HostError(f"`ssh.localPort` is {configured}", hint="use a port from 1 to 65535, or 0 for any free one")
    if configured == 0 and name == "default" and lima_version and older_than(lima_version, "2.0.0"):
        return _FORMER_DEFAULT
    return configured


def pick(port: int) -> int:
    """`port` when it is free, any free one for 0; raises HostError naming the process that has it."""
    with socket.socket(socket.AF_INET) as sock:
        if port:
            # What QEMU does; without it a port of connections that have just ended would look taken.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
            sock.listen(1)
        except OSError as error:
            raise _taken(port, error) from error
        return int(sock.getsockname()[1])


def _taken(port: int, error: OSError) -> HostError:
    owner = listening_process(port)
    return HostError(f"port {port} (`ssh.localPort`) cannot be used",
                     detail=f"it is in use by {owner}" if owner else error.strerror or str(error),
                     hint="end that process, or set `ssh.localPort: 0` for any free port")
