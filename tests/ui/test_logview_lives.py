"""Logs that live while they are watched: half lines, rotation, cuts, deletion, floods, files that cannot be read."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from limacore.mounts import inotify
from tests.ui.pane_app import screen_text, until
from tests.ui.test_logview_pane import logs, on_screen, serial_log


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


async def test_a_line_that_is_not_ended_grows_on_the_screen_in_counts_and_in_a_filter(lima_home: Path) -> None:
    path = serial_log(lima_home, 3)
    async with logs(lima_home) as (app, _pane, pilot):
        await until(pilot, on_screen(app, "line 2 "))
        await pilot.press("ampersand", *"/login.*root/", "enter", "slash", *"root", "enter")
        await until(pilot, on_screen(app, "not found"))
        append(path, b"tiny login: ro")
        append(path, b"ot")
        await until(pilot, on_screen(app, "tiny login: root"))
        await until(pilot, on_screen(app, "1 found"))
        append(path, b" root\r\n")
        await until(pilot, on_screen(app, "tiny login: root root"))
        await until(pilot, on_screen(app, "2 found"))
        assert on_screen(app, "root/  1 line")()


async def test_progress_is_one_row_that_changes(lima_home: Path) -> None:
    path = serial_log(lima_home, 3)
    async with logs(lima_home) as (app, _pane, pilot):
        for part in (b"copy 1%", b"\rcopy 20%", b"\rcopy 100%\r\n"):
            append(path, part)
            await until(pilot, on_screen(app, part.decode().strip()))
            assert sum("copy" in row for row in screen_text(app)) == 1


async def test_a_log_is_replaced_while_it_is_read_further_up(lima_home: Path) -> None:
    path = serial_log(lima_home)
    async with logs(lima_home) as (app, pane, pilot):
        await until(pilot, on_screen(app, "line 499 "))
        await pilot.press("slash", *"line", "enter", "g")
        await until(pilot, lambda: on_screen(app, "line 0 ")() and on_screen(app, "/500")())
        with path.open("r+b") as file:
            file.write(b"cut line\r\n")
            file.truncate()
        await until(pilot, on_screen(app, "cut line"))
        await until(pilot, on_screen(app, "1 found"))
        path.unlink()
        await until(pilot, on_screen(app, "deleted"))
        assert on_screen(app, "cut line")(), "it can still be read"
        append(path, b"another line\r\none line more\r\n")
        await until(pilot, on_screen(app, "another line"))
        await until(pilot, on_screen(app, "2 found"))
        _beside(path).replace(path)
        await until(pilot, on_screen(app, "a line of the third"))
        await until(pilot, lambda: on_screen(app, "1 found")() and pane.view.page.at_end)


def _beside(path: Path) -> Path:
    new = path.with_name("new")
    new.write_bytes(b"a line of the third\r\n")
    return new


async def test_bytes_that_are_no_text(lima_home: Path) -> None:
    (lima_home / "default").mkdir()
    path = lima_home / "default" / "serial.log"
    path.write_bytes(b"\x00" * 3000 + b"nul\n\xff\xfe caf\xe9 bad\n\x1b]0;title\x07ok\n")
    async with logs(lima_home) as (app, _pane, pilot):
        await until(pilot, on_screen(app, "\ufffd\ufffd caf\ufffd bad"))
        await pilot.press("slash", *"/caf.* bad/", "enter")
        await until(pilot, on_screen(app, "not found"))
        await pilot.press("slash", *"bad", "enter")
        await until(pilot, on_screen(app, "1/1"))
        await pilot.press("w")
        await until(pilot, on_screen(app, "\u2400" * 80))


async def test_what_cannot_be_read_says_why(lima_home: Path) -> None:
    (lima_home / "default" / "serial.log").mkdir(parents=True)
    async with logs(lima_home) as (app, _pane, pilot):
        await until(pilot, on_screen(app, "cannot be read: Is a directory"))
        (lima_home / "default" / "serial.log").rmdir()
        serial_log(lima_home, 3)
        await until(pilot, on_screen(app, "line 2 "))


@contextmanager
def flood(path: Path) -> Iterator[None]:
    """Lines without a pause, as fast as a thread can write them."""
    stop = threading.Event()

    def write() -> None:
        number = 0
        with path.open("ab") as file:
            while not stop.is_set() and number < 20_000_000:
                file.write(b"".join(b"flood %d of lines\r\n" % each for each in range(number, number + 500)))
                file.flush()
                number += 500
                stop.wait(0.005)
    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


async def test_keys_are_answered_in_a_flood(lima_home: Path) -> None:
    path = serial_log(lima_home)
    with flood(path):
        async with logs(lima_home) as (app, pane, pilot):
            await until(pilot, on_screen(app, "flood"))
            await pilot.press("g")
            await until(pilot, on_screen(app, "line 0 "))
            await until(pilot, on_screen(app, " new"))
            await pilot.press("slash", *"line 4 ", "enter")
            await until(pilot, on_screen(app, "▎line 4 "))
            await pilot.press("ampersand", *"/flood [0-9]*77 /", "enter")
            await until(pilot, on_screen(app, "flood 77 of"))
            await pilot.press("G")
            await until(pilot, lambda: pane.view.page.at_end and pane.view.page.lines)
            before = pane.view.page.lines[-1].start
            await until(pilot, lambda: pane.view.page.lines[-1].start > before)


async def test_where_the_system_tells_of_a_new_line_no_clock_is_waited_for(
    lima_home: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not inotify.available():
        pytest.skip("only Linux tells")
    monkeypatch.setattr("limatui.widgets.logs.view.IDLE_POLL", 3600.0)
    path = serial_log(lima_home, 3)
    async with logs(lima_home) as (app, _pane, pilot):
        await until(pilot, on_screen(app, "line 2 "))
        for number in range(5):
            append(path, b"fresh %d\r\n" % number)
            await until(pilot, on_screen(app, f"fresh {number}"))
