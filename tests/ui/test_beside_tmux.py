"""vim, htop, less, tmux and mc look in our terminal as they look under tmux, cell by cell."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from limatui.widgets.grid import PLAIN, Look
from tests.ui.beside_tmux import missing, pair, rendition

pytestmark = pytest.mark.skipif(bool(missing("tmux")), reason="tmux is not installed")
SIZES = [(80, 24), (120, 36)]
TEXT = "".join(f"{number:4} plain text, 中文字 wide, e\u0301 joined, \t tab, é and ─│┌ lines "
               f"{'x' * (number * 7 % 90)}\n" for number in range(200))
CODES = (1, 2, 3, 4, 7, 9, *range(31, 38), *range(41, 48), 91, 97, 101)
CODE = "#!/bin/sh\n# a comment\nfor each in 1 2 3; do\n  echo \"$each\" 'one'\ndone\n" * 9
VIMRC = "set nocompatible nu hls ruler laststatus=2 bg=dark\nset viminfo= noswapfile\nsil! syntax on\n"
HTOPRC = ("fields=0 48 17 18 38 1\ndelay=1000\ncolor_scheme=0\nheader_margin=1\nenable_mouse=1\n"
          "htop_version=3.2.2\nconfig_reader_min_version=3\nheader_layout=two_50_50\n"
          "column_meters_0=Hostname\ncolumn_meter_modes_0=2\ncolumn_meters_1=Hostname\ncolumn_meter_modes_1=2\n")
TMUX_CONF = ("set -g status-right ''\nset -s escape-time 0\nset -g terminal-features xterm*:RGB\n"
             "set -g default-command 'exec sh'\n")
COLOURS = (
    "".join(f"\x1b[{code}m code {code} \x1b[0m" for code in CODES)
    + "\r\n" + "".join(f"\x1b[38;5;{n}m#\x1b[48;5;{255 - n}m \x1b[0m" for n in range(16, 256, 5))
    + "\r\n\x1b[38;2;1;2;3;48;2;250;100;50mrgb\x1b[0m \x1b[44mto the end\x1b[K\x1b[0m\r\n"
    + "\x1b(0lqqwqqk\x1b(B \x1b[4:3mcurly\x1b[4:0m off\r\n" + "中" * 45 + "\r\n👍 ✔ ☎\r\nend\x1b[5;3Hmoved\x1b[20;1H"
)


@pytest.fixture
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="l-", dir="/tmp") as made:
        home = Path(made) / "home"
        (home / "files/inner").mkdir(parents=True)
        (home / "text").write_text(TEXT)
        (home / "code.sh").write_text(CODE)
        (home / "colours").write_text(COLOURS)
        for name, size in (("a.txt", 10), ("b.tar.gz", 2000), ("run", 0)):
            (home / "files" / name).write_bytes(b"x" * size)
            os.utime(home / "files" / name, (1e9, 1e9))
        for folder in ("files/inner", "files"):
            os.utime(home / folder, (1e9, 1e9))
        yield Path(made)


def need(*programs: str) -> None:
    if lacking := missing(*programs):
        pytest.skip(f"{lacking} is not installed: ./dev setup")


@pytest.mark.parametrize("size", SIZES)
def test_colours_widths_and_lines(place: Path, size: tuple[int, int]) -> None:
    with pair(place, "cat", "colours", size=size) as both:
        both.alike("moved")


@pytest.mark.parametrize("size", SIZES)
def test_vim(place: Path, size: tuple[int, int]) -> None:
    need("vi")
    (place / "home/.vimrc").write_text(VIMRC)
    with pair(place, "vi", "-u", ".vimrc", "code.sh", size=size) as both:
        both.alike("a comment")
        both.press("slash", *"echo", "enter", shows="echo")
        both.press("v", "right", "down", "down", shows="VISUAL")
        both.press("escape", *":sp text", "enter", shows="joined")
        both.press("pagedown", "ctrl+e", "ctrl+d", "G", shows="199 ")
        both.press("o", *"new", "tab", "é", "escape", "u", shows="199 ")
        both.press(*":vs", "enter", "ctrl+w", "w", "g", "g", shows="   0 plain")
        both.press(*":qa!", "enter", shows="ended")


@pytest.mark.parametrize("size", SIZES)
def test_less(place: Path, size: tuple[int, int]) -> None:
    need("less")
    with pair(place, "less", "-R", "-N", "text", "colours", size=size) as both:
        both.alike("plain text")
        both.press("space", "down", "j", "ctrl+d", shows="plain text")
        both.press("slash", *"wide", "enter", "n", "N", shows="plain text")
        both.press("end", shows="(END)")
        both.press("home", "right", shows="xxxx")
        both.press("left", *":n", "enter", shows="curly")
        both.press("h", shows="SUMMARY")
        both.press("q", "q", shows="ended")


@pytest.mark.parametrize("size", SIZES)
def test_htop(place: Path, size: tuple[int, int]) -> None:
    """One process that sleeps, so that nothing of it changes between the two."""
    need("htop")
    settings = place / "home/.config/htop/htoprc"
    settings.parent.mkdir(parents=True)
    settings.write_text(HTOPRC)
    with subprocess.Popen(["sleep", "1000"]) as asleep:
        try:
            with pair(place, "htop", "-p", str(asleep.pid), size=size) as both:
                both.alike("sleep 1000")
                both.press("f1", shows="htop")
                both.press("q", "f6", shows="Sort by")
                both.press("down", "escape", "f2", shows="Meters")
                both.press("down", shows="Display")
        finally:
            asleep.kill()


def test_htop_with_meters(place: Path) -> None:
    need("htop")
    with pair(place, "htop", "-d", "1000", size=(120, 36)) as both:
        both.replayed("Swp")
        both.type("f5")
        both.replayed("Tasks")


@pytest.mark.parametrize("size", SIZES)
def test_tmux_inside(place: Path, size: tuple[int, int]) -> None:
    (place / "home/tmux.conf").write_text(TMUX_CONF)
    with pair(place, "tmux", "-u", "-f", "tmux.conf", "-S", "{run}/inner", "new", "-s", "one", size=size) as both:
        both.alike("$")
        both.press(*"echo one", "enter", shows="\none")
        both.press("ctrl+b", '"', shows="──\n$")
        both.press(*"cat text", "enter", shows="199 plain")
        both.press("ctrl+b", "%", shows="│$")
        both.press(*"cat colours", "enter", shows="curly")
        both.press("ctrl+b", "left_square_bracket", "pageup", shows="[")
        both.press("q", "ctrl+b", "z", shows="curly")
        both.press("ctrl+b", "z", "ctrl+b", "w", shows="(0)")
        both.press("q", "ctrl+b", *":kill-server", "enter", shows="ended")


@pytest.mark.parametrize("size", SIZES)
def test_mc(place: Path, size: tuple[int, int]) -> None:
    need("mc")
    with pair(place, "mc", "--nosubshell", "files", "files", size=size) as both:
        both.alike("b.tar.gz")
        both.press("down", "down", "insert", "tab", shows="b.tar.gz")
        both.press("f9", "right", "down", shows="File")
        both.press("escape", "escape", "f1", shows="Help")


def test_the_reading_of_what_tmux_gives() -> None:
    assert rendition(PLAIN, "1;31;48;5;200") == Look(fg=1, bg=200, bold=True)
    assert rendition(Look(fg=1, bold=True), "22;39;4:3;107;38;2;1;2;3") == Look(fg=(1, 2, 3), bg=15, underline=True)
    assert rendition(Look(bold=True), "") == PLAIN
