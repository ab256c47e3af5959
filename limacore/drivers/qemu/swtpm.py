"""The program that is a machine's TPM: started before QEMU, with its state in the instance directory."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator

from limacore.base import proc
from limacore.drivers.base import Log, MachineSpec
from limacore.errors import DriverError, HostError

PROGRAM = "swtpm"
GRACE = 5.0
"""Seconds that it has to write its state after it was asked to end."""

SOCKET_TIME = 5.0
"""Seconds until its socket must be there."""


def argv(spec: MachineSpec) -> list[str]:
    """The command line, as Lima's."""
    paths = spec.paths
    return [PROGRAM, "socket", "--tpmstate", f"dir={paths.swtpm}", "--ctrl", f"type=unixio,path={paths.swtpm_sock}",
            "--tpm2", "--terminate", "--log", "level=1"]


@contextlib.asynccontextmanager
async def serving(spec: MachineSpec, log: Log) -> AsyncIterator[None]:
    """Be the TPM until the block ends, where lima.yaml asks for one; raises HostError without swtpm, DriverError."""
    if not spec.config.tpm:
        yield
        return
    if not shutil.which(PROGRAM):
        raise HostError("`tpm: true` needs swtpm, which is not installed",
                        hint="install the package `swtpm`, or remove `tpm` from lima.yaml")
    paths = spec.paths
    paths.swtpm.mkdir(mode=0o700, exist_ok=True)
    for stale in (paths.swtpm_sock, paths.swtpm / ".lock"):
        stale.unlink(missing_ok=True)
    sink = _said(log)
    try:
        async with proc.spawn(argv(spec), stdout=sink, stderr=sink, grace=GRACE) as process:
            await _listening(process, spec)
            yield
    finally:
        paths.swtpm_sock.unlink(missing_ok=True)


def _said(log: Log) -> proc.LineSink:
    return lambda line: log("debug", f"swtpm: {line}")


async def _listening(process: proc.Process, spec: MachineSpec) -> None:
    socket = spec.paths.swtpm_sock
    if not await process.opened(socket, SOCKET_TIME):
        raise DriverError("swtpm did not open its socket", detail=process.stderr_tail or str(socket),
                          hint=f"its state may be damaged: {spec.paths.swtpm}")
