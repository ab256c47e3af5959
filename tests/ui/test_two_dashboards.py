"""Two dashboards on one home while somebody else changes it in limactl's manner: both see it, neither is shaken."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.instances import make_instance, named
from tests.ui.terminal import PATIENCE, Terminal, terminal

_WRONG = ("Broken", "internal error", "Traceback", "not current", "cannot be used")


class Pair:
    """Two terminals that are looked at together; what must never be seen is looked for all the while."""

    def __init__(self, *screens: Terminal) -> None:
        self.screens = screens
        self.never: tuple[str, ...] = _WRONG

    def both(self, true: Callable[[str], object]) -> None:
        """Read until both are as wanted."""
        end = time.monotonic() + PATIENCE
        while not all(true(text) for text in self.look()):
            assert time.monotonic() < end, "\n".join(f"never seen; the screen is\n{each.text}" for each in self.screens)

    def look(self) -> list[str]:
        for each in self.screens:
            each.read(0.05)
        texts = [each.text for each in self.screens]
        for text in texts:
            assert not any(word in text for word in self.never), text
        return texts


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="x", dir="/tmp") as path:
        folder = Path(path) / "h"
        folder.mkdir()
        for name in ("one", "two"):
            make_instance(folder, name)
        yield folder


@contextmanager
def dashboards(home: Path) -> Iterator[Pair]:
    environ = {"LIMA_HOME": str(home), **{f"XDG_{kind}_HOME": f"{home.parent}/{kind}"
                                          for kind in ("CONFIG", "STATE", "CACHE")}}
    with terminal("-m", "limatui", environ=environ) as first, terminal("-m", "limatui", environ=environ) as second:
        pair = Pair(first, second)
        pair.both(lambda text: "one" in text and "two" in text)
        yield pair
        for each in pair.screens:
            _leave(each)


def _leave(screen: Terminal) -> None:
    """Quit; what is typed may be offered again."""
    screen.write(b"l" if "drop them" in screen.text else b"\x11")
    assert screen.ended() == 0


def row(text: str, name: str) -> str:
    """The line of the list for an instance; empty when there is none."""
    return next((line for line in text.splitlines() if line[:20].strip("▌ ").split(" ")[0] == name), "")


def write_slowly(path: Path, text: str, pair: Pair) -> None:
    """As a program does that truncates first; somebody looks in between, several times."""
    size = -(-len(text) // 6)
    with path.open("w") as file:
        for at in range(0, len(text), size):
            file.write(text[at:at + size])
            file.flush()
            _polls(pair, 0.3)


def _polls(pair: Pair, seconds: float = 1.3) -> None:
    """Go on looking for longer than dashboards wait between two looks of theirs."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pair.look()


def test_changes_from_outside_are_seen_by_both(home: Path) -> None:
    with dashboards(home) as pair:
        config = (home / "one" / "lima.yaml").read_text()
        write_slowly(home / "one" / "lima.yaml", config.replace("cpus: 1", "cpus: 3"), pair)
        pair.both(lambda text: "3 cpus" in text)
        (home / "one" / "protected").touch()
        pair.both(lambda text: "◆" in row(text, "one"))
        (home / "one" / "protected").unlink()
        pair.both(lambda text: "◆" not in row(text, "one"))
        _create_slowly(home, "three", pair)
        pair.both(lambda text: "Stopped" in row(text, "three"))
        _agent_comes_and_dies(home, pair)


def _create_slowly(home: Path, name: str, pair: Pair) -> None:
    (home / name).mkdir()
    _polls(pair)
    for each in ("lima.yaml", "lima-version"):
        shutil.copy(home / "two" / each, home / name / each)


def _agent_comes_and_dies(home: Path, pair: Pair) -> None:
    agent = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "hostagent", "two"])
    try:
        named(agent, "hostagent")
        (home / "two" / "ha.pid").write_text(f"{agent.pid}\n")
        pair.both(lambda text: "Starting" in row(text, "two"))
    finally:
        agent.kill()
        agent.wait()
    pair.both(lambda text: "Stopped" in row(text, "two"))
    (home / "two" / "ha.pid").unlink()


def test_directories_that_go_while_a_pane_of_theirs_is_open(home: Path) -> None:
    with dashboards(home) as pair:
        for pane in (2, 3, 4, 8):
            shutil.copytree(home / "two", home / "aa")
            pair.both(lambda text: "Stopped" in row(text, "aa"))
            for each in pair.screens:
                each.write(b"g%d" % pane)
            pair.both(lambda text: "▌" in row(text, "aa"))
            remove_slowly(home / "aa", pair)
            pair.both(lambda text: not row(text, "aa") and "▌" in row(text, "one"))


def test_a_rename_under_an_open_editor(home: Path) -> None:
    """Text typed is not lost, the pane stays, and the list tells the new name."""
    with dashboards(home) as pair:
        for each in pair.screens:
            each.press(b"4", "no problems")
            each.press(b"\t", "esc list", gone="s start")
            each.write(b"# typed")
        pair.both(lambda text: "# typed" in text)
        pair.never = ("internal error", "Traceback", "not current")
        (home / "one").rename(home / "zwei")
        pair.both(lambda text: row(text, "zwei") and not row(text, "one"))
        for each in pair.screens:
            each.press(b"\x1b", "s start")
            each.press(b"\x11", "drop them")


def remove_slowly(folder: Path, pair: Pair) -> None:
    """As a program does that has a large disk to free after lima.yaml."""
    (folder / "lima.yaml").unlink()
    _polls(pair)
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)
