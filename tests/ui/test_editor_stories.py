"""The editor in the dashboard: completion, values and their layers, search, edits that wait, texts that survive."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from textual.geometry import Region

from limacore.engine import Engine
from limacore.lifecycle import queue
from limacore.model.instance import Status
from limacore.paths import HomePaths, state_dir
from limatui.app import Dashboard
from limatui.screens.config import ConfigPane
from limatui.settings.file import Settings
from limatui.texts.recovery import Recovery
from limatui.widgets.ask import Ask
from limatui.widgets.editor.effective import EffectiveView
from limatui.widgets.editor.findline import places
from limatui.widgets.table import InstanceTable
from tests.ui.board import Board, playing
from tests.ui.pane_app import until


async def editing(board: Board, *, row: int = 0) -> ConfigPane:
    """The editor on `row`, at its end."""
    await board.press("e")
    await board.until(lambda: board.main.query(ConfigPane) and board.main.query_one(ConfigPane).buffer, "the text")
    pane = board.main.query_one(ConfigPane)
    await board.until(lambda: board.app.focused is pane.editor, "the keyboard")
    pane.editor.go_to(row, 1000)
    await board.pilot.pause()
    return pane


def row_of(pane: ConfigPane, start: str) -> int:
    return next(row for row, line in enumerate(pane.editor.document.lines) if line.startswith(start))


# --- completion


async def test_keys_and_values_are_offered_as_one_types() -> None:
    async with playing() as board:
        pane = await editing(board)
        await board.press("enter", *"vmt")
        await board.until(lambda: pane.completion.current, "the choices")
        assert "vmType" in board.text and "The driver: qemu here" in board.text
        await board.press("tab")
        assert pane.editor.document.lines[1] == "vmType: "
        await board.until(lambda: pane.completion.current, "the values")
        assert [each.text for each in pane.completion.choices] == ["qemu", "vz", "wsl2"]
        await board.press("down", "enter")
        assert pane.editor.document.lines[1] == "vmType: vz"
        await board.press("ctrl+z")
        assert pane.editor.document.lines[1] != "vmType: vz"


async def test_choices_never_take_an_enter_that_was_not_meant_for_them() -> None:
    async with playing() as board:
        pane = await editing(board)
        await board.press("enter", *"vid")
        await board.until(lambda: pane.completion.current, "the choices")
        await board.press("enter")
        assert pane.editor.document.lines[1:3] == ["vid", ""]
        await board.press(*"pro")
        await board.until(lambda: pane.completion.current, "the choices")
        await board.press("escape")
        assert pane.completion.current is None and board.app.focused is pane.editor, "escape closed the list only"


async def test_asked_for_at_an_empty_place() -> None:
    async with playing() as board:
        pane = await editing(board)
        pane.editor.go_to(row_of(pane, "- guestPort"), 1000)
        await board.press("enter", "ctrl+@")
        await board.until(lambda: pane.completion.current, "the choices")
        offered = [each.text for each in pane.completion.choices]
        assert "guestIP" in offered and "guestPort" not in offered and "hostPort" not in offered
        await board.press("down", "pagedown", "up", "enter")
        await board.until(lambda: pane.completion.current is None or pane.completion.choices[0].text != "guestIP")


async def test_templates_are_offered_for_base() -> None:
    async with playing() as board:
        pane = await editing(board)
        await board.until(lambda: pane.completing.names, "the names of templates")
        await board.press("enter", *"base: deb")
        await board.until(lambda: pane.completion.current, "the choices")
        assert "template:debian-13" in [each.text for each in pane.completion.choices]


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_the_list_stays_on_the_screen(size: tuple[int, int]) -> None:
    async with playing(size=size) as board:
        pane = await editing(board)
        pane.editor.go_to(pane.editor.document.line_count - 1, 0)
        await board.press("ctrl+@")
        await board.until(lambda: pane.completion.display, "the list")
        await board.pilot.pause()
        region = pane.completion.region
        assert Region(0, 1, size[0], size[1] - 1).contains_region(region)
        assert "minimumLimaVersion" in board.text


# --- values


async def test_values_with_the_layer_they_come_from() -> None:
    async with playing() as board:
        (Path(board.engine.home) / "_config").mkdir()
        (Path(board.engine.home) / "_config" / "override.yaml").write_text("cpus: 7\n")
        (Path(board.engine.home) / "_config" / "default.yaml").write_text("timezone: Mars/Base\n")
        pane = await editing(board)
        await board.until(lambda: pane.checking.effective, "the values")
        await board.press("f2", "slash", *"cpus")
        await board.until(lambda: "override.yaml:1" in board.text, "the layer of cpus")
        await board.press("ctrl+u", *"timezone")
        await board.until(lambda: "Mars/Base" in board.text and "default.yaml:1" in board.text)
        await board.press("ctrl+u", *"hostPort", "enter")
        view = pane.query_one(EffectiveView)
        await board.press("g")
        await board.until(lambda: view.list.current and view.list.current.path[-1] == "hostPort")
        await board.until(lambda: "Port on the host" in board.text, "its documentation")
        await board.press("enter")
        assert not pane.viewing and board.app.focused is pane.editor
        assert pane.editor.document.lines[pane.editor.cursor_location[0]] == "  hostPort: 8080"


async def test_a_changed_value_says_what_it_was() -> None:
    async with playing() as board:
        pane = await editing(board)
        await board.until(lambda: pane.checking.effective)
        pane.editor.go_to(row_of(pane, "cpus:"), 1000)
        await board.press("backspace", "4")
        await board.until(lambda: "here, was 2" in board.text, "the value before")
        await board.press("f2")
        await board.until(lambda: "was 2" in board.text and "EFFECTIVE" in board.text)
        await board.press("f2")
        assert board.app.focused is pane.editor


async def test_a_value_of_another_file_names_its_place() -> None:
    async with playing() as board:
        pane = await editing(board)
        await board.until(lambda: pane.checking.effective)
        await board.press("f2", "slash", *"timezone", "enter", "enter")
        await board.until(lambda: "timezone comes from: built in" in board.toasts)


# --- moving


async def test_finding_and_going_to_a_line() -> None:
    async with playing() as board:
        pane = await editing(board)
        await board.press("ctrl+f", *"location")
        await board.until(lambda: "1 of 3" in board.text)
        assert pane.editor.selected_text == "location"
        first = pane.editor.selection.start
        await board.press("enter", "enter", "enter")
        assert pane.editor.selection.start == first, "it goes round"
        await board.press("up", "escape")
        assert board.app.focused is pane.editor
        await board.press("ctrl+g", "5", "enter")
        assert pane.editor.cursor_location[0] == 4
        await board.press("ctrl+g", *"99999", "escape")
        assert pane.editor.cursor_location[0] == pane.editor.document.line_count - 1


def test_places_fold_capitals_unless_some_are_wanted() -> None:
    assert places(["aAa", "b a"], "a") == [(0, 0), (0, 1), (0, 2), (1, 2)]
    assert places(["aAa"], "A") == [(0, 1)]
    assert places(["aaaa"], "aa") == [(0, 0), (0, 2)]
    assert places(["a"], "") == []


async def test_problems_one_after_the_other_and_all_together() -> None:
    async with playing(size=(80, 24)) as board:
        pane = await editing(board, row=4)
        await board.press("x")
        pane.editor.go_to(row_of(pane, "memory:"), 1000)
        await board.press("x")
        await board.until(lambda: sum(each.severity == "error" for each in pane.problems) >= 1)
        await board.press("f8")
        assert "✗" in board.text
        await board.press("f7", "f4")
        await board.until(lambda: isinstance(board.app.screen, Ask) and "Problems" in board.text)


# --- edits that wait


async def test_an_edit_of_a_running_machine_waits_for_its_next_start() -> None:
    async with playing() as board:
        pane = await editing(board)
        file = Path(board.engine.home) / "default" / "lima.yaml"
        before = file.read_text()
        pane.editor.go_to(row_of(pane, "cpus:"), 1000)
        await board.press("backspace", "4", "ctrl+s")
        await board.until(lambda: "the changes wait for its next start" in board.text, "the question")
        await board.press("enter")
        await board.until(lambda: "waits for the next start" in board.text and not pane.unsaved, "it waits")
        assert file.read_text() == before
        assert "kept for the next start" in board.toasts
        await board.press("escape")
        await board.later(1)
        await board.until(lambda: "edit" in board.text and "◷ waits for the next start" in board.text, "the overview")
        board.engine.restart("default")
        await board.later(5)
        assert "cpus: 4" in file.read_text()
        await board.until(lambda: not board.one("default").edit_waits)


async def test_what_waits_is_edited_further_and_can_be_dropped() -> None:
    async with playing() as board:
        board.engine.queue_config("default", board.engine.read_config("default").replace("cpus: 2", "cpus: 6"))
        pane = await editing(board)
        assert "cpus: 6" in pane.editor.text
        await board.press("f9")
        await board.until(lambda: "Drop the edit that waits" in board.text)
        assert "+ cpus: 6" in board.text
        await board.press("d")
        await board.until(lambda: "cpus: 2" in pane.editor.text)
        assert board.engine.queued("default") is None


async def test_a_real_engine_saves_queues_and_applies(lima_home: Path) -> None:
    name = lima_home / "vm"
    name.mkdir()
    text = "# mine\nimages:\n- location: /x.qcow2\ncpus: 2\n"
    (name / "lima.yaml").write_text(text)
    engine = Engine(lima_home, interval=0.1)
    await asyncio.to_thread(engine.warm)
    app = Dashboard(engine, settings=Settings())
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.fleet.get("vm"))
        await pilot.press("e")
        await until(pilot, lambda: app.screen.query(ConfigPane) and app.screen.query_one(ConfigPane).buffer)
        pane = app.screen.query_one(ConfigPane)
        pane.editor.focus()
        pane.editor.go_to(3, 1000)
        await pilot.press("backspace", "3", "ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("enter")
        await until(pilot, lambda: "cpus: 3" in (name / "lima.yaml").read_text())
        engine.queue_config("vm", text.replace("cpus: 2", "cpus: 4"))
        await until(pilot, lambda: app.fleet.instances[0].edit_waits)
        assert app.fleet.instances[0].status is Status.STOPPED
        home = HomePaths(lima_home)
        assert queue.apply(home, home.instance("vm"))
        assert "cpus: 4" in (name / "lima.yaml").read_text()
        await until(pilot, lambda: not app.fleet.instances[0].edit_waits)


# --- texts that survive


async def test_a_crash_loses_nothing(tmp_path: Path) -> None:
    """What was typed is on disk, and the next dashboard offers it."""
    async with playing() as board:
        pane = await editing(board)
        await board.press(*"# precious")
        await board.until(lambda: any("precious" in text for text in kept_texts(board)), "it is kept")
        # The crash: the pane forgets everything, the file stays.
        pane._buffers = None
        pane.instance = "k8s"
        await board.until(lambda: pane.buffer and pane.buffer.source.name == "k8s")
        pane.instance = "default"
        await board.until(lambda: "a text that was never saved" in board.text, "the offer")
        assert "precious" in board.text
        await board.press("r")
        await board.until(lambda: "precious" in pane.editor.text and pane.unsaved == ("default",))


def kept_texts(board: Board) -> list[str]:
    """What the recovery files hold."""
    return [path.read_text() for path in board.engine.unsaved.glob("*.json")]


async def test_a_recovered_text_can_be_dropped_and_is_gone_then() -> None:
    async with playing() as board:
        kept = Recovery(board.engine.home, board.engine.unsaved)
        kept.want(("lima.yaml", "default"), ("before", "typed long ago\n"))
        await asyncio.to_thread(kept.write)
        await editing_until_question(board)
        await board.press("d")
        await board.until(lambda: not kept_texts(board), "it is gone")


async def editing_until_question(board: Board) -> None:
    await board.press("e")
    await board.until(lambda: "a text that was never saved" in board.text, "the offer")
    assert "the file was changed since" in board.text


async def test_saving_and_undoing_leave_no_recovery_file() -> None:
    async with playing() as board:
        pane = await editing(board)
        await board.press("x")
        folder = board.engine.unsaved
        await board.until(lambda: folder.exists() and list(folder.glob("*.json")))
        await board.press("backspace")
        await board.until(lambda: not list(folder.glob("*.json")), "undone by hand")
        assert pane.unsaved == ()


def test_recovery_tells_texts_homes_and_processes_apart(tmp_path: Path) -> None:
    mine, other = Recovery("/a", tmp_path), Recovery("/b", tmp_path)
    mine.want(("lima.yaml", "x"), ("old", "new"))
    mine.write()
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert mine.offered(("lima.yaml", "x")) is not None
    assert mine.offered(("template", "x")) is None and other.offered(("lima.yaml", "x")) is None
    alive = file.read_text().replace(f'"pid":{file.stem.rsplit(".", 1)[-1]}', '"pid":1')
    file.write_text(alive)
    assert mine.offered(("lima.yaml", "x")) is not None, "pid 1 is not the process that wrote it"
    file.write_text("{ nonsense")
    assert mine.offered(("lima.yaml", "x")) is None
    file.write_bytes(b"\xff")
    assert mine.offered(("lima.yaml", "x")) is None


async def test_line_ends_of_windows_are_no_change() -> None:
    async with playing() as board:
        text = board.engine.read_config("default")
        file = Path(board.engine.home) / "default" / "lima.yaml"
        file.write_bytes(text.replace("\n", "\r\n", 3).encode())
        pane = await editing(board)
        await board.pilot.pause(0.5)
        assert pane.unsaved == () and "saved" in board.text.splitlines()[0]
        assert not board.engine.unsaved.exists()
        pane.editor.go_to(row_of(pane, "cpus:"), 1000)
        await board.press("backspace", "4", "ctrl+s")
        await board.until(lambda: "Save lima.yaml" in board.text)
        await board.press("enter")
        await board.until(lambda: pane.buffer and pane.buffer.waits, "no conflict with itself")


# --- large and hostile texts


async def test_a_thousand_lines_stay_live() -> None:
    async with playing() as board:
        file = Path(board.engine.home) / "default" / "lima.yaml"
        board.engine.read_config("default")
        scripts = "".join(f"- mode: system\n  script: |\n    #!/bin/sh\n    echo {n}\n" for n in range(250))
        file.write_text(file.read_text().replace("provision:\n", f"provision:\n{scripts}"))
        pane = await editing(board)
        assert pane.editor.document.line_count > 1000
        pane.editor.go_to(500, 0)
        slowest = 0.0
        for char in "# typed here":
            began = time.process_time()
            await board.pilot.press(char)
            slowest = max(slowest, time.process_time() - began)
        await board.until(lambda: pane.buffer and "# typed here" in pane.buffer.text)
        await board.until(lambda: pane.editor.changed == {500}, "the marks come with the check")
        assert slowest < 0.5, slowest


async def test_hostile_text_in_lima_yaml() -> None:
    async with playing() as board:
        board.engine.read_config("default")
        file = Path(board.engine.home) / "default" / "lima.yaml"
        file.write_text("# \x1b]0;owned\x07\u202e\nmessage: |\n  \x9b31m [red]x[/red]\nenv: {A: \"\\e[31m\"}\n")
        pane = await editing(board)
        await board.until(lambda: pane.problems)
        for keys in (("f2",), ("f2",), ("f3",), ("escape",), ("f4",), ("escape",), ("ctrl+f", "x"), ("escape",)):
            await board.press(*keys)
            assert not [char for char in "\x1b\x07\x9b\u202e" if char in board.text]


async def typed_and_left(home: Path, answer: str) -> None:
    """Open the editor, restore what is offered, type, leave the dashboard with an answer."""
    engine = Engine(home, interval=0.1)
    await asyncio.to_thread(engine.warm)
    app = Dashboard(engine, settings=Settings())
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.query(InstanceTable) and app.query_one(InstanceTable).cursor)
        await pilot.press("e")
        await until(pilot, lambda: app.screen_stack[0].query(ConfigPane))
        pane = app.screen_stack[0].query_one(ConfigPane)
        await until(pilot, lambda: pane.buffer)
        await pilot.pause(0.5)
        if isinstance(app.screen, Ask):
            await pilot.press("r")
            await pilot.pause(0.2)
        await until(pilot, lambda: app.focused is pane.editor)
        await pilot.press("x", "escape", "k")
        await until(pilot, lambda: isinstance(app.focused, InstanceTable))
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press(answer)
        await pilot.pause(0.3)


async def test_leaving_the_dashboard_keeps_or_drops(lima_home: Path) -> None:
    (lima_home / "vm").mkdir()
    (lima_home / "vm" / "lima.yaml").write_text("images:\n- location: /x.qcow2\n")
    folder = state_dir() / "unsaved"
    await typed_and_left(lima_home, "l")
    assert len(list(folder.glob("*.json"))) == 1
    await typed_and_left(lima_home, "d")
    assert not list(folder.glob("*.json"))
