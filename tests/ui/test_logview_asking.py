"""What is asked of a log: regular expressions, what was asked before, and what stays when another log is shown."""

from __future__ import annotations

from pathlib import Path

from tests.ui.pane_app import screen_text, until
from tests.ui.test_logview_pane import agent_log, logs, on_screen, serial_log


async def test_a_regex_is_typed_or_turned_on_and_the_screen_says_so(lima_home: Path) -> None:
    serial_log(lima_home)
    async with logs(lima_home) as (app, pane, pilot):
        await until(pilot, on_screen(app, "line 499 "))
        await pilot.press("ampersand", *"Line [12]0 ")
        await until(pilot, on_screen(app, "text, Aa  0 lines"))
        await pilot.press("home", "delete", "l")
        await until(pilot, on_screen(app, "text, any case  0 lines"))
        await pilot.press("ctrl+r")
        await until(pilot, on_screen(app, "regex, any case  2 lines"))
        assert on_screen(app, "& /line [12]0 /"[2:])()
        await pilot.press("end", "left", "(")
        await until(pilot, on_screen(app, "missing )"))
        await pilot.press("enter")
        assert pane.has_class("-asking"), "what is wrong is not accepted"
        await until(pilot, on_screen(app, "line 20 "))
        await pilot.press("backspace", "enter")
        await until(pilot, on_screen(app, "& /line [12]0 /  2 lines"))
        await pilot.press("escape", "slash", *r"/line \d*42 .*kernel$/", "enter")
        await until(pilot, on_screen(app, "kernel$/  1/5 lines"))
        await pilot.press("n")
        await until(pilot, on_screen(app, "2/5 lines"))
        assert app.recorded == []


async def test_what_was_asked_before_comes_again(lima_home: Path) -> None:
    serial_log(lima_home)
    async with logs(lima_home) as (app, pane, pilot):
        await until(pilot, on_screen(app, "line 499 "))
        for text, found in (("line 42", "1/11"), ("line 7 ", "1/1")):
            await pilot.press("slash", *text, "enter")
            await until(pilot, on_screen(app, found))
        await pilot.press("ampersand", *"kernel", "enter")
        await until(pilot, on_screen(app, "& kernel  500 lines"))
        await pilot.press("slash", *"dra", "up", "up", "up")
        assert pane._ask.value == "line 42", "filters are not among them, and the oldest is the last"
        await pilot.press("down", "down")
        assert pane._ask.value == "dra", "what was being typed is not lost"
        await pilot.press("up", "up", "enter")
        await until(pilot, on_screen(app, "/11"))
        await pilot.press("escape", "slash", "enter")
        await until(pilot, on_screen(app, "/ line 42  "))


async def test_search_and_filter_stay_in_other_logs_and_machines(lima_home: Path) -> None:
    serial_log(lima_home)
    agent_log(lima_home, *(f'{{"level":"info","msg":"line 4{number}","time":"2026-11-21T01:02:03Z"}}'
                           for number in range(3)))
    (lima_home / "other").mkdir()
    (lima_home / "other" / "serial.log").write_bytes(b"no\nline 4\nline 4\nline 5 not this\n")
    async with logs(lima_home) as (app, pane, pilot):
        await until(pilot, on_screen(app, "line 499 "))
        await pilot.press("ampersand", *"!not this", "enter", "slash", *"line 4", "enter")
        await until(pilot, on_screen(app, "/111"))
        await pilot.press("right_square_bracket")
        await until(pilot, on_screen(app, "/ line 4  3 found"))
        await until(pilot, on_screen(app, "& !not this  3 lines"))
        await pilot.press("n")
        await until(pilot, on_screen(app, "1/3"))
        pane.instance = "other"
        await until(pilot, on_screen(app, "/ line 4  2 found"))
        await until(pilot, on_screen(app, "& !not this  3 lines"))
        assert not any("line 5" in row for row in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: not on_screen(app, "line 4  2 found")())
        pane.instance = "default"
        await until(pilot, on_screen(app, "line 499 "))
        await until(pilot, on_screen(app, "500 lines"))
        assert not pane.view.found.text


async def test_a_filter_that_is_typed_and_left_again_leaves_the_window_where_it_was(lima_home: Path) -> None:
    serial_log(lima_home)
    async with logs(lima_home) as (app, pane, pilot):
        await until(pilot, on_screen(app, "line 499 "))
        await pilot.press("g", "pagedown")
        await until(pilot, lambda: pane.view.page.lines[0].data.startswith(b"line 10 "))
        await pilot.press("ampersand", *"/3 of")
        await until(pilot, on_screen(app, "0 lines"))
        await pilot.press("slash")
        await until(pilot, on_screen(app, "50 lines"))
        await until(pilot, lambda: pane.view.page.lines[0].data.startswith(b"line 13 "))
        await pilot.press("escape")
        await until(pilot, lambda: pane.view.page.lines[0].data.startswith(b"line 10 "))


async def test_keys_behind_enter_are_keys_of_the_log(lima_home: Path) -> None:
    serial_log(lima_home)
    async with logs(lima_home) as (app, pane, pilot):
        await until(pilot, on_screen(app, "line 499 "))
        for key in ("ampersand", *"line 49", "enter", "w", "g"):
            await app._press_keys([key])  # without the pause that a pilot makes
        await until(pilot, on_screen(app, "& line 49  11 lines"))
        await until(pilot, lambda: pane.view.look.wrap and not pane.view.page.at_end)
        assert (pane._ask.value, app.recorded) == ("line 49", [])
