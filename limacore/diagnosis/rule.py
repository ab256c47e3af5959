"""Rules over the log of a console, and how one is looked for: a literal first, a pattern only in lines that have it.

Searching a megabyte for a literal takes 30 µs, so some forty rules take a millisecond or two."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

from msgspec import Struct

from limacore.model.finding import Severity

_MOVES = re.compile(r"\x1b\[[0-9;]*[HJf]")
_ESCAPES = re.compile(r"\x1b\[[0-9;?=]*[ -/]*[@-~]|\x1b[ -/]*[0-~]|[\x00-\x09\x0b-\x1f\x7f-\x9f]"
                      r"|(?<=…)\[0m")
"""systemd cuts long names with an ellipsis, and the escape behind them with it."""
_REACH = 600
"""Bytes of a line on each side of a literal that are looked at: lines of guests may have megabytes."""
_TRIES = 50
"""Lines with the literal and without the pattern after which a rule gives up: guests may print anything."""
_END = 4096
_SHOWN = 200


class Rule(Struct, frozen=True, kw_only=True):
    """What a console says, what it means, what to do. `what` and `fix` may name groups of the pattern."""

    id: str
    keys: tuple[bytes, ...]
    """Literals; the line has one of them."""
    pattern: str
    what: str
    fix: str
    why: str = ""
    until: tuple[str, ...] = ("firmware", "kernel", "init", "login")
    """The kinds of progress after which it does not matter any more."""
    last: bool = False
    """Whether it counts only as the last thing said: a prompt that waits for somebody."""
    covers: tuple[str, ...] = ()
    """Rules that only tell what follows from this one."""
    alive: bool = False
    """Whether it is told of a guest that was ready, too."""
    severity: Severity = Severity.ERROR


class Seen(Struct, frozen=True):
    """Where a rule was met: the byte in the log, the text there, the words that its pattern picked."""

    rule: Rule
    at: int
    text: str
    words: dict[str, str] = {}


PROGRESS: dict[str, tuple[bytes, ...]] = {
    "firmware": (b"SeaBIOS (version",),
    "kernel": (b"Linux version ", b"Booting Linux on physical CPU", b"EFI stub: "),
    "init": (b"systemd[1]: Detected ", b"Welcome to \x1b", b"as init process", b"OpenRC ", b"tiny: services start"),
    "login": (b" login: ",),
}
"""Signs of progress, by kind; the later ones show that a boot got past what came before."""


def look(log: bytes, rules: Sequence[Rule]) -> tuple[Seen, ...]:
    """Which rules the log of a console meets, the last place of each; what later progress made void is left out."""
    reached = {kind: max(log.rfind(key) for key in keys) for kind, keys in PROGRESS.items()}
    ending = _segments(log[-_END:])
    found = [seen for rule in rules if (seen := _meets(log, rule, ending))]
    valid = [each for each in found if each.at > max((reached[kind] for kind in each.rule.until), default=-1)]
    covered = {id for each in valid for id in each.rule.covers}
    return tuple(each for each in valid if each.rule.id not in covered)


def _meets(log: bytes, rule: Rule, ending: tuple[str, ...]) -> Seen | None:
    if rule.last:
        said = _compiled(rule.pattern).search(ending[-1]) if ending else None
        return Seen(rule, len(log.rstrip()) - 1, said.string, _words(said)) if said else None
    places = sorted((place for key in rule.keys for place in _places(log, key)), reverse=True)
    return next((seen for place in places if (seen := _at(log, rule, place))), None)


def _places(log: bytes, key: bytes) -> Iterator[int]:
    end = len(log)
    for _ in range(_TRIES):
        end = log.rfind(key, 0, end)
        if end < 0:
            return
        yield end


def _at(log: bytes, rule: Rule, place: int) -> Seen | None:
    begin = max(log.rfind(b"\n", 0, place) + 1, place - _REACH)
    end = log.find(b"\n", place, place + _REACH)
    for segment in _segments(log[begin:end if end >= 0 else place + _REACH]):
        if said := _compiled(rule.pattern).search(segment):
            return Seen(rule, place, segment[:_SHOWN], _words(said))
    return None


def _segments(raw: bytes) -> tuple[str, ...]:
    """What a piece of a log shows, cut where the cursor goes elsewhere; without blank ones."""
    text = _MOVES.sub("\n", raw.decode(errors="replace")).replace("\r", "\n")
    return tuple(" ".join(part.split()) for part in _ESCAPES.sub("", text).split("\n") if part.strip())


def shown(log: bytes, place: int) -> str:
    """What stands around a place of a log."""
    begin, end = log.rfind(b"\n", 0, place) + 1, log.find(b"\n", place)
    return " ".join(_segments(log[begin:end if end >= 0 else place + _REACH]))[:_SHOWN]


def ending(log: bytes) -> str:
    """The last thing that a console shows."""
    return (_segments(log[-_END:]) or ("",))[-1]


def _words(said: re.Match[str]) -> dict[str, str]:
    return {name: value[:_SHOWN] for name, value in said.groupdict(default="").items()}


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
