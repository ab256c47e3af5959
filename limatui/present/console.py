"""What stands around a console, and where its bytes come from: pure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from limacore.errors import LimaError
from limacore.model.logfile import LogFile
from limatui.ink import Line
from limatui.widgets.terminal.grid import Match

NOWHERE = Path("/nonexistent")
SOURCES = ("serial", "shell", "serialv", "serialp")
"""What `s` goes through: the console of the boot, a shell over ssh, the virtio and the PCI port."""
_LOGS = {"serial": "serial", "serialv": "serial virtio", "serialp": "serial pci"}
_NAMES = {"serial": "console", "shell": "shell", "serialv": "virtio console", "serialp": "PCI console"}
_PLACES = {"shell": "ssh"}

CONSOLE_KEYS: Sequence[tuple[str, str]] = (
    ("enter i", "type into the guest; every key goes there"),
    ("ctrl+]", "give the keyboard back"),
    ("s", "another source: serial port, shell over ssh, virtio and PCI port"),
    ("/ F9", "while watching: search back through all that was printed; n older, N newer, esc ends"),
    ("v", "mark text with keys: h j k l w b e 0 $ g G move, space begins, V lines, y copies, esc ends"),
    ("mouse", "drag marks text, two clicks a word, three a line; shift where the guest has the mouse"),
    ("F10 y", "copy what is marked, or the screen"),
    ("w", "tell the guest the size of this window: types `stty` into a serial port; a shell knows it"),
    ("F11", "full screen"),
    ("F12", "paste what was copied here; your terminal's own paste works too"),
    ("shift+pgup shift+pgdn", "scroll, also while typing; the wheel does it too"),
    ("j k g G pgup pgdn", "scroll while watching"),
)


class Link(NamedTuple):
    """How the pane is connected: `state` is live, held, stopped or opening; `word` says it to the user."""

    state: str
    word: str = ""
    detail: str = ""


_MARKS = {"live": ("●", "running"), "held": ("◐", "warn"), "stopped": ("○", "dim"), "opening": ("○", "faint")}


def live(source: str) -> Link:
    """Connected."""
    return Link("live", "live", _PLACES.get(source, f"{source}.sock"))


def held(error: LimaError) -> Link:
    """Another has the port: who, and what can be done."""
    return Link("held", error.message.removeprefix("the console is "), "reading the log")


def stty(cols: int, rows: int) -> bytes:
    """What a shell is told so that programs know the size of the window."""
    return f"stty cols {cols} rows {rows}\r".encode()


def header(name: str, link: Link, typing: bool, source: str = "serial",
           pasting: int = -1) -> tuple[Line, Line]:
    """The line above the console: whose, how connected, who has the keyboard."""
    glyph, mark = _MARKS[link.state]
    left: Line = ((name, "bold"), (f"  {_NAMES[source]}   ", "dim"), (f"{glyph} {link.word}", mark),
                  (f"  {link.detail}", "dim"))
    if pasting >= 0:
        return left, (("pasting", "accent-key bold"), (f"  {pasting}%", "number"), ("  ctrl+] stops", "dim"))
    if typing:
        return left, (("typing", "accent-key bold"), ("  ctrl+] gives the keyboard back", "dim"))
    if link.state == "live":
        return left, (("watching", "dim"), ("  enter types", "dim"))
    if link.state == "held":
        return left, (("enter", "accent-key"), (" takes it over", "dim"))
    another = source == "shell" and link.state == "stopped"
    return left, (("enter", "accent-key"), (" opens another", "dim")) if another else ()


def sought(text: str, match: Match) -> Line:
    """What the search found."""
    if not text:
        return ()
    found = (f"{match.number} of {match.total:,}", "number") if match.number else ("not found", "warn")
    return (("/", "accent-key"), (f"{text}  ", ""), found, ("   n older  N newer  esc ends   ", "faint"))


def marking(copying: bool, marked: bool) -> Line:
    """What can be done with marked text, or where to mark it."""
    if copying and not marked:
        return (("MARK", "accent-key bold"), ("  space begins  V lines  / finds  esc ends   ", "faint"))
    if marked:
        key = "y" if copying else "F10"
        return (("MARK", "accent-key bold"), (f"  {key} copies  esc ends   ", "faint"))
    return ()


def status(back: int, below: int, size: tuple[int, int], source: str = "serial") -> Line:
    """The line under the console: how much is above and below, and the size of the guest's screen."""
    rest = ((f"   ↓ {below:,} below", "warn"),) if below else ()
    return (
        (f"{back:,} lines back", "faint"), *rest, ("   source ", "faint"), (source, "accent-key"),
        (f"   guest {size[0]}×{size[1]}", "faint"),
    )


def overlap(seen: bytes, fresh: bytes) -> int:
    """How many bytes at the start of `fresh` are those that `seen` ends with."""
    for size in range(min(len(seen), len(fresh)), 0, -1):
        if seen.endswith(fresh[:size]):
            return size
    return 0


def log_of(source: str, logs: Sequence[LogFile]) -> Path:
    """Where a source was written to so far."""
    return next((log.path for log in logs if log.label == _LOGS.get(source)), NOWHERE)
