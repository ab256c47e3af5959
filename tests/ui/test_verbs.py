"""Clone, rename, factory reset: what they ask, refuse and do; every verb answers on both engines."""

from __future__ import annotations

import inspect

import pytest

from limacore.drivers.demo import DemoEngine
from limacore.model.instance import Status
from limacore.model.job import JobState
from limatui import actions
from limatui.api import EngineApi
from limatui.verbs import VERBS
from tests.ui.board import playing


async def test_clone_copies_under_a_name_that_is_free() -> None:
    async with playing() as board:
        await board.press("C")
        assert "default is running: stop it first" in board.toasts
        await board.press("j", "j", "C")
        assert "Clone k8s" in board.text and "12 GiB of disk" in board.text
        assert "$ limatui clone k8s k8s-2" in board.text
        await board.press("ctrl+u", *"old")
        assert "there is an instance old already" in board.text
        await board.press("enter", "ctrl+u", *"../x")
        assert "letters and digits" in board.text
        await board.press("ctrl+u", *"spare", "enter")
        await board.later(3)
        assert board.app.jobs[0].rate == 900e6 and board.app.fleet.get("spare") is None, "nothing half is shown"
        await board.later(15)
        await board.until(lambda: board.app.fleet.get("spare"))
        assert board.one("spare").status is Status.STOPPED
        assert board.app.last_command == "limatui clone k8s spare"
        assert "spare was created" not in board.toasts, "that is our doing"


async def test_rename_moves_everything() -> None:
    async with playing() as board:
        await board.press("j", "j", "R")
        assert "Rename k8s" in board.text and "that is its name" in board.text
        await board.press("ctrl+u", *"cluster", "enter")
        await board.until(lambda: board.app.fleet.get("cluster"))
        assert board.app.fleet.get("k8s") is None
        assert [each.tag for each in await board.engine.snapshots("cluster")] == ["fresh"]
        assert any(disk.name == "registry" and disk.holder == "cluster" for disk in board.app.fleet.disks)


async def test_factory_reset_names_what_is_lost() -> None:
    async with playing() as board:
        await board.press("F")
        assert "default is protected: p lifts it" in board.toasts
        await board.press("p")
        await board.until(lambda: not board.one("default").protected)
        await board.press("F")
        for words in ("its disk (", "all snapshots, all logs", "lima.yaml, additional disks", "ended at once",
                      "limatui factory-reset default"):
            assert words in board.text, words
        await board.press(*"defaul", "enter")
        assert "Reset default" in board.text
        await board.press("t", "enter")
        await board.until(lambda: board.app.jobs[0].verb == "factory-reset"
                          and board.app.jobs[0].state is JobState.DONE, "the job")
        assert board.one("default").status is Status.STOPPED and not await board.engine.snapshots("default")
        assert board.app.jobs[0].log[-1].text == "Instance `default` has been factory reset"


@pytest.mark.parametrize("size", [(80, 24), (60, 20)])
async def test_dialogs_fit_a_small_screen(size: tuple[int, int]) -> None:
    async with playing(size) as board:
        await board.press("j", "j")
        for key in "CRFSD":
            await board.press(key)
            await board.until(lambda: board.app.screen is not board.main, key)
            assert "esc" in board.text and "enter" in board.text, key
            await board.press("escape")


def test_every_verb_of_the_dashboard_is_an_action() -> None:
    assert set(VERBS) <= set(actions.BY_ID)


def test_the_demo_takes_what_the_dashboard_gives() -> None:
    """Names and parameters of the protocol, one by one: mypy checks types, this what is there at run time."""
    for name, wanted in inspect.getmembers(EngineApi, inspect.isfunction):
        if not name.startswith("_"):
            given = getattr(DemoEngine, name, None)
            assert given is not None, name
            assert list(inspect.signature(wanted).parameters) == list(inspect.signature(given).parameters), name
