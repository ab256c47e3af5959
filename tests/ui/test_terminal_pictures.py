"""Pictures and other strings for the terminal itself: swallowed, within bounds, and never passed on."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from limatui.widgets.terminal.grid import Grid, open_grid, row_text
from tests.ui.test_keys_through import guest
from tests.ui.test_terminal_hostile import FOREIGN, OWN

MEBIBYTE = 1 << 20
PIXELS = base64.b64encode(bytes(3 * 64 * 64))
SWALLOWED = {
    "sixel": b"\x1bPq\"1;1;600;600#0;2;100;0;0" + b"#0!600~-" * 2000 + b"\x1b\\",
    "kitty": b"\x1b_Gi=7,s=64,v=64,a=T,f=24,m=1;" + PIXELS[:4096] + b"\x1b\\\x1b_Gm=0;" + PIXELS[4096:] + b"\x1b\\",
    "kitty file": b"\x1b_Gi=8,s=1,v=1,a=T,t=f,f=24;" + base64.b64encode(b"/etc/passwd") + b"\x1b\\",
    "kitty query": b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\",
    "iterm": b"\x1b]1337;File=name=eA==;inline=1:" + b"QUJD" * 50_000 + b"\x07",
    "apc": b"\x1b_" + b"hidden" * 9000 + b"\x1b\\", "pm": b"\x1b^" + b"hidden" * 9000 + b"\x1b\\",
    "sos": b"\x1bX" + b"hidden" * 9000 + b"\x1b\\", "osc": b"\x1b]9;" + b"hidden" * 9000 + b"\x1b\\",
    "clipboard": b"\x1b]52;c;" + b"QUJD" * 50_000 + b"\x07", "clipboard read": b"\x1b]52;c;?\x07",
    "dcs": b"\x1bP1;2|17/ab" + b"cd" * 9000 + b"\x1b\\", "title": b"\x1b]0;hidden\x07\x1b]2;hidden\x1b\\",
    "link": b"\x1b]8;;http://hidden/\x1b\\\x1b]8;;\x1b\\", "notification": b"\x1b]777;notify;hidden;hidden\x07",
}


@pytest.fixture
def grid() -> Iterator[Grid]:
    made = open_grid(60, 8)
    yield made
    made.close()


def shown(grid: Grid) -> list[str]:
    grid.refresh()
    return [line for line in map(row_text, grid.rows) if line]


@pytest.mark.parametrize("kind", SWALLOWED)
def test_nothing_is_shown_and_nothing_answered(grid: Grid, kind: str) -> None:
    grid.feed(b"before " + SWALLOWED[kind] + b"after")
    assert (shown(grid), grid.replies()) == (["before after"], b"")


@pytest.mark.parametrize("opening", [b"\x1b]0;", b"\x1b]52;c;", b"\x1b]1337;File=:", b"\x1bPq", b"\x1b_G", b"\x1b^",
                                     b"\x1bX", b"\x1b_"], ids=repr)
def test_what_never_ends_is_bounded_and_ends_with_its_terminator(grid: Grid, opening: bytes) -> None:
    grid.feed(b"before " + opening)
    chunk = b"A" * MEBIBYTE
    grid.feed(chunk)
    before = _resident()
    for _ in range(64):
        grid.feed(chunk)
    assert _resident() - before < 24 * MEBIBYTE, "64 MiB were printed"
    grid.feed(b"\x1b\\after")
    assert shown(grid)[-1].endswith("after") and "AAAA" not in "".join(shown(grid))


def test_many_pictures_take_no_room(grid: Grid) -> None:
    picture = b"\x1b_Gi=%d,s=500,v=500,a=T,f=32;" + base64.b64encode(bytes(1_000_000)) + b"\x1b\\"
    grid.feed(picture % 1)
    before = _resident()
    for number in range(2, 80):
        grid.feed(picture.replace(b"%d", b"%d" % number))
    assert _resident() - before < 24 * MEBIBYTE, "78 pictures of a megabyte"


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1]) if Path("/proc/self/statm").exists() else 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_nothing_of_it_reaches_the_terminal_of_the_user(lima_home: Path) -> None:
    with guest(lima_home) as at_work:
        for kind, data in SWALLOWED.items():
            at_work.print(b"\r\n" + data + f"seen {kind}".encode(), f"seen {kind}")
        at_work.print(b"\x1b]0;" + b"endless" * 100_000 + b"\x1b\\the end", "the end")
        output = OWN.sub(b"", at_work.window.seen)
    ours = output[output.index(b"seen sixel") :]
    found = FOREIGN.search(ours)
    assert found is None, ours[max(0, found.start() - 60) : found.end() + 60] if found else b""
    assert b"hidden" not in ours and b"QUJD" not in ours
