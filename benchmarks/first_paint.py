"""From exec to a useful first frame, in one terminal size and in interleaved rounds: ours with machines that are really
there, ours with the demo, a bare Textual app, and other Textual programs where they are installed.

    python benchmarks/first_paint.py [ROUNDS] [DIRECTORY]

DIRECTORY holds a virtual environment for each of them: toolong, posting, harlequin. A frame counts when a terminal
emulator shows the word that makes it useful: list, log, request, editor. Goal: limatui <= 1.1 of the bare app.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

from dashboard import BARE
from measure import LIMATUI

from limatui.widgets.terminal.vt import VtGrid

COLUMNS, ROWS = 120, 36
PATIENCE = 60.0
PEERS = {"toolong": (("tl", "{log}"), "watched line 99"), "posting": (("posting",), "Collection"),
         "harlequin": (("harlequin",), "Query Editor")}
LIMA_YAML = 'images:\n- location: "/nowhere.qcow2"\n  arch: x86_64\nvmType: qemu\narch: x86_64\n'


def first_paint(argv: tuple[str, ...], word: str, environ: dict[str, str]) -> float:
    """Seconds until the screen says `word`."""
    terminal, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    grid, began = VtGrid(COLUMNS, ROWS), time.perf_counter()
    process = subprocess.Popen(argv, stdin=child, stdout=child, stderr=child, start_new_session=True, env=environ)
    os.close(child)
    try:
        return _shown(terminal, grid, word, began)
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
        grid.close()


def _shown(terminal: int, grid: VtGrid, word: str, began: float) -> float:
    while select.select([terminal], [], [], PATIENCE)[0]:
        try:
            grid.feed(os.read(terminal, 1 << 20))
        except OSError:
            break  # it has ended
        now = time.perf_counter()
        if answer := grid.replies():
            os.write(terminal, answer)
        grid.refresh()
        if word in grid.text():
            return now - began
    raise SystemExit(f"never shown: {word}; the screen is\n{grid.text()}")


def instances(home: Path, names: tuple[str, ...] = ("alpha", "beta", "heron")) -> None:
    """A Lima home with instances that do not run."""
    for name in names:
        (home / name).mkdir(parents=True)
        (home / name / "lima.yaml").write_text(LIMA_YAML)
        (home / name / "lima-version").write_text("2.2.0")


def variants(scratch: Path, peers: Path | None) -> dict[str, tuple[tuple[str, ...], str]]:
    """Commands, and the word that makes their screen useful."""
    log = scratch / "watched.log"
    log.write_text("".join(f"watched line {number}\n" for number in range(1000)))
    found = {"bare Textual": ((sys.executable, "-c", BARE), "MARKER"), "limatui": ((LIMATUI,), "heron"),
             "limatui --demo": ((LIMATUI, "--demo"), "ci-arm")}
    for name, (command, word) in PEERS.items():
        program = peers / name / "bin" / command[0] if peers else None
        if program is None or not program.exists():
            print(f"  {name}: not installed", file=sys.stderr)
        else:
            found[name] = ((str(program), *(each.format(log=log) for each in command[1:])), word)
    return found


def main(rounds: int = 9, peers: str = "") -> int:
    """Medians and ratios; 1 when the goal is missed."""
    with tempfile.TemporaryDirectory(prefix="b-", dir="/tmp") as place:
        scratch = Path(place)
        instances(scratch / "lima")
        environ = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "HOME": place,
                   "LIMA_HOME": str(scratch / "lima")}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program has its bytecode
        compared = variants(scratch, Path(peers) if peers else None)
        for name in list(compared):  # this round writes bytecode and fills caches
            if failed := _warm(*compared[name], environ):
                print(f"  {name} is left out: {failed}", file=sys.stderr)
                del compared[name]
        results: dict[str, list[float]] = {name: [] for name in compared}
        for _ in range(rounds):
            for name, (argv, word) in compared.items():
                results[name].append(first_paint(argv, word, environ))
    return tell(results)


def _warm(argv: tuple[str, ...], word: str, environ: dict[str, str]) -> str:
    try:
        first_paint(argv, word, environ)
    except SystemExit as error:
        return str(error)
    return ""


def tell(results: dict[str, list[float]]) -> int:
    """The ratio is the median of the pairwise ones: other work on the computer moves the times."""
    for name, values in results.items():
        ratios = [value / base for value, base in zip(values, results["bare Textual"], strict=True)]
        low, middle, high = (pick(values) * 1000 for pick in (min, statistics.median, max))
        print(f"{name:16} {middle:6.0f} ms ({low:.0f}-{high:.0f})   {statistics.median(ratios):5.2f} x bare Textual")
    ours = [value / base for value, base in zip(results["limatui"], results["bare Textual"], strict=True)]
    return 0 if statistics.median(ours) <= 1.1 else 1


if __name__ == "__main__":
    sys.exit(main(*(int(word) if word.isdecimal() else word for word in sys.argv[1:])))  # type: ignore[arg-type]
