"""The disks pane: what there is, who holds it, create and delete."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from limacore.model.disk import DataDisk
from limacore.model.instance import Fleet
from limatui.ink import plain
from limatui.screens.disks import CreateDisk, DisksPane, command, wrong
from limatui.widgets.ask import Ask
from limatui.widgets.disklist import line, titles, why_not_delete
from tests.ui.pane_app import FileEngine, PaneApp, screen_text, until

GIB = 1 << 30
DISKS = (
    DataDisk("free", "/l/_disks/free", 10 * GIB, 3 * GIB),
    DataDisk("used", "/l/_disks/used", 20 * GIB, 19 * GIB, holder="default", holder_alive=True),
    DataDisk("left", "/l/_disks/left", 20 * GIB, GIB, format="raw", holder="k8s"),
    DataDisk("default", "/l/default", 100 * GIB, 4 * GIB, holder="default", holder_alive=True, main=True),
    DataDisk("broken", "/l/_disks/broken", error="not an image"),
)


@asynccontextmanager
async def disks(home: Path, *shown: DataDisk) -> AsyncIterator[tuple[PaneApp, DisksPane, Pilot[None], FileEngine]]:
    engine = FileEngine(home)
    pane = DisksPane("default")
    app = PaneApp(pane, engine)
    async with app.run_test(size=(110, 16)) as pilot:
        app.fleet = Fleet(home="", disks=shown)
        pane.disks.focus()
        await pilot.pause()
        yield app, pane, pilot, engine


def on_screen(app: PaneApp, text: str) -> Callable[[], bool]:
    return lambda: any(text in line for line in screen_text(app))


async def test_all_disks_those_of_the_instance_first(lima_home: Path) -> None:
    async with disks(lima_home, *DISKS) as (app, _pane, _pilot, _engine):
        shown = [row.split()[0].strip("▎") or row.split()[1] for row in screen_text(app)[1:6]]
        assert [name for name in shown if name] == ["used", "default", "broken", "free", "left"]


async def test_no_disks_says_what_to_do(lima_home: Path) -> None:
    async with disks(lima_home) as (app, _pane, pilot, _engine):
        await until(pilot, on_screen(app, "no disks yet"))
        await until(pilot, on_screen(app, "a creates one"))


async def test_delete_asks_and_is_refused_when_held(lima_home: Path) -> None:
    async with disks(lima_home, *DISKS) as (app, pane, pilot, engine):
        await pilot.press("d")
        assert not isinstance(app.screen, Ask)
        await until(pilot, on_screen(app, "used is used by default, which runs"))
        await pilot.press("j", "j", "j")
        assert pane.disks.current == DISKS[0]
        await pilot.press("d")
        await until(pilot, on_screen(app, "Delete disk free?"))
        await until(pilot, on_screen(app, "limatui disk delete free"))
        await pilot.press("escape", "d", "y")
        await until(pilot, lambda: bool(engine.calls))
        assert engine.calls == [("delete_disk", "free")]


async def test_create_checks_while_typing(lima_home: Path) -> None:
    async with disks(lima_home, *DISKS) as (app, _pane, pilot, engine):
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, CreateDisk))
        await pilot.press(*"free")
        await until(pilot, on_screen(app, "there is a disk free already"))
        await pilot.press("enter")
        assert isinstance(app.screen, CreateDisk)
        await pilot.press("2", "tab", "home", "3")
        await until(pilot, on_screen(app, "limatui disk create free2 --size 310GiB"))
        await pilot.press("enter")
        await until(pilot, lambda: bool(engine.calls))
        assert engine.calls == [("create_disk", "free2", "310GiB", "qcow2")]


async def test_the_cursor_stays_on_its_disk(lima_home: Path) -> None:
    async with disks(lima_home, *DISKS) as (app, pane, pilot, _engine):
        await pilot.press("G")
        assert pane.disks.current == DISKS[2]
        app.fleet = Fleet(home="", disks=(DataDisk("aaa", "", GIB), *DISKS))
        await pilot.pause()
        assert pane.disks.current == DISKS[2]
        app.fleet = Fleet(home="", disks=DISKS[:2])
        await pilot.pause()
        assert pane.disks.current == DISKS[0]


@pytest.mark.parametrize(("name", "size", "format", "problem"), [
    ("data", "10GiB", "qcow2", ""), ("", "10GiB", "qcow2", "name"), ("../x", "1GiB", "raw", "name"),
    ("a" * 77, "1GiB", "raw", "76"), ("taken", "1GiB", "raw", "already"), ("x", "much", "raw", "size"),
    ("x", "0", "raw", "size"), ("x", "1GiB", "vmdk", "format"),
])
def test_what_is_wrong_with_a_new_disk(name: str, size: str, format: str, problem: str) -> None:
    found = wrong(name, size, format, frozenset({"taken"}))
    assert (problem in found) if problem else not found


def test_command() -> None:
    assert command("x", "1GiB", "qcow2") == "limatui disk create x --size 1GiB"
    assert command("x", "1GiB", "raw") == "limatui disk create x --size 1GiB --format raw"


def test_reasons_against_deleting() -> None:
    assert [bool(why_not_delete(disk)) for disk in DISKS] == [False, True, True, True, False]
    assert "left over" in why_not_delete(DISKS[2])


def test_a_line_tells_everything_and_fits() -> None:
    assert "● default" in plain(line(DISKS[1], "default", 110))
    assert "lock left over" in plain(line(DISKS[2], "default", 80))
    assert "not an image" in plain(line(DISKS[4], "default", 110))
    assert all(len(plain(line(disk, "default", 60))) <= 60 for disk in DISKS)
    for width in (78, 118):
        column = plain(titles(width)).index("FORMAT")
        assert all(plain(line(disk, "", width))[column:].startswith(disk.format) for disk in DISKS[:4])
