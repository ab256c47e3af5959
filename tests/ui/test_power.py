"""Pause, resume, suspend and memory in the dashboard, on the demo engine; the words for machines that stand still."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from limacore.model.instance import Instance, Status
from limatui import actions
from limatui.ink import plain
from limatui.present import overview
from limatui.present.status import status
from limatui.verbs import dialogs
from tests.ui.board import playing

GIB = 1 << 30
ONE = Instance("one", "/l/one", Status.RUNNING, memory=2 * GIB, vm_type="qemu", config=None)


def _as(**changes: object) -> Instance:
    return replace(ONE, **changes)


PAUSED, FULL = _as(status=Status.PAUSED), _as(status=Status.PAUSED, phase="host disk full", errors=("paused by QEMU",))
SUSPENDED = _as(status=Status.SUSPENDED)
PANICKED = _as(status=Status.PANICKED, phase="Kernel panic - not syncing: x", errors=("the kernel panicked: x",))


async def test_a_story_of_standing_still() -> None:
    async with playing() as board:
        assert board.one("default").status is Status.RUNNING
        await board.press("P")
        await board.until(lambda: board.one("default").status is Status.PAUSED)
        assert "‖ paused: P lets it go on" in board.text
        await board.press("Z")
        assert "default is paused" in board.toasts
        await board.press("P")
        await board.until(lambda: board.one("default").status is Status.RUNNING)
        await board.press("Z")
        await board.until(lambda: board.one("default").status is Status.STOPPING)
        await board.engine.advance(2)
        await board.until(lambda: board.one("default").status is Status.SUSPENDED)
        assert "☾ Suspended" in board.text and "X gives it up" in board.text
        await board.press("X")
        assert "Its memory is given up" in board.text
        await board.press("escape", "s")
        await board.engine.advance(2)
        await board.until(lambda: board.one("default").status is Status.RUNNING)


async def test_a_machine_whose_disk_is_full_says_what_to_do() -> None:
    async with playing() as board:
        await board.press("j", "j", "j")
        assert "host disk full: free space, then P resumes" in board.text
        await board.press("s")
        assert "P lets it go on" in board.toasts
        await board.press("P")
        await board.until(lambda: board.one("ci-arm").status is Status.RUNNING)
        assert not board.one("ci-arm").errors


@pytest.mark.parametrize(("instance", "words", "colour"), [
    (PAUSED, "‖ Paused", "number"), (FULL, "‖ Paused host disk full", "bad"), (SUSPENDED, "☾ Suspended", "number"),
    (PANICKED, "✗ Panicked Kernel panic - not syncing: x", "bad"),
])
def test_words(instance: Instance, words: str, colour: str) -> None:
    line = status(instance)
    assert plain(line) == words
    assert line[0][1] == colour


def test_what_the_overview_says() -> None:
    told = {each: "\n".join(plain(line) for line in overview.findings(each))
            for each in (PAUSED, FULL, SUSPENDED, PANICKED)}
    assert told[PAUSED] == "‖ paused: P lets it go on"
    assert told[FULL].splitlines()[0] == "‖ host disk full: free space, then P resumes"
    assert "paused by QEMU" in told[FULL], "and what was found"
    assert "s lets it go on, X gives it up" in told[SUSPENDED]
    assert "r restarts it" in told[PANICKED]


@pytest.mark.parametrize(("action", "instance", "reason"), [
    ("pause", ONE, ""), ("pause", PAUSED, ""), ("pause", SUSPENDED, "one is suspended"), ("pause", None, "no instance"),
    ("suspend", ONE, ""), ("suspend", PAUSED, "one is paused"), ("memory", ONE, ""), ("memory", PANICKED, "panicked"),
    ("start", SUSPENDED, ""), ("start", PAUSED, "P lets it go on"), ("stop", SUSPENDED, "X gives its memory up"),
    ("insist", SUSPENDED, ""), ("restart", PANICKED, ""), ("clone", SUSPENDED, "s lets it go on"),
    ("delete", SUSPENDED, ""), ("shell", SUSPENDED, "not ready"),
])
def test_reasons(action: str, instance: Instance | None, reason: str) -> None:
    said = actions.BY_ID[action].reason(instance)
    assert reason in said if reason else said == ""


def test_labels_and_commands() -> None:
    pause, start = actions.BY_ID["pause"], actions.BY_ID["start"]
    assert [pause.word(each) for each in (ONE, PAUSED)] == ["pause", "resume"]
    assert [pause.command(each) for each in (ONE, PAUSED)] == ["limatui pause one", "limatui resume one"]
    assert [start.word(each) for each in (ONE, SUSPENDED)] == ["start", "go on"]


@pytest.mark.parametrize(("text", "wrong"), [("512MiB", ""), ("2GiB", ""), ("3GiB", "at most"), ("much", "the size")])
def test_a_size_of_memory(text: str, wrong: str) -> None:
    said = dialogs.wrong_memory(text, ONE)
    assert wrong in said if wrong else said == ""
