"""What a start tells while it takes long, and how its failure ends: the cause, the line that shows it, what to do."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from limacore.base import notice
from limacore.diagnosis import read
from limacore.errors import GuestError
from limacore.model.finding import Finding
from limacore.paths import InstancePaths

_LOOK = 1.0
"""Seconds between looks at the logs of a guest that starts."""
_MOST = 3


@contextlib.asynccontextmanager
async def watching(paths: InstancePaths) -> AsyncIterator[None]:
    """Tell each cause once, as soon as the logs show it; as limactl nothing is told, it has no words for it."""
    task = asyncio.create_task(_tell(paths)) if notice.program() != "limactl" else None
    try:
        yield
    finally:
        if task is not None:
            task.cancel()


async def _tell(paths: InstancePaths) -> None:
    told: set[str] = set()
    while True:
        await asyncio.sleep(_LOOK)
        for finding in await asyncio.to_thread(read.told, paths, up=True):
            if finding.id not in told:
                told.add(finding.id)
                notice.warning(f"{paths.name}: {finding.what}", evidence=finding.evidence[0], hint=finding.fix)


async def failure(paths: InstancePaths, message: str, errors: tuple[str, ...], *, up: bool) -> GuestError:
    """The error of a start that did not come through, with what its logs tell."""
    found = () if notice.program() == "limactl" else await asyncio.to_thread(read.told, paths, up=up)
    if not found:
        return GuestError(message, detail="; ".join(errors), hint=f"see {paths.ha_stderr} and {paths.serial_log}")
    said = [read.sentence(each) for each in found[:_MOST]]
    rest = [error for error in errors if not any(_is_told(error, each) for each in found)]
    return GuestError(message, detail="; ".join([*said, *rest]), hint=found[0].fix or f"see {paths.ha_stderr}")


def _is_told(error: str, finding: Finding) -> bool:
    seen = finding.evidence[0].partition(": ")[2]
    return finding.what in error or seen[:60] in error or error[:60] in seen
