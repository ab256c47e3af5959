"""Ansible on the host: the inventory of instances, and the playbooks that lima.yaml names."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from limacore.base import notice, proc, yamlio
from limacore.base.files import write_atomic
from limacore.base.goquote import quoted
from limacore.base.proc import LineSink
from limacore.errors import GuestError, HostError
from limacore.model.config import Config
from limacore.model.event import PROVISION, ScriptEvent
from limacore.model.instance import Instance, Status
from limacore.paths import InstancePaths, hostname

GROUP, RUNNING = "lima", "lima_running"
"""The groups of the inventory: all instances, and those that can be reached now."""
_KILLED = 255

Told = Callable[[ScriptEvent], None]


class PlaybookError(GuestError):
    """A playbook failed; `exit_code` is that of ansible-playbook, which limactl ends with, too, without a word."""

    def __init__(self, playbook: str, code: int) -> None:
        super().__init__(f"ansible playbook `{playbook}` failed", detail=f"exit status {code}",
                         hint="the instance runs; correct the playbook and start again")
        self.exit_code = code


def variables(paths: InstancePaths) -> dict[str, str]:
    """How Ansible reaches an instance, by name of the variable in alphabetical order."""
    return {
        "ansible_connection": "ssh",
        "ansible_host": hostname(paths.name),
        # Ansible splits this as a shell does.
        "ansible_ssh_common_args": f"-F {shlex.quote(str(paths.ssh_config))}",
    }


def inventory_text(paths: InstancePaths) -> str:
    """The content of `ansible-inventory.yaml`."""
    return yamlio.dump({GROUP: {"hosts": {paths.name: variables(paths)}}})


async def run_playbooks(
    paths: InstancePaths, config: Config, *, output: LineSink = notice.info, inherit: bool = False,
    told: Told = lambda event: None,
) -> None:
    """Run the playbooks of a running instance, in order; nothing when lima.yaml names none.

    `output` gets the lines that Ansible prints; with `inherit` they go to our own stdout and stderr, as in limactl.
    `told` hears of the begin and the end of each. Raises PlaybookError, and HostError when Ansible is not installed or
    a playbook is not there."""
    playbooks = {number: each.playbook for number, each in enumerate(config.provision)
                 if each.mode == "ansible" and each.playbook}
    if not playbooks:
        return
    write_atomic(paths.ansible_inventory, inventory_text(paths))
    for number, playbook in playbooks.items():
        notice.info(f"Waiting for ansible playbook {quoted(playbook)}")
        name, began = f"{PROVISION}ansible/{number:08}", time.monotonic()
        told(ScriptEvent(name))
        code = await _run(paths, playbook, config.param, None if inherit else output)
        told(ScriptEvent(name, round(time.monotonic() - began, 2), code))
        if code:
            raise PlaybookError(playbook, code)


async def _run(paths: InstancePaths, playbook: str, param: Mapping[str, str], output: LineSink | None) -> int:
    if not Path(playbook).exists():  # from where the command was called, as in limactl
        raise HostError(f"ansible playbook `{playbook}` does not exist",
                        hint=f"it is looked for from the current directory, `{os.getcwd()}`")
    argv = ("ansible-playbook", "-i", str(paths.ansible_inventory), playbook)
    notice.debug(" ".join(argv))
    async with proc.spawn(argv, stdout=output or sys.stdout.fileno(), stderr=output or _to_stderr,
                          env=environment(param)) as process:
        code = await process.wait()
    return code if code >= 0 else _KILLED


def _to_stderr(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def environment(param: Mapping[str, str]) -> dict[str, str]:
    """The environment of a playbook: ours, and `param` of lima.yaml as `PARAM_NAME`."""
    return {**os.environ, **{f"PARAM_{key}": value for key, value in param.items()}}


def listing(instances: Iterable[Instance], paths_of: Mapping[str, InstancePaths]) -> dict[str, object]:
    """The answer of a dynamic inventory to `--list`."""
    known = sorted(instances, key=lambda each: each.name)
    running = [each.name for each in known if each.status is Status.RUNNING]
    return {
        "_meta": {"hostvars": {each.name: host(each, paths_of[each.name]) for each in known}},
        "all": {"children": [GROUP, RUNNING, "ungrouped"]},
        GROUP: {"hosts": [each.name for each in known]},
        RUNNING: {"hosts": running},
    }


def host(instance: Instance, paths: InstancePaths) -> dict[str, object]:
    """The variables of one host: how to reach it, and what it is."""
    return {
        **variables(paths), "lima_status": instance.status.limactl_word, "lima_dir": instance.dir,
        "lima_arch": instance.arch, "lima_vm_type": instance.vm_type,
        "lima_param": instance.config.param if instance.config else {},
    }
