"""Terminals with few colours or none: what is told is told by glyph and word; held keys leave nothing behind."""

from __future__ import annotations

import re

import pytest
from rich.cells import cell_len

from limatui.host.glyphs import ASCII, CONSOLE
from tests.ui.board import playing
from tests.ui.terminal import terminal

_COLOURS = re.compile(rb"\x1b\[(?:[0-9;]*;)?(?:[34]8;[25]|3[0-7]|4[0-7]|9[0-7]|10[0-7])(?:;[0-9;]*)?m")
_MANY = re.compile(rb"\x1b\[(?:[0-9;]*;)?[34]8;[25];[0-9;]*m")


@pytest.mark.parametrize(("environ", "forbidden"), [
    ({"NO_COLOR": "1"}, _COLOURS), ({"TERM": "linux", "COLORTERM": ""}, _MANY),
], ids=["no colour", "linux console"])
def test_status_is_glyph_and_word(environ: dict[str, str], forbidden: re.Pattern[bytes]) -> None:
    with terminal("-m", "limatui", "--demo", environ=environ) as screen:
        screen.until(lambda text: "Orphan" in text)
        text = screen.text
        running, starting, paused = "•◙║" if environ.get("TERM") == "linux" else "●◐‖"
        for told in (f"{running} Running", f"{starting} Starting", "○ Stopped", f"{paused} Paused", "▲ Orphan"):
            assert told in text, text
        screen.press(b"j", "▌  build")
        assert not forbidden.search(screen.seen), "colours that this terminal has not"


@pytest.mark.parametrize("theme", ["dark", "light", "high-contrast", "ansi"])
async def test_every_theme_keeps_words(theme: str) -> None:
    async with playing() as board:
        board.app.theme = theme
        await board.pilot.pause()
        assert "● Running" in board.row("default") and "▲ Orphan" in board.row("old")
        assert board.main.table.text.splitlines()[1].startswith("▌"), "the cursor is a sign, not only a ground"


def test_held_keys_leave_no_backlog() -> None:
    """Two hundred repeats, then another key: what it does is seen, and the cursor stands where they end."""
    with terminal("-m", "limatui", "--demo", "300") as screen:
        screen.until(lambda text: "default" in text)
        screen.press(b"j" * 200, "▌  vm-201")
        screen.press(b"k", "▌  vm-200")


def test_without_colour_the_text_cursor_is_still_seen() -> None:
    with terminal("-m", "limatui", "--demo", environ={"NO_COLOR": "1"}) as screen:
        screen.until(lambda text: "default" in text)
        screen.press(b":", "what do you want to do?")
        assert b"\x1b[7m" in screen.seen and not _COLOURS.search(screen.seen)


_CP437 = set(map(chr, range(32, 127))) | set(
    "☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼⌂ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌"
    "█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u21b5\n")


def test_the_linux_console_gets_signs_of_its_font() -> None:
    with terminal("-m", "limatui", "--demo", environ={"TERM": "linux", "COLORTERM": ""}) as screen:
        screen.until(lambda text: "Orphan" in text)
        for keys, shows in ((b"4", "no problems"), (b"5", "ALLOCATED"), (b"9", "USUALLY"), (b"?", "all keys")):
            screen.press(keys, shows)
            assert not set(screen.text) - _CP437, set(screen.text) - _CP437


def test_without_utf8_all_is_ascii() -> None:
    with terminal("-m", "limatui", "--demo", environ={"PYTHONIOENCODING": "latin-1"}) as screen:
        screen.until(lambda text: "^ Orphan" in text)
        assert b"\\u" not in screen.seen and "* Running" in screen.text


def test_a_dumb_terminal_is_refused() -> None:
    with terminal("-m", "limatui", "--demo", environ={"TERM": "dumb"}) as screen:
        assert screen.ended() == 2
        assert b"limatui list" in screen.seen and b"\x1b[?1049h" not in screen.seen


@pytest.mark.parametrize("table", [CONSOLE, ASCII])
def test_replaced_signs_are_as_wide(table: dict[int, int]) -> None:
    for code, sign in table.items():
        assert cell_len(chr(code)) == cell_len(chr(sign)) == 1
