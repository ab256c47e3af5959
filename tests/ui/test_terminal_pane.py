"""The console pane: keys reach a real socket, and only then when the user asked for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from limatui.present.console import CONSOLE_KEYS, Link, header, overlap, stty
from limatui.present.paste import is_risky, preview, risk, typed
from limatui.widgets.ask import Ask
from tests.ui.console_app import console, on_screen, serial
from tests.ui.pane_app import screen_text, until


async def test_history_then_live_then_typing(lima_home: Path) -> None:
    async with serial(lima_home) as peer:
        (lima_home / "default" / "serial.log").write_bytes(b"[    0.000000] Linux\r\nlogin: ")
        async with console(lima_home) as (app, pane, pilot):
            await until(pilot, lambda: pane.link.state == "live")
            await until(pilot, on_screen(app, "login:"))
            peer.print(b"dev\r\n\x1b[32mwelcome\x1b[0m")
            await until(pilot, on_screen(app, "welcome"))
            await pilot.press("x")
            assert (app.recorded, bytes(peer.got)) == (["x"], b""), "watching: keys are the app's"
            await pilot.press("enter", *"sq", "ctrl+c", "ctrl+q", "ctrl+p", "tab", "shift+tab", "escape", "up", "f5")
            await until(pilot, lambda: peer.got.endswith(b"\x1b[15~"))
            assert bytes(peer.got) == b"sq\x03\x11\x10\t\x1b[Z\x1b\x1b[A\x1b[15~"
            assert app.recorded == ["x"]
            await pilot.press("ctrl+right_square_bracket", "x")
            assert (app.recorded, pane.terminal.typing) == (["x", "x"], False)


async def test_what_is_typed_before_the_console_is_open_is_for_the_guest(lima_home: Path) -> None:
    async with serial(lima_home) as peer, console(lima_home) as (app, pane, pilot):
        opens = app.bridge.engine.opens
        opens.clear()
        pane.source = "serialv"
        await until(pilot, lambda: pane.link.state == "opening")
        await pilot.press("enter", *"make", "enter")
        assert pane.terminal.typing and not peer.got
        opens.set()
        await until(pilot, lambda: bytes(peer.got) == b"make\r")
        assert app.recorded == []
        opens.clear()
        pane.source = "serialp"
        await until(pilot, lambda: pane.link.state == "opening")
        await pilot.press("enter", *"reboot")
        app.bridge.engine.holder = "socat (pid 812)"
        opens.set()
        await until(pilot, lambda: pane.link.state == "held")
        assert not pane.terminal.typing
        app.bridge.engine.holder = ""
        await until(pilot, lambda: pane.link.state == "live")
        assert bytes(peer.got) == b"make\r", "what was meant for it then is not typed into it later"


async def test_what_is_typed_before_the_first_console_is_open_is_for_the_guest(lima_home: Path) -> None:
    async with serial(lima_home) as peer, console(lima_home) as (app, _pane, pilot):
        await pilot.press("enter", *"ls")
        await until(pilot, lambda: bytes(peer.got) == b"ls")
        assert app.recorded == []


async def test_the_app_gets_no_priority_key_while_typing(lima_home: Path) -> None:
    async with serial(lima_home) as peer, console(lima_home) as (app, pane, pilot):
        app.bind("ctrl+t", "record('t')")
        await until(pilot, lambda: pane.link.state == "live")
        await pilot.press("i", "ctrl+t")
        await until(pilot, lambda: bytes(peer.got) == b"\x14")
        assert app.recorded == []


async def test_a_shell_is_told_the_size_of_the_window(lima_home: Path) -> None:
    async with serial(lima_home), console(lima_home) as (app, pane, pilot):
        await until(pilot, lambda: pane.link.state == "live")
        await pilot.press("s")
        await until(pilot, lambda: pane.link.state == "live" and pane.source == "shell")
        asked = [call[3] for call in app.bridge.engine.calls if call[:3] == ("console", "default", "shell")]
        assert asked == [tuple(pane.terminal.content_size)]
        await pilot.resize_terminal(90, 20)
        sizes = pane._port.sizes  # type: ignore[union-attr]
        await until(pilot, lambda: sizes[-1] == tuple(pane.terminal.content_size) and sizes[-1] != asked[0])


async def test_losing_the_focus_gives_the_keyboard_back(lima_home: Path) -> None:
    async with serial(lima_home), console(lima_home) as (app, pane, pilot):
        await until(pilot, lambda: pane.link.state == "live")
        await pilot.press("enter")
        assert pane.terminal.typing
        app.screen.set_focus(None)
        await until(pilot, lambda: not pane.terminal.typing)


async def test_the_socket_is_released_when_hidden_and_taken_again(lima_home: Path) -> None:
    async with serial(lima_home) as peer, console(lima_home) as (_app, pane, pilot):
        await until(pilot, lambda: peer.clients == 1)
        pane.display = False
        await until(pilot, lambda: peer.clients == 0)
        pane.display = True
        await until(pilot, lambda: peer.clients == 1)


async def test_another_instance_is_another_socket(lima_home: Path) -> None:
    sockets = serial(lima_home), serial(lima_home, "other")
    async with sockets[0] as first, sockets[1] as second, console(lima_home) as (app, pane, pilot):
        await until(pilot, lambda: first.clients == 1)
        first.print(b"this is default")
        await until(pilot, on_screen(app, "this is default"))
        pane.instance = "other"
        await until(pilot, lambda: (first.clients, second.clients) == (0, 1))
        second.print(b"this is other")
        await until(pilot, on_screen(app, "this is other"))
        assert not on_screen(app, "this is default")()


async def test_held_by_another_says_who_and_follows_the_log(lima_home: Path) -> None:
    (lima_home / "default").mkdir()
    log = lima_home / "default" / "serial.log"
    log.write_bytes(b"first\r\n")
    async with console(lima_home, size=(110, 14)) as (app, pane, pilot):
        engine = app.bridge.engine
        engine.holder = "socat (pid 812)"
        await until(pilot, lambda: pane.link.state == "held")
        await until(pilot, on_screen(app, "held by socat (pid 812)"))
        with log.open("ab") as file:
            file.write(b"second\r\n")
        await until(pilot, on_screen(app, "second"))
        await pilot.press("enter")
        assert not pane.terminal.typing, "nobody types into a console that another holds"


async def test_not_running_then_started(lima_home: Path) -> None:
    async with console(lima_home) as (app, pane, pilot):
        await until(pilot, lambda: pane.link.state == "stopped")
        await until(pilot, on_screen(app, "does not run"))
        async with serial(lima_home):
            await until(pilot, lambda: pane.link.state == "live")
        await until(pilot, lambda: pane.link.state == "stopped")


async def test_a_rotated_log_is_another_boot(lima_home: Path) -> None:
    (lima_home / "default").mkdir()
    log = lima_home / "default" / "serial.log"
    log.write_bytes(b"old boot\r\n")
    async with console(lima_home) as (app, _pane, pilot):
        await until(pilot, on_screen(app, "old boot"))
        log.rename(lima_home / "default" / "serial.1.log")
        log.write_bytes(b"new boot\r\n")
        await until(pilot, on_screen(app, "new boot"))
        assert not on_screen(app, "old boot")()


async def test_paste_of_several_lines_asks(lima_home: Path) -> None:
    async with serial(lima_home) as peer, console(lima_home) as (app, pane, pilot):
        await until(pilot, lambda: pane.link.state == "live")
        await pilot.press("enter")
        pane.terminal.post_message(pane.terminal.Pasted("one word"))
        await until(pilot, lambda: bytes(peer.got) == b"one word")
        pane.terminal.post_message(pane.terminal.Pasted("rm -rf x\nls\n"))
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await until(pilot, on_screen(app, "2 lines, 12 bytes: each line runs as if typed"))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, Ask))
        assert bytes(peer.got) == b"one word"
        pane.terminal.post_message(pane.terminal.Pasted("ls\n"))
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("enter")
        await until(pilot, lambda: bytes(peer.got) == b"one wordls\r")


async def test_answers_go_to_the_guest_only_while_typing(lima_home: Path) -> None:
    async with serial(lima_home) as peer, console(lima_home) as (app, pane, pilot):
        await until(pilot, lambda: pane.link.state == "live")
        peer.print(b"\x1b[6nasked")
        await until(pilot, on_screen(app, "asked"))
        assert bytes(peer.got) == b""
        await pilot.press("enter")
        peer.print(b"\r\x1b[6n")
        await until(pilot, lambda: bytes(peer.got) == b"\x1b[1;1R")


async def test_scrolling_back_while_watching(lima_home: Path) -> None:
    (lima_home / "default").mkdir()
    (lima_home / "default" / "serial.log").write_bytes(b"".join(b"line %d\r\n" % n for n in range(200)))
    async with console(lima_home) as (app, _pane, pilot):
        await until(pilot, on_screen(app, "line 199"))
        await pilot.press("g")
        await until(pilot, on_screen(app, "line 0 "))
        await until(pilot, on_screen(app, "below"))
        await pilot.press("G")
        await until(pilot, on_screen(app, "line 199"))


async def test_search_back(lima_home: Path) -> None:
    (lima_home / "default").mkdir()
    (lima_home / "default" / "serial.log").write_bytes(b"".join(b"line %d\r\n" % n for n in range(200)))
    async with console(lima_home, size=(100, 14)) as (app, pane, pilot):
        await until(pilot, on_screen(app, "line 199"))
        await pilot.press("f9", *"line 42", "enter")
        await until(pilot, on_screen(app, "1 of 1 "))
        await until(pilot, on_screen(app, "line 42 "))
        await pilot.press("slash", *"line 1", "enter", "n", "n", "N")
        await until(pilot, on_screen(app, "2 of 111"))
        await pilot.press("escape")
        await until(pilot, lambda: not pane.terminal.sought)
        assert app.recorded == []


@pytest.mark.parametrize(("seen", "fresh", "same"), [
    (b"", b"abc", 0), (b"xxabc", b"abcdef", 3), (b"abc", b"abc", 3), (b"abc", b"def", 0), (b"ab", b"b", 1),
])
def test_what_log_and_socket_both_told_is_shown_once(seen: bytes, fresh: bytes, same: int) -> None:
    assert overlap(seen, fresh) == same


def test_risky_pastes() -> None:
    assert [is_risky(text) for text in ("ls -l", "a\tb", "é中", "a\n", "a\rb", "\x1b[A", "\x9b", "\x03")] == [
        False, False, False, True, True, True, True, True]
    assert risk("a\nb\x03", brackets=False) == (
        "2 lines, 4 bytes: each line runs as if typed; 1 control character will be left out")
    assert "marked as such" in risk("a\nb", brackets=True)
    assert typed("a\r\nb\x1b\tc\n") == "a\rb\tc\r"
    assert [line[0][0] for line in preview("one\x1b\n" * 10)] == ["one"] * 8 + ["… and 2 more"]


async def test_a_long_paste_reaches_a_slow_guest_whole(lima_home: Path) -> None:
    text = "".join(f"{number:07}\t" for number in range(8192))
    async with serial(lima_home) as peer, console(lima_home) as (app, pane, pilot):
        await until(pilot, lambda: pane.link.state == "live")
        await pilot.press("enter")
        peer.slow = 512
        pane.terminal.post_message(pane.terminal.Pasted(text))
        await until(pilot, lambda: "ctrl+] stops" in "".join(screen_text(app)))
        await until(pilot, lambda: len(peer.got) >= len(text))
        assert bytes(peer.got).decode() == text
        await until(pilot, lambda: pane.pasting < 0)


async def test_a_paste_can_be_stopped(lima_home: Path) -> None:
    async with serial(lima_home) as peer, console(lima_home) as (_app, pane, pilot):
        await until(pilot, lambda: pane.link.state == "live")
        await pilot.press("enter")
        pane.terminal.post_message(pane.terminal.Pasted("x" * 1_000_000))
        await until(pilot, lambda: len(peer.got) > 1000)
        await pilot.press("ctrl+right_square_bracket")
        await until(pilot, lambda: pane.pasting < 0)
        assert len(peer.got) < 900_000


async def test_the_size_is_told_on_request(lima_home: Path) -> None:
    async with serial(lima_home) as peer, console(lima_home) as (_app, pane, pilot):
        await until(pilot, lambda: pane.link.state == "live")
        await pilot.press("w")
        await until(pilot, lambda: bytes(peer.got) == stty(*pane.terminal.content_size))
        assert bytes(peer.got) == b"stty cols 78 rows 12\r"
        await pilot.press("s", "w")
        await until(pilot, lambda: pane.source == "shell" and pane.link.state == "live")
        await pilot.press("w")
        assert peer.got.count(b"stty") == 1, "a shell over ssh knows it"


async def test_the_holder_is_asked_for_it_and_has_it_back_later(lima_home: Path) -> None:
    async with serial(lima_home) as peer, console(lima_home, size=(110, 14)) as (app, pane, pilot):
        engine = app.bridge.engine
        await until(pilot, lambda: pane.link.state == "live")
        engine.holder = "process 812"
        peer.hang_up()
        await until(pilot, on_screen(app, "process 812"))
        await until(pilot, on_screen(app, "enter takes it over"))
        await pilot.press("enter")
        await until(pilot, lambda: ("take", "default") in engine.calls and pane.link.state == "live")


def test_header_says_who_has_the_keyboard() -> None:
    assert "typing" in str(header("default", Link("live", "live"), True)[1])
    assert "enter types" in str(header("default", Link("live", "live"), False)[1])
    assert header("default", Link("stopped", "closed"), False)[1] == ()


def test_every_reserved_key_is_documented() -> None:
    told = " ".join(keys for keys, _ in CONSOLE_KEYS)
    assert all(key in told for key in ("ctrl+]", "F10", "F11", "F12", "shift+pgup"))
