"""A small app for one pane, and an engine on real files and a real unix socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from textual.app import App, ComposeResult
from textual.reactive import reactive
from textual.widget import Widget

from limacore.errors import LockedError, StateError
from limacore.model.config import Problem
from limacore.model.instance import Fleet
from limacore.model.logfile import LogFile
from limacore.model.template import Effective, TemplateInfo
from limatui.assets import stylesheets
from limatui.messages import JobWanted
from limatui.themes import THEMES


class SocketConsole:
    """A serial console over a connected stream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, engine: FileEngine) -> None:
        self.reader, self.writer, self.engine = reader, writer, engine
        self.sizes: list[tuple[int, int]] = []

    async def read(self) -> bytes:
        data = await self.reader.read(65536)
        if not data and self.engine.holder:
            raise LockedError(f"{self.engine.holder} took the console")
        return data

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def resize(self, cols: int, rows: int) -> None:
        self.sizes.append((cols, rows))


class FileEngine:
    """Answers what panes ask from a directory: `NAME/serial.sock`, logs, lima.yaml."""

    def __init__(self, home: Path) -> None:
        self.home = str(home)
        self.holder = ""
        self.opens = asyncio.Event()
        """Cleared: a console takes its time to open."""
        self.opens.set()
        self.calls: list[tuple[Any, ...]] = []

    def dir(self, name: str) -> Path:
        return Path(self.home) / name

    def log_files(self, name: str) -> tuple[LogFile, ...]:
        found = (("serial", "serial.log", False), ("host agent", "ha.stderr.log", True),
                 ("serial, boot before", "serial.1.log", False))
        return tuple(LogFile(label, self.dir(name) / file, json) for label, file, json in found
                     if (self.dir(name) / file).exists())

    @asynccontextmanager
    async def console(self, name: str, source: str = "serial", *, size: tuple[int, int] = (80, 24), take: bool = False
                      ) -> AsyncIterator[SocketConsole]:
        self.calls.append(("console", name, source, size))
        if take:
            self.calls.append(("take", name))
            self.holder = ""
        await self.opens.wait()
        if self.holder:
            raise LockedError(f"the console is held by {self.holder}")
        try:
            reader, writer = await asyncio.open_unix_connection(self.dir(name) / "serial.sock")
        except OSError:
            raise StateError(f"{name} does not run") from None
        try:
            yield SocketConsole(reader, writer, self)
        finally:
            writer.close()

    def read_config(self, name: str) -> str:
        return (self.dir(name) / "lima.yaml").read_text()

    def check_config(self, name: str, text: str) -> tuple[Problem, ...]:
        bad = [number for number, line in enumerate(text.splitlines(), 1) if line.startswith("cpus: ") and not
               line.removeprefix("cpus: ").isdigit()]
        return tuple(Problem("cpus", "cpus: not a number", "write a number", line=line) for line in bad)

    def save_config(self, name: str, text: str, *, expected: str) -> None:
        if self.read_config(name) != expected:
            raise StateError("lima.yaml was changed meanwhile")
        (self.dir(name) / "lima.yaml").write_text(text)

    @property
    def unsaved(self) -> Path:
        return Path(self.home) / ".unsaved"

    def queued(self, name: str) -> str | None:
        path = self.dir(name) / ".queued"
        return path.read_text() if path.exists() else None

    def queue_config(self, name: str, text: str) -> None:
        (self.dir(name) / ".queued").write_text(text)

    def drop_queued(self, name: str) -> None:
        (self.dir(name) / ".queued").unlink(missing_ok=True)

    def effective(self, name: str, text: str) -> tuple[Effective, ...]:
        fields = (line.split(": ", 1) for line in text.splitlines() if ": " in line and line[0].isalpha())
        return tuple(Effective((key,), value, "instance", line) for line, (key, value) in enumerate(fields, 2))

    def describe_templates(self) -> tuple[TemplateInfo, ...]:
        return (TemplateInfo("default", "/t/default.yaml"), TemplateInfo("_images/debian", "/t/d.yaml", hidden=True))

    def create_disk(self, name: str, size: str, *, format: str = "qcow2") -> int:
        self.calls.append(("create_disk", name, size, format))
        return 1

    def delete_disk(self, name: str) -> int:
        self.calls.append(("delete_disk", name))
        return 2

    def resize_disk(self, name: str, size: str) -> int:
        self.calls.append(("resize_disk", name, size))
        return 3

    def import_disk(self, name: str, file: str) -> int:
        self.calls.append(("import_disk", name, file))
        return 4

    def unlock_disk(self, name: str) -> int:
        self.calls.append(("unlock_disk", name))
        return 5


class PaneApp(App[None]):
    """One pane, the themes and styles of the dashboard, and bindings that a terminal must not lose keys to."""

    BINDINGS = [("x", "record('x')", "start"), ("q", "record('q')", "quit")]
    fleet: reactive[Fleet] = reactive(Fleet(home=""))
    home = ""

    def __init__(self, pane: Widget, engine: FileEngine) -> None:
        self.CSS_PATH = [path for path in stylesheets() if Path(path).stem in PANES]
        super().__init__()
        self.pane = pane
        self.bridge = SimpleNamespace(engine=engine)
        self.recorded: list[str] = []
        for theme in THEMES.values():
            self.register_theme(theme)
        self.theme = "dark"

    def compose(self) -> ComposeResult:
        yield self.pane

    def action_record(self, key: str) -> None:
        self.recorded.append(key)

    def tell(self, message: str, *, severity: str = "information") -> None:
        self.recorded.append(message)

    def on_job_wanted(self, wish: JobWanted) -> None:
        wish.begin(self.bridge.engine)

    def on_unmount(self) -> None:
        self.workers.cancel_all()


PANES = ("console", "logs", "config", "lists", "dialogs")


def screen_text(app: App[Any]) -> list[str]:
    """The rows of the screen as text."""
    return ["".join(segment.text for segment in strip) for strip in rendered(app)]


def rendered(app: App[Any]) -> Iterable[Any]:
    """The strips of the whole screen."""
    return app.screen._compositor.render_strips()


async def until(pilot: Any, condition: Any, *, patience: float = 60.0) -> None:
    """Let the app run until the condition holds; fails when it does not come true."""
    async with asyncio.timeout(patience):
        while not condition():
            await pilot.pause(0.01)
