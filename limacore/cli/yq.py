"""yq: expressions on files, as the program yq v4 has them; the environment may be read here."""

from __future__ import annotations

import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from limacore.base import yamlio
from limacore.base import yq as expressions
from limacore.base.files import write_atomic
from limacore.base.yq.codecs import format_name
from limacore.base.yq.node import Node, truthy, walk
from limacore.cli import streams
from limacore.cli.context import Context
from limacore.cli.pflag import Flag, Parsed, parse
from limacore.cli.tree import Call
from limacore.errors import ConfigError, LimaError, NotFoundError, UsageError

VERSION = "yq (https://github.com/mikefarah/yq/) version v4.53.3"
"""The program whose language this is; scripts look for it."""
_FLAGS = (
    Flag("null-input", "bool", "read nothing: begin with null", "n"),
    Flag("output-format", "string", "yaml, json, props, csv, tsv, base64, uri, shell", "o", "auto"),
    Flag("input-format", "string", "yaml, json, props, csv, tsv, base64, uri", "p", "auto"),
    Flag("indent", "int", "blanks a level", "I", "2"),
    Flag("unwrapScalar", "bool", "print texts bare", "r", "true"),
    Flag("inplace", "bool", "write the result into the first file", "i"),
    Flag("exit-status", "bool", "fail when there is no result, or null, or false", "e"),
    Flag("prettyPrint", "bool", "print in block style", "P"),
    Flag("tojson", "bool", "the same as -o json", "j"),
    Flag("colors", "bool", "accepted; the output has no colours", "C"),
    Flag("no-colors", "bool", "no colours", "M"),
    Flag("no-doc", "bool", "no --- between documents", "N"),
    Flag("expression", "string", "the expression, where it could be taken for a file"),
    Flag("from-file", "string", "read the expression from a file"),
    Flag("security-disable-env-ops", "bool", "refuse env, strenv and envsubst"),
    Flag("security-disable-file-ops", "bool", "refuse load and its kind"),
    Flag("security-enable-system-operator", "bool", "accepted; programs are never run"),
    Flag("verbose", "bool", "accepted", "v"),
    Flag("version", "bool", "print the version", "V"),
    Flag("help", "bool", "print this help", "h"),
)
_EXTENSIONS = {".json": "json", ".csv": "csv", ".tsv": "tsv", ".properties": "props", ".props": "props"}


def yq(ctx: Context, call: Call) -> int:
    """Evaluate expressions on files."""
    return main(call.args)


def main(words: Sequence[str]) -> int:
    """Answer as yq; errors are one line on stderr."""
    streams.as_utf8()
    try:
        return _answer(parse(_without_command(words), _FLAGS))
    except BrokenPipeError:
        streams.discard(sys.stdout)
        return 1
    except LimaError as error:
        streams.tell(f"Error: {': '.join(filter(None, (error.message, error.detail)))}\n")
        return 1


def _without_command(words: Sequence[str]) -> Sequence[str]:
    if words[:1] in (["eval-all"], ["ea"]):
        raise UsageError("eval-all is not supported", hint="use `eval`, which takes one document after another")
    return words[1:] if words and words[0] in ("eval", "e") else words


def _answer(request: Parsed) -> int:
    values = request.values
    if values["version"]:
        streams.out(f"{VERSION}\n")
        return 0
    expression, files = _meant(request)
    if values["help"] or (not files and not values["null-input"]):
        streams.out(f"{_help()}\n")
        return 0
    found = [document for file in files or [""] for document in _documents(expression, file, values)]
    if values["prettyPrint"]:
        for node in (each for document in found for root in document for each in walk(root, keys=True)):
            node.style = ""
    text = _printed(found, files, request)
    if values["inplace"]:
        _replace(files, text)
    else:
        streams.out(text)
    return _status(found, values)


def _meant(request: Parsed) -> tuple[str, list[str]]:
    """The expression, and the files to read: stdin when there is something in it and no file is named."""
    values, args = request.values, list(request.args)
    expression = values["expression"] or (_read(values["from-file"]) if values["from-file"] else "")
    if not expression and args and args[0] != "-" and not Path(args[0]).is_file():
        expression = args.pop(0)
    if not args and not values["null-input"] and not stat.S_ISCHR(Path("/dev/stdin").stat().st_mode):
        args = ["-"]
    return expression or ".", [] if values["null-input"] else args


def _documents(expression: str, file: str, values: dict[str, Any]) -> list[list[Node]]:
    access = expressions.Access(not values["security-disable-env-ops"], not values["security-disable-file-ops"])
    text, source = (_read(file), _input_format(file, values)) if file else ("", "")
    return expressions.results(expression, text, source=source, access=access)


def _input_format(file: str, values: dict[str, Any]) -> str:
    if values["input-format"] not in ("auto", "a"):
        return format_name(values["input-format"])
    return _EXTENSIONS.get(Path(file).suffix, "yaml")


def _printed(found: list[list[Node]], files: list[str], request: Parsed) -> str:
    values = request.values
    form = "json" if values["tojson"] else values["output-format"]
    if form in ("auto", "a"):
        named = request.values["input-format"] not in ("auto", "a")
        form = _input_format(files[0], values) if files and not named else "yaml"
    shown = [[node for document in found for node in document]] if values["no-doc"] else found
    unwrap = values["unwrapScalar"] and (form not in ("json", "j") or "unwrapScalar" in request.given)
    return expressions.printed(shown, output=form, indent=values["indent"], unwrap_scalar=unwrap)


def _status(found: list[list[Node]], values: dict[str, Any]) -> int:
    if values["exit-status"] and not any(truthy(node) for document in found for node in document):
        raise UsageError("no matches found")
    return 0


def _read(file: str) -> str:
    try:
        with sys.stdin.buffer if file == "-" else Path(file).open("rb") as source:
            return yamlio.decode(source.read(yamlio.MAX_BYTES + 1))
    except FileNotFoundError:
        raise NotFoundError(f"open {file}: no such file or directory") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"bad file '{file}'", detail=getattr(error, "strerror", None) or str(error)) from None


def _replace(files: list[str], text: str) -> None:
    if not files or files[0] == "-":
        raise UsageError("write in place flag only applicable when giving an expression and at least one file")
    path = Path(files[0]).resolve()
    write_atomic(path, text, path.stat().st_mode & 0o7777)


def _help() -> str:
    rows = [f"  {f'-{flag.short}, ' if flag.short else '    '}--{flag.name:<34}{flag.help}" for flag in _FLAGS]
    return "\n".join(["Evaluate yq expressions on YAML, JSON and other files.", "", "Usage:",
                      "  yq [eval] [EXPRESSION] [FILE]...", "", "Flags:", *rows])
