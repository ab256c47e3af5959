"""The snapshots pane: what there is, what may be done now, and why not otherwise."""

from __future__ import annotations

import pytest

from limacore.model.disk import DataDisk
from limacore.model.instance import Instance, Status
from limacore.model.snapshot import Snapshot
from limatui.ink import plain
from limatui.present.snapshots import (
    age,
    command,
    details,
    empty,
    line,
    summary,
    titles,
    why_none,
    why_not_apply,
    wrong_tag,
)
from limatui.screens.snapshots import SnapshotsPane
from limatui.widgets.ask import Ask, Fill
from tests.ui.board import Board, playing

GIB = 1 << 30
RUNNING = Instance("a", "/l/a", Status.RUNNING, vm_type="qemu")
STOPPED = Instance("a", "/l/a", Status.STOPPED, vm_type="qemu")
MAIN = DataDisk("a", "/l/a", GIB, holder="a", main=True)
RAW = DataDisk("a", "/l/a", GIB, format="raw", holder="a", main=True)
EXTRA = DataDisk("x", "/l/_disks/x", GIB, format="raw", holder="a")
DISK_ONLY, WHOLE = Snapshot("1", "clean"), Snapshot("2", "warm", GIB, "2026-11-20 10:00:00", 125.0)


async def into_pane(board: Board, name: str) -> SnapshotsPane:
    await board.press("g")
    while board.main.table.cursor != name:
        await board.press("j")
    await board.press("8", "tab")
    pane = board.main.shown
    assert isinstance(pane, SnapshotsPane)
    await board.until(lambda: pane.list.has_focus and (pane.list.items or "snapshots" in board.text), "the pane")
    return pane


async def test_take_one_and_delete_it_while_it_runs() -> None:
    async with playing() as board:
        pane = await into_pane(board, "default")
        await board.until(lambda: "before-upgrade" in board.text and "disk and memory" in board.text)
        await board.press("a")
        assert "Snapshot of default" in board.text and "of memory" in board.text and "stands still" in board.text
        await board.press(*"clean")
        assert "there is a snapshot clean already" in board.text
        await board.press("2", "enter")
        await board.until(lambda: board.app.jobs and board.app.jobs[0].verb == "snapshot create", "the job")
        assert board.app.last_command == "limatui snapshot create default --tag clean2"
        await board.later(5)
        await board.until(lambda: len(pane.list.items) == 4, "it is listed")
        await board.press("G", "d")
        assert "Delete snapshot clean2 of default?" in board.text
        await board.press("y")
        await board.until(lambda: len(pane.list.items) == 3, "it is gone")


async def test_going_back_asks_and_is_refused_without_memory() -> None:
    async with playing() as board:
        pane = await into_pane(board, "default")
        await board.until(lambda: len(pane.list.items) == 3)
        assert "clean holds the disk only: stop default to go back to it" in board.text
        await board.press("enter")
        assert not isinstance(board.app.screen, Ask)
        await board.press("j", "enter")
        assert "Take default back to before-upgrade?" in board.text
        assert "what was written since then is lost" in board.text
        await board.press("y")
        await board.until(lambda: board.app.jobs and board.app.jobs[0].verb == "snapshot apply")
        await board.later(5)
        await board.until(lambda: board.app.jobs[0].state == "done")


async def test_a_stopped_machine_goes_back_to_a_disk() -> None:
    async with playing() as board:
        await into_pane(board, "k8s")
        await board.until(lambda: "fresh" in board.text)
        await board.press("enter")
        assert "the machine boots from that disk" in board.text
        await board.press("escape", "a")
        assert "of memory" not in board.text


async def test_refusals_are_told_before_trying() -> None:
    async with playing() as board:
        await into_pane(board, "old")
        await board.until(lambda: "the main disk of old is raw: snapshots need qcow2" in board.text)
        await board.press("a")
        assert not isinstance(board.app.screen, Fill)
        await board.press("escape")
        while board.main.table.cursor != "build":
            await board.press("k")
        await board.until(lambda: "build is starting: wait until it runs" in board.text)


async def test_the_key_of_the_list_takes_one() -> None:
    async with playing() as board:
        await board.press("S")
        await board.until(lambda: "Snapshot of default" in board.text, "the dialog")
        await board.press(*"before upgrade")
        assert "one word, without blanks" in board.text
        await board.press("ctrl+u", *"mark", "enter")
        await board.until(lambda: board.app.jobs and board.app.jobs[0].title == "snapshot create default")
        await board.press("G", "S")
        await board.until(lambda: "is raw" in board.toasts or "is orphan" in board.toasts, "the reason")


@pytest.mark.parametrize("size", [(80, 24), (200, 60), (40, 12)])
async def test_it_fits(size: tuple[int, int]) -> None:
    async with playing(size) as board:
        await board.press("8")
        await board.until(lambda: "before-upgrade" in board.text)
        assert all(len(text) <= size[0] for text in board.text.splitlines())


async def test_hostile_tags_are_shown_and_steer_nothing() -> None:
    async with playing() as board:
        evil = "x\x1b]52;c;AA\x07[red]\u202e"
        board.engine._snapshots["default"] = (Snapshot("1", evil, GIB, "never"),)
        await into_pane(board, "default")
        await board.until(lambda: "[red]" in board.text)
        await board.press("d")
        assert "Delete snapshot x" in board.text
        await board.press("y")
        await board.until(lambda: not board.engine._snapshots["default"], "the very one is deleted")
        assert "\x1b" not in board.text and "\u202e" not in board.text


@pytest.mark.parametrize(("subject", "disks", "reason"), [
    (None, (), "no instance"), (RUNNING, (MAIN,), ""), (STOPPED, (MAIN,), ""), (STOPPED, (RAW,), "is raw"),
    (RUNNING, (MAIN, EXTRA), "disk x is raw"), (STOPPED, (MAIN, EXTRA), ""),
    (Instance("a", "", Status.RUNNING, vm_type="vz"), (), "vz, which has no snapshots"),
    (Instance("a", "", Status.STARTING, vm_type="qemu"), (), "starting"),
    (Instance("a", "", Status.ORPHAN_QEMU, vm_type="qemu"), (), "orphan"),
])
def test_why_there_can_be_none(subject: Instance | None, disks: tuple[DataDisk, ...], reason: str) -> None:
    found = why_none(subject, disks)
    assert reason in found if reason else not found


def test_why_there_is_no_way_back() -> None:
    assert not why_not_apply(WHOLE, RUNNING, (MAIN,)) and not why_not_apply(DISK_ONLY, STOPPED, (MAIN,))
    assert "stop a to go back" in why_not_apply(DISK_ONLY, RUNNING, (MAIN,))
    assert why_not_apply(None, RUNNING, ()) == "no snapshot is selected"


@pytest.mark.parametrize(("tag", "problem"), [
    ("before-upgrade", ""), ("v1.2_a", ""), ("", "word"), ("a b", "blanks"), ("a\tb", "blanks"), ("a\x1b", "blanks"),
    ("12", "number"), ("-f", "leading"), ('a"b', "quotes"), ("taken", "already"), ("x" * 129, "128"),
])
def test_what_is_wrong_with_a_tag(tag: str, problem: str) -> None:
    found = wrong_tag(tag, frozenset({"taken"}))
    assert problem in found if problem else not found


def test_lines() -> None:
    now = 1_795_216_442.0
    assert plain(line(WHOLE, now, 110)).startswith("  warm")
    assert plain(titles(110)).index("TAKEN") == plain(line(WHOLE, now, 110)).index("2026-11-20")
    assert len(plain(line(WHOLE, now, 40))) <= 40
    assert age("not a date", now) == "" and age("9999-99-99 00:00:00", now) == ""
    assert "2m05s after its boot" in "".join(map(plain, details(WHOLE, "", 110)))
    assert "a takes one" in "".join(map(plain, empty("")))
    assert plain(summary((WHOLE, DISK_ONLY))) == "2 snapshots   1 GiB of memory in them"
    assert command("create", "a", "x; rm") == "limatui snapshot create a --tag 'x; rm'"
