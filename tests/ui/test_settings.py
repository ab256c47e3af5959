"""What users may set: read with its problems, changed with their comments kept, shown with where it comes from."""

from __future__ import annotations

import asyncio
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limacore.errors import ConfigError, HostError
from limatui import actions
from limatui.present import rows
from limatui.screens.main import MainScreen
from limatui.screens.settings import SettingsScreen
from limatui.settings import file as settings
from limatui.settings import keymap
from limatui.settings.file import Settings, parse
from limatui.settings.tomledit import put, statements
from limatui.widgets.table import InstanceTable
from tests.ui.board import Board, playing

FILE = """\
# mine
theme = "light"   # for the day

columns = [
    "name",  # which
    "cpu", "status",
]

[keys]
start = "w"
palette = ["ctrl+k", ":"]
"""


@pytest.fixture(autouse=True)
def _own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("TERM", "xterm-256color")
    (tmp_path / "limatui").mkdir()
    return tmp_path / "limatui" / "settings.toml"


@pytest.fixture
def file(_own_file: Path) -> Path:
    return _own_file


# --- reading


def test_a_file_with_everything() -> None:
    found = parse(FILE + 'new = ""\n')
    assert not found.problems
    assert (found.theme, found.columns) == ("light", ("name", "cpu", "status"))
    assert found.keys == {"start": ("w",), "palette": ("ctrl+k", "colon"), "new": ()}
    assert found.lines == {"theme": 2, "columns": 4, "keys.start": 10, "keys.palette": 11, "keys.new": 12}


@pytest.mark.parametrize(("text", "problem"), [
    ("\n\nthme = 1", "f:3: thme: there is no such setting, did you mean theme?"),
    ("theme = 'blue'", "f:1: theme: it is one of dark, light, high-contrast, ansi"),
    ("theme = []", "f:1: theme: it is one of dark, light, high-contrast, ansi"),
    ("[theme]\na = 1", "f:2: theme: it is one of dark, light, high-contrast, ansi"),
    ("refresh = nan", "f:1: refresh: it is a number of seconds from 0.2 to 60"),
    ("refresh = true", "f:1: refresh: it is a number of seconds from 0.2 to 60"),
    ("countdown = 1.5", "f:1: countdown: it is a number of seconds from 0 to 60, without a fraction"),
    ("columns = ['name', 'size']", "f:1: columns: there is no column size: "),
    ("columns = ['cpu', 'cpu']", "f:1: columns: a column stands there twice"),
    ("columns = 'cpu'", "f:1: columns: it is a list of names"),
    ("[keys]\nstrat = 'w'", "f:2: keys.strat: there is no such action, did you mean start?"),
    ("keys.start = 'ctrl+what'", "f:1: keys.start: there is no key ctrl+what"),
    ("[keys]\n# one\nstart = 7", "f:3: keys.start: it is a key or a list of keys"),
    ("keys = 1", "f:1: keys: it is a table: [keys]"),
    ("[keys]\nstart = 'x'", "f:2: keys.start: x is the key of stop; start keeps s"),
    ("[keys]\nstart = 'j'", "f:2: keys.start: j is the key of the cursor; start keeps s"),
    ("[keys]\ntheme = '3'", "f:2: keys.theme: 3 is the key of pane 3; theme keeps no key"),
    ("[keys]\nstart = 'w'\nstop = 'w'", "f:3: keys.stop: w is the key of start; stop keeps x"),
    ("theme = ", "f: Invalid value (at end of document): nothing of it is used"),
])
def test_what_cannot_be_used_is_told_with_its_line(text: str, problem: str) -> None:
    found = parse(text, "f")
    assert len(found.problems) == 1 and found.problems[0].startswith(problem), found.problems
    assert "\n" not in found.problems[0]
    kept = {"start": ("w",)} if "stop = 'w'" in text else {}
    assert (found.theme, found.refresh, found.countdown, found.columns, found.keys) == ("dark", 1.0, 3, (), kept)


def test_keys_may_change_places() -> None:
    found = parse("[keys]\nstart = 'x'\nstop = 's'\n")
    assert not found.problems and found.keys == {"start": ("x",), "stop": ("s",)}


def test_a_refused_key_may_refuse_another() -> None:
    wanted = {"start": ("x",), "stop": ("j",)}
    kept, refused = keymap.settle(wanted, actions.DEFAULTS)
    assert not kept and refused == {"stop": "j is the key of the cursor", "start": "x is the key of stop"}


def test_nothing_has_two_actions_by_itself() -> None:
    assert keymap.settle(actions.DEFAULTS, {})[1] == {}


def test_fixed_keys_are_those_of_the_main_screen() -> None:
    own = {each.id for each in actions.ACTIONS}
    for owner in (MainScreen, InstanceTable):
        for key, bound in owner._merge_bindings().key_to_bindings.items():
            assert all(each.id in own for each in bound) or key in keymap.FIXED, key


@pytest.mark.parametrize(("typed", "name"), [
    ("/", "slash"), ("slash", "slash"), ("?", "question_mark"), ("F5", "f5"), ("ctrl+k", "ctrl+k"), ("Esc", "escape"),
    ("A", "A"), ("shift+a", "A"), (" ", "space"), ("+", "plus"), ("ctrl++", ""), ("", ""), ("win+a", ""), ("\x1b", ""),
])
def test_names_of_keys(typed: str, name: str) -> None:
    assert keymap.known(typed) == name


def test_terminals_of_few_colours(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.delenv("COLORTERM", raising=False)
    monkeypatch.setenv("TERM", "linux")
    assert settings.load().theme == "ansi"
    file.write_text('theme = "light"')
    assert settings.load().theme == "light"


def test_a_file_that_cannot_be_read(file: Path) -> None:
    file.write_bytes(b"theme = '\xff'")
    assert settings.load().problems[0].endswith("cannot be read: it is not UTF-8")


# --- writing


def test_comments_and_order_stay() -> None:
    dark = put(FILE, "theme", "dark")
    assert dark == FILE.replace('"light"', '"dark"')
    columns = put(FILE, "columns", ("name",))
    assert '# which\ncolumns = ["name"]\n\n[keys]' in columns
    assert put(FILE, "refresh", 2.0).replace("refresh = 2.0\n", "") == FILE
    assert put("", "theme", "dark") == 'theme = "dark"\n'
    assert put("# only\n\n# about keys\n[keys]\n", "countdown", 1) == "# only\ncountdown = 1\n\n# about keys\n[keys]\n"


@pytest.mark.parametrize("text", ["theme = ", "[theme]\nx = 1\n", "theme.x = 1\n", '"theme" = """\n# no\n"""\n'])
def test_an_edit_that_is_not_certain_is_not_made(text: str) -> None:
    try:
        changed = put(text, "theme", "dark")
    except ValueError:
        return
    assert tomllib.loads(changed) == {"theme": "dark"}


_NAMES = st.text("ab#\"'[]=\n\\é ", max_size=6)


@given(st.lists(st.tuples(_NAMES, _NAMES), max_size=5), st.sampled_from(["theme", "columns", "refresh"]))
def test_any_file_keeps_all_the_rest(pairs: list[tuple[str, str]], key: str) -> None:
    import json

    lines = [f"{json.dumps(name)} = {json.dumps(value)} # {index}" for index, (name, value) in
             enumerate(dict(pairs).items())]
    text = "\n".join([*lines, "[keys] # last", "a = [ 'x', # in\n 'y']"])
    tree, changed = tomllib.loads(text), put(text, key, "new")
    assert tomllib.loads(changed) == {**tree, key: "new"}
    assert all(line in changed for line in lines)
    assert {each.key for each in statements(changed)} >= {key, "keys.a"}


def test_saving_keeps_links_and_modes(file: Path, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.toml"
    real.write_text("# mine\n")
    real.chmod(0o600)
    file.symlink_to(real)
    assert settings.save("theme", "light") == {"theme": 2}
    assert file.is_symlink() and real.read_text() == '# mine\ntheme = "light"\n'
    assert real.stat().st_mode & 0o777 == 0o600


def test_saving_into_what_cannot_be_changed(file: Path) -> None:
    file.write_text("theme = [")
    with pytest.raises(ConfigError, match="cannot change"):
        settings.save("theme", "light")
    file.write_bytes(b"\xff")
    with pytest.raises(HostError, match="cannot change"):
        settings.save("theme", "light")


# --- columns


@pytest.mark.parametrize("cells", [30, 60, 80, 120, 200])
def test_chosen_columns_fit(cells: int) -> None:
    wanted = ("status", "vm", "arch", "cpus", "up", "ssh", "disk", "memory", "cpu")
    found = rows.columns(cells, (), wanted)
    assert found[0].title == "NAME" and rows.total(found) <= max(cells, 30)
    assert [each.title for each in rows.columns(200, (), ("up", "name"))] == ["UP", "NAME"]


def test_usual_columns_are_what_they_were() -> None:
    assert [each.title for each in rows.columns(80)] == ["NAME", "STATUS", "CPU", "MEM", "DISK", "UP"]
    assert len(rows.columns(120)) == 7 and len(rows.columns(44)) == 3


# --- in the dashboard


async def test_other_keys_are_shown_and_work() -> None:
    own = parse("[keys]\nstart = 'w'\npalette = 'ctrl+k'\njobs = 'f5'\ntheme = 'f6'\nhelp = 'f1'\nstop=''\n")
    async with playing((120, 80), settings=own) as board:
        await board.press("j", "j")
        assert "w start" in board.footer and "ctrl+k palette" in board.footer and "F1 help" in board.footer
        assert "x stop" not in board.footer
        await board.press("s", "x", "colon")
        assert board.app.screen is board.main and not board.app.jobs
        await board.press("w")
        await board.until(lambda: [each.verb for each in board.app.jobs] == ["start"])
        await board.press("ctrl+k", *"theme")
        assert "F6" in board.text
        await board.press("escape", "f1")
        await board.until(lambda: "all keys" in board.text)
        assert "F5 " in board.text and "w  " in board.text
        await board.press("escape", "f6")
        assert board.app.theme == "light"


async def test_problems_are_told_at_start() -> None:
    async with playing(settings=parse("[keys]\nstart = 'x'\nstrat = 'w'\n", "s.toml")) as board:
        await board.until(lambda: "s.toml:2: keys.start: x is the key of stop; start keeps s" in board.toasts)
        assert "s.toml:3: keys.strat: there is no such action" in board.toasts and "s start" in board.text
        await board.press("comma")
        await board.until(lambda: "2 problems" in board.text)
        assert "s.toml:3:" in board.text


async def test_the_screen_changes_the_file(file: Path) -> None:
    file.write_text(FILE)
    async with playing(settings=await asyncio.to_thread(settings.load)) as board:
        assert "CPU" in board.text and "MEMORY" not in board.main.table.text
        await board.press("comma")
        await board.until(lambda: isinstance(board.app.screen, SettingsScreen))
        assert "settings.toml:2" in board.text and "settings.toml:10" in board.text and "built in" in board.text
        await board.press("greater_than_sign")
        await board.until(lambda: 'theme = "high-contrast"   # for the day' in file.read_text())
        assert board.app.theme == "high-contrast" and "high-contrast" in board.text
        await board.press("j", "greater_than_sign")
        await board.until(lambda: "refresh = 2.0" in file.read_text())
        assert board.engine.interval == 2.0
        await _choose(board, "columns.memory")
        await board.press("space")
        await board.until(lambda: '["name", "cpu", "status", "memory"]' in file.read_text())
        assert "MEM" in board.main.table.text
        await board.press("less_than_sign", "y")
        await board.until(lambda: '["name", "cpu", "memory", "status"]' in file.read_text())
        assert "# which" in file.read_text() and 'start = "w"' in file.read_text()
        await _choose(board, "keys.start")
        assert "set in the file by hand" in board.text and '[keys]  start = "w"' in board.text
        await board.press("escape")
        assert board.app.screen is board.main


async def _choose(board: Board, key: str) -> None:
    screen = board.app.screen
    assert isinstance(screen, SettingsScreen)
    await board.press("g")
    while screen.list.current is not None and screen.list.current.key != key:
        await board.press("j")


async def test_a_file_that_cannot_be_written_is_told(file: Path) -> None:
    file.write_text("theme = [")
    async with playing() as board:
        board.app.next_theme()
        await board.until(lambda: "cannot change" in board.toasts)
        assert board.app.theme == "light"


async def test_the_countdown_is_as_long_as_was_chosen() -> None:
    async with playing(settings=Settings(countdown=7)) as board:
        await board.press("x")
        assert "in 7 s" in board.footer
        await board.press("escape")
