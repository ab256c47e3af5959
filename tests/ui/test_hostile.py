"""Nothing that a guest, a disk or a log says reaches the user's terminal as anything but text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from limatui.ink import Ink, fit, pad, plain
from limatui.sanitize import log_line, sanitize, sanitize_line, strip_sequences
from limatui.themes import DARK
from tests.ui.terminal import terminal

_OURS = re.compile(
    rb"\x1b\[[?>=<]?[0-9;:]*\$?[A-Za-z]"  # cursor, colours, modes
    rb"|\x1b\[\?[0-9]+\$p|\x1b[78=>]"
    rb"|\x1b\]22;[a-z-]*\x07"  # the shape of the mouse pointer
)
_FORBIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200e\u200f\ud800-\udfff]")
ANYTHING = st.text(st.characters() | st.sampled_from("\x1b\x9b\x9d\x07\r\n\t\x00\x7f\u202e\ud800[]\\;m"))


@given(ANYTHING)
def test_sanitized_text_has_no_controls(text: str) -> None:
    assert not _FORBIDDEN.search(sanitize(text))
    assert "\n" not in sanitize_line(text)
    assert not _FORBIDDEN.search(log_line(text))
    sanitize(text).encode("utf-8")


@given(ANYTHING)
def test_sanitizing_twice_changes_nothing(text: str) -> None:
    assert sanitize(sanitize(text)) == sanitize(text)
    assert sanitize_line(sanitize_line(text)) == sanitize_line(text)


@given(ANYTHING, st.integers(0, 60))
def test_a_strip_is_as_wide_as_asked_and_safe(text: str, cells: int) -> None:
    strip = Ink(DARK).strip(((text, "bad"), (text, "")), cells, "raised")
    assert not _FORBIDDEN.search(strip.text)
    assert cell_len(strip.text) == cells


@given(st.text(st.characters(categories=("L", "N", "So"))), st.integers(1, 40))
def test_fit_and_pad_are_exact(text: str, cells: int) -> None:
    assert cell_len(fit(text, cells)) == cells
    assert cell_len(plain(pad(((text, ""),), cells))) == cells


def test_plain_text_is_not_touched() -> None:
    for text in ("", "default", "Grüße, 世界 ✓", "a [red]b[/red]"):
        assert sanitize(text) is text


def test_sequences_of_a_log_go_and_progress_keeps_its_end() -> None:
    assert log_line("\x1b[32mok\x1b[0m \x1b]0;title\x07done\r\n") == "ok done"
    assert log_line(" 10%\r 50%\r100%\r\n") == "100%"
    assert strip_sequences("\x1bPdcs\x1b\\x\x9b1my") == "xy"


@pytest.mark.parametrize("size", [(120, 36), (200, 60), (80, 24)])
def test_hostile_text_in_a_real_terminal(size: tuple[int, int]) -> None:
    with terminal(str(Path(__file__).with_name("hostile_fleet.py")), size=size) as screen:
        screen.until(lambda text: "EVILMARKUP" in text)
        for keys, shows, gone in _STORY:
            screen.press(keys, shows, gone=gone)
        screen.resize(100, 30)
        screen.until(lambda text: "? help" in "".join(text.splitlines()[29:]))
        screen.write(b"qq")
        assert screen.ended() == 0
    foreign = find_foreign(screen.seen)
    assert not foreign, foreign[:5]


_STORY = (
    (b"J", "in this session", ""), (b"q", "STATUS", "in this session"), (b"D", "is protected", ""),
    (b"p", "EVILMARKUP", ""), (b"n", "A new instance", ""), (b"\x1b", "STATUS", "A new instance"),
    (b":", "do you want", ""), (b"\x1b", "STATUS", "do you want"), (b"?", "limatui  all keys", ""),
    (b"\x1b", "STATUS", "all keys"), (b"T", "DESCRIPTION", ""), (b"v", "v as written", ""),
    (b"\x1b", "STATUS", "DESCRIPTION"), (b"4", "2 errors", ""), (b"3", "LOGEND", "2 errors"),
    (b"\r", "& filter", ""), (b"a", "guest clock", ""), (b"v", "LOGEND", ""), (b"w", "EVILMARKUP", ""),
    (b"o", "logs of", ""), (b"\x1b", "& filter", "logs of"), (b"&", "text or /regex/", ""),
    (b"EVILM\r", "40 lines", "LOGEND"), (b"\x1b", "LOGEND", "40 lines"), (b"5", "ALLOCATED", "LOGEND"),
    (b"6", "STATE", "ALLOCATED"), (b"7", "ON THIS COMPUTER", "PROTO"), (b"9", "USUALLY", "ON THIS COMPUTER"),
    (b"8", "TAKEN", "USUALLY"), (b"E", "only warnings", ""), (b"q", "TAKEN", "only warnings"),
    (b"I", "image cache", ""), (b"P", "limatui prune", ""),
    (b"\x1b", "image cache", "limatui prune"),
    (b"q", "TAKEN", "image cache"),
)
"""Keys, what is on the screen after them, and what is not any more."""


def find_foreign(output: bytes) -> list[str]:
    """Everything in the output of a terminal program that is neither text nor a sequence that Textual writes."""
    rest = _OURS.sub(b"", output)
    text = rest.decode("utf-8", "replace")
    found = [repr(text[max(0, at.start() - 30):at.end() + 30]) for at in _FORBIDDEN.finditer(text)
             if at.group() not in "\r\n\b"]
    found += [repr(word) for word in (b"]52;", b"EVILTITLE\x1b", b"]0;") if b"\x1b" + word in output]
    if b"\x1b[31;5m" in output or (b"\x9b" in rest.replace(b"\xc2\x9b", b"?") and "\x9b" in text):
        found.append("the guest's own sequence")
    return found


def test_the_search_would_find_it() -> None:
    assert not find_foreign(b"\x1b[?1049h\x1b[1;38;2;1;2;3mplain\x1b[0m\r\n")
    for evil in (b"\x1b]52;c;AA\x07", b"\x1bPq\x1b\\", "\u009b2J".encode(), "\u202e".encode(), b"\x1b[31;5m", b"\x00"):
        assert find_foreign(b"text" + evil + b"text"), evil
