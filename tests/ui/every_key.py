"""Every key there is, found in the bindings themselves: where a user is when it works, and pressing it there."""

from __future__ import annotations

import asyncio
import pkgutil
from collections.abc import Iterator
from copy import copy
from functools import cache
from importlib import import_module
from typing import NamedTuple

from textual.binding import Binding
from textual.dom import DOMNode
from textual.widgets import Input

import limatui
from limacore.model.job import JobState
from limatui.actions import ACTIONS
from limatui.present.listing import View
from limatui.screens.panes import PANES
from limatui.widgets.terminal.widget import Terminal
from tests.ui.board import Board


class Bound(NamedTuple):
    """A key as a class declares it."""

    owner: str
    key: str
    action: str


def declared() -> frozenset[Bound]:
    """Every binding that is declared anywhere in the dashboard, but those that no terminal sends."""
    for module in pkgutil.walk_packages(limatui.__path__, "limatui."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    return frozenset(bound for owner in _classes(DOMNode) for bound in _of(owner)
                     if not bound.key.startswith("no-key-"))


ELSEWHERE = frozenset({Bound("ConsolePane", "enter", "take_over"), Bound("Terminal", "escape", "unmark")})
"""Where keys alone do not lead: a console that another dashboard holds (test_two_holders), marks of the mouse
(test_terminal_marks)."""


def _classes(base: type) -> Iterator[type]:
    for each in base.__subclasses__():
        yield each
        yield from _classes(each)


def _of(owner: type) -> Iterator[Bound]:
    if owner.__module__.startswith("limatui"):
        for each in Binding.make_bindings(owner.__dict__.get("BINDINGS", ())):
            yield Bound(owner.__name__, each.key, each.action)


@cache
def _all_of(owner: type) -> tuple[Bound, ...]:
    return tuple(bound for each in owner.__mro__ for bound in _of(each))


def near(board: Board) -> set[Bound]:
    """What is declared along the way from the keyboard outwards, whether it works now or not."""
    return {bound for node, _ in board.app.screen._modal_binding_chain for bound in _all_of(type(node))}


def live(board: Board) -> list[Bound]:
    """What of it works at this moment, from where the keyboard is outwards."""
    taken: set[str] = set()
    found: list[Bound] = []
    for node, bindings in board.app.screen._modal_binding_chain:
        own = _all_of(type(node))
        for key, several in bindings.key_to_bindings.items():
            works = [each for each in several if (each.priority or key not in taken)
                     and board.app._check_action_state(each.action, node)]
            found += [bound for bound in own for each in works if (bound.key, bound.action) == (key, each.action)]
            # An entry has the keys of a scroll view and lets them pass, since it cannot scroll.
            if any(not each.action.startswith("scroll_") for each in works):
                taken.add(key)
    return found


def where(board: Board) -> tuple[object, ...]:
    """Where the user is."""
    return len(board.app.screen_stack), board.app.screen, board.app.screen.focused, board.main.pane, board.main.zoomed


PLACES: tuple[str, ...] = (
    "", "queue e wait wait",
    *(f"{number} wait tab wait" for number in range(1, len(PANES) + 1)),
    *(each.key.split(",")[0] + " wait" for each in ACTIONS if each.key and each.id not in ("quit", "shell")),
    # What only shows after more than one key.
    "j j 2 wait tab wait", "j j 2 wait tab s wait", "2 wait tab live", "2 wait tab wait enter",
    "2 wait tab wait slash", "2 wait tab wait slash l enter wait",
    "3 wait tab wait slash", "3 wait tab wait slash r e enter wait", "3 wait tab wait o wait",
    "e wait x wait", "e wait f2 wait", "e wait f2 wait tab wait", "e wait ctrl+f", "e wait f3",
    "e wait ctrl+home enter up v wait", "e wait ctrl+home enter up v wait escape",
    *("j j 8 wait tab wait g wait" + " j" * count for count in range(3)), "j j 8 wait tab wait a",
    *("5 wait tab wait g wait" + " j" * count for count in range(5)), "5 wait tab a",
    "5 wait tab i", "6 wait tab a", "T wait e wait enter wait", "T wait enter wait", "T wait slash",
    "n wait f2 wait", *("n wait" + " tab" * count for count in range(1, 9)), "n wait w e b wait", "j j D", "space D",
    "* X",
)
"""How to get to each place, from the list; one for each action and pane comes by itself."""


async def go(board: Board, story: str) -> None:
    """Press keys; `wait` is for what is read or made in the background, `live` for a console that can be typed into."""
    for key in story.split():
        if key == "wait":
            await _settled(board)
        elif key == "live":
            await board.until(lambda: board.main.query_one(Terminal).can_type, "the console is live")
        elif key == "queue":
            text = await asyncio.to_thread(board.engine.read_config, "default")
            await asyncio.to_thread(board.engine.queue_config, "default", text.replace("cpus: 2", "cpus: 6"))
        else:
            await board.press(key)


_ENDLESS = {"bridge", "console", "logs", "logview", "logview-hear"}
_PAUSE = 0.06
"""Seconds after which a pane begins to read what a user rests on."""


async def _settled(board: Board) -> None:
    """Nothing is being read or made any more, but what goes on for ever."""
    await asyncio.sleep(_PAUSE)
    await board.until(lambda: not [each for each in board.app.workers if each.is_running
                                   and not _waits_for_a_person(board, each.group)], "all is read")


def _waits_for_a_person(board: Board, group: str) -> bool:
    return group in _ENDLESS or (group == "form" and board.app.screen is not board.main)


_CHANGES = ("_machines", "_snapshots", "_disks", "_waiting")


class World:
    """What there is at the beginning; pressing keys changes it."""

    def __init__(self, board: Board) -> None:
        self._kept = {name: copy(getattr(board.engine, name)) for name in _CHANGES}

    async def restore(self, board: Board) -> None:
        """Everything as it was, nothing at work."""
        for job in board.app.jobs:
            if job.state is JobState.RUNNING:
                board.engine.cancel(job.id)
        await board.until(lambda: not any(each.state is JobState.RUNNING for each in board.app.jobs), "work ends")
        for name, value in self._kept.items():
            setattr(board.engine, name, copy(value))
        board.engine.poke()
        await board.until(lambda: {each.name: each.status for each in board.app.fleet.instances} ==
                          {each.name: each.status for each in board.engine.fleet().instances}, "all as it was")


async def home(board: Board) -> None:
    """Back to the list, whatever is open."""
    for _ in range(3):
        if where(board)[2:] != (board.main.table, 0, False):
            await board.press("escape")
    while board.app.screen is not board.main:
        await board.app.pop_screen()
    main = board.main
    main.stopping.cancel()
    for pane in main.query("ConfigPane"):
        await pane.drop_all()  # type: ignore[attr-defined]
    for pane in main.query("ConsolePane"):
        pane.source = "serial"  # type: ignore[attr-defined]
    main.zoomed, main.pane = False, 0
    main.view = View()
    main.query_one("#filter", Input).value = ""
    main.query_one("#filter").remove_class("-open")
    main.set_focus(main.table)
    main.table.unmark()
    await board.press("g")
