"""The sources of the console pane: `s` goes through them, a shell has the size of the window and can be had again."""

from __future__ import annotations

from pathlib import Path

from limacore.model.logfile import LogFile
from limatui.ink import plain
from limatui.present import console as present
from limatui.present.console import Link
from limatui.screens.console import ConsolePane
from tests.ui.board import Board, playing


async def into_pane(board: Board) -> ConsolePane:
    await board.press("2", "tab")
    pane = board.main.shown
    assert isinstance(pane, ConsolePane)
    await board.until(lambda: pane.terminal.has_focus and pane.link.state == "live", "the console")
    return pane


async def test_a_shell_beside_the_serial_port() -> None:
    async with playing() as board:
        pane = await into_pane(board)
        await board.press("s")
        assert pane.source == "shell"
        await board.until(lambda: pane.link == Link("live", "live", "ssh"), "the shell")
        assert "default  shell   ● live  ssh" in board.text and "source shell" in board.text
        await board.press("enter", *"whoami", "enter")
        await board.until(lambda: "\ndev" in board.text.replace("\n ", "\n"), "its answer")
        await board.press("ctrl+right_square_bracket", "s")
        await board.until(lambda: pane.source == "serialv" and "virtio console" in board.text)
        await board.press("s", "s")
        await board.until(lambda: pane.source == "serial" and pane.link == present.live("serial"), "all the way round")


async def test_a_shell_that_ended_is_had_again() -> None:
    async with playing() as board:
        pane = await into_pane(board)
        await board.press("s")
        await board.until(lambda: pane.link.state == "live")
        board.engine._lines["default/shell"].hang_up()
        await board.until(lambda: "the shell has ended" in board.text and "enter opens another" in board.text)
        await board.press("enter")
        await board.until(lambda: pane.link.state == "live", "another one")


async def test_no_shell_without_a_machine() -> None:
    async with playing() as board:
        await into_pane(board)
        await board.press("s", "escape", "j", "j")
        await board.until(lambda: "not connected" in board.text and "k8s" in board.text)


def test_the_log_of_a_source() -> None:
    logs = (LogFile("serial", Path("/a")), LogFile("serial virtio", Path("/b")), LogFile("serial pci", Path("/c")))
    assert [str(present.log_of(source, logs)) for source in ("serial", "serialv", "serialp")] == ["/a", "/b", "/c"]
    assert present.log_of("shell", logs) == present.log_of("serialv", logs[:1]) == present.NOWHERE


def test_words() -> None:
    left, right = present.header("a", Link("stopped", "ended"), False, "shell")
    assert "a  shell" in plain(left) and plain(right) == "enter opens another"
    assert plain(present.header("a", Link("stopped", "closed"), False)[1]) == ""
    assert present.live("serialp").detail == "serialp.sock"
