"""How the progress of cloud-init is followed: where its log begins to matter, and what ends it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from limacore.hostagent import cloudinit
from limacore.model.event import CloudInitProgress
from tests.unit.guest.test_payload import SHELLS
from tests.unit.hostagent.test_overssh import LocalMaster

FIRST = ["Cloud-init v. 22.4.2 running 'init' at one", "a line", "Cloud-init v. 22.4.2 finished at one"]
SECOND = ["Cloud-init v. 22.4.2 running 'init' at two", "", "Cloud-init v. 22.4.2 finished at two"]


def script(folder: Path) -> str:
    """The real one, with the log of a guest in `folder`, and which ends where the log does."""
    return (cloudinit._FOLLOW.replace("/var/log", str(folder)).replace("/run", str(folder)).replace("sudo -n ", "")
            .replace(" -f $log", " $log"))


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
@pytest.mark.parametrize(("log", "finished", "told"), [
    (FIRST[:2], False, FIRST[:2]), (FIRST + SECOND[:2], False, SECOND[:2]), (FIRST + SECOND, True, SECOND),
    (FIRST, True, FIRST), (FIRST + FIRST + SECOND, True, SECOND), ([], False, []),
])  # fmt: skip
def test_what_was_before_this_boot_is_passed_over(
    shell: tuple[str, ...], log: list[str], finished: bool, told: list[str], tmp_path: Path
) -> None:
    (tmp_path / "cloud-init-output.log").write_text("".join(f"{line}\n" for line in log))
    if finished:
        (tmp_path / "cloud-init").mkdir()
        (tmp_path / "cloud-init/result.json").touch()
    done = subprocess.run([*shell, "-c", script(tmp_path)], capture_output=True, text=True, timeout=30)
    assert done.stdout.splitlines() == ["file", *told], done.stderr


def test_a_guest_without_cloud_init(tmp_path: Path) -> None:
    done = subprocess.run(["sh", "-c", script(tmp_path)], capture_output=True, text=True, timeout=30)
    assert done.stdout == "none\n"


async def test_lines_become_events_once_and_the_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[CloudInitProgress] = []
    follower = cloudinit.Follower(told.append)
    master: Any = LocalMaster()
    for text in ("file\none\n\ntwo\n", "file\none\n\ntwo\nthree\nCloud-init v. 1 finished at noon\nmore\n"):
        monkeypatch.setattr(cloudinit, "_FOLLOW", f"printf '{text}'".replace("\n", "\\n"))
        assert not follower.done
        await follower.follow(master)
    assert follower.done
    assert told == [
        CloudInitProgress(active=True), *(CloudInitProgress(line, active=True) for line in ("one", "two", "three")),
        CloudInitProgress("Cloud-init v. 1 finished at noon", completed=True),
        CloudInitProgress(cloudinit.GOOD, completed=True)]
    await follower.follow(master)
    assert len(told) == 6


async def test_a_guest_without_cloud_init_is_done_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[CloudInitProgress] = []
    monkeypatch.setattr(cloudinit, "_FOLLOW", "echo none")
    await cloudinit.Follower(told.append).follow(LocalMaster())  # type: ignore[arg-type]
    assert told[-1].completed and not told[-1].active


@pytest.mark.parametrize(("source", "line", "begun", "end"), [
    ("file", "Cloud-init v. 24 finished at x", False, True), ("file", "finished", False, False),
    ("journal", "cloud-init-main.service: Consumed 3s CPU", True, True),
    ("journal", "cloud-init-main.service: Consumed 3s CPU", False, False),
    ("journal", "Cloud-init v. 24 finished at x", True, False),
])  # fmt: skip
def test_the_last_line(source: str, line: str, begun: bool, end: bool) -> None:
    assert cloudinit.is_end(source, line, begun) is end
