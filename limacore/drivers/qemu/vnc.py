"""The VNC display of a machine: its password, and where to find it."""

from __future__ import annotations

import contextlib
import secrets
import string
from collections.abc import AsyncIterator

from limacore.base.files import write_atomic
from limacore.drivers.base import MachineSpec
from limacore.drivers.qemu.args import VNC_DISPLAY
from limacore.drivers.qemu.qmp import Monitor

_LENGTH = 8  # VNC ignores what is longer
_FIRST_PORT = 5900


@contextlib.asynccontextmanager
async def offered(spec: MachineSpec, monitor: Monitor) -> AsyncIterator[None]:
    """With `video.display: vnc`: set a fresh password, and keep `vncdisplay` and `vncpassword` while the machine runs.

    Raises DriverError when QEMU refuses.
    """
    if spec.config.video.display != "vnc":
        yield
        return
    password_file, display_file = spec.paths.dir / "vncpassword", spec.paths.dir / "vncdisplay"
    try:
        chosen = password()
        await monitor.ask("change-vnc-password", password=chosen)
        write_atomic(password_file, chosen, 0o600)
        write_atomic(display_file, await _display(spec, monitor), 0o600)
        yield
    finally:
        password_file.unlink(missing_ok=True)
        display_file.unlink(missing_ok=True)


async def _display(spec: MachineSpec, monitor: Monitor) -> str:
    """`host:N`, with the number that QEMU took when it had a range to choose from."""
    where, _, options = (spec.config.video.vnc.display or VNC_DISPLAY).partition(",")
    if "to=" not in options:
        return where
    port = int((await monitor.ask("query-vnc"))["service"])
    return f"{where.rpartition(':')[0]}:{port - _FIRST_PORT}"


def password() -> str:
    """Eight different letters and digits, two of them digits."""
    random = secrets.SystemRandom()
    signs = random.sample(string.ascii_letters, _LENGTH - 2) + random.sample(string.digits, 2)
    random.shuffle(signs)
    return "".join(signs)
