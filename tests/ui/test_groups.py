"""The list in groups, sorted by a click, and looked at tomorrow as today."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from limacore.config.load import load_text
from limacore.drivers.demo import DemoEngine, world
from limacore.model.instance import Instance
from limacore.paths import HomePaths
from limatui.app import Dashboard
from limatui.ink import plain, width
from limatui.present import groups, listing, rows
from limatui.present.listing import View
from limatui.settings import viewfile
from tests.ui.board import NOW, Board, playing

ALL = tuple(world.observe(each, Path("/h"), NOW) for each in world.machines(12, NOW))
DEFAULT = ALL[0]


def heads(board: Board) -> list[str]:
    return [line[2:].split("  ──")[0].rstrip("─ ") for line in board.main.table.text.splitlines()
            if line[2:3] in ("▾", "▸")]


async def grouped_by(board: Board, word: str) -> None:
    for _ in groups.kinds(board.app.fleet.instances):
        if f"groups by {word} " in f"{board.text} ".replace("\n", " "):
            return
        await board.press("b")
    raise AssertionError(f"there are no groups by {word}")


async def test_groups_go_round_and_the_cursor_stays_on_its_instance() -> None:
    async with playing() as board:
        await board.press("j", "j")
        seen = []
        for _ in groups.kinds(board.app.fleet.instances):
            await board.press("b")
            assert board.main.table.cursor == "k8s"
            seen.append(heads(board))
        assert seen[0] == ["▾ Orphan QEMU  1", "▾ Paused  1", "▾ Starting  1", "▾ Running  1", "▾ Stopped  1"]
        assert "▾ default  1 running of 2" in seen[1] and "▾ aarch64  0 running of 1" in seen[2]
        assert seen[4] == ["▾ ci  0 running of 2", "▾ no team  1 running of 3"] and seen[5] == []


async def test_a_group_is_folded_and_opened() -> None:
    async with playing() as board:
        await board.press("f")
        assert "there are no groups" in board.toasts
        await grouped_by(board, "team")
        await board.press("g", "enter")
        assert heads(board)[0] == "▸ ci  0 running of 2" and "build" not in board.main.table.text
        assert "hidden" not in board.text and "f open" in board.footer
        await board.press("f", "j", "f")
        assert "build" not in board.main.table.text and board.main.subject is None, "the cursor is on the head"
        await board.press("j", "j")
        assert board.main.table.cursor == "default"
        await board.press("k", "k", "f")
        assert "build" in board.main.table.text
        await board.press("f", "b", "b")
        assert board.main.view.folded == frozenset()


async def test_a_whole_group_is_marked_folded_or_not() -> None:
    async with playing(count=12) as board:
        await grouped_by(board, "team")
        await board.press("g", "f", "space")
        assert {each.name for each in board.main.table.marked} == {"build", "ci-arm", "vm-006", "vm-010"}
        assert "✓▸ ci" in board.main.table.text and "4 instances marked" in board.text
        await board.press("k", "space")
        assert not board.main.table.marked
        await board.press("*")
        assert len(board.main.table.marked) == 12


async def test_verbs_say_that_a_head_is_no_instance() -> None:
    async with playing() as board:
        await grouped_by(board, "team")
        await board.press("g", "s", "D")
        assert "no instance is selected" in board.toasts and not board.app.jobs
        for pane in "23456789":
            await board.press(pane)
        await board.press("1", "j")
        assert board.main.table.cursor == "build"


async def test_the_overview_of_a_group_adds_up() -> None:
    async with playing() as board:
        await grouped_by(board, "team")
        await board.press("g")
        assert "of 6 cores" in board.text and "disk 16 GiB" in board.text and "‖ Paused host disk full" in board.text
        await board.press("P", "j")
        assert "of 6 cores" not in board.text


async def test_the_mouse_folds_and_opens() -> None:
    async with playing() as board:
        await grouped_by(board, "team")
        await board.pilot.click("InstanceTable", offset=(2, 1))
        assert heads(board)[0].startswith("▸ ci")
        await board.pilot.click("InstanceTable", offset=(2, 1))
        assert heads(board)[0].startswith("▾ ci")


async def test_a_click_on_a_title_sorts_and_once_more_turns_around() -> None:
    async with playing() as board:
        title = board.main.table.text.splitlines()[0]
        at = title.index("DISK") + 1
        await board.pilot.click("InstanceTable", offset=(at, 0))
        assert "DISK ▾" in board.text and board.main.table.text.splitlines()[1].split()[0] == "ci-arm"
        await board.pilot.click("InstanceTable", offset=(at, 0))
        assert "DISK ▴" in board.text and board.main.table.text.splitlines()[1].split()[0] == "build"
        await board.pilot.click("InstanceTable", offset=(5, 0))
        assert "by " not in board.main.query_one("#view").text and "NAME ▾" not in board.text  # type: ignore[attr-defined]
        await board.pilot.click("InstanceTable", offset=(5, 0))
        assert "NAME ▴" in board.text and board.main.table.text.splitlines()[1].split()[0] == "old"


async def test_the_view_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert await asyncio.to_thread(viewfile.load) == View()
    app = Dashboard(engine := DemoEngine(5, frozen=NOW), clock=engine.now, view=View())
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("o", "h", "b", "exclamation_mark")
        wanted = View("status", up_only=True, group="status")
        while await asyncio.to_thread(viewfile.load) != wanted:
            await pilot.pause(0.01)
    view = await asyncio.to_thread(viewfile.load)
    again = Dashboard(engine := DemoEngine(5, frozen=NOW), clock=engine.now, view=view)
    async with again.run_test(size=(120, 36)) as pilot:
        board = Board(again, engine, pilot)
        await board.until(lambda: again.fleet.home)
        await pilot.pause()
        assert "STATUS ▾" in board.text and "1 hidden" in board.text and "groups by status" in board.text


def test_a_broken_file_is_the_usual_view(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    viewfile.save(View("cpu"))
    assert viewfile.load() == View("cpu")
    for text in ("{", '{"sort": 3}', ""):
        viewfile.view_file().write_text(text)
        assert viewfile.load() == View()
    viewfile.view_file().write_text('{"sort": "gone", "group": "label:gone", "later": 1}')
    assert [each.name for each in listing.arranged(ALL, viewfile.load(), lambda _: True, lambda _: ())]


def test_labels_come_from_lima_yaml(tmp_path: Path) -> None:
    text = "images: [{location: /x}]\nvmOpts: {limatui: {labels: {team: web, tier: 3}}}\n"
    loaded = load_text(text, tmp_path / "lima.yaml", HomePaths(tmp_path))
    assert not loaded.problems
    one = replace(DEFAULT, config=loaded.config)
    assert groups.kinds([one])[-2:] == ("label:team", "label:tier")
    assert groups.value(one, "label:tier") == "3" and groups.value(replace(one, config=None), "label:tier") == ""


@pytest.mark.parametrize("by", [each for each in groups.kinds(ALL) if each])
def test_every_instance_is_in_one_group(by: str) -> None:
    found = groups.grouped(ALL, by)
    assert sorted(each.name for group in found for each in group.members) == sorted(each.name for each in ALL)
    for cells in (40, 77, 117):
        for group in found:
            line = rows.group_head(rows.columns(cells), rows.Head(group, by), cursor=False)
            assert width(line) <= cells and plain(line).split()[1] == (group.value or "no team").split()[0]


def test_any_column_can_be_sorted_by() -> None:
    for name in rows.COLUMNS:
        view = listing.by_column(View("gone"), name)
        order = _names(view)
        assert _names(replace(view, backwards=True)) == order[::-1]
    assert listing.by_column(View("cpu"), "cpu").backwards and not listing.by_column(View("cpu"), "disk").backwards


def _names(view: View) -> list[str]:
    def cpu(name: str) -> tuple[float, ...]:
        return ()
    everything: tuple[Instance, ...] = ALL
    return [each.name for each in listing.arranged(everything, view, lambda _: True, cpu)]
