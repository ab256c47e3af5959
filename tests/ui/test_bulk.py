"""Several at once: paused, resumed, suspended, and told once how that went. Every verb of the engine has an action."""

from __future__ import annotations

import inspect
import shlex

import pytest
from msgspec.structs import replace

from limacore.cli.commands import ROOT
from limacore.engine import Engine
from limacore.model.instance import Instance, Status
from limacore.model.job import Job, JobState
from limatui import actions
from limatui.actions import ACTIONS
from limatui.screens.panes import INDEX
from limatui.verbs import batch, bulk
from limatui.verbs.batch import Batch
from limatui.verbs.deeds import DEEDS
from tests.ui.board import playing

RUNS = Instance("one", "/l/one", Status.RUNNING)
PAUSED = replace(RUNS, name="two", status=Status.PAUSED)
STOPPED = replace(RUNS, name="three", status=Status.STOPPED)


async def test_the_marked_are_paused_and_go_on() -> None:
    async with playing(count=8) as board:
        await board.press("G", "space", "k", "space")
        assert "P pause 2" in board.footer and "Z suspend 2" in board.footer
        await board.press("P")
        await board.until(lambda: board.one("vm-007").status is board.one("vm-008").status is Status.PAUSED)
        await board.until(lambda: "pause: all 2 done" in board.toasts)
        await board.press("space", "k", "space")
        assert "P resume 2" in board.footer
        await board.press("P")
        await board.until(lambda: board.one("vm-007").status is board.one("vm-008").status is Status.RUNNING)
        await board.until(lambda: "resume: all 2 done" in board.toasts)


async def test_the_marked_are_suspended_side_by_side() -> None:
    async with playing(count=8) as board:
        await board.press("G", "space", "k", "space", "Z")
        await board.until(lambda: "⟳ suspend" in board.row("vm-007") and "⟳ suspend" in board.row("vm-008"))
        await board.later(2)
        await board.until(lambda: board.one("vm-007").status is board.one("vm-008").status is Status.SUSPENDED)
        await board.until(lambda: "suspend: all 2 done" in board.toasts)


async def test_what_failed_is_told_once_with_its_reason() -> None:
    async with playing() as board:
        await board.press("space", "space", "P")
        await board.until(lambda: "pause: 1 of 2 done" in board.toasts)
        assert "1 failed\nbuild: instance `build` is starting, not running" in board.toasts
        assert "pause build failed" not in board.toasts, "told once"


def test_pause_and_resume_of_mixed_marks() -> None:
    can, cannot = bulk.split("pause", (RUNS, PAUSED, STOPPED))
    assert can == (RUNS,) and cannot == ("two is paused already", "three is stopped")
    assert bulk.word("pause", (RUNS, PAUSED)) == "pause" and bulk.word("pause", (PAUSED, STOPPED)) == "resume"
    assert bulk.split("pause", (PAUSED, STOPPED))[0] == (PAUSED,)
    assert [each.name for each in bulk.split("suspend", (RUNS, PAUSED))[0]] == ["one"]


def job(number: int, state: JobState = JobState.DONE, error: str = "") -> Job:
    return Job(number, "stop", f"vm-{number}", state=state, error=error)


def test_an_outcome_is_told_when_the_last_has_ended() -> None:
    some = Batch("stop", (1, 2, 3))
    assert some.see((job(2), job(1, JobState.RUNNING))) is None, "the third is not in the list yet"
    assert some.see((job(3, JobState.FAILED, "no"), job(2), job(1, JobState.RUNNING))) is None
    told = some.see((job(1),))
    assert told == batch.Told("stop: 2 of 3 done", "1 failed\nvm-3: no", JobState.FAILED)
    assert some.has(1) and not some.has(4)


def test_outcomes() -> None:
    assert batch.outcome("start", [job(1), job(2)]) == batch.Told("start: all 2 done", "", JobState.DONE)
    failed = [job(number, JobState.FAILED, "no") for number in range(6)]
    told = batch.outcome("start", [*failed, job(9, JobState.CANCELLED), None], ("x: gone",))
    assert told.title == "start: 0 of 9 done"
    assert told.message.splitlines() == ["7 failed", *(f"vm-{number}: no" for number in range(4)), "and 3 more",
                                         "1 job cancelled, and undone", "1 ended unseen: look at their states"]
    assert Batch("start", (), ("x: gone",)).see(()) is not None, "refused at once"


def test_every_verb_of_the_engine_is_an_action() -> None:
    """What begins a job returns its number: such a verb is in the palette, by a key of its own or in a pane."""
    verbs = {name for name, verb in inspect.getmembers(Engine, inspect.isfunction)
             if not name.startswith("_") and inspect.signature(verb).return_annotation == "int"}
    assert {"start", "prune", "remount"} <= verbs
    assert {verb for each in ACTIONS for verb in each.verbs} == verbs


def test_every_action_is_done_by_something() -> None:
    assert set(DEEDS) == set(actions.BY_ID)


@pytest.mark.parametrize("action", [each for each in ACTIONS if each.shell], ids=lambda each: each.id)
def test_commands_are_commands(action: actions.Action) -> None:
    """Each is found in the tree of commands, with as many words as it takes and flags that it has."""
    for subject in (None, RUNS, PAUSED, replace(RUNS, protected=True)):
        program, *words = shlex.split(action.command(subject))
        command = ROOT
        while words and (inner := command.find(words[0])) is not None:
            command, words = inner, words[1:]
        flags = {f"--{each.name}" for each in command.flags} | {f"-{each.short}" for each in command.flags}
        given = [word.partition("=")[0] for word in words if word.startswith("-")]
        values = sum(not word.count("=") and word in ("--size", "--tag") for word in words)
        least, most = command.args
        assert program == "limatui" and command.run and set(given) <= flags, words
        assert least <= len(words) - len(given) - values <= most, words


@pytest.mark.parametrize("action", [each for each in ACTIONS if each.verbs and each.group != "list"],
                         ids=lambda each: each.id)
def test_what_leads_to_a_verb_says_the_command(action: actions.Action) -> None:
    assert action.shell or action.id == "jobs", "the list of jobs shows that of each"


@pytest.mark.parametrize(("words", "pane", "shows"), [
    ("new disk", "disks", "size"), ("forward port", "ports", "Forward a port of default"),
    ("resize disk", "disks", "scratch"), ("mount again", "mounts", "/home/ada"),
])
async def test_verbs_of_panes_from_the_palette(words: str, pane: str, shows: str) -> None:
    async with playing() as board:
        await board.press("colon", *words, "enter")
        await board.until(lambda: shows in board.text)
        assert board.main.pane == INDEX[pane]
        await board.until(lambda: board.main.panes.has_keyboard or board.app.screen is not board.main)


async def test_the_palette_copies_a_command() -> None:
    async with playing() as board:
        await board.press("colon", *"factory", "ctrl+y")
        await board.until(lambda: board.app.clipboard == "limatui factory-reset default")
        await board.press("escape", "colon", *"only faults", "ctrl+y")
        await board.until(lambda: "no command does that" in board.toasts)
