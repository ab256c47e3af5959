"""Whether what a program printed and left is what was recorded: placeholders match what varies."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.golden.cli.sandbox import Sandbox, disk_info, entry, load_yaml

_VARYING = {
    "@TIME@": r"[0-9T:+\-.Z]+", "@DATE@": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "@SECS@": r"\d{4}", "@USER@": r"[\w.-]+",
    "@UID@": r"\d+", "@VERSION@": r"[\w.+-]+", "@LIVEPID@": r"\d+", "@PID@": r"\d+", "@N@": r"\d+", "@RANDOM@": r"\w+",
    "@MAC@": r"[0-9a-f:]{17}", "@PORT@": r"\d+", "@SIZE@": r"[\d.]+ ?[A-Za-z]*", "@CLOCK@": r"[\d:.]+(?: \d+)?",
    "@SHORT@": r"[^\n]*?", "@TEXT@": r"[\s\S]*?",
}
_ESCAPE = re.compile(r"\x1b[78]|\x1b\[[0-9;?]*[A-Za-z]")
_BESIDE = re.compile(r'^time="[^"]*" | comment=("(\\.|[^"\\])*"|\S+)')
"""What tells apart two lines about one cause: when, and on whose behalf the file was read."""
_SPLIT = re.compile("(" + "|".join(re.escape(each) for each in _VARYING) + ")")


def pattern(expected: str) -> re.Pattern[str]:
    """A recorded text as an expression; `...` at its end stands for a rest that was cut."""
    cut = expected.rstrip("\n").endswith("\n...") or expected.strip() == "..."
    if cut:
        expected = expected.rstrip("\n").removesuffix("...")
    expected = expected.replace('"config"...', '"config"@TEXT@')
    parts = [_VARYING.get(part) or re.escape(part) for part in _SPLIT.split(expected)]
    return re.compile("".join(parts) + (r"[\s\S]*" if cut else ""))


def same(step: dict[str, Any], got: str, expected: str) -> bool:
    """Whether a stream is as recorded; the full name of the user was empty there."""
    got = re.sub(r'"comment":"[^"]*"', '"comment":""', got)
    got = re.sub(r"(?<=\n    comment: ).*", '""', got)
    got = re.sub(r"main\.c\(\d+\) \[sender=[\w.]+\]", "main.c(N) [sender=V]", got)  # of rsync
    expected = expected.replace('"uid":"@UID@"', '"uid":@UID@')
    got, expected = once(got), once(expected)
    if "[Use arrows" in expected or "stdin" in step.get("pty", {}).get("streams", []):
        got, expected = (_ESCAPE.sub("", each) for each in (got, expected))  # a library's way to draw a question
    if "\x1b[" in got and "\x1b[" in expected and "\x1b[0m[" not in expected:
        got, expected = (_ESCAPE.sub("", each) for each in (got, expected))  # which colours is a library's choice
    if expected.startswith("ID TAG ...\n"):  # recorded without the widths of its columns
        got = re.sub(r"\AID TAG .*", "ID TAG ...", re.sub(r" +", " ", got))
    if step.get("normalize") == "blanks":
        got, expected = (re.sub(r" {2,}", "  ", each) for each in (got, expected))
    return bool(pattern(expected).fullmatch(got))


def once(text: str) -> str:
    """A warning that is said twice for one cause counts once: the reference loads some files twice."""
    seen: set[str] = set()
    kept = []
    for line in text.split("\n"):
        bare = _BESIDE.sub("", line)
        if "level=warning" not in line or bare not in seen:
            kept.append(line)
        seen.add(bare)
    return "\n".join(kept)


def differences(box: Sandbox, step: dict[str, Any], got: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What is not as recorded: the aspect, and how it differs."""
    if got["rc"] != step["rc"]:
        yield "rc", f"{got['rc']}, recorded {step['rc']}"
    for stream in ("stdout", "stderr"):
        expected = step.get(stream)
        if expected is not None and not same(step, got[stream], box.expand(expected)):
            yield stream, f"{got[stream]!r}\n      recorded {box.expand(expected)!r}"
    if "stdout_keys" in step:
        yield from _keys(step, got["stdout"])
    for path, text in step.get("files", {}).items():
        yield from _file(box, path, text)
    if "tree" in step:
        yield from _tree(box, step["tree"])
    if "http" in step and got["http"] != [_request(each) for each in step["http"]]:
        yield "http", f"{got['http']}, recorded {step['http']}"


def _request(each: Any) -> str:
    if isinstance(each, dict):
        each = (each["method"], each["path"])
    return each if isinstance(each, str) else " ".join(str(part) for part in each)


def _file(box: Sandbox, path: str, text: str | None) -> Iterator[tuple[str, str]]:
    file = Path(box.expand(path))
    found = file.read_bytes().decode("utf-8", "backslashreplace") if file.is_file() else None
    if text is None:
        if found is not None:
            yield "files", f"{path} is there: {found!r}"
    elif found is None or not pattern(box.expand(text)).fullmatch(found):
        yield "files", f"{path}: {found!r}\n      recorded {box.expand(text)!r}"


def _keys(step: dict[str, Any], text: str) -> Iterator[tuple[str, str]]:
    try:
        found = dict(_typed("", json.loads(text)))
    except ValueError as error:
        yield "stdout_keys", f"no JSON: {error}"
        return
    missing = sorted(key for key, kind in step["stdout_keys"].items() if found.get(key) != kind)
    if missing:
        yield "stdout_keys", f"missing or of another type: {missing}"


def _typed(path: str, value: Any) -> Iterator[tuple[str, str]]:
    names = {dict: "object", list: "list", str: "string", bool: "bool", int: "int", float: "number", type(None): "null"}
    yield path or ".", names[type(value)]
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _typed(f"{path}.{key}", each)
    if isinstance(value, list):
        for each in value:
            yield from _typed(f"{path}[]", each)


def _tree(box: Sandbox, recorded: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    expected = {box.expand(each["path"]): each for each in recorded}
    roots = [path for path in expected if not any(path.startswith(f"{other}/") for other in expected)]
    found = _folded({str(path) for root in roots for path in (Path(root), *sorted(Path(root).rglob("*")))
                     if path.exists() or path.is_symlink()})
    expected = {_really(path, found): each for path, each in expected.items()}
    for path in sorted(found - expected.keys()):
        yield "tree", f"{path} should not be there"
    for path, each in expected.items():
        if path not in found:
            yield "tree", f"{path} is missing"
        else:
            yield from _entry(box, Path(path), each)


def _really(path: str, found: set[str]) -> str:
    """The path that is meant by one with something in it that varies."""
    return next((each for each in sorted(found) if pattern(path).fullmatch(each)), path) if "@" in path else path


def _folded(paths: set[str]) -> set[str]:
    """Our two disks (a base that instances share, an overlay) stand for the one `disk` of the reference."""
    return {path for path in paths if not (path.endswith(("/basedisk", "/diffdisk")) and
                                           f"{path.rpartition('/')[0]}/disk" in paths)}


def _entry(box: Sandbox, path: Path, recorded: dict[str, Any]) -> Iterator[tuple[str, str]]:
    ours = path.name in ("disk", "iso") and path.is_symlink() and recorded.get("type") == "file"
    found = entry(path.resolve() if ours else path)
    for key in ("type", "mode", "target"):
        if key in recorded and found.get(key) != box.expand(str(recorded[key])):
            yield "tree", f"{path} {key}: {found.get(key)}, recorded {recorded[key]}"
    if "text" in recorded:
        text = path.read_bytes().decode("utf-8", "backslashreplace")
        if not pattern(box.expand(recorded["text"])).fullmatch(text):
            yield "tree", f"{path} text: {text!r}, recorded {box.expand(recorded['text'])!r}"
    if "size" in recorded and not ours and path.stat().st_size != recorded["size"]:
        yield "tree", f"{path} size: {path.stat().st_size}, recorded {recorded['size']}"
    if "virtual_size" in recorded:
        info = disk_info(path)
        if info["virtual_size"] != recorded["virtual_size"] or (not ours and info["format"] != recorded["format"]):
            yield "tree", f"{path}: {info}, recorded {recorded['format']} {recorded['virtual_size']}"
    if "yaml" in recorded and load_yaml(path) != recorded["yaml"]:
        yield "tree", f"{path} yaml: {load_yaml(path)}, recorded {recorded['yaml']}"
