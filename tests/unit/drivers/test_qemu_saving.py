"""What stands against keeping a machine's memory, and when nobody speaks with its guest: from QEMU's own words."""

from __future__ import annotations

from typing import Any

import pytest

from limacore.drivers.qemu import saving
from limacore.errors import DriverError

OPEN = """Hub -1 (net0):
  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ
  TCP[ESTABLISHED]   32       127.0.0.1 48115    192.168.5.15    22     0     0
  TCP[HOST_FORWARD]  18       127.0.0.1 48115    192.168.5.15    22     0     0
"""
QUIET = """Hub -1 (net0):
  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ
  TCP[CLOSED]        32       127.0.0.1 48115    192.168.5.15    22     0     0
  TCP[ESTABLISHED]   33    192.168.5.15 40000    93.184.215.14   443     0     0
  TCP[HOST_FORWARD]  18       127.0.0.1 48115    192.168.5.15    22     0     0
  UDP[228 sec]       34    192.168.5.15 41000     192.168.5.2  5353     0     0
"""


class Answers:
    """A monitor that knows some answers."""

    def __init__(self, **known: Any) -> None:
        self.known = known
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def ask(self, command: str, /, *, within: float = 5.0, **arguments: Any) -> Any:
        self.asked.append((command, arguments))
        return self.known[command.replace("-", "_")]


def _drive(**image: Any) -> dict[str, Any]:
    return {"device": "d", "inserted": {"ro": False, "drv": "qcow2", "file": "/f", **image}}


@pytest.mark.parametrize(
    ("said", "idle"), [(OPEN, False), (OPEN.replace("\n", "\r\n"), False), (QUIET, True), ("", True)])
async def test_who_speaks_with_the_guest(said: str, idle: bool) -> None:
    assert await saving.is_ssh_idle(Answers(human_monitor_command=said)) is idle  # type: ignore[arg-type]


async def test_obstacles() -> None:
    blocked = ["Migration is disabled when VirtFS export path '/home/u' is mounted in the guest using mount_tag 'x'",
               "something else", "non-migratable device: 0000:00:07.0/vhost-user-fs"]
    drives = [_drive(), _drive(ro=True, drv="raw"), _drive(drv="raw", file="/data"), {"device": "cd0"}]
    monitor = Answers(query_migrate={"blocked-reasons": blocked}, query_block=drives)
    found = await saving.obstacles(monitor)  # type: ignore[arg-type]
    assert found == ("the guest has `/home/u` mounted by 9p: unmount it in the guest first", "something else",
                     "a virtiofs mount keeps its state in another program: use `mountType: reverse-sshfs`",
                     "the disk `/data` is raw, which holds no snapshots: it must be qcow2")
    assert await saving.obstacles(Answers(query_migrate={}, query_block=[_drive()])) == ()  # type: ignore[arg-type]


async def test_what_the_monitor_prints_is_an_error() -> None:
    with pytest.raises(DriverError, match="No space left"):
        await saving.save(Answers(human_monitor_command="Error: No space left on device\r\n"), "t")  # type: ignore[arg-type]
    quiet = Answers(human_monitor_command="")
    await saving.save(quiet, "t")  # type: ignore[arg-type]
    assert quiet.asked == [("human-monitor-command", {"command-line": 'savevm "t"'})]
