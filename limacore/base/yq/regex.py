"""Go's regular expressions on Python's, with an end: what could search for ever runs in a process of its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys

from limacore.errors import UsageError

_SHORT = 2000
_UNSUPPORTED = re.compile(r"(?<!\\)(?:\\\\)*(\(\?(?:=|!|<=|<!|>|\()|\\[1-9]|[*+?}]\+)")
_REPEATED = re.compile(r"[*+]|\{\d*,\d*\}|\?")
_CLASSES = {"alnum": "0-9A-Za-z", "alpha": "A-Za-z", "ascii": r"\x00-\x7f", "blank": r"\t ", "cntrl": r"\x00-\x1f\x7f",
            "digit": "0-9", "graph": "!-~", "lower": "a-z", "print": " -~", "punct": r"!-/:-@\[-`{-~",
            "space": r"\t\n\v\f\r ", "upper": "A-Z", "word": "0-9A-Za-z_", "xdigit": "0-9A-Fa-f"}
_CHILD = """
import json, re, sys
job = json.load(sys.stdin)
found = re.compile(job["pattern"], job["flags"]).finditer(job["text"])
json.dump([[list(m.span(i)) for i in range(m.re.groups + 1)] for m in found], sys.stdout)
"""

Spans = list[list[tuple[int, int]]]
"""For every match: where it and each of its groups begin and end; -1 for a group that is not there."""


def compiled(pattern: str) -> re.Pattern[str]:
    """The expression as Python understands it; raises UsageError with the words of Go."""
    if found := _UNSUPPORTED.search(pattern):
        raise UsageError(f"error parsing regexp: invalid or unsupported Perl syntax: `{found.group(1)}`")
    try:
        return re.compile(_translated(pattern), re.ASCII)
    except (re.error, OverflowError, RecursionError) as error:
        raise UsageError(f"error parsing regexp: {error}: `{pattern}`") from None


def _translated(pattern: str) -> str:
    pattern = re.sub(r"\[:(\^?)(\w+):\]", lambda m: _CLASSES.get(m.group(2), ""), pattern)
    pattern = re.sub(r"\\Q(.*?)(?:\\E|$)", lambda m: re.escape(m.group(1)), pattern, flags=re.S)
    pattern = re.sub(r"(?<!\\)\(\?<(\w+)>", r"(?P<\1>", pattern).replace(r"\z", r"\Z")
    flags = re.match(r"\(\?([imsU]+)\)", pattern)
    inner = re.sub(r"(?<!\\)\(\?[imsU]+\)", "", pattern)
    kept = "".join(dict.fromkeys(flag for flag in flags.group(1) if flag in "ims")) if flags else ""
    return f"(?{kept}){inner}" if kept else inner.replace("(?U)", "")


def spans(pattern: str, text: str, seconds: float) -> Spans:
    """All matches of an expression in a text, from left to right; raises UsageError, also when it takes longer."""
    expression = compiled(pattern)
    if len(_REPEATED.findall(pattern)) > 1 or len(text) > _SHORT:
        return _elsewhere(expression, text, seconds)
    return [[found.span(number) for number in range(expression.groups + 1)] for found in expression.finditer(text)]


def _elsewhere(expression: re.Pattern[str], text: str, seconds: float) -> Spans:
    if _harmless(expression.pattern) and len(text) <= _SHORT:
        return [[found.span(number) for number in range(expression.groups + 1)] for found in expression.finditer(text)]
    job = json.dumps({"pattern": expression.pattern, "flags": int(expression.flags), "text": text})
    try:
        done = subprocess.run([sys.executable, "-I", "-S", "-c", _CHILD], input=job, capture_output=True, text=True,
                              timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise UsageError(f"the regular expression `{expression.pattern}` takes too long",
                         hint="write it without repetitions inside repetitions") from None
    if done.returncode:
        raise UsageError(f"the regular expression `{expression.pattern}` cannot be used")
    return [[(start, end) for start, end in match] for match in json.loads(done.stdout)]


def _harmless(pattern: str) -> bool:
    """Few repetitions outside of groups: at worst the third power of a short text."""
    return len(_REPEATED.findall(pattern)) <= 3 and not re.search(r"\)[*+{?]", pattern)


def expanded(template: str, names: dict[str, int], groups: list[str]) -> str:
    """A Go replacement: `$1`, `${1}`, `$name`, `$$`; an unknown group is nothing."""

    def one(found: re.Match[str]) -> str:
        name = found.group(1) or found.group(2)
        if name is None:
            return "$"
        number = int(name) if name.isdigit() else names.get(name, -1)
        return groups[number] if 0 <= number < len(groups) else ""

    return re.sub(r"\$(?:\{(\w+)\}|(\w+)|\$)", one, template, flags=re.ASCII)
