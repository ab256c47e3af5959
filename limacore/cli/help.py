"""Help of every command, made from the tree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from limacore.base import notice
from limacore.cli.commands import ROOT
from limacore.cli.context import Context
from limacore.cli.pflag import Flag
from limacore.cli.streams import out, tell
from limacore.cli.tree import Call, Command, Found, usage

_GROUPS = (("basic", "Basic Commands"), ("advanced", "Advanced Commands"), ("ours", "Commands of limatui"),
           ("plugin", "Available Plugins (Experimental)"))


def show(found: Found, request: Call) -> int:
    """Print the help of a command."""
    out(text(found))
    return 0


def topic(root: Command, words: Sequence[str]) -> int:
    """`help COMMAND…`; what is not there is said, with the usage of the root."""
    command, path = root, []
    for word in words:
        child = command.find(word)
        if child is None:
            shown = " ".join(f"`{each}`" for each in words)
            tell(f"Unknown help topic [{shown}]\n{text(Found(root, (), ()))}")
            return 0
        command = child
        path.append(child)
    out(text(Found(command, tuple(path), ())))
    return 0


def text(found: Found) -> str:
    """The help of a command, ending with a newline."""
    return "\n".join(_blocks(found)) + "\n"


def _blocks(found: Found) -> Iterator[str]:
    command, program = found.command, notice.program()
    yield (command.long or command.short).format(program)
    if command.run or command.commands:
        yield "\nUsage:"
        if command.run:
            yield f"  {usage(found)}"
        if command.commands:
            yield f"  {found.title} [command]"
    if command.aliases:
        yield f"\nAliases:\n  {', '.join((command.name, *command.aliases))}"
    if command.examples:
        yield f"\nExamples:\n{command.examples.format(program)}"
    yield from _commands(found)
    if found.path and (command.run or command.commands):
        yield from _flags("Flags", (*command.flags, Flag("help", "bool", f"help for {command.name}", "h")))
        yield from _flags("Global Flags", ROOT.flags)
    elif not found.path:
        yield from _flags("Flags", command.flags)
        yield f"\nAdditional help topics:\n  {program} yq-restrictions  What yq expressions may not do in flags"
    if command.commands:
        yield f'\nUse "{found.title} [command] --help" for more information about a command.'


def _commands(found: Found) -> Iterator[str]:
    command = found.command
    groups = _GROUPS if not found.path else (("", "Available Commands"),)
    for group, title in groups:
        members = sorted((each for each in command.commands if each.group == group), key=lambda each: each.name)
        if members or group == "plugin":
            yield f"\n{title}:"
        yield from (f"  {each.name:<18} {each.short}".rstrip() for each in members)
    if not found.path:
        yield "\nAdditional Commands:"
        yield "  completion         Completion script for a shell\n  help               Help about any command"


def _flags(title: str, flags: Sequence[Flag]) -> Iterator[str]:
    shown = sorted((flag for flag in flags if not flag.hidden), key=lambda flag: flag.name)
    if not shown:
        return
    yield f"\n{title}:"
    left = [_left(flag) for flag in shown]
    width = max(map(len, left)) + 3
    yield from (f"{each:<{width}}{flag.help}{_default(flag)}".rstrip()
                for each, flag in zip(left, shown, strict=True))


def _left(flag: Flag) -> str:
    short = f"-{flag.short}, " if flag.short else "    "
    return f"  {short}--{flag.name}{'' if flag.kind == 'bool' else ' ' + flag.kind}"


def _default(flag: Flag) -> str:
    if not flag.default:
        return ""
    return f' (default "{flag.default}")' if flag.kind == "string" else f" (default {flag.default})"


def generate_doc(ctx: Context, call: Call) -> None:
    """Write a page about each command into a directory: `man` (roff) or `docsy` (Markdown)."""
    directory = Path(call.args[0])
    directory.mkdir(parents=True, exist_ok=True)
    for path in _paths((ROOT,)):
        name = "-".join((notice.program(), *(each.name for each in path)))
        body = text(Found(path[-1] if path else ROOT, path, ()))
        if call["type"] == "man":
            lines = body.replace("\\", "\\\\").replace("-", "\\-").splitlines()
            page = "\n".join(f"\\&{line}" for line in lines)
            (directory / f"{name}.1").write_text(f'.TH "{name.upper()}" "1"\n.nf\n{page}\n.fi\n')
        else:
            (directory / f"{name}.md").write_text(f"---\ntitle: {name.replace('-', ' ')}\n---\n```\n{body}```\n")


def _paths(above: tuple[Command, ...]) -> Iterator[tuple[Command, ...]]:
    yield above[1:]
    for child in above[-1].commands:
        yield from _paths((*above, child))
