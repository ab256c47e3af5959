"""Snapshots of a real guest, while it runs and while it is stopped."""

from __future__ import annotations

from tests.vm.conftest import Cli, left_behind, until


def _tags(cli: Cli) -> list[str]:
    return cli("snapshot", "list", "--quiet", "t").stdout.split()


def _answers(cli: Cli, *command: str) -> str:
    """What the guest says, as soon as it can be reached again: connections do not outlive a return in time."""
    return str(until(lambda: cli("shell", "t", *command, check=False, timeout=30).stdout.strip(), "it answers", 120))


def test_a_running_guest_goes_back_in_time_and_so_does_a_stopped_one(tiny: Cli) -> None:
    tiny("start", "t")
    tiny("shell", "t", "sh", "-c", "echo before > ~/file; echo before > /dev/shm/mark; sync")
    taken = tiny("snapshot", "create", "t", "--tag", "one")
    assert "Sending HMP savevm command" in taken.stderr
    table = tiny("snapshot", "list", "t").stdout
    assert table.split()[:2] == ["ID", "TAG"]
    assert _tags(tiny) == ["one"]

    tiny("shell", "t", "sh", "-c", "echo after > ~/file; echo after > /dev/shm/mark; sync")
    tiny("snapshot", "apply", "t", "--tag", "one")
    assert _answers(tiny, "cat", "/dev/shm/mark") == "before", "the memory went back, too"
    assert _answers(tiny, "sh", "-c", "cat ~/file") == "before"
    assert tiny.state("t") == "Running"
    unknown = tiny("snapshot", "apply", "t", "--tag", "nosuch", check=False)
    assert (unknown.returncode, "has no snapshot `nosuch`" in unknown.stderr) == (1, True)

    tiny("stop", "t")
    assert _tags(tiny) == ["one"]
    tiny("snapshot", "create", "t", "--tag", "stopped")
    tiny("start", "t")
    tiny("shell", "t", "sh", "-c", "echo later > ~/file; sync")
    offline = tiny("snapshot", "apply", "t", "--tag", "stopped", check=False)
    assert offline.returncode == 1
    assert "has no memory" in offline.stderr
    assert tiny.state("t") == "Running", "QEMU itself would leave it halted"
    tiny("stop", "t", "--timeout", "2m")
    tiny("snapshot", "apply", "t", "--tag", "stopped")
    tiny("snapshot", "delete", "t", "--tag", "one")
    assert _tags(tiny) == ["stopped"]
    tiny("start", "t")
    assert _answers(tiny, "sh", "-c", "cat ~/file") == "before"
    tiny("stop", "t")
    assert not left_behind(tiny.home)
