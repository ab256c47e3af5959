"""The dashboard in a real terminal on a real machine whose guest prints everything that could hurt."""

from __future__ import annotations

from tests.ui.terminal import terminal
from tests.ui.test_hostile import find_foreign
from tests.vm.conftest import Cli, left_behind

EVIL = (
    r"\033]52;c;RVZJTA==\007\033]0;EVILTITLE\007\033Pqdcs\033\\\302\2331;31m\033[31;5m[red]EVILMARKUP[/red]"
    r"\342\200\256 END\r\n"
)


def test_nothing_that_a_guest_prints_reaches_the_terminal(tiny: Cli) -> None:
    tiny("start", "t")
    tiny("shell", "t", "sudo", "sh", "-c", f"printf '{EVIL}' >/dev/ttyS0")
    with terminal("-m", "limatui", size=(120, 36), environ=tiny.env()) as screen:
        screen.until(lambda text: "Running" in text)
        screen.press(b"c", "[red]EVILMARKUP[/red]")
        screen.press(b"\x1b", "STATUS")
        screen.press(b"l", "following")
        screen.until(lambda text: "EVILMARKUP" in text)
        screen.press(b"\x1b", "STATUS")
        screen.write(b"qq")
        assert screen.ended() == 0
    foreign = find_foreign(screen.seen)
    assert not foreign, foreign[:5]
    tiny("stop", "t")
    assert not left_behind(tiny.home)
