"""From an instance that is there to one that is ready: what is told on the way."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from limacore.ansible import PlaybookError
from limacore.base import notice
from limacore.base.goquote import ticked
from limacore.cli import eventtext, prompt
from limacore.cli.context import Context
from limacore.errors import LimaError
from limacore.lifecycle import start as starting
from limacore.model.event import CloudInitProgress, Event, EventStatus, ScriptEvent
from limacore.model.instance import Instance
from limacore.store.scan import loaded_of


def start_existing(ctx: Context, name: str, *, limit: float = 0, strict: bool = False, progress: bool = False) -> None:
    """Start an instance that is there, telling what happens; `limit` in seconds, 0 for the usual one."""
    message = ctx.run(begin(ctx, name, limit=limit, strict=strict, progress=progress))
    if message:
        notice.info(f"Message from the instance {ticked(name)}:")
        print(message.rstrip("\n"), file=sys.stderr)


async def begin(ctx: Context, name: str, *, limit: float, strict: bool, progress: bool = False,
                inherit: bool = True) -> str:
    """As `start_existing`; the message of the instance is returned. `inherit`: playbooks print to our stdout."""
    notice.info(f"Starting the instance {ticked(name)} with internal VM driver {ticked(_driver(ctx, name))}")
    told = _Told()
    instance = await _started(ctx, name, told, timeout=limit if limit > 0 else starting.DEFAULT_TIMEOUT, strict=strict,
                              inherit=inherit, progress=progress)
    failed = eventtext.failed_scripts(told.scripts) if notice.program() != "limactl" else ""
    notice.info(f"READY{failed}. Run `{shell_command(name)}` to open the shell.")
    return instance.message


def _driver(ctx: Context, name: str) -> str:
    loaded = loaded_of(ctx.home, name)
    return "qemu" if isinstance(loaded, LimaError) else str(loaded.filled.get("vmType", "qemu"))


class _Told:
    """What was told of a start, and what of it is said."""

    def __init__(self) -> None:
        self.scripts: list[ScriptEvent] = []
        self._cloud_init: CloudInitProgress | None = None

    def take(self, event: Event) -> None:
        """One more event."""
        _tell(event)
        if event.status.script:
            self.scripts.append(event.status.script)
        now = event.status.cloud_init_progress
        if now and now != self._cloud_init:  # the events that follow repeat it
            _tell_cloud_init(now, first=self._cloud_init is None)
            self._cloud_init = now


async def _started(ctx: Context, name: str, told: _Told, **wishes: Any) -> Instance:
    try:
        return await starting.start(ctx.home, name, report=ctx.report, on_event=told.take, **wishes)
    except PlaybookError as error:
        if notice.program() == "limactl":  # its last word is that of ansible-playbook
            raise subprocess.CalledProcessError(error.exit_code, "ansible-playbook") from error
        raise


def shell_command(name: str) -> str:
    """The command that opens a shell there."""
    if notice.program() == "limactl":
        return "lima" if name == "default" else f"limactl shell {name}"
    return f"limatui shell{'' if name == 'default' else ' ' + name}"


def offer_start(ctx: Context, name: str, wanted: bool, *, asked: bool) -> None:
    """Start when `--start` says so; when nothing was said and there is a terminal, ask."""
    if not asked:
        wanted = ctx.tty and sys.stdin.isatty() and _confirmed()
    if wanted:
        start_existing(ctx, name)


def _confirmed() -> bool:
    try:
        return prompt.confirm("Do you want to start the instance now? ")
    except prompt.NoTerminalError:
        return False


def _tell_cloud_init(progress: CloudInitProgress, *, first: bool) -> None:
    if first:
        notice.info("Cloud-init provisioning started...")
    if progress.log_line:
        notice.info(f"[cloud-init] {progress.log_line}")
    if progress.completed:
        notice.info("Cloud-init progress monitoring done.")


def _tell(event: Event) -> None:
    status = event.status
    if status == EventStatus(ssh_local_port=status.ssh_local_port) and status.ssh_local_port:
        notice.info(f"SSH Local Port: {status.ssh_local_port}")
    for error in status.errors:
        notice.error(error)
