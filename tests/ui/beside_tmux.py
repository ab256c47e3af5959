"""One program in two terminals: in ours on a pty, and under a real tmux; the grids of both as cells to compare."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple, Protocol

from rich.cells import cell_len

from limatui.widgets.terminal.grid import PLAIN, Look, Row
from limatui.widgets.terminal.vt import VtGrid
from tests.ui.terminal import Terminal

PATIENCE = 10.0
TERM = "xterm-256color"
CONFIG = f"set -g default-terminal {TERM}\nset -g status off\nset -s escape-time 0\n"
LINES = dict(zip("`afgijklmnopqrstuvwxyz{|}~", "◆▒°±␉┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·", strict=False))
"""What the line drawing set of the VT100 means; tmux gives its letters between SO and SI."""
_PART = re.compile("\x1b\\[([0-9;:]*)m|([\x0e\x0f])|(.)", re.DOTALL)
_FLAGS = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse", 8: "hidden", 9: "strike"}
_OFF = {22: ("bold", "dim"), 23: ("italic",), 24: ("underline",), 27: ("inverse",), 28: ("hidden",), 29: ("strike",)}


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


def furnish(home: Path) -> None:
    """Files to look at, and settings under which nothing changes by itself."""
    (home / "files/inner").mkdir(parents=True)
    (home / ".config/htop").mkdir(parents=True)
    for name, text in (("text", TEXT), ("code.sh", CODE), ("colours", COLOURS), (".vimrc", VIMRC),
                       ("tmux.conf", TMUX_CONF), (".config/htop/htoprc", HTOPRC)):
        (home / name).write_text(text)
    for name, size in (("a.txt", 10), ("b.tar.gz", 2000), ("run", 0)):
        (home / "files" / name).write_bytes(b"x" * size)
        os.utime(home / "files" / name, (1e9, 1e9))
    for folder in ("files/inner", "files"):
        os.utime(home / folder, (1e9, 1e9))


class Cell(NamedTuple):
    """One cell, as far as it can be seen."""

    text: str
    look: Look


BLANK = Cell(" ", PLAIN)
UNTOLD = Cell("", PLAIN)


def seen(text: str, look: Look) -> Cell:
    """A blank has no weight and no colour of letters; one that is inverse has that colour as its ground."""
    if text.strip():
        return Cell(text, look)
    lit = look.inverse or look.underline or look.strike
    return Cell(" ", Look(fg=look.fg if lit else None, bg=look.bg, underline=look.underline, strike=look.strike,
                          inverse=look.inverse))


def ours(rows: Sequence[Row], width: int) -> list[list[Cell]]:
    """The cells of our grid."""
    return [_filled([seen(char, look) for text, look in row for char in _clusters(text)], width) for row in rows]


def _filled(cells: list[Cell], width: int, blank: Cell = BLANK) -> list[Cell]:
    return cells + [blank] * (width - sum(cell_len(cell.text) for cell in cells))


def _clusters(text: str) -> Iterator[str]:
    cluster = ""
    for char in text:
        if cluster and cell_len(char):
            yield cluster
            cluster = ""
        cluster += char
    if cluster:
        yield cluster


def theirs(captured: str, width: int, height: int) -> list[list[Cell]]:
    """The cells of `capture-pane -e -p -N`, which says nothing of the end of a row that was only erased."""
    lines, look, rows = captured.split("\n")[:height], PLAIN, []
    for line in lines + [""] * (height - len(lines)):
        cells, drawing = [], False
        for codes, shift, char in _PART.findall(line):
            if char:
                cells.append((LINES.get(char, char) if drawing else char, look))
            elif shift:
                drawing = shift == "\x0e"
            else:
                look = rendition(look, codes)
        joined: list[Cell] = []
        for char, each in cells:
            if joined and not cell_len(char):
                joined[-1] = Cell(joined[-1].text + char, each)
            else:
                joined.append(seen(char, each))
        rows.append(_filled(joined, width, UNTOLD))
    return rows


def rendition(look: Look, codes: str) -> Look:
    """What SGR makes of a look."""
    left = [part.split(":") for part in (codes or "0").split(";")]
    while left:
        number, *detail = (int(each or 0) for each in left.pop(0))
        if number == 0:
            look = PLAIN
        elif number in _FLAGS:
            look = look._replace(**{_FLAGS[number]: detail != [0]})
        elif number in _OFF:
            look = look._replace(**dict.fromkeys(_OFF[number], False))
        elif number in (38, 48):
            kind, *rest = detail or [int(each[0]) for each in left]
            used = 1 if kind == 5 else 3
            left = left if detail else left[used + 1 :]
            color = rest[0] if kind == 5 else tuple(rest[-3:] if detail else rest[:3])
            look = look._replace(**{"fg" if number == 38 else "bg": color})
        else:
            look = _coloured(look, number)
    return look


def _coloured(look: Look, number: int) -> Look:
    kind = "bg" if number // 10 in (4, 10) else "fg"
    base = {3: 30, 4: 40, 9: 82, 10: 92}.get(number // 10)
    if base is None or number % 10 == 8:
        return look
    return look._replace(**{kind: None if number in (39, 49) else number - base})


def differences(one: list[list[Cell]], other: list[list[Cell]]) -> str:
    """Every cell that differs, a line for each; empty when none does."""
    rows = enumerate(zip(one, other, strict=True))
    found = [f"{x},{y}: ours {_told(mine)}, tmux {_told(its)}" for y, (left, right) in rows
             for x, (mine, its) in enumerate(zip_longest(left, right)) if not _same(mine, its)]
    return "\n".join([*found[:20], f"{len(found)} cells in all"]) if found else ""


def _same(mine: Cell | None, its: Cell | None) -> bool:
    return mine == its or (its is UNTOLD and mine is not None and mine.text == " ")


def _told(cell: Cell | None) -> str:
    if cell is None:
        return "nothing"
    look = (f"{name}={value}" for name, value in cell.look._asdict().items() if value not in (None, False))
    return " ".join([repr(cell.text), *look])


class Tmux:
    """A server of its own with one window without decoration, whose raw output is kept beside."""

    def __init__(self, place: Path, size: tuple[int, int]) -> None:
        self.socket, self.raw, self.size = place / "outer", place / "raw", size
        (place / "tmux.conf").write_text(CONFIG)
        self.raw.touch()
        self.start = ("-f", str(place / "tmux.conf"), "new-session", "-d", "-x", str(size[0]), "-y", str(size[1]))

    def __call__(self, *words: str) -> str:
        done = subprocess.run(["tmux", "-u", "-S", str(self.socket), *words], capture_output=True, check=True,
                              env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin", "HOME": str(self.socket.parent)})
        return done.stdout.decode()

    def run(self, argv: Sequence[str]) -> None:
        """Nothing is printed before its copy is under way."""
        self(*self.start, "sh", "-c", f'tmux -S {self.socket} wait-for go; exec "$@"', "sh", *argv)
        self("pipe-pane", f"cat >{self.raw}")
        self("wait-for", "-S", "go")

    def end(self) -> None:
        """It may have ended with its program."""
        with suppress(subprocess.CalledProcessError):
            self("kill-server")

    def type(self, data: bytes) -> None:
        self("send-keys", "-H", *(f"{byte:02x}" for byte in data))

    def cells(self) -> list[list[Cell]]:
        return theirs(self("capture-pane", "-e", "-p", "-N"), *self.size)


class Screen(Protocol):
    """A program in a terminal of ours."""

    grid: VtGrid

    @property
    def text(self) -> str: ...
    def read(self, seconds: float) -> bytes: ...
    def write(self, keys: bytes) -> None: ...


class Pair:
    """The same program twice, typed into alike."""

    def __init__(self, terminal: Screen, tmux: Tmux, patience: float = PATIENCE) -> None:
        self.terminal, self.tmux, self.patience = terminal, tmux, patience

    def press(self, *keys: str, shows: str) -> None:
        """Press keys in both; both must then show the text and be alike in every cell."""
        self.type(*keys)
        self.alike(shows)

    def type(self, *keys: str) -> None:
        """Press keys in both, as our terminal would encode them."""
        for key in keys:
            data = self.terminal.grid.key(key, key if len(key) == 1 else None)
            self.terminal.write(data)
            self.tmux.type(data)

    def alike(self, shows: str) -> None:
        """What both show, and what our grid makes of the bytes that tmux got."""
        self._until_alike(shows, self._ours)
        self.replayed(shows)

    def replayed(self, shows: str) -> None:
        """Only the latter: for programs that show other things each time."""
        self._until_alike(shows, self._replayed)

    def _until_alike(self, shows: str, cells: Callable[[], list[list[Cell]]]) -> None:
        end, why = time.monotonic() + self.patience, "nothing was shown"
        while why:
            assert time.monotonic() < end, f"{why}\n{self.terminal.text}"
            self.terminal.read(0.05)
            mine = cells()
            text = "\n".join("".join(cell.text for cell in row) for row in mine)
            why = f"never shown: {shows}" if shows not in text else differences(mine, self.tmux.cells())

    def _ours(self) -> list[list[Cell]]:
        self.terminal.grid.refresh()
        return ours(self.terminal.grid.rows, self.tmux.size[0])

    def _replayed(self) -> list[list[Cell]]:
        """What our grid makes of the very bytes that tmux got."""
        grid = VtGrid(*self.tmux.size)
        grid.feed(self.tmux.raw.read_bytes())
        grid.refresh()
        cells = ours(grid.rows, self.tmux.size[0])
        grid.close()
        return cells


@contextmanager
def pair(place: Path, *argv: str, size: tuple[int, int] = (80, 24)) -> Iterator[Pair]:
    """Run `argv` in both; `{run}` in it is another directory for each."""
    home = place / "home"
    words = ("env", "-i", "-C", str(home), f"HOME={home}", f"TERM={TERM}", "LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin",
             "TMPDIR={run}", "SHELL=/bin/sh", "PS1=$ ", "sh", "-c", '"$@"; echo ended; exec cat', "sh", *argv)
    runs = [place / "a", place / "b"]
    for run in runs:
        run.mkdir()
    mine, its = ([word.replace("{run}", str(run)) for word in words] for run in runs)
    tmux = Tmux(place, size)
    tmux.run(its)
    terminal = Terminal(tuple(mine), size=size, environ={"TMPDIR": str(place)})
    try:
        yield Pair(terminal, tmux)
    finally:
        terminal.close()
        for run in runs:
            if (run / "inner").exists():
                subprocess.run(["tmux", "-S", str(run / "inner"), "kill-server"], check=False, capture_output=True)
        tmux.end()


def missing(*programs: str) -> str:
    """Which of the programs this computer lacks."""
    return " ".join(program for program in programs if not shutil.which(program))
