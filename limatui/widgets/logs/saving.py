"""Taking lines out of a log: into a file, or into the user's pager."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from textual.app import SuspendNotSupported
from textual.widget import Widget

from limatui.host.outside import run_in_terminal
from limatui.logs.export import everything, save, these
from limatui.logs.pattern import is_expression
from limatui.logs.sift import EVERYTHING, Wanted, words
from limatui.logs.track import Source
from limatui.logs.window import Page
from limatui.present.words import size
from limatui.sanitize import sanitize_line
from limatui.widgets.ask import Field, Fill, Form, Values
from limatui.widgets.background import begin
from limatui.widgets.logs.view import LogView

MOST_PAGED = 256 << 20
"""Bytes that are copied for a pager where it cannot read the log itself."""
_ALL, _PAGE = "all", "page"


class LogSaving:
    """Questions and work of one pane."""

    def __init__(self, pane: Widget, view: LogView) -> None:
        self._pane, self._view = pane, view
        self._stop = threading.Event()

    def stop(self) -> None:
        """Give up what is being written."""
        self._stop.set()

    # --- a file

    def ask(self, name: str) -> None:
        """Ask for the file, and which lines."""
        sources, wanted, page = self._view.sources, self._view.wanted, self._view.page
        if not sources:
            return
        passes = "all lines" if wanted == EVERYTHING else "all lines that pass the filter"
        told = f"all: {passes}; page: the {len(page.lines)} on the screen"
        form = Form(
            ((("save lines of this log", "bold"),), ((told, "dim"),)),
            (Field("file", "a new file", f"{name}.log"), Field("lines", "all or page", _ALL)),
            _wrong, partial(command, sources, wanted), "save", _look)

        def answered(values: Values | None) -> None:
            self._view.focus()
            if values is not None:
                lines = these(sources, page.lines) if values[1] == _PAGE else everything(sources, wanted)
                self._stop = threading.Event()
                begin(self._pane, "log-save", partial(self._save, _path(values), lines))
        self._pane.app.push_screen(Fill(form), answered)

    async def _save(self, path: Path, lines: Iterator[bytes]) -> None:
        try:
            written, _ = await asyncio.to_thread(partial(save, path, lines, stopped=self._stop.is_set))
        except OSError as error:
            self._fail(f"not saved: {error}")
            return
        self._pane.notify(f"{' '.join(size(written))} in {sanitize_line(str(path))}", title="saved", markup=False)

    def _fail(self, text: str) -> None:
        self._pane.notify(sanitize_line(text), severity="error", markup=False)

    # --- the pager

    def open_pager(self) -> None:
        """Open what is shown in the user's pager."""
        if self._view.sources:
            begin(self._pane, "log-pager", self._open_pager)

    async def _open_pager(self) -> None:
        sources, wanted, page = self._view.sources, self._view.wanted, self._view.page
        try:
            if len(sources) == 1 and wanted == EVERYTHING:
                await self._run(sources[0].log.path, page)
            else:
                await self._page_copy(sources, wanted)
        except (OSError, ValueError, SuspendNotSupported) as error:
            self._fail(f"cannot open the pager: {error}")

    async def _page_copy(self, sources: Sequence[Source], wanted: Wanted) -> None:
        directory = await asyncio.to_thread(tempfile.mkdtemp, prefix="limatui-log-")
        try:
            path = Path(directory) / "log"
            await self._copy(path, sources, wanted)
            await self._run(path, None)
        finally:
            await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)

    async def _copy(self, path: Path, sources: Sequence[Source], wanted: Wanted) -> None:
        self._stop = threading.Event()
        work = partial(save, path, everything(sources, wanted), stopped=self._stop.is_set, most=MOST_PAGED)
        _, whole = await asyncio.to_thread(work)
        if not whole:
            self._pane.notify(f"only the first {' '.join(size(MOST_PAGED))}", title="pager", markup=False)

    async def _run(self, path: Path, page: Page | None) -> None:
        argv = await asyncio.to_thread(pager, os.environ, path, page)
        with self._pane.app.suspend():
            await run_in_terminal(argv)


def pager(environ: Mapping[str, str], path: Path, page: Page | None,
          found: Callable[[str], str | None] = shutil.which) -> tuple[str, ...]:
    """The command: `$PAGER`, else less or more; less begins where the window is."""
    wish = shlex.split(environ.get("PAGER", "")) or [next(filter(found, ("less", "more")), "less")]
    place: tuple[str, ...] = ()
    if page is not None and page.lines and Path(wish[0]).name == "less":
        place = ("+G",) if page.at_end else (f"+{page.lines[0].start}P",)
    return (*wish, *place, str(path))


def command(sources: Sequence[Source], wanted: Wanted, values: Values) -> str:
    """The command line that does the same, where there is a simple one."""
    parts = list(words(wanted.text))
    if len(sources) > 1 or values[1:] != (_ALL,) or wanted.level or len(parts) > 1:
        return ""
    log, file = shlex.quote(str(sources[0].log.path)), shlex.quote(values[0])
    if not parts:
        return f"cp {log} {file}"
    (word, inverted), = parts
    if is_expression(word):
        return ""  # no dialect of grep means the same
    options = ["-v"] * inverted + ["-i"] * (word == word.lower())
    return " ".join(["grep", "-aF", *options, "-e", shlex.quote(word), log, ">", file])


def _path(values: Values) -> Path:
    return Path(values[0]).expanduser()


def _wrong(values: Values) -> str:
    if not values[0]:
        return "the file needs a name"
    return "" if values[1] in (_ALL, _PAGE) else f"lines: {_ALL} or {_PAGE}"


def _look(values: Values) -> tuple[bool, str]:
    try:
        path = _path(values)
        if path.exists() or path.is_symlink():
            return False, "that file is there already, and is not overwritten: give another name"
        if not path.parent.is_dir():
            return False, f"there is no directory {sanitize_line(str(path.parent))}"
    except (OSError, RuntimeError, ValueError) as error:
        return False, sanitize_line(str(error))
    return True, f"a new file in {sanitize_line(str(path.parent.resolve()))}"
