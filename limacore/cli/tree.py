"""The tree of commands: how a command line finds its command, which words it may have, and what it is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from limacore.base import notice
from limacore.cli.pflag import Flag, parse
from limacore.errors import UsageError

ANY = 1 << 30


class Command(Struct, frozen=True):
    """One command. `run` is `family:function` below `limacore.cli`; a group has `commands` instead."""

    name: str
    short: str
    run: str = ""
    use: str = ""
    """The usage line after the program's name; empty: name and `[flags]`."""
    flags: tuple[Flag, ...] = ()
    commands: tuple[Command, ...] = ()
    aliases: tuple[str, ...] = ()
    args: tuple[int, int] = (0, ANY)
    """Least and greatest number of positionals."""
    many: str = ""
    """The usage line of a command that takes any number of positionals, unless we are called limactl."""
    group: str = ""
    """`basic`, `advanced` or `ours` on the help of the root; empty: not shown there."""
    long: str = ""
    examples: str = ""
    interspersed: bool = True
    """Whether flags may follow the first positional."""
    bare: bool = False
    """A wrong number of arguments is told in one line."""
    deprecated: str = ""
    complete: str = ""
    """Source of candidates for its positionals (`cli.completion`)."""
    suggest_for: tuple[str, ...] = ()

    def find(self, word: str) -> Command | None:
        """The sub-command of that name or alias."""
        return next((each for each in self.commands if word == each.name or word in each.aliases), None)


class Call(Struct, frozen=True):
    """What a command function gets: positionals and flags. `call["cpus"]` is a flag's value."""

    path: tuple[str, ...]
    args: tuple[str, ...]
    values: Mapping[str, Any]
    names_given: frozenset[str]

    def __getitem__(self, flag: str) -> Any:
        return self.values[flag]

    def given(self, flag: str) -> bool:
        """Whether the flag stands on the command line."""
        return flag in self.names_given

    def arg(self, number: int, default: str = "") -> str:
        """A positional, or the default where there is none."""
        return self.args[number] if number < len(self.args) else default


class Found(Struct, frozen=True):
    """A command, the names that lead to it, and the words left for it."""

    command: Command
    path: tuple[Command, ...]
    words: tuple[str, ...]

    @property
    def title(self) -> str:
        """`limactl disk create`."""
        return " ".join([notice.program(), *(each.name for each in self.path)])


def find(root: Command, words: Sequence[str]) -> Found:
    """The command that a line means, by the rules of cobra: flags before it may take a word. Raises UsageError."""
    command, path, left = root, [], list(words)
    while command.commands:
        at = next(_positionals(left, root.flags), None)
        child = command.find(left[at]) if at is not None else None
        if child is None or at is None:
            if command is root and at is not None:
                raise UsageError(unknown(root, left[at]))
            break
        del left[at]
        command = child
        path.append(child)
    return Found(command, tuple(path), tuple(left))


def _positionals(words: Sequence[str], flags: Sequence[Flag]) -> Iterator[int]:
    """Places of the words that are no flags, nor taken by one. An unknown flag takes the next word."""
    quiet = {f"--{flag.name}" for flag in flags if not flag.takes_word}
    quiet |= {f"-{flag.short}" for flag in flags if flag.short and not flag.takes_word}
    at = 0
    while at < len(words) and words[at] != "--":
        word = words[at]
        if word.startswith("-"):
            takes = "=" not in word and word not in quiet and (word.startswith("--") or len(word) == 2)
            at += 1 if takes else 0
        elif word:
            yield at
        at += 1


def unknown(root: Command, word: str) -> str:
    """The words for a command that there is not, with what may have been meant."""
    near = [each.name for each in root.commands if _near(each, word)]
    hint = "".join(f"\t{name}\n" for name in near)
    return f'unknown command "{word}" for "{notice.program()}"' + (f"\n\nDid you mean this?\n{hint}" if hint else "")


def _near(command: Command, word: str) -> bool:
    if word.lower() in command.suggest_for:
        return True
    if not (command.group or command.run.startswith("plugins:")):
        return False
    return _distance(word.lower(), command.name.lower()) <= 2 or command.name.lower().startswith(word.lower())


def _distance(first: str, second: str) -> int:
    """How many characters to add, drop or change to make one the other (Levenshtein)."""
    row = list(range(len(second) + 1))
    for number, one in enumerate(first, 1):
        above, row[0] = row[0], number
        for at, other in enumerate(second, 1):
            above, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, above + (one != other))
    return row[-1]


def call(root: Command, found: Found) -> Call:
    """Parse what a command was given; raises UsageError as limactl words it."""
    command = found.command
    parsed = parse(found.words, (*root.flags, *command.flags), interspersed=command.interspersed)
    if not (parsed.values.get("help") or parsed.values.get("version")):
        _check_count(found, parsed.args)
        missing = [f'"{flag.name}"' for flag in command.flags if flag.required and flag.name not in parsed.given]
        if missing and command.run:
            raise UsageError(f"required flag(s) {', '.join(missing)} not set")
    names = tuple(each.name for each in found.path)
    return Call(names, tuple(parsed.args), parsed.values, frozenset(parsed.given))


def _check_count(found: Found, args: Sequence[str]) -> None:
    low, high = _own(found.command).args
    if not found.command.run or low <= len(args) <= high:
        return
    reason = _reason(low, high, args, found.title)
    if found.command.bare:
        raise UsageError(reason)
    raise UsageError(f"`{found.title}` {reason}.\nSee `{found.title} --help`.\n\n"
                     f"Usage:  {usage(found)}\n\n{found.command.short}")


def _reason(low: int, high: int, args: Sequence[str], title: str) -> str:
    if high == 0:
        return f'unknown command "{args[0]}" for "{title}"'
    if low == high:
        return f"accepts {low} arg(s), received {len(args)}"
    if high == ANY:
        return f"requires at least {low} arg(s), only received {len(args)}"
    if low == 0:
        return f"accepts at most {high} arg(s), received {len(args)}"
    return f"accepts between {low} and {high} arg(s), received {len(args)}"


def _own(command: Command) -> Command:
    """The command as it is under the name that we are called by."""
    if not command.many or notice.program() == "limactl":
        return command
    return replace(command, use=command.many, args=(command.args[0], ANY))


def usage(found: Found) -> str:
    """The usage line of a command."""
    command = _own(found.command)
    parent = found.title.rpartition(" ")[0]
    line = f"{parent} {command.use or command.name}" if found.path else found.title
    return line if "[flags]" in line or command.commands else f"{line} [flags]"


