"""The disks pane: what there is, who holds it, and every verb with its refusals."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from limacore.model.disk import DataDisk
from limacore.model.instance import Fleet, HostUsage
from limatui.ink import plain
from limatui.present.disks import command, details, host_space, line, summary, titles, why_not, wrong, wrong_size
from limatui.screens.disks import DisksPane, found_in_file
from limatui.widgets.ask import Ask, Fill
from tests.ui.board import playing
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
    async with app.run_test(size=(110, 24)) as pilot:
        app.fleet = Fleet(home="", disks=shown, host=HostUsage(disk_free=41 * GIB, disk_total=200 * GIB))
        pane.list.focus()
        await pilot.pause()
        yield app, pane, pilot, engine


def on_screen(app: PaneApp, text: str) -> Callable[[], bool]:
    return lambda: any(text in line for line in screen_text(app))


async def test_all_disks_those_of_the_instance_first(lima_home: Path) -> None:
    async with disks(lima_home, *DISKS) as (app, _pane, _pilot, _engine):
        shown = [row.split()[0].strip("▎") or row.split()[1] for row in screen_text(app)[1:6]]
        assert [name for name in shown if name] == ["used", "default", "broken", "free", "left"]
        assert on_screen(app, "41 GiB free of 200 GiB")() and on_screen(app, "5 disks   27 GiB of 150 GiB")()
        assert on_screen(app, "used is used by default, which runs: stop it first")()


async def test_no_disks_says_what_to_do(lima_home: Path) -> None:
    async with disks(lima_home) as (app, _pane, pilot, _engine):
        await until(pilot, on_screen(app, "no disks yet"))
        await until(pilot, on_screen(app, "a creates one"))
        await pilot.press("a")
        await until(pilot, on_screen(app, "New disk"))


def make_image(path: Path, kind: str) -> None:
    subprocess.run(["qemu-img", "create", "-q", "-f", kind, str(path), "3G"], check=True)


async def go_to(pilot: Pilot[None], pane: DisksPane, name: str) -> None:
    await pilot.press("g")
    while pane.list.current is None or pane.list.current.name != name:
        await pilot.press("j")


async def test_delete_asks_and_is_refused_when_held(lima_home: Path) -> None:
    async with disks(lima_home, *DISKS) as (app, pane, pilot, engine):
        for name in ("used", "left", "default"):
            await go_to(pilot, pane, name)
            await pilot.press("d")
            assert not isinstance(app.screen, Ask)
        assert any("stop it first" in each for each in app.recorded), "why is told"
        await go_to(pilot, pane, "free")
        await pilot.press("d")
        await until(pilot, on_screen(app, "Delete disk free?"))
        await until(pilot, on_screen(app, "limatui disk delete free"))
        await pilot.press("escape", "d", "y")
        await until(pilot, lambda: bool(engine.calls))
        assert engine.calls == [("delete_disk", "free")]


async def test_create_checks_while_typing(lima_home: Path) -> None:
    async with disks(lima_home, *DISKS) as (app, _pane, pilot, engine):
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, Fill))
        await pilot.press(*"free")
        await until(pilot, on_screen(app, "there is a disk free already"))
        await pilot.press("enter")
        assert isinstance(app.screen, Fill)
        await pilot.press("2", "tab", "home", "3")
        await until(pilot, on_screen(app, "limatui disk create free2 --size 310GiB"))
        await pilot.press("enter")
        await until(pilot, lambda: bool(engine.calls))
        assert engine.calls == [("create_disk", "free2", "310GiB", "qcow2")]


async def test_resize_only_grows(lima_home: Path) -> None:
    async with disks(lima_home, *DISKS) as (app, pane, pilot, engine):
        await pilot.press("r")
        assert not isinstance(app.screen, Fill), "it is used by a running machine"
        await go_to(pilot, pane, "free")
        await pilot.press("r")
        await until(pilot, on_screen(app, "it has 10GiB already, and disks only grow"))
        await pilot.press("ctrl+u", *"9GiB", "enter")
        assert isinstance(app.screen, Fill)
        await pilot.press("ctrl+u", *"12GiB")
        await until(pilot, on_screen(app, "limatui disk resize free --size 12GiB"))
        await pilot.press("enter")
        await until(pilot, lambda: bool(engine.calls))
        assert engine.calls == [("resize_disk", "free", "12GiB")]


async def test_unlock_what_a_dead_machine_left(lima_home: Path) -> None:
    async with disks(lima_home, *DISKS) as (app, pane, pilot, engine):
        await pilot.press("u")
        await go_to(pilot, pane, "free")
        await pilot.press("u")
        assert not isinstance(app.screen, Ask), "in use, or free already"
        await go_to(pilot, pane, "left")
        await pilot.press("u")
        await until(pilot, on_screen(app, "k8s does not run, so nobody writes to it."))
        await pilot.press("y")
        await until(pilot, lambda: bool(engine.calls))
        assert engine.calls == [("unlock_disk", "left")]


async def test_import_looks_into_the_file(lima_home: Path) -> None:
    make_image(lima_home / "x.qcow2", "qcow2")
    async with disks(lima_home, *DISKS) as (app, _pane, pilot, engine):
        await pilot.press("i", *f"{lima_home}/nothing", "tab", *"mine")
        await until(pilot, on_screen(app, "No such file or directory"))
        await pilot.press("enter", "shift+tab", "ctrl+u", *f"{lima_home}/x.qcow2")
        await until(pilot, on_screen(app, "qcow2, 3GiB"))
        await until(pilot, on_screen(app, "limatui disk import mine"))
        await pilot.press("enter")
        await until(pilot, lambda: bool(engine.calls))
        assert engine.calls == [("import_disk", "mine", f"{lima_home}/x.qcow2")]


def test_only_files_that_can_be_imported_are_taken(tmp_path: Path) -> None:
    vmdk, text = tmp_path / "x.vmdk", tmp_path / "notes"
    make_image(vmdk, "vmdk")
    text.write_bytes(b"hello" * 300)
    assert found_in_file((str(vmdk), "x")) == (False, "the file: it is vmdk; qcow2 or raw can be imported")
    assert found_in_file((str(text), "x"))[0] is True, "what has no header is raw"
    assert not found_in_file((str(tmp_path), "x"))[0]


async def test_the_cursor_stays_on_its_disk(lima_home: Path) -> None:
    async with disks(lima_home, *DISKS) as (app, pane, pilot, _engine):
        await pilot.press("G")
        assert pane.list.current == DISKS[2]
        app.fleet = Fleet(home="", disks=(DataDisk("aaa", "", GIB), *DISKS))
        await pilot.pause()
        assert pane.list.current == DISKS[2]
        app.fleet = Fleet(home="", disks=DISKS[:2])
        await pilot.pause()
        assert pane.list.current == DISKS[0]


async def test_a_story_on_the_demo() -> None:
    async with playing() as board:
        await board.press("d")
        await board.until(lambda: board.main.focused is not board.main.table, "the pane")
        assert "a add" in board.footer and "i import" in board.footer
        await board.press("a", *"cache-1", "tab", "ctrl+u", *"2GiB", "enter")
        await board.until(lambda: "cache-1" in board.text, "the new disk")
        assert board.app.last_command == "limatui disk create cache-1 --size 2GiB"
        await board.press("G", "g", "j", "j")
        pane = board.main.shown
        assert isinstance(pane, DisksPane)
        while pane.list.current and pane.list.current.name != "registry":
            await board.press("j")
        await board.press("u", "y")
        await board.until(lambda: board.app.jobs[0].verb == "disk unlock" and board.app.jobs[0].state == "done")
        await board.press("d", "y")
        await board.until(lambda: all(disk.name != "registry" for disk in board.app.fleet.disks), "it is gone")
        await board.pilot.click("#footer", offset=(board.footer.index("I image cache"), 0))
        await board.until(lambda: "downloads" in board.text, "the key of a pane, clicked")
        await board.press("escape", "escape")
        assert board.main.focused is board.main.table


async def test_the_app_may_end_while_the_pane_is_being_mounted() -> None:
    for keys in ("5q", "6q", "d6q", "Iqq"):
        async with playing() as board:
            for key in keys:
                board.app.simulate_key(key)


@pytest.mark.parametrize(("name", "size", "format", "problem"), [
    ("data", "10GiB", "qcow2", ""), ("", "10GiB", "qcow2", "name"), ("../x", "1GiB", "raw", "name"),
    ("a" * 77, "1GiB", "raw", "name"), ("taken", "1GiB", "raw", "already"), ("x", "much", "raw", "size"),
    ("x", "0", "raw", "size"), ("x", "1GiB", "vmdk", "format"), ("\x1b[31m", "1GiB", "raw", "name"),
])
def test_what_is_wrong_with_a_new_disk(name: str, size: str, format: str, problem: str) -> None:
    found = wrong(name, size, format, frozenset({"taken"}))
    assert (problem in found) if problem else not found


def test_command() -> None:
    assert command("x", "1GiB", "qcow2") == "limatui disk create x --size 1GiB"
    assert command("x", "1GiB", "raw") == "limatui disk create x --size 1GiB --format raw"


def test_reasons() -> None:
    allowed = {verb: [not why_not(verb, disk) for disk in DISKS] for verb in ("delete", "resize", "unlock")}
    assert allowed == {"delete": [True, False, False, False, True], "resize": [True, False, True, False, False],
                       "unlock": [False, False, True, False, False]}
    assert "u unlocks it" in why_not("delete", DISKS[2])
    assert "grows at the next start" in why_not("resize", DISKS[3])
    assert not wrong_size("11GiB", above=10 * GIB) and wrong_size("10GiB", above=10 * GIB)


def test_a_line_tells_everything_and_fits() -> None:
    assert "● default" in plain(line(DISKS[1], "default", 110))
    assert "lock left over" in plain(line(DISKS[2], "default", 80))
    assert "not an image" in plain(line(DISKS[4], "default", 110))
    assert all(len(plain(line(disk, "default", 60))) <= 60 for disk in DISKS)
    assert all(len(plain(each)) <= 50 for disk in DISKS for each in details(disk, disk.dir, 50))
    for width in (78, 118):
        column = plain(titles(width)).index("FORMAT")
        assert all(plain(line(disk, "", width))[column:].startswith(disk.format) for disk in DISKS[:4])
    assert plain(summary(())) == "0 disks   - of - allocated"
    assert ("4 GiB", "warn") in host_space(HostUsage(disk_free=4 * GIB, disk_total=200 * GIB), 100)
