"""Every key of every screen has a name in the settings file, may be another one, and stands in the help."""

from __future__ import annotations

import pkgutil
import re
from importlib import import_module

import pytest
from textual.binding import Binding
from textual.dom import DOMNode

import limatui
from limatui import actions
from limatui.ink import plain
from limatui.present.keys import help_section
from limatui.settings import scopes
from limatui.settings.file import parse
from limatui.settings.keymap import shown
from limatui.widgets.logs.pick import PickLog
from tests.ui.board import playing


def declared() -> dict[str, list[Binding]]:
    """The bindings of each class that declares some."""
    for module in pkgutil.walk_packages(limatui.__path__, "limatui."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    found, left = {}, [DOMNode]
    while left:
        each = left.pop()
        left += each.__subclasses__()
        if each.__module__.startswith("limatui.") and each.__dict__.get("BINDINGS"):
            place = f"{each.__module__.removeprefix('limatui.')}:{each.__name__}"
            found[place] = list(Binding.make_bindings(each.__dict__["BINDINGS"]))
    return found


def test_every_binding_has_a_name_in_the_table_of_its_class() -> None:
    table = {place: scope for scope, places in scopes.SCOPES.items() for place in places}
    found = declared()
    assert set(table) == set(found), "limatui.settings.scopes names the classes that have keys"
    for place, bindings in found.items():
        for each in bindings:
            assert each.id, f"{place}: {each.key}: use limatui.settings.keymap.named"
            scope, dot, name = each.id.partition(".")
            assert (scope == table[place] and name) if dot else each.id in actions.BY_ID, (place, each)


def test_every_name_means_one_thing() -> None:
    for place, bindings in declared().items():
        meant: dict[str, set[str]] = {}
        for each in bindings:
            meant.setdefault(each.id or "", set()).add(each.action)
        several = {name for name, acts in meant.items() if len(acts) > 1}
        assert several <= {"editor.effective"}, (place, several)


def test_every_binding_is_in_the_help() -> None:
    for scope, (title, keys) in zip(scopes.SCOPES, scopes.sections(), strict=True):
        text = "\n".join(plain(line) for line in help_section(title, keys, 100))
        assert f"[keys.{scope}]" in text
        for each in scopes.bindings(scope):
            line = next(line for line in text.splitlines() if line.endswith(f" {(each.id or '').partition('.')[2]}"))
            assert f" {shown(each.key)} " in f" {line} ", each


async def test_the_help_shows_them_with_the_keys_in_force() -> None:
    async with playing((120, 400), settings=parse("[keys.logs]\nby-time = 'ctrl+t'\n")) as board:
        await board.press("question_mark")
        await board.until(lambda: "[keys.dialogs]" in board.text)
        assert re.search(r"ctrl\+t +by-time", board.text) and "list-or-pane" in board.text


async def test_keys_of_a_pane_are_others() -> None:
    text = "[keys.logs]\nlogs = 'b'\nback = ['pageup']\n[keys.disks]\nadd = ['plus', 'n']\n[keys.panes]\nlogs = 'L'\n"
    found = parse(text)
    assert not found.problems and found.lines["keys.logs.logs"] == 2
    async with playing((200, 60), settings=found) as board:
        await board.press("L", "tab")
        await board.until(lambda: "b logs" in board.footer)
        await board.press("b")
        await board.until(lambda: isinstance(board.app.screen, PickLog))
        await board.press("escape")
        await board.press("escape", "5", "tab")
        await board.until(lambda: "+ add" in board.footer)
        await board.press("plus")
        await board.until(lambda: board.app.screen is not board.main)


async def test_keys_of_a_screen_are_others_and_its_footer_says_so() -> None:
    async with playing(settings=parse("[keys.jobs]\nback = 'B'\n")) as board:
        await board.press("J")
        await board.until(lambda: "B back" in board.footer)
        await board.press("escape")
        assert board.app.screen is not board.main
        await board.press("B")
        assert board.app.screen is board.main


@pytest.mark.parametrize(("text", "problem"), [
    ("[keys.lgs]\nwrap = 'b'", "f:2: keys.lgs: no keys are called so, did you mean logs?"),
    ("[keys.logs]\nwarp = 'b'", "f:2: keys.logs.warp: there is no such action, did you mean wrap?"),
    ("[keys.logs]\nwrap = 's'", "f:2: keys.logs.wrap: s is the key of save; wrap keeps w"),
    ("[keys]\nlogs.wrap = 's'", "f:2: keys.logs.wrap: s is the key of save; wrap keeps w"),
    ("[keys.disks]\nadd = 'j'", "f:2: keys.disks.add: j is the key of the cursor; add keeps a"),
    ("[keys.lists]\ndown = 'd'", "f:2: keys.lists.down: d is the key of disks.delete; down keeps j down"),
    ("[keys.panes]\nlogs = 's'", "f:2: keys.panes.logs: s is the key of start; logs keeps 3"),
    ("[keys.jobs]\nback = 'ctrl+what'", "f:2: keys.jobs.back: there is no key ctrl+what"),
])
def test_conflicts_are_told_with_their_line(text: str, problem: str) -> None:
    assert parse(text, "f").problems == (problem,)


def test_by_themselves_no_two_things_of_a_list_have_one_key() -> None:
    for scope in scopes.SCOPES:
        clashes = set(scopes.fixed(scope)) & {key for keys in scopes.defaults(scope).values() for key in keys}
        assert not clashes, (scope, clashes)
