"""The mounts pane: what is really mounted, what went wrong, and mounting again."""

from __future__ import annotations

import pytest

from limacore.model.config import Config, Mount
from limacore.model.instance import Instance, Status
from limacore.model.mount import MountState
from limatui.ink import plain, width
from limatui.present import mounts
from limatui.screens.mounts import MountsPane
from tests.ui.board import Board, playing

THERE = MountState("/home/a", "/home/a", "virtiofs", True, True)
LOST = MountState("/srv/long/name", "/mnt", "reverse-sshfs", error="the connection is gone")
CONFIG = Config(mounts=(Mount(location="/x", mount_point="/y", writable=True),), mount_type="9p")
RUNNING = Instance("a", "/l/a", Status.RUNNING, config=CONFIG, mounts=(THERE, LOST))


async def into_pane(board: Board) -> MountsPane:
    await board.press("7", "tab")
    pane = board.main.shown
    assert isinstance(pane, MountsPane)
    await board.until(lambda: pane.list.has_focus and pane.list.items, "the pane")
    return pane


async def test_a_lost_mount_is_mounted_again() -> None:
    async with playing() as board:
        await into_pane(board)
        assert "2 of 3 mounted" in board.text
        await board.press("G")
        assert "Permission denied" in board.text and "limatui remount default /src" in board.text
        await board.press("r")
        await board.until(lambda: board.app.jobs and board.app.jobs[0].verb == "remount", "the job")
        assert board.app.last_command == "limatui remount default /src"
        await board.later(2)
        await board.until(lambda: "3 of 3 mounted" in board.text, "it is back")


async def test_what_lima_yaml_asks_for_while_it_does_not_run() -> None:
    async with playing() as board:
        await board.press("j", "j", "7")
        await board.until(lambda: "3 directories in lima.yaml" in board.text and "not running" in board.text)
        await board.press("tab", "r")
        assert not board.app.jobs
        await board.press("y")
        await board.until(lambda: board.app.clipboard == "/home/ada")


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60), (40, 12)])
async def test_it_fits(size: tuple[int, int]) -> None:
    async with playing(size) as board:
        await into_pane(board)
        assert all(len(text) <= size[0] for text in board.text.splitlines())


@pytest.mark.parametrize("cells", [40, 80, 100, 200])
def test_columns_stand_below_their_titles(cells: int) -> None:
    head, line = plain(mounts.titles(cells)), mounts.line(LOST, True, cells)
    assert width(line) <= cells
    if cells >= 80:
        text = plain(line)
        assert head.index("IN THE GUEST") == text.index("/mnt") and head.index("STATE") == text.index("not mounted")


def test_where_the_mounts_come_from() -> None:
    assert mounts.of(RUNNING) == (THERE, LOST) and mounts.of(None) == ()
    off = Instance("a", "/l/a", config=CONFIG)
    assert mounts.of(off) == (MountState("/x", "/y", "9p", True),)
    assert mounts.why_not("remount", off, LOST) == "a does not run" and not mounts.why_not("remount", RUNNING, LOST)
    assert "tells nothing" in mounts.why_not("remount", Instance("a", "", Status.RUNNING, config=CONFIG), LOST)
    assert "no mount" in mounts.why_not("copy", RUNNING, None)


def test_words() -> None:
    assert plain(mounts.summary((THERE, LOST), True)) == "1 of 2 mounted"
    assert plain(mounts.summary((THERE,), False)) == "1 directory in lima.yaml"
    assert [mounts.look(each, True)[1] for each in (THERE, LOST, MountState("/a", "/b", "9p"))] == [
        "mounted", "not mounted", "waiting"]
    assert "connection is gone" in "".join(map(plain, mounts.details(LOST, RUNNING, 100)))
    assert "plain mode" in "".join(map(plain, mounts.empty(Instance("a", "", config=Config(plain=True)))))
    assert mounts.command("a", MountState("/x", "/a b", "9p")) == "limatui remount a '/a b'"
