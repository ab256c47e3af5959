"""Clone, rename, factory reset: what they ask, refuse and do; every verb answers on both engines."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from limacore.drivers.demo import DemoEngine
from limacore.engine import Engine
from limacore.model.instance import Status
from limacore.model.job import JobState
from limatui import actions
from limatui.api import EngineApi
from limatui.app import Dashboard
from limatui.settings.file import Settings
from limatui.verbs.calls import VERBS
from tests.instances import make_instance
from tests.ui.board import playing
from tests.ui.pane_app import screen_text, until


@asynccontextmanager
async def on_disk(home: Path) -> AsyncIterator[tuple[Dashboard, Pilot[None]]]:
    """The dashboard over the real engine, on one stopped instance with a real disk."""
    await asyncio.to_thread(make_instance, home)
    engine = Engine(interval=0.2)
    await asyncio.to_thread(engine.warm)  # as the program does after its first frame
    app = Dashboard(engine, settings=Settings())
    app.animation_level = "none"
    app.toast_seconds = 600.0
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.fleet.get("one"))
        await pilot.pause()
        yield app, pilot


async def test_a_story_on_a_real_home(lima_home: Path) -> None:
    async with on_disk(lima_home) as (app, pilot):
        def shown(text: str) -> bool:
            return any(text in row for row in screen_text(app))

        await pilot.press("8")
        await until(pilot, lambda: shown("no snapshots yet"))
        await pilot.press("tab", "a", *"first", "enter")
        await until(pilot, lambda: shown("disk only"))
        await pilot.press("escape", "C")
        await until(pilot, lambda: shown("limatui clone one one-2"))
        await pilot.press("enter")
        await until(pilot, lambda: app.fleet.get("one-2"))
        await pilot.press("5", "tab", "a", *"data", "enter")
        await until(pilot, lambda: shown("_disks/data") or shown("10 GiB"))
        await pilot.press("escape", "F", *"one", "enter")
        await until(pilot, lambda: any(job.verb == "factory-reset" and job.state is JobState.DONE for job in app.jobs))
        assert not (lima_home / "one/disk").exists() and (lima_home / "one-2/disk").exists()
        await pilot.press("J")
        await until(pilot, lambda: shown("has been factory reset"))


async def test_a_raw_disk_is_refused_before_trying(lima_home: Path) -> None:
    async with on_disk(lima_home) as (app, pilot):
        await asyncio.to_thread(make_instance, lima_home, "two", "raw")
        await until(pilot, lambda: any(" two " in row for row in screen_text(app)))
        await pilot.press("G", "S")
        await until(pilot, lambda: any("two is raw" in toast.message for toast in app._notifications))
        await pilot.press("8")
        await until(pilot, lambda: any("snapshots need qcow2" in row for row in screen_text(app)))


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


@pytest.mark.parametrize("engine", [DemoEngine, Engine])
def test_both_engines_take_what_the_dashboard_gives(engine: type) -> None:
    """Names and parameters of the protocol, one by one: mypy checks types, this what is there at run time."""
    for name, wanted in inspect.getmembers(EngineApi, inspect.isfunction):
        if not name.startswith("_"):
            given = getattr(engine, name, None)
            assert given is not None, name
            assert list(inspect.signature(wanted).parameters) == list(inspect.signature(given).parameters), name
