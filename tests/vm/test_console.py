"""Full screen programs in a guest, over its serial port and over ssh, beside the same ones under a tmux of the host."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest

from limacore.engine import Engine
from limatui.api import Console
from limatui.present.console import stty
from limatui.screens.pasting import BLOCK, PAUSE
from limatui.widgets.terminal.vt import VtGrid
from tests.ui.beside_tmux import TERM, Pair, Tmux, furnish, missing
from tests.vm.conftest import Cli, left_behind

pytestmark = [
    pytest.mark.skipif(bool(missing("qemu-system-x86_64", "tmux", "vi", "htop", "less", "mc")),
                       reason="not installed: ./dev setup"),
    pytest.mark.skipif(sys.platform != "linux", reason="the programs of this computer are run in the guest"),
    pytest.mark.skipif(bool(os.environ.get("CI")) and os.environ.get("LIMATUI_SLOW") != "1",
                       reason="takes five minutes: in CI with LIMATUI_SLOW=1 only"),
    pytest.mark.timeout(1800),
]
SIZE = (80, 24)
PATIENCE = 120.0
PROGRAMS = ("vi", "htop", "less", "mc", "tmux")
ENVIRON = ("env", "-i", "-C", "/opt/home", "HOME=/opt/home", f"TERM={TERM}", "LC_ALL=C.UTF-8",
           "PATH=/opt/bin:/usr/bin:/bin", "SHELL=/bin/sh", "PS1=$", "TMPDIR=/tmp", "MC_DATADIR=/usr/share/mc")


class Window:
    """A console of the guest as the dashboard has it: the engine's stream in our terminal."""

    def __init__(self, runner: asyncio.Runner, console: Console) -> None:
        self.grid = VtGrid(*SIZE)
        self._runner, self._console = runner, console
        self._reading: asyncio.Task[bytes] | None = None

    @property
    def text(self) -> str:
        self.grid.refresh()
        return self.grid.text()

    def write(self, keys: bytes) -> None:
        self._runner.run(self._console.write(keys))

    def read(self, seconds: float) -> bytes:
        return self._runner.run(self._read(seconds))

    async def _read(self, seconds: float) -> bytes:
        self._reading = self._reading or asyncio.ensure_future(self._console.read())
        done, _ = await asyncio.wait({self._reading}, timeout=seconds)
        if not done:
            return b""
        data = self._reading.result()
        self._reading = None
        self.grid.feed(data)
        if answer := self.grid.replies():
            await self._console.write(answer)
        return data

    def until(self, text: str) -> None:
        end = time.monotonic() + PATIENCE
        while text not in self.text:
            assert time.monotonic() < end, f"never seen: {text}\n{self.text}"
            self.read(1.0)

    def until_prompt(self) -> None:
        """What is typed before a program has given the terminal back may be thrown away by it."""
        end = time.monotonic() + PATIENCE
        while not self.text.rstrip().endswith(("$", "#")):
            assert time.monotonic() < end, f"no prompt\n{self.text}"
            self.read(1.0)

    def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
        self.grid.close()


@contextmanager
def window(runner: asyncio.Runner, opened: AbstractAsyncContextManager[Console]) -> Iterator[Window]:
    with ExitStack() as stack:
        console = runner.run(opened.__aenter__())
        stack.callback(lambda: runner.run(opened.__aexit__(None, None, None)))
        made = Window(runner, console)
        stack.callback(made.close)
        yield made


def bundle(target: Path) -> None:
    """The programs of this computer with all that they load, for a guest that has none of them."""
    with tempfile.TemporaryDirectory() as scratch, tarfile.open(target, "w") as archive:
        home = Path(scratch) / "home"
        furnish(home)
        archive.add(home, "opt/home")
        for name in PROGRAMS:
            _add_program(archive, name, Path(scratch))
        for folder in ("/usr/share/mc", "/etc/mc", "/usr/lib/mc"):
            if Path(folder).exists():
                archive.add(folder, folder.lstrip("/"))


def _add_program(archive: tarfile.TarFile, name: str, scratch: Path) -> None:
    binary = Path(shutil.which(name) or "").resolve()
    loaded = subprocess.run(["ldd", binary], capture_output=True, text=True, check=True).stdout
    libraries = [word for word in loaded.split() if word.startswith("/")]
    for each in (binary, *map(Path, libraries)):
        archive.add(each.resolve(), f"opt/lib/{each.name if each != binary else name}")
    loader = next(Path(each).name for each in libraries if "/ld-linux" in each)
    start = scratch / name
    start.write_text(f'#!/bin/sh\nexec /opt/lib/{loader} --library-path /opt/lib --argv0 {name} /opt/lib/{name} "$@"\n')
    start.chmod(0o755)
    archive.add(start, f"opt/bin/{name}")


@contextmanager
def beside(cli: Cli, ours: Window, *argv: str) -> Iterator[Pair]:
    """The same command typed into our window and run by a tmux of the host over ssh."""
    with tempfile.TemporaryDirectory(prefix="l-", dir="/tmp") as place:
        tmux = Tmux(Path(place), SIZE)
        words = [each.replace("{run}", "a") for each in (*ENVIRON, *argv)]
        tmux.run(["env", f"LIMA_HOME={cli.home}", sys.executable, "-m", "limatui", "shell", "t", *words])
        try:
            ours.until_prompt()
            ours.write(b"clear; " + " ".join(each.replace("{run}", "b") for each in (*ENVIRON, *argv)).encode() + b"\r")
            yield Pair(ours, tmux, PATIENCE)
        finally:
            tmux.end()


@pytest.fixture
def guest(tiny: Cli, tmp_path: Path) -> Cli:
    """It runs and has the programs."""
    bundle(tmp_path / "all.tar")
    tiny("start", "t", timeout=300)
    tiny("copy", str(tmp_path / "all.tar"), "t:/tmp/all.tar", timeout=300)
    tiny("shell", "t", "sudo", "sh", "-c", "cd / && tar xf /tmp/all.tar --no-same-owner && chown -R lima /opt/home"
         " && (setsid sleep 100000 >/dev/null 2>&1 &)", timeout=300)
    return tiny


def test_programs_look_the_same_over_the_serial_port_and_over_ssh(guest: Cli) -> None:
    engine = Engine(guest.home, interval=1)
    asleep = guest("shell", "t", "pgrep", "-xo", "sleep").stdout.strip()
    with asyncio.Runner() as runner:
        with window(runner, engine.console("t")) as serial:
            serial.write(b"\r")
            serial.until("login:")
            serial.write(b"root\r")
            serial.until("#")
            serial.write(b"exec su - lima\r")
            serial.until("$")
            serial.write(stty(*SIZE) + b"stty size\r")
            serial.until("24 80")
            look_at_all(guest, serial, asleep)
            paste(serial)
        with window(runner, engine.console("t", "shell", size=SIZE)) as shell:
            shell.write(b"stty size\r")
            shell.until("24 80")
            look_at_all(guest, shell, asleep)
        runner.run(engine.close())
    guest("stop", "t", timeout=300)
    assert not left_behind(guest.home)


def look_at_all(cli: Cli, ours: Window, asleep: str) -> None:
    with beside(cli, ours, "vi", "-u", ".vimrc", "code.sh") as both:
        both.alike("a comment")
        both.press("slash", *"echo", "enter", "v", "down", "right", shows="VISUAL")
        both.press("escape", *":sp text", "enter", shows="joined")
        both.type("escape", *":qa!", "enter")
    with beside(cli, ours, "less", "-R", "text", "colours") as both:
        both.alike("plain text")
        both.press("pagedown", "slash", *"wide", "enter", shows="plain text")
        both.press(*":n", "enter", shows="curly")
        both.type("q")
    with beside(cli, ours, "htop", "-p", asleep) as both:
        both.alike("sleep 100000")
        both.press("f6", shows="Sort by")
        both.type("escape", "f10")
    with beside(cli, ours, "mc", "--nosubshell", "files", "files") as both:
        both.alike("b.tar.gz")
        both.press("down", "insert", "tab", "f9", "down", shows="File listing")
        both.type("escape", "escape", "f10")
    with beside(cli, ours, "tmux", "-u", "-f", "tmux.conf", "-S", "/tmp/{run}", "new") as both:
        both.alike("$")
        both.press("ctrl+b", "%", shows="│$")
        both.press(*"cat colours", "enter", shows="curly")
        both.type("ctrl+b", *":kill-server", "enter")
        ours.until("exited")


def paste(serial: Window) -> None:
    """64 KiB typed as fast as the pane types arrive whole."""
    data = "".join(f"{number:07x} " for number in range(8192)).encode()
    serial.until_prompt()
    serial.write(b"clear; stty -echo raw; echo re''ady; head -c 65536 | sha256sum; stty sane\r")
    serial.until("ready")

    async def type_it() -> None:
        for start in range(0, len(data), BLOCK):
            await serial._console.write(data[start : start + BLOCK])
            await asyncio.sleep(PAUSE)

    serial._runner.run(type_it())
    serial.until(hashlib.sha256(data).hexdigest()[:60])
