"""vim, htop, less, tmux and mc look in our terminal as they look under tmux, cell by cell."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from limatui.widgets.terminal.grid import PLAIN, Look
from tests.ui.beside_tmux import furnish, missing, pair, rendition

pytestmark = pytest.mark.skipif(bool(missing("tmux")), reason="tmux is not installed")
SIZES = [(80, 24), (120, 36)]
@pytest.fixture
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="l-", dir="/tmp") as made:
        furnish(Path(made) / "home")
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
    with pair(place, "vi", "-u", ".vimrc", "code.sh", size=size) as both:
        both.alike("a comment")
        both.press("slash", *"echo", "enter", shows="echo")
        both.press("v", "right", "down", "down", shows="VISUAL")
        both.press("escape", *":sp text", "enter", shows="joined")
        both.press("pagedown", "ctrl+e", "ctrl+d", "G", shows="199 ")
        both.press("o", *"new", "tab", "é", "escape", *":sil u", "enter", shows="199 ")
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
    with pair(place, "env", "HTOPRC={run}/htoprc", "htop", "-d", "1000", size=(120, 36)) as both:
        both.replayed("Swp")
        both.type("f5")
        both.replayed("Tasks")


@pytest.mark.parametrize("size", SIZES)
def test_tmux_inside(place: Path, size: tuple[int, int]) -> None:
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
