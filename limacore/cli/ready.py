"""From an instance that is there to one that is ready: what is told on the way."""

from __future__ import annotations

import subprocess
import sys

from limacore.ansible import PlaybookError
from limacore.base import notice
from limacore.base.goquote import ticked
from limacore.cli import eventtext, prompt
from limacore.cli.context import Context
from limacore.errors import LimaError
from limacore.lifecycle import start as starting
from limacore.model.event import Event, EventStatus, ScriptEvent
from limacore.model.instance import Instance
from limacore.store.scan import loaded_of


def start_existing(ctx: Context, name: str, *, limit: float = 0, strict: bool = False) -> None:
    """Start an instance that is there, telling what happens; `limit` in seconds, 0 for the usual one."""
    message = ctx.run(begin(ctx, name, limit=limit, strict=strict))
    if message:
        notice.info(f"Message from the instance {ticked(name)}:")
        print(message.rstrip("\n"), file=sys.stderr)


async def begin(ctx: Context, name: str, *, limit: float, strict: bool, inherit: bool = True) -> str:
    """As `start_existing`; the message of the instance is returned. `inherit`: playbooks print to our stdout."""
    notice.info(f"Starting the instance {ticked(name)} with internal VM driver {ticked(_driver(ctx, name))}")
    ended: list[ScriptEvent] = []
    instance = await _started(ctx, name, limit, strict, inherit, ended)
    failed = eventtext.failed_scripts(ended) if notice.program() != "limactl" else ""
    notice.info(f"READY{failed}. Run `{shell_command(name)}` to open the shell.")
    return instance.message


def _driver(ctx: Context, name: str) -> str:
    loaded = loaded_of(ctx.home, name)
    return "qemu" if isinstance(loaded, LimaError) else str(loaded.filled.get("vmType", "qemu"))


async def _started(ctx: Context, name: str, limit: float, strict: bool, inherit: bool,
                   ended: list[ScriptEvent]) -> Instance:
    def on_event(event: Event) -> None:
        _tell(event)
        if event.status.script:
            ended.append(event.status.script)

    try:
        return await starting.start(
            ctx.home, name, report=ctx.report, timeout=limit if limit > 0 else starting.DEFAULT_TIMEOUT,
            strict=strict, inherit=inherit, on_event=on_event,
        )  # fmt: skip
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


def _tell(event: Event) -> None:
    status = event.status
    if status == EventStatus(ssh_local_port=status.ssh_local_port) and status.ssh_local_port:
        notice.info(f"SSH Local Port: {status.ssh_local_port}")
    for error in status.errors:
        notice.error(error)
