"""The console pane alone, and the other side of its serial socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot

from limatui.screens.console import ConsolePane
from tests.ui.pane_app import FileEngine, PaneApp, screen_text, until

Shown = tuple[PaneApp, ConsolePane, Pilot[None]]


class Peer:
    """The other side of serial.sock: one client at a time, keeps what was typed."""

    def __init__(self) -> None:
        self.got = bytearray()
        self.clients = 0
        self.writer: asyncio.StreamWriter | None = None
        self.slow = 0
        """Bytes that it reads between two rounds of the loop; 0 is all there is."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.clients += 1
        self.writer = writer
        while data := await reader.read(self.slow or 4096):
            self.got += data
            await asyncio.sleep(0)
        self.clients -= 1
        writer.close()

    def hang_up(self) -> None:
        assert self.writer is not None
        self.writer.close()

    def print(self, data: bytes) -> None:
        assert self.writer is not None
        self.writer.write(data)


@asynccontextmanager
async def serial(home: Path, name: str = "default") -> AsyncIterator[Peer]:
    (home / name).mkdir(exist_ok=True)
    peer = Peer()
    server = await asyncio.start_unix_server(peer.serve, home / name / "serial.sock")
    try:
        yield peer
    finally:
        server.close()
        if peer.writer is not None:
            peer.writer.close()


@asynccontextmanager
async def console(home: Path, *, size: tuple[int, int] = (80, 14)) -> AsyncIterator[Shown]:
    pane = ConsolePane("default")
    app = PaneApp(pane, FileEngine(home))
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: pane.terminal.grid is not None)
        pane.terminal.focus()
        await pilot.pause()
        yield app, pane, pilot


def on_screen(app: PaneApp, text: str) -> Callable[[], bool]:
    return lambda: any(text in line for line in screen_text(app))
