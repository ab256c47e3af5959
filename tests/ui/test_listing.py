"""The list as people work with it: sorted, parts hidden, several marked and done something to at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from limacore.drivers.demo import world
from limacore.model.instance import Status
from limacore.model.job import Job, JobState
from limatui import filter
from limatui.ink import plain
from limatui.present import keys, listing, rows, work
from limatui.present.groups import URGENT
from limatui.present.listing import View
from limatui.verbs import bulk
from tests.ui.board import Board, playing

NOW = 1.8e9
ALL = tuple(world.observe(each, Path("/h"), NOW) for each in world.five(NOW))
DEFAULT, BUILD, K8S, CI_ARM, OLD = ALL
CPU = {"default": (5.0,), "build": (97.0,), "old": (1.0,), "ci-arm": (0.0,)}


def shown(board: Board) -> list[str]:
    return [line.split()[1 if line[0] == "▌" or line[1] == "✓" else 0] for line in
            board.main.table.text.splitlines()[1:] if line.strip()]


def names(view: View, text: str = "") -> list[str]:
    return [each.name for each in listing.arranged(ALL, view, filter.parse(text), lambda name: CPU.get(name, ()))]


async def test_sorting_keeps_the_cursor_on_its_instance() -> None:
    async with playing() as board:
        await board.press("j", "j", "o")
        assert "STATUS ▾" in board.text and "by status" in board.text and board.main.table.cursor == "k8s"
        assert board.main.table.text.splitlines()[1].split()[0] == "old"
        await board.press("o")
        assert board.main.table.text.splitlines()[1].split()[0] == "build"
        await board.press("O")
        assert board.main.table.text.splitlines()[5].split()[0] == "build" and "turned around" in board.text
        await board.press("o", "o", "o", "o")
        assert "by " not in board.main.query_one("#view").text  # type: ignore[attr-defined]
        assert board.main.table.text.splitlines()[1].split()[0] == "default"


async def test_hiding_what_is_stopped_and_what_is_well() -> None:
    async with playing() as board:
        await board.press("h")
        assert "k8s" not in board.main.table.text and "only what is up, 1 hidden" in board.text
        await board.press("!")
        assert "build" not in board.main.table.text and "ci-arm" in board.main.table.text
        assert "what is up and faults, 2 hidden" in board.text
        await board.press("h", "!")
        assert "hidden" not in board.text and "k8s" in board.main.table.text


async def test_marks_outlive_time_filters_and_other_orders() -> None:
    async with playing() as board:
        await board.press("space", "j", "space")
        assert board.row("default")[1] == board.row("k8s")[1] == "✓" and board.row("build")[1] != "✓"
        assert "✓ 2 instances marked" in board.text
        await board.press("h", "o")
        await board.later(3)
        await board.press("h")
        assert board.row("k8s")[1] == "✓" and [each.name for each in board.main.table.marked] == ["default", "k8s"]
        board.engine._machines.pop("k8s")
        board.engine.poke()
        await board.until(lambda: "✓ 1 instance marked" in board.text, "what is gone is not marked")
        await board.press("escape")
        assert "marked" not in board.text
        await board.press("*")
        assert "4 instances marked" in board.text
        await board.press("*")
        assert "marked" not in board.text


async def test_the_marked_are_started_and_stopped_side_by_side() -> None:
    async with playing(count=8) as board:
        await board.press("G", "k", "space", "space")
        assert "x stop 2" in board.footer and "s start " in board.footer
        await board.press("x")
        assert "stopping 2 instances in 3 s" in board.footer and "keeps them running" in board.footer
        await board.press("x")
        await board.until(lambda: sum(each.verb == "stop" for each in board.app.jobs) == 2, "two jobs")
        await board.until(lambda: board.one("vm-007").status is board.one("vm-008").status is Status.STOPPING)
        await board.later(1)
        await board.until(lambda: "50%" in board.row("vm-007") and "50%" in board.row("vm-008"), "progress in the rows")
        await board.later(2)
        await board.until(lambda: board.one("vm-007").status is board.one("vm-008").status is Status.STOPPED)
        assert not board.main.table.marked
        await board.press("*", "s")
        await board.until(lambda: "left out: 3" in board.toasts and "default is already running" in board.toasts)
        await board.until(lambda: sum(each.verb == "start" for each in board.app.jobs) == 5, "the others start")


async def test_the_marked_are_protected_and_deleted_after_one_question() -> None:
    async with playing(count=9) as board:
        await board.press("j", "j", "space", "G", "space")
        assert "p protect 2" in board.footer
        await board.press("p")
        await board.until(lambda: board.one("k8s").protected and board.one("vm-009").protected)
        await board.press("space", "g", "j", "j", "space", "D")
        assert "left out: 2" in board.toasts and "protected" in board.toasts
        await board.press("p")
        await board.until(lambda: not board.one("k8s").protected and not board.one("vm-009").protected)
        await board.press("g", "j", "j", "space", "G", "space", "D")
        assert "Delete 2 instances?" in board.text and "limatui delete k8s vm-009" in board.text
        await board.press(*"delete 2", "enter")
        await board.until(lambda: board.app.fleet.get("k8s") is None and board.app.fleet.get("vm-009") is None)


async def test_machines_are_ended_after_a_question() -> None:
    async with playing() as board:
        await board.press("*", "X")
        assert "End 4 machines at once?" in board.text
        await board.press("X")
        await board.until(lambda: all(each.status is Status.STOPPED for each in board.app.fleet.instances))


async def test_help_and_palette_know_them() -> None:
    async with playing() as board:
        await board.press("question_mark")
        await board.until(lambda: "all keys" in board.text)
        block = "\n".join(plain(line) for line in keys.help_lines((), 110))
        assert "LIST" in block and "*             mark all" in block and "!             only faults" in block


@pytest.mark.parametrize(("view", "order"), [
    (View(), ["default", "build", "k8s", "ci-arm", "old"]), (View(backwards=True), ["old", "ci-arm", "k8s", "build",
                                                                                    "default"]),
    (View("status"), ["old", "ci-arm", "build", "default", "k8s"]),
    (View("cpu"), ["build", "default", "old", "ci-arm", "k8s"]),
    (View("disk"), ["ci-arm", "k8s", "old", "default", "build"]),
    (View("up"), ["old", "ci-arm", "default", "build", "k8s"]),
    (View(up_only=True), ["default", "build", "ci-arm", "old"]), (View(faults_only=True), ["default", "ci-arm", "old"]),
])
def test_orders(view: View, order: list[str]) -> None:
    assert names(view) == order
    assert names(view, "ci") == [name for name in order if name == "ci-arm"]


def test_every_status_has_its_place() -> None:
    assert set(URGENT) == set(Status)


def test_orders_go_round() -> None:
    view, seen = View(backwards=True), []
    for _ in listing.SORTS:
        view = listing.next_sort(view)
        seen.append(view.sort)
    assert seen == [*listing.SORTS[1:], ""] and not view.backwards


def test_memory_is_the_largest_first() -> None:
    found = listing.arranged(ALL, View("memory"), lambda _: True, lambda name: ())
    order = [each.usage.guest_memory_used >> 26 for each in found]
    assert order == sorted(order, reverse=True)


def test_what_can_be_done_to_which() -> None:
    can, cannot = bulk.split("start", ALL)
    assert [each.name for each in can] == ["k8s", "old"] and len(cannot) == 3
    assert [each.name for each in bulk.split("protect", ALL)[0]] == ["build", "k8s", "old"]
    assert bulk.word("protect", (DEFAULT, CI_ARM)) == "unprotect" and bulk.word("protect", ALL) == "protect"
    assert [each.name for each in bulk.split("protect", (DEFAULT, CI_ARM))[0]] == ["default", "ci-arm"]
    labels = {key.action: key.label for key in keys.list_keys(DEFAULT, ALL)}
    assert (labels["start"], labels["stop"], labels["protect"]) == ("start 2", "stop 3", "protect 3")


def test_work_in_the_rows() -> None:
    jobs = (Job(3, "stop", "default", progress=0.4), Job(2, "protect", "k8s"), Job(1, "start", "old", progress=0.1),
            Job(0, "stop", "old", state=JobState.DONE))
    assert work.at_work(jobs) == {"default": "40%", "k8s": "⟳ protect", "old": "10%"}
    chosen = rows.columns(120)
    line = plain(rows.row(chosen, rows.Row(BUILD, (), NOW, "79%", True), cursor=True))
    assert line.startswith("▌✓ build") and "Starting 79% cloud-init" in line
    assert plain(rows.head(chosen, "memory")).count("▾") == 1 and "▾" not in plain(rows.head(chosen))
