"""The logs pane as its user sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from textual.binding import Binding
from textual.pilot import Pilot
from textual.widget import Widget

from limacore.model.instance import Fleet, Instance, Status
from limatui.ink import plain
from limatui.present.logs import LOG_KEYS, tabs
from limatui.screens.logs import LogsPane
from limatui.widgets.logs.view import LogView
from tests.ui.pane_app import FileEngine, PaneApp, screen_text, until

CLOCK = datetime.fromisoformat("2026-11-21T01:02:03Z").astimezone().strftime("%H:%M:%S")


@asynccontextmanager
async def logs(home: Path) -> AsyncIterator[tuple[PaneApp, LogsPane, Pilot[None]]]:
    pane = LogsPane("default")
    app = PaneApp(pane, FileEngine(home))
    async with app.run_test(size=(100, 14)) as pilot:
        pane.view.focus()
        await pilot.pause()
        yield app, pane, pilot


def on_screen(app: PaneApp, text: str) -> Callable[[], bool]:
    return lambda: any(text in line for line in screen_text(app))


def serial_log(home: Path, lines: int = 500) -> Path:
    (home / "default").mkdir(exist_ok=True)
    path = home / "default" / "serial.log"
    path.write_bytes(b"".join(b"line %d of the kernel\r\n" % number for number in range(lines)))
    return path


async def test_follows_the_end_until_moved_and_again_with_g(lima_home: Path) -> None:
    path = serial_log(lima_home)
    async with logs(lima_home) as (app, _pane, pilot):
        await until(pilot, on_screen(app, "line 499 "))
        await pilot.press("pageup")
        await until(pilot, lambda: not on_screen(app, "line 499 ")())
        with path.open("ab") as file:
            file.write(b"fresh one\r\nfresh two\r\n")
        await until(pilot, on_screen(app, "↓ 2 new"))
        assert not on_screen(app, "fresh")()
        await pilot.press("G")
        await until(pilot, on_screen(app, "fresh two"))
        await until(pilot, on_screen(app, "following"))
        await pilot.press("g")
        await until(pilot, on_screen(app, "line 0 "))


async def test_search_counts_and_moves(lima_home: Path) -> None:
    serial_log(lima_home)
    async with logs(lima_home) as (app, pane, pilot):
        await until(pilot, on_screen(app, "line 499 "))
        await pilot.press("slash", *"line 42", "enter")
        await until(pilot, on_screen(app, "1/11"))
        await until(pilot, on_screen(app, "line 42 "))
        await pilot.press("n", "n")
        await until(pilot, on_screen(app, "3/11"))
        await until(pilot, on_screen(app, "line 421 "))
        await pilot.press("N")
        await until(pilot, on_screen(app, "2/11"))
        await pilot.press("slash", *"absent", "enter")
        await until(pilot, on_screen(app, "not found"))
        await pilot.press("escape")
        await until(pilot, lambda: not pane.view.found.text)
        assert app.recorded == [], "letters of the search are not keys of the app"


async def test_other_logs_by_brackets_json_as_words(lima_home: Path) -> None:
    serial_log(lima_home)
    agent = lima_home / "default" / "ha.stderr.log"
    agent.write_text('{"level":"info","msg":"hello","time":"2026-11-21T01:02:03Z"}\n')
    async with logs(lima_home) as (app, _pane, pilot):
        await until(pilot, on_screen(app, "line 499 "))
        await pilot.press("right_square_bracket")
        await until(pilot, on_screen(app, f"{CLOCK}  info    hello"))
        await pilot.press("left_square_bracket")
        await until(pilot, on_screen(app, "line 499 "))


def test_the_current_log_is_always_in_the_row() -> None:
    labels = [f"serial {number} back" for number in range(9)]
    assert plain(tabs(labels, 0, 40)).startswith("serial 0 back")
    row = plain(tabs(labels, 8, 40))
    assert ("serial 8 back" in row[:40], row[0]) == (True, "…")


def test_every_key_is_in_the_help() -> None:
    told = " ".join(keys for keys, _ in LOG_KEYS).split()
    names = {"slash": "/", "ampersand": "&", "left_square_bracket": "[", "right_square_bracket": "]", "enter": "⏎",
             "left": "←", "right": "→"}
    bindings = [binding for binding in (*LogsPane.BINDINGS, *LogView.BINDINGS) if isinstance(binding, Binding)]
    keys = [[names.get(key, key) for key in binding.key.split(",")] for binding in bindings]
    everywhere = {"escape", "pageup", "pagedown"}
    assert not [some for some in keys if not set(some) & {*told, *everywhere}]


async def test_no_logs_says_what_to_do_and_then_they_come(lima_home: Path) -> None:
    (lima_home / "default").mkdir()
    async with logs(lima_home) as (app, _pane, pilot):
        await until(pilot, on_screen(app, "no logs yet: they appear when it starts"))
        serial_log(lima_home)
        await until(pilot, on_screen(app, "line 499 "))


async def test_a_new_boot_replaces_the_log(lima_home: Path) -> None:
    path = serial_log(lima_home)
    async with logs(lima_home) as (app, _pane, pilot):
        await until(pilot, on_screen(app, "line 499 "))
        path.rename(path.with_name("serial.1.log"))
        path.write_bytes(b"second boot\r\n")
        await until(pilot, on_screen(app, "second boot"))


async def test_hidden_it_reads_nothing(lima_home: Path) -> None:
    path = serial_log(lima_home)
    async with logs(lima_home) as (app, pane, pilot):
        await until(pilot, on_screen(app, "line 499 "))
        pane.display = False
        await until(pilot, lambda: not any(str(path) == link for link in open_files()))
        pane.display = True
        await until(pilot, on_screen(app, "line 499 "))


def agent_log(home: Path, *records: str) -> Path:
    path = home / "default" / "ha.stderr.log"
    path.write_text("".join(f"{record}\n" for record in records))
    return path


async def test_a_filter_shows_only_its_lines_counts_them_and_follows(lima_home: Path) -> None:
    path = serial_log(lima_home)
    async with logs(lima_home) as (app, pane, pilot):
        await until(pilot, on_screen(app, "line 499 "))
        await pilot.press("ampersand", *"line 42")
        await until(pilot, on_screen(app, "11 lines"))
        assert pane.has_class("-asking"), "it acts while it is typed"
        await pilot.press("enter")
        await until(pilot, on_screen(app, "& line 42  11 lines"))
        assert on_screen(app, "line 429 ")() and not on_screen(app, "line 499 ")()
        with path.open("ab") as file:
            file.write(b"nothing\r\nline 42 once more\r\n")
        await until(pilot, on_screen(app, "line 42 once more"))
        await until(pilot, on_screen(app, "12 lines"))
        await pilot.press("ampersand", "home", "!", "enter")
        await until(pilot, on_screen(app, "490 lines"))
        await until(pilot, on_screen(app, "nothing"))
        await pilot.press("ampersand", "x", "escape")
        await until(pilot, on_screen(app, "& !line 42  490 lines"))
        await pilot.press("escape")
        await until(pilot, lambda: pane.view.page.passed is None)
        assert app.recorded == []


async def test_where_there_are_no_lines_it_says_why(lima_home: Path) -> None:
    serial_log(lima_home, 0)
    async with logs(lima_home) as (app, _pane, pilot):
        await until(pilot, on_screen(app, "nothing was written yet"))
        serial_log(lima_home, 3)
        await until(pilot, on_screen(app, "line 2 "))
        await pilot.press("ampersand", *"absent", "enter")
        await until(pilot, on_screen(app, "no line passes the filter; esc ends it"))
        await pilot.press("escape")
        await until(pilot, on_screen(app, "line 2 "))


async def test_levels_cycle_and_lines_unfold(lima_home: Path) -> None:
    serial_log(lima_home)
    agent_log(lima_home, *(f'{{"level":"{level}","msg":"said {level}","port":{number},"time":"2026-11-21T01:02:03Z"}}'
                           for number, level in enumerate(("debug", "info", "warning", "error"))))
    async with logs(lima_home) as (app, _pane, pilot):
        await until(pilot, on_screen(app, "line 499 "))
        await pilot.press("right_square_bracket")
        await until(pilot, on_screen(app, "said debug"))
        for shown, gone in (("info and above  3 lines", "said debug"), ("warning and above  2 lines", "said info"),
                            ("error  1 line", "said warning")):
            await pilot.press("L")
            await until(pilot, on_screen(app, shown))
            await until(pilot, lambda gone=gone: not on_screen(app, gone)())
        await pilot.press("L")
        await until(pilot, on_screen(app, "said debug"))
        await pilot.press("k", "k", "enter")
        await until(pilot, on_screen(app, "  port   1"))
        await pilot.press("enter")
        await until(pilot, lambda: not on_screen(app, "  port   1")())
        await pilot.press("v")
        await until(pilot, on_screen(app, '{"level":"info","msg":"said info"'))
        await pilot.press("v", "t")
        await until(pilot, lambda: on_screen(app, "info    said info")() and not on_screen(app, CLOCK)())


async def test_all_logs_by_time_and_back(lima_home: Path) -> None:
    serial_log(lima_home, 3)
    serial_log(lima_home, 2).rename(lima_home / "default" / "serial.1.log")
    agent_log(lima_home, '{"level":"info","msg":"hello","time":"2020-11-21T01:02:03Z"}')
    (lima_home / "default" / "serial.log").write_bytes(b"kernel says\n")
    async with logs(lima_home) as (app, pane, pilot):
        await until(pilot, on_screen(app, "kernel says"))
        await pilot.press("a")
        await until(pilot, on_screen(app, "host agent           info    hello"))
        rows = [row for row in screen_text(app) if "serial" in row or "hello" in row]
        assert "hello" in rows[1] and "≈" not in rows[1], "the oldest comes first"
        assert sum("≈" in row for row in rows) == 3
        await until(pilot, on_screen(app, "≈ guest clock since start, else when it was written"))
        await pilot.press("a")
        await until(pilot, lambda: len(pane.view.sources) == 1)
        await until(pilot, on_screen(app, "kernel says"))
        await pilot.press("A")
        await until(pilot, lambda: any("only one machine" in each.message for each in app._notifications))


class InstanceTable(Widget):
    """Stands for the list beside the pane, in which machines are marked."""

    marked: tuple[Instance, ...] = ()


async def test_logs_of_all_machines_or_of_the_marked_ones(lima_home: Path) -> None:
    machines = tuple(Instance(name, str(lima_home / name), Status.STOPPED) for name in ("default", "build", "web"))
    for machine in machines:
        (lima_home / machine.name).mkdir()
        (lima_home / machine.name / "serial.log").write_bytes(f"2026-11-20 12:00:00Z here is {machine.name}\n".encode())
    async with logs(lima_home) as (app, pane, pilot):
        app.fleet = Fleet(home="", instances=machines)
        await until(pilot, on_screen(app, "all machines"))
        await pilot.press("A")
        await until(pilot, lambda: sum("here is" in row for row in screen_text(app)) == 3)
        assert on_screen(app, "build serial    2026-11-20 12:00:00Z here is build")()
        await pilot.press("A")
        await until(pilot, lambda: len(pane.view.sources) == 1)
        table = InstanceTable()
        table.marked, table.display = machines[1:], False
        await app.mount(table)
        await until(pilot, on_screen(app, "marked machines"))
        await pilot.press("A")
        await until(pilot, on_screen(app, "here is web"))
        assert not on_screen(app, "here is default")()


async def test_hidden_and_shown_again_it_is_at_the_same_log(lima_home: Path) -> None:
    serial_log(lima_home)
    agent_log(lima_home, '{"level":"info","msg":"hello","time":"2026-11-21T01:02:03Z"}')
    async with logs(lima_home) as (app, pane, pilot):
        await until(pilot, on_screen(app, "line 499 "))
        await pilot.press("right_square_bracket")
        await until(pilot, on_screen(app, "hello"))
        pane.display = False
        await pilot.pause()
        agent_log(lima_home, '{"level":"info","msg":"later","time":"2026-11-21T01:02:03Z"}')
        pane.display = True
        await until(pilot, on_screen(app, "later"))


async def test_where_there_is_no_terminal_the_pager_says_so(lima_home: Path) -> None:
    serial_log(lima_home)
    async with logs(lima_home) as (app, _pane, pilot):
        await until(pilot, on_screen(app, "line 499 "))
        for count in (1, 2):
            await pilot.press("p")
            await until(pilot, lambda count=count: count == sum(
                "cannot open the pager" in each.message for each in app._notifications))
            await pilot.press("L")


async def test_an_earlier_boot_is_picked_from_the_list(lima_home: Path) -> None:
    serial_log(lima_home, 2).rename(lima_home / "default" / "serial.1.log")
    (lima_home / "default" / "serial.log").write_bytes(b"this boot\n")
    async with logs(lima_home) as (app, _pane, pilot):
        await until(pilot, on_screen(app, "this boot"))
        await pilot.press("o")
        await until(pilot, on_screen(app, "logs of default"))
        await until(pilot, on_screen(app, "44 B"))
        await pilot.press("j", "enter")
        await until(pilot, on_screen(app, "line 1 of the kernel"))
        await until(pilot, lambda: not on_screen(app, "logs of default")())


async def test_long_lines_wrap_and_say_what_is_left_out(lima_home: Path) -> None:
    (lima_home / "default").mkdir()
    long = b"begin " + b"x" * (1 << 20) + b" end\n"
    (lima_home / "default" / "serial.log").write_bytes(b"before\n" + long + b"10%\r20%\r100%\r\n\x00\x01binary\n")
    async with logs(lima_home) as (app, _pane, pilot):
        await until(pilot, on_screen(app, "\u2400\u2401binary"))
        await until(pilot, on_screen(app, "… +1 MiB"))
        assert [row.strip() for row in screen_text(app) if "%" in row] == ["100%"]
        await pilot.press("w")
        await until(pilot, lambda: sum("xxxx" in row for row in screen_text(app)) > 5)
        assert on_screen(app, "… +1 MiB")()
        assert on_screen(app, "binary")(), "the end stays in sight"


async def test_the_cursor_holds_the_page_and_copies_its_line(lima_home: Path) -> None:
    path = serial_log(lima_home)
    async with logs(lima_home) as (app, pane, pilot):
        await until(pilot, on_screen(app, "line 499 "))
        await pilot.press("k", "k")
        await until(pilot, lambda: not pane.view.page.at_end)
        with path.open("ab") as file:
            file.write(b"fresh\r\n")
        await until(pilot, on_screen(app, "↓ 1 new"))
        assert [row[0] for row in screen_text(app) if "line 497 " in row] == ["▎"]
        await pilot.press("y")
        await until(pilot, lambda: any("1 line copied" in each.message for each in app._notifications))
        assert app.clipboard in ("line 497 of the kernel", "")
        await pilot.press("j", "j", "j")
        await until(pilot, on_screen(app, "fresh"))
        await until(pilot, on_screen(app, "following"))


async def test_saving_asks_never_overwrites_and_keeps_the_filter(lima_home: Path) -> None:
    serial_log(lima_home, 200)
    target = lima_home / "taken.log"
    target.write_text("mine")
    async with logs(lima_home) as (app, _pane, pilot):
        await until(pilot, on_screen(app, "line 199 "))
        await pilot.press("ampersand", *"line 19", "enter")
        await until(pilot, on_screen(app, "11 lines"))
        await pilot.press("s", "ctrl+u", *str(target))
        await until(pilot, on_screen(app, "is there already, and is not overwritten"))
        await pilot.press("enter", "2", "enter")
        await until(pilot, lambda: any("taken.log2" in each.message for each in app._notifications))
    assert target.read_text() == "mine"
    taken = (lima_home / "taken.log2").read_bytes().split(b"\r\n")
    assert (taken[:2], len(taken)) == ([b"line 19 of the kernel", b"line 190 of the kernel"], 12)


def open_files() -> list[str]:
    links = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            links.append(str(entry.readlink()))
        except OSError:
            continue
    return links
