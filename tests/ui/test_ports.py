"""The ports pane: what goes where and why; knocking, adding, stopping, opening, and what is refused."""

from __future__ import annotations

import pytest

from limacore.model.config import Config, PortForward
from limacore.model.instance import Forward, Instance, Status
from limacore.model.probe import Probe
from limatui.host import browser
from limatui.ink import plain, width
from limatui.present import ports
from limatui.screens.ports import PortsPane
from tests.ui.board import Board, playing

WEB = Forward("tcp", "0.0.0.0:80", "127.0.0.1:8080", rule="portForwards[0]")
TAKEN = Forward("tcp", "127.0.0.1:5432", "127.0.0.1:5432", "failed", "in use by postgres (pid 812)", "default")
SSH = Forward("tcp", "0.0.0.0:22", state="not-forwarding", rule="the port of ssh")
LOST = Forward("tcp", "10.0.0.9:99", state="not-forwarding")
STOPPED = Forward("tcp", "127.0.0.1:81", state="not-forwarding", rule="stopped by hand")
RUNNING = Instance("a", "/l/a", Status.RUNNING)
OFF = Instance("a", "/l/a", config=Config(port_forwards=(PortForward(guest_port=80),)))


async def into_pane(board: Board) -> PortsPane:
    await board.press("6", "tab")
    pane = board.main.shown
    assert isinstance(pane, PortsPane)
    await board.until(lambda: pane.list.has_focus and pane.list.items, "the pane")
    return pane


async def test_what_goes_where_and_why() -> None:
    async with playing() as board:
        await into_pane(board)
        row = next(line for line in board.text.splitlines() if "127.0.0.1:8080" in line)
        assert "0.0.0.0:80" in row and "portForwards[0]" in row and "forwarding" in row
        assert "3 forwarded   1 failed   2 not" in board.text
        await board.press("j")
        assert "taken: postgres 812" in board.text
        await board.press("j", "j")
        assert "has a forward of its own" in board.text


async def test_knocking_is_done_when_asked_for() -> None:
    async with playing() as board:
        await into_pane(board)
        assert "answers" not in board.text
        await board.press("p")
        await board.until(lambda: board.text.count("answers  1 ms") == 2, "the probes")
        await board.press("G")
        assert "nothing in the guest takes it" in board.text


async def test_add_and_stop_one() -> None:
    async with playing() as board:
        pane = await into_pane(board)
        await board.press("a", *"99999")
        assert "has no port from 1 to 65535" in board.text
        await board.press("ctrl+u", *"7000", "tab", *"17000")
        assert "limatui forward add default 7000 17000" in board.text
        await board.press("enter")
        await board.until(lambda: any(each.host == "127.0.0.1:17000" for each in pane.list.items), "it is listed")
        assert board.app.last_command == "limatui forward add default 7000 17000"
        await board.press("G", "x")
        await board.until(lambda: all(each.host != "127.0.0.1:17000" for each in pane.list.items), "it is gone")
        await board.press("g", "x")
        await board.until(lambda: pane.list.items[0].rule == "stopped by hand", "a rule's port stays in the list")
        assert "stopped" in board.text
        await board.press("a")
        assert "0.0.0.0:80" in board.text.split("Forward a port of default")[1], "it is offered again"


async def test_a_key_that_is_refused_says_why_and_is_not_taken_for_one_of_the_list() -> None:
    async with playing() as board:
        pane = await into_pane(board)
        await board.press("j", "j", "j")
        assert pane.list.current and pane.list.current.rule == "the port of ssh"
        for key in ("x", "D", "o"):
            await board.press(key)
        assert not board.main.stopping.runs, "x does not stop the machine, D does not ask to delete it"
        assert board.app.screen is board.main
        assert "0.0.0.0:22 is not forwarded" in board.toasts


async def test_what_fails_is_told() -> None:
    async with playing() as board:
        await into_pane(board)
        await board.press("a", *"7000", "tab", *"8080", "enter")
        await board.until(lambda: "port 8080 of this computer is in use" in board.toasts, "the reason")


async def test_open_says_where_without_a_display(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    async with playing() as board:
        await into_pane(board)
        await board.press("o")
        await board.until(lambda: "http://127.0.0.1:8080/" in board.toasts and "no display" in board.toasts)
        await board.press("y")
        await board.until(lambda: board.app.clipboard == "127.0.0.1:8080")


async def test_a_machine_that_does_not_run() -> None:
    async with playing() as board:
        await board.press("j", "j", "6")
        await board.until(lambda: "k8s does not run" in board.text)


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60), (40, 12)])
async def test_it_fits(size: tuple[int, int]) -> None:
    async with playing(size) as board:
        await into_pane(board)
        assert all(len(text) <= size[0] for text in board.text.splitlines())


def test_words_for_what_became_of_a_port() -> None:
    assert [ports.state(each) for each in (WEB, TAKEN, SSH, LOST, STOPPED)] == [
        "forwarding", "failed", "ignored", "not forwarded", "stopped"]


@pytest.mark.parametrize("cells", [30, 60, 80, 100, 130, 200])
def test_columns_stand_below_their_titles(cells: int) -> None:
    head = plain(ports.titles(cells))
    line = ports.line(WEB, {("tcp", "127.0.0.1:8080"): Probe("tcp", "127.0.0.1:8080", "answers", 0.001)}, cells)
    assert width(line) <= cells
    if cells >= 80:
        assert head.index("GUEST") == plain(line).index("0.0.0.0") and head.index("HOST") == plain(line).index("127.")
        assert head.index("STATE") == plain(line).index("forwarding")
        assert head.index("PROBE") == plain(line).index("answers")


def test_details() -> None:
    def told(each: Forward, *probes: Probe) -> str:
        known = {(probe.protocol, probe.host): probe for probe in probes}
        return "\n".join(map(plain, ports.details(each, "a", known, 100)))

    assert "postgres (pid 812)" in told(TAKEN) and "p knocks" in told(TAKEN)
    assert "no rule takes this address" in told(LOST) and "forward add a 10.0.0.9:99" in told(LOST)
    assert "nothing on this computer listens" in told(WEB, Probe("tcp", WEB.host, "refused"))
    assert "forward remove a 127.0.0.1:8080" in told(WEB)
    assert ports.add_command("a", "53", "", "udp") == "limatui forward add --proto udp a 53"


@pytest.mark.parametrize(("guest", "host", "protocol", "problem"), [
    ("80", "8080", "tcp", ""), ("", "", "tcp", "guest's side"), ("x", "", "tcp", "no end of a forward"),
    ("/run/a.sock", "", "tcp", "needs a place"), ("80", "", "sctp", "unknown protocol"), ("[::1]:80", "", "udp", ""),
])
def test_what_is_wrong_with_a_forward(guest: str, host: str, protocol: str, problem: str) -> None:
    found = ports.wrong(guest, host, protocol)
    assert problem in found if problem else not found


def test_reasons() -> None:
    assert ports.why_not("add", OFF, None) == "a does not run" and not ports.why_not("add", RUNNING, None)
    assert ports.why_not("remove", RUNNING, SSH) == "0.0.0.0:22 is not forwarded"
    assert not ports.why_not("remove", RUNNING, TAKEN)
    assert "no TCP port" in ports.why_not("open", RUNNING, Forward("udp", "1", "127.0.0.1:1"))
    assert ports.why_not("copy", RUNNING, None) == "no port is selected"
    assert ports.why_not("add", None, None) == "no instance is selected"
    assert "1 rule of lima.yaml" in "".join(map(plain, ports.empty(OFF)))


def test_where_a_browser_finds_it() -> None:
    assert ports.url(Forward("tcp", "80", "0.0.0.0:8080")) == "http://127.0.0.1:8080/"
    assert ports.url(Forward("tcp", "443", "[::]:8443")) == "https://[::1]:8443/"
    assert "remote session" in browser.why_not({"SSH_CONNECTION": "x", "DISPLAY": ":0"}, "linux")
    assert not browser.why_not({"WAYLAND_DISPLAY": "w"}, "linux") and not browser.why_not({}, "darwin")
