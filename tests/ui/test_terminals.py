"""Terminals with few colours or none: what is told is told by glyph and word; held keys leave nothing behind."""

from __future__ import annotations

import re

import pytest

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
        for told in ("● Running", "◐ Starting", "○ Stopped", "‖ Paused", "▲ Orphan"):
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
