"""What must be true of a guest before it is ready, in order, and the scripts that check it where no agent tells."""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Awaitable, Callable

from msgspec import Struct

from limacore.errors import GuestError
from limacore.model.config import Config

TIME = 600.0
"""Seconds for one requirement, as 200 tries 3 s apart in the reference tool."""

QUICK, SLOW = 0.2, 3.0
"""Seconds between tries of a script: the first pause, and what it grows to."""

PLAIN = ("Running in plain mode. Mounts, dynamic port forwarding, containerd, etc. will be ignored. "
         "Guest agent will not be running. Static port forwarding is allowed.")
_SHEBANG = re.compile(r"#!\s*(/[\w./+-]+(?: [\w./+-]+)*)\s*\n")


class Requirement(Struct, frozen=True):
    """One requirement; `fact` is what the guest agent may tell, `script` the check without it."""

    group: str
    description: str
    fact: str = ""
    script: str = ""
    hint: str = ""
    fatal: bool = False
    """Whether the first time that it is not met is the last, and the rest of its group is left out."""


class Numbered(Struct, frozen=True):
    """A requirement and its place in its group."""

    requirement: Requirement
    index: int
    total: int

    @property
    def label(self) -> str:
        """`essential requirement 1 of 3`."""
        return f"{self.requirement.group} requirement {self.index} of {self.total}"


def plan(config: Config, iid: str, *, containerd: bool = False) -> tuple[Numbered, ...]:
    """Every requirement of an instance, numbered within its group; `containerd` when the guest is given its archive."""
    found: list[Numbered] = []
    for group in (_essential(config, iid), _optional(config, containerd), _final(iid)):
        found += [Numbered(each, index, len(group)) for index, each in enumerate(group, 1)]
    return tuple(found)


def _essential(config: Config, iid: str) -> tuple[Requirement, ...]:
    ssh = Requirement("essential", "ssh", "sshd")
    master = Requirement("essential", "Explicitly start ssh ControlMaster", "master")
    if config.plain:
        return (ssh, master)
    session = Requirement("essential", "user session is ready for ssh", "session",
                          _file_says("/run/lima-ssh-ready", iid))
    if not (config.mounts and config.mount_type == "reverse-sshfs"):
        return (ssh, session, master)
    sshfs = Requirement("essential", "sshfs binary to be installed", "sshfs", "command -v sshfs",
                        "the boot log of the guest says why its packages were not installed: /var/log/lima-boot.log")
    fuse = Requirement("essential", "fuse to allow_other as user", "fuse", _file_says("/run/lima-fuse-ready", iid))
    return (ssh, session, sshfs, fuse)


def _optional(config: Config, containerd: bool) -> tuple[Requirement, ...]:
    return (*(_containerd(config) if containerd else ()), *_probes(config))


def _containerd(config: Config) -> tuple[Requirement, ...]:
    systemd = Requirement("optional", "systemd must be available", script="#!/bin/sh\ncommand -v systemctl", fatal=True,
                          hint="systemd is required to run containerd, but does not seem to be available")
    program = f"{config.guest_install_prefix}/bin/nerdctl"
    installed = Requirement("optional", "containerd binaries to be installed",
                            script=f"#!/bin/sh\ncommand -v nerdctl || test -x {shlex.quote(program)}",
                            hint="the boot log of the guest says why: /var/log/cloud-init-output.log")
    return (systemd, installed)


def _probes(config: Config) -> tuple[Requirement, ...]:
    return tuple(
        Requirement("optional", probe.description or "user probe", script=probe.script, hint=probe.hint)
        for probe in config.probes if probe.script
    )


def _final(iid: str) -> tuple[Requirement, ...]:
    return (Requirement("final", "boot scripts must have finished", "boot", _file_says("/run/lima-boot-done", iid)),)


def _file_says(path: str, text: str) -> str:
    return f'test "$(cat {path} 2>/dev/null)" = "{text}"'


def command(script: str) -> str:
    """The remote command that runs `script` from its stdin with the instance's parameters in the environment.

    It holds no double layer of quotes, so that any login shell (fish, busybox) hands it to bash as it is."""
    shebang = _SHEBANG.match(script)
    wrapper = (
        'while IFS= read -r line; do [ -z "$line" ] || export "$line"; done '
        "< <(sudo -n cat /mnt/lima-cidata/param.env 2>/dev/null); "
        f"exec {shebang.group(1) if shebang else '/bin/bash'}"
    )
    return f"/bin/bash -c '{wrapper}'"


async def until_true(check: Callable[[], Awaitable[str]], *, once: bool = False) -> None:
    """Repeat `check` until it returns no complaint; raises GuestError with the last one after ten minutes, with the
    first one at `once`."""
    pause, complaint = QUICK, ""
    try:
        async with asyncio.timeout(TIME):
            while complaint := await check():
                if once:
                    raise GuestError("is not met", detail=complaint)
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, SLOW)
    except TimeoutError:
        raise GuestError(f"was not met within {TIME:.0f} s", detail=complaint) from None
