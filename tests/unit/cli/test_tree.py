"""The tree of commands against the recorded one, and how lines find their command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limacore.cli import help as helping
from limacore.cli.commands import ROOT
from limacore.cli.dispatch import with_flags
from limacore.cli.pflag import Flag, parse
from limacore.cli.tree import Command, Found, call, find
from limacore.errors import UsageError


def paths(command: Command = ROOT, above: tuple[Command, ...] = ()) -> Iterator[tuple[Command, ...]]:
    """Every command with those above it."""
    yield above
    for child in command.commands:
        yield from paths(child, (*above, child))


ALL = list(paths())
LIKELY = ["disk", "list", "create", "--cpus", "--set", "-f", "--", "-y"]
NAMES = [" ".join(each.name for each in path) or "root" for path in ALL]


def test_every_recorded_command_and_flag_is_there(golden: Path) -> None:
    ours = {" ".join(each.name for each in path): path[-1] if path else with_flags(ROOT) for path in ALL}
    lacking = []
    for recorded in json.loads((golden / "cli/flags.json").read_text()):
        command = ours[recorded["command"]]
        flags = {flag.name: flag for flag in (*command.flags, *with_flags(ROOT).flags)}
        lacking += [f"{recorded['command']} alias {name}" for name in recorded.get("aliases", ())
                    if name not in (command.name, *command.aliases)]
        lacking += [f"{recorded['command']} --{flag['name']}" for flag in recorded["flags"]
                    if flag["name"] not in flags or not alike(flags[flag["name"]], flag)]
    assert lacking == []


def alike(ours: Flag, recorded: dict[str, str]) -> bool:
    """Whether a flag is as recorded; `start --help` calls string arrays strings and leaves some defaults out."""
    kinds = {ours.kind} | ({"strings"} if ours.kind == "stringArray" else set())
    default = str(recorded.get("default", ours.default)).strip("[]").lower()
    return recorded["type"] in kinds and recorded.get("shorthand", "") == ours.short and default == ours.default


@pytest.mark.parametrize("path", ALL, ids=NAMES)
def test_every_command_leads_to_a_function_and_has_a_help(path: tuple[Command, ...]) -> None:
    command = path[-1] if path else ROOT
    assert bool(command.run) != bool(command.commands) or command.long
    if command.run:
        family, _, name = command.run.partition(":")
        assert callable(getattr(import_module(f"limacore.cli.{family}"), name))
    text = helping.text(Found(command, path, ()))
    assert text.endswith("\n")
    for flag in command.flags:
        assert flag.hidden or f"--{flag.name}" in text
    for each in path:
        assert each.long or (each.short[:1].isupper() and not each.short.endswith("."))


@pytest.mark.parametrize(
    ("line", "path", "args"),
    [
        ("list -q a", "list", ("a",)),
        ("--log-level error list a", "list", ("a",)),
        ("disk --debug ls d", "disk list", ("d",)),
        ("ls -- -q", "list", ("-q",)),
        ("shell a --start ls -l", "shell", ("a", "--start", "ls", "-l")),
        ("shell --start a ls", "shell", ("a", "ls")),
        ("tmpl url x", "template url", ("x",)),
        ("rm a b -f", "delete", ("a", "b")),
    ],
)
def test_lines_find_their_command(line: str, path: str, args: tuple[str, ...]) -> None:
    found = find(ROOT, line.split())
    assert " ".join(each.name for each in found.path) == path
    assert call(ROOT, found).args == args


@given(st.lists(st.text("ab-=,1.:\"\n", max_size=6) | st.sampled_from(LIKELY),
                max_size=6))
def test_any_line_is_a_call_or_one_error(words: list[str]) -> None:
    try:
        found = find(ROOT, words)
        call(ROOT, found)
    except UsageError as error:
        assert error.message


NUMBERS = (Flag("int", "int"), Flag("port", "uint16"), Flag("size", "float32"), Flag("on", "bool", short="o"),
           Flag("each", "strings", short="e"), Flag("raw", "stringArray"), Flag("ip", "ipSlice"),
           Flag("wait", "duration"), Flag("map", "stringToString"))


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("--int=0x10 --port 65535", {"int": 16, "port": 65535}),
        ("--int -5 --size=1e3", {"int": -5, "size": 1000.0}),
        ("--on=false", {"on": False}),
        ("-oe a,b -e=c -ed", {"on": True, "each": ("a", "b", "c", "d")}),
        ("--raw a,b --raw c", {"raw": ("a,b", "c")}),
        ("--each= --raw=", {"each": (), "raw": ("",)}),
        ("--ip 1.2.3.4,::1", {"ip": ("1.2.3.4", "::1")}),
        ("--wait 1h5s --map a=1,b=2", {"wait": 3605.0, "map": {"a": "1", "b": "2"}}),
    ],
)
def test_values_of_flags(line: str, values: dict[str, object]) -> None:
    parsed = parse(line.split(), NUMBERS)
    assert {name: parsed.values[name] for name in values} == values
    assert parsed.given == set(values)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--int=x"], 'invalid argument "x" for "--int" flag: strconv.ParseInt: parsing "x": invalid syntax'),
        (["--port=70000"], "value out of range"),
        (["--port=-1"], 'strconv.ParseUint: parsing "-1": invalid syntax'),
        (["-o=maybe"], 'invalid argument "maybe" for "-o, --on" flag: strconv.ParseBool'),
        (["--ip=nowhere"], "invalid string being converted to IP address: nowhere"),
        (["--wait=soon"], 'time: invalid duration "soon"'),
        (["-e"], "flag needs an argument: 'e' in -e"),
        (["--=x"], "bad flag syntax: --=x"),
    ],
)
def test_words_of_errors(words: list[str], said: str) -> None:
    with pytest.raises(UsageError) as error:
        parse(words, NUMBERS)
    assert said in error.value.message


@pytest.mark.parametrize(("text", "expected"), [
    ("a,b", ("a", "b")), ('"a,b",c', ("a,b", "c")), ("a,", ("a", "")), ("", ()), ("\n", ()), ("a\nb", ("a",)),
    ('"a""b"', ('a"b',)), ('"a\nb",c', ("a\nb", "c")),
    ('"a', 'parse error on line 1, column 3: extraneous or missing " in quoted-field'),
    ('"a"b', 'parse error on line 1, column 3: extraneous or missing " in quoted-field'),
    ('x,"a"b', 'parse error on line 1, column 5: extraneous or missing " in quoted-field'),
    ('a"b', 'parse error on line 1, column 2: bare " in non-quoted-field'),
])
def test_a_list_is_a_line_of_csv_as_go_reads_it(text: str, expected: tuple[str, ...] | str) -> None:
    flag = Flag("mount", "strings", "")
    if isinstance(expected, tuple):
        assert parse([f"--mount={text}"], (flag,)).values["mount"] == expected
        return
    with pytest.raises(UsageError) as caught:
        parse([f"--mount={text}"], (flag,))
    assert caught.value.message.endswith(f'for "--mount" flag: {expected}')


def test_a_number_of_thousands_of_digits_is_out_of_range() -> None:
    with pytest.raises(UsageError, match="value out of range"):
        parse(["--cpus", "9" * 5000], (Flag("cpus", "int", ""),))
