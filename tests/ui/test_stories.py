"""Stories on the main screen: a user presses keys, the demo world follows, the screen says so."""

from __future__ import annotations

import asyncio

import pytest

from limacore.model.instance import Status
from limacore.model.job import JobState
from limatui.actions import ACTIONS, shown_key
from limatui.screens.panes import INDEX
from limatui.settings.file import Settings
from tests.ui.board import playing


async def test_at_a_glance() -> None:
    async with playing() as board:
        assert "2 of 5 running" in board.text
        assert "● Running" in board.row("default")
        assert "60022" in board.row("default") and "◆" in board.row("default")
        assert "◐ Starting cloud-init" in board.row("build")
        assert "▲ Orphan no host agent" in board.row("old")
        assert "1 finding: port 5432 is taken" in board.text


async def test_moving_stays_on_the_instance() -> None:
    async with playing() as board:
        for keys, name in ((("j",), "build"), (("down", "down"), "ci-arm"), (("k",), "k8s"), (("G",), "old"),
                           (("g",), "default"), (("ctrl+d",), "old"), (("ctrl+u",), "default"), (("up",), "default"),
                           (("end",), "old"), (("home",), "default"), (("pagedown",), "old"), (("pageup",), "default")):
            await board.press(*keys)
            assert board.main.table.cursor == name
        await board.press("j", "j")
        await board.later(3)
        assert board.main.table.cursor == "k8s"


async def test_start_shows_the_boot_as_it_happens() -> None:
    async with playing() as board:
        await board.press("j", "j", "s")
        await board.until(lambda: board.one("k8s").status is Status.STARTING)
        await board.later(5)
        await board.until(lambda: "virtio_blk" in board.text or "Linux version" in board.text, "the serial tail")
        assert "✓  firmware" in board.text and "◐  init" in board.text
        assert "⟳ start k8s" in board.text
        await board.later(14)
        assert board.one("k8s").status is Status.RUNNING
        assert board.app.jobs[0].state is JobState.DONE
        assert board.app.last_command == "limatui start k8s"


async def test_an_impossible_action_says_why() -> None:
    async with playing() as board:
        await board.press("s")
        assert "default is already running" in board.toasts
        assert not board.app.jobs


async def test_stop_counts_down_and_escape_keeps_it() -> None:
    async with playing() as board:
        await board.press("x")
        assert "stopping default in 3 s" in board.footer
        await board.press("escape")
        assert "stopping" not in board.footer and not board.app.jobs
        await board.press("x", "x")
        await board.until(lambda: board.app.jobs, "the job")
        await board.later(3)
        assert board.one("default").status is Status.STOPPED
        assert board.app.jobs[0].command == "limatui stop default"


async def test_the_countdown_ends_by_itself() -> None:
    async with playing() as board:
        board.app.settings = Settings(countdown=1)
        await board.press("x")
        await board.until(lambda: board.app.jobs, "the job")
        assert board.app.jobs[0].verb == "stop"


async def test_insist_asks_before_it_kills_a_running_machine() -> None:
    async with playing() as board:
        await board.press("X")
        assert "End default at once?" in board.text
        await board.press("escape")
        assert not board.app.jobs
        await board.press("X", "X")
        await board.until(lambda: board.app.jobs, "the job")
        assert board.app.jobs[0].command == "limatui stop -f default"
        await board.until(lambda: board.one("default").status is Status.STOPPED)


async def test_insist_ends_an_orphan_at_once() -> None:
    async with playing() as board:
        await board.press("G", "x")
        assert "X ends it" in board.toasts
        await board.press("X")
        await board.until(lambda: board.one("old").status is Status.STOPPED)


async def test_stopping_a_start_cancels_it() -> None:
    async with playing() as board:
        await board.press("j", "j", "s")
        await board.until(lambda: board.one("k8s").status is Status.STARTING)
        assert "x cancel" in board.footer
        await board.press("x")
        await board.until(lambda: board.app.jobs[0].state is JobState.CANCELLED)
        assert board.one("k8s").status is Status.STOPPED
        assert "cancelled" in board.toasts


async def test_restart() -> None:
    async with playing() as board:
        await board.press("r")
        await board.until(lambda: board.one("default").status is Status.STOPPING)
        await board.later(3)
        assert board.one("default").status is Status.STARTING
        await board.later(20)
        assert board.one("default").status is Status.RUNNING


async def test_protect_and_lift_it() -> None:
    async with playing() as board:
        assert "p unprotect" in board.footer
        await board.press("p")
        await board.until(lambda: not board.one("default").protected)
        assert "◆" not in board.row("default") and "p protect" in board.footer
        await board.press("p")
        await board.until(lambda: board.one("default").protected)
        assert board.app.last_command == "limatui protect default"


async def test_delete_wants_the_name() -> None:
    async with playing() as board:
        await board.press("D")
        assert "default is protected: p lifts it" in board.toasts
        await board.press("j", "j", "D")
        assert "Delete k8s?" in board.text and "limatui delete k8s" in board.text
        await board.type("k8")
        await board.press("enter")
        assert "Delete k8s?" in board.text
        await board.type("s")
        await board.press("enter")
        await board.until(lambda: board.app.fleet.get("k8s") is None)
        await board.pilot.pause()
        assert board.main.table.cursor == "ci-arm", "the cursor stays at its place"


async def test_a_failed_job_says_what_and_what_now() -> None:
    async with playing() as board:
        board.engine.start("nobody")
        await board.until(lambda: "start nobody failed" in board.toasts)
        assert "instance `nobody` does not exist" in board.toasts and "`limatui list` shows" in board.toasts


async def test_what_others_did_is_told_and_what_we_did_is_not() -> None:
    async with playing() as board:
        await board.later(14)
        await board.until(lambda: "build is ready" in board.toasts)
        await board.press("j", "j", "s")
        await board.until(lambda: board.one("k8s").status is Status.STARTING)
        await board.later(20)
        assert board.one("k8s").status is Status.RUNNING and "k8s is ready" not in board.toasts


async def test_jobs_screen() -> None:
    async with playing() as board:
        await board.press("J")
        assert "No jobs yet" in board.text
        await board.press("escape", "j", "j", "s")
        await board.until(lambda: board.one("k8s").status is Status.STARTING)
        board.engine.start("nobody")
        await board.until(lambda: len(board.app.jobs) == 2)
        await board.press("J", "j")
        assert "1 running, 2 in this session" in board.text and "$ limatui start k8s" in board.text
        await board.press("y")
        await board.until(lambda: "copied" in board.toasts)
        assert board.app.clipboard == "limatui start k8s"
        await board.press("x")
        await board.until(lambda: board.app.jobs[1].state is JobState.CANCELLED)
        await board.press("k")
        assert "`limatui list` shows those that do" in board.text
        await board.press("J")
        assert board.app.screen is board.main


async def test_filter() -> None:
    async with playing() as board:
        await board.press("slash")
        await board.type("!status:running")
        assert " default" not in board.main.table.text and "k8s" in board.main.table.text
        await board.press("enter")
        assert board.main.focused is board.main.table
        await board.press("escape")
        assert " default" in board.main.table.text
        await board.press("slash")
        await board.type("^(k8s|old)[")
        assert "k8s" not in board.main.table.text, "a broken expression is taken as text"


async def test_help_has_every_key() -> None:
    async with playing((120, 100)) as board:
        await board.press("question_mark")
        for action in ACTIONS:
            if action.key:
                assert f" {shown_key(action)} " in board.text and action.help in board.text
        assert "ctrl+]" in board.text
        await board.press("j", "k", "escape")
        assert board.app.screen is board.main


async def test_palette_finds_and_explains() -> None:
    async with playing() as board:
        await board.press("colon")
        assert "limatui stop default" in board.text
        await board.type("start")
        assert "default is already running" in board.text
        await board.press("escape", "j", "j", "ctrl+p")
        await board.type("start")
        await board.press("enter")
        await board.until(lambda: board.one("k8s").status is Status.STARTING)


async def test_palette_moves() -> None:
    async with playing() as board:
        await board.press("colon", *"o", "down", "up", "tab", "shift+tab")
        await board.type("nothing like this")
        assert "no action is called that" in board.text
        await board.press("enter", "escape")
        assert board.app.screen is board.main


async def test_copy_the_last_command() -> None:
    async with playing() as board:
        await board.press("y")
        await board.until(lambda: board.app.clipboard == "limatui shell default")
        await board.press("p")
        await board.until(lambda: board.app.jobs)
        await board.press("y")
        await board.until(lambda: board.app.clipboard == "limatui unprotect default")


async def test_panes_by_number_and_bracket() -> None:
    async with playing() as board:
        for key, pane in (("2", "console"), ("3", "logs"), ("4", "config"), ("5", "disks"), ("6", "ports"),
                          ("7", "mounts"), ("8", "snapshots"), ("9", "timeline"),
                          ("1", "overview"), ("left_square_bracket", "timeline"),
                          ("right_square_bracket", "overview")):
            await board.press(key)
            shown = board.main.shown
            assert shown is not None and shown.id == f"pane-{pane}"
            assert board.main.focused is board.main.table, "looking does not move the keyboard"


@pytest.mark.parametrize(("key", "pane"), [("c", "console"), ("l", "logs"), ("e", "config")])
async def test_working_in_a_pane_and_back(key: str, pane: str) -> None:
    async with playing() as board:
        await board.press(key)
        await board.until(lambda: board.main.focused and board.main.focused is not board.main.table, "the pane")
        assert board.main.zoomed and "limatui" not in board.text.splitlines()[0]
        assert board.main.shown is not None and board.main.shown.id == f"pane-{pane}"
        board.main.action_back()
        await board.pilot.pause()
        assert not board.main.zoomed and board.main.focused is board.main.table


async def test_zoom_tab_and_enter() -> None:
    async with playing() as board:
        await board.press("z")
        assert board.main.zoomed and "default  ● Running" in board.text.splitlines()[0]
        await board.press("q")
        assert not board.main.zoomed
        await board.press("3", "tab")
        await board.until(lambda: board.main.focused is not board.main.table)
        await board.press("tab")
        assert board.main.focused is board.main.table
        await board.press("enter")
        await board.until(lambda: board.main.focused is not board.main.table)
        await board.press("escape")
        assert board.main.focused is board.main.table
        await board.press("d")
        assert board.main.shown is not None and board.main.shown.id == "pane-disks"


async def test_panes_follow_the_cursor() -> None:
    async with playing() as board:
        await board.press("3", "j", "j")
        await board.until(lambda: getattr(board.main.shown, "instance", "") == "k8s")


async def test_quit_leaves_machines_alone() -> None:
    async with playing() as board:
        await board.press("q")
        await board.until(lambda: board.app._exit)


@pytest.mark.parametrize("pane", ["console", "config", "logs", "snapshots", "timeline"])
async def test_a_pane_works_though_somebody_asked_for_the_map_of_the_screen(pane: str) -> None:
    async with playing() as board:
        board.main.pane = INDEX[pane]
        while board.main.shown not in board.main._compositor.full_map:
            board.main._compositor._full_map_invalidated = True
            await asyncio.sleep(0)
        await board.until(lambda: board.main.shown.was_told, "it is told")  # type: ignore[union-attr]
        await board.until(lambda: SAYS[pane] in board.text, "what it shows")


SAYS = {"console": "● live", "config": "cpus: 2", "logs": "following", "snapshots": "before-upgrade",
        "timeline": "11 BOOTS"}


async def test_quitting_while_panes_are_being_made() -> None:
    for keys in ("2q", "3q", "4q", "5q", "5234q", "Jqq", "nq"):
        async with playing() as board:
            for key in keys:
                board.app.simulate_key(key)
            await board.pilot.pause()


async def test_events_and_jobs_on_a_wide_screen() -> None:
    async with playing((200, 60)) as board:
        await board.press("p")
        await board.until(lambda: "✓ unprotect default" in board.text)
        await board.later(14)
        assert "build     is ready" in board.text
        assert "default  ● Running" in board.text


async def test_every_size_shows_list_and_keys() -> None:
    async with playing() as board:
        for size in ((80, 24), (200, 60), (60, 20), (40, 10), (300, 100), (120, 36)):
            await board.pilot.resize_terminal(*size)
            rows = size[1]
            await board.until(lambda: len(board.text.splitlines()) == rows, "Textual waits for further ones")  # noqa: B023
            await board.pilot.pause()
            lines = board.text.splitlines()
            assert all(len(line) <= size[0] for line in lines)
            assert "default" in board.text and ": palette" in board.text, size


async def test_small_screen_opens_panes_alone() -> None:
    async with playing((80, 24)) as board:
        assert "Overview" not in board.text, "no row of tabs"
        await board.press("3")
        assert board.main.zoomed
        await board.press("escape")
        assert not board.main.zoomed and board.main.pane == 0


async def test_a_thousand_instances() -> None:
    async with playing(count=1000) as board:
        await board.press("G")
        assert board.main.table.cursor == "vm-1000" and "vm-1000" in board.text
        await board.press("slash")
        await board.type("vm-04")
        assert board.main.table.text.count("vm-04") >= 10


async def test_mouse() -> None:
    async with playing() as board:
        await board.pilot.click("InstanceTable", offset=(6, 3))
        assert board.main.table.cursor == "k8s"
        await board.pilot.click("TabBar", offset=(31, 0))
        assert board.main.pane == 2
        at = board.footer.index("n new")
        await board.pilot.click("#footer", offset=(at, 0))
        await board.until(lambda: "A new instance" in board.text)


async def test_themes() -> None:
    async with playing() as board:
        for name in ("light", "high-contrast", "ansi", "dark"):
            board.app.theme = name
            await board.pilot.pause()
            assert "● Running" in board.row("default")


async def test_leaving_asks_about_text_that_is_not_saved() -> None:
    async with playing() as board:
        await board.press("e")
        await board.until(lambda: "lima.yaml" in board.text and "images:" in board.text, "the editor")
        await board.press("x")
        await board.until(lambda: "not saved" in board.text, "the change is seen")
        await board.press("ctrl+q", "q")
        await board.until(lambda: "changes that are not saved" in board.text, "the question")
        await board.press("escape")
        await board.until(lambda: "changes that are not saved" not in board.text, "staying")
        assert board.app.is_running
        await board.press("q")
        await board.until(lambda: "changes that are not saved" in board.text, "the question again")
        await board.press("l")
        await board.until(lambda: board.app._exit, "leaving")
