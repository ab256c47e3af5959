"""Log lines have the shapes that scripts parse."""

from __future__ import annotations

import io
import json
import re

import pytest

from limacore.base.gotime import parse_duration
from limacore.cli.output import Log
from limacore.errors import UsageError


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def written(monkeypatch: pytest.MonkeyPatch, log: Log, stream: io.StringIO, *args: str, **fields: str) -> str:
    monkeypatch.setattr("sys.stderr", stream)
    log(args[0], args[1], **fields)
    return stream.getvalue()


def test_text(monkeypatch: pytest.MonkeyPatch) -> None:
    line = written(monkeypatch, Log(), io.StringIO(), "warning", "a `b`\nc", key="x y", alpha="plain-1")
    assert re.fullmatch(
        r'time="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)" level=warning msg="a `b`\\nc" '
        r'alpha=plain-1 key="x y"\n', line)


def test_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    line = written(monkeypatch, Log(), Terminal(), "info", "hello")
    assert re.fullmatch(r"\x1b\[36mINFO\x1b\[0m\[\d{4}\] hello *\n", line)


def test_json(monkeypatch: pytest.MonkeyPatch) -> None:
    line = written(monkeypatch, Log(style="json"), io.StringIO(), "error", "no", field="v")
    assert {key: value for key, value in json.loads(line).items() if key != "time"} == {
        "level": "error", "msg": "no", "field": "v"}  # fmt: skip


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_hostile_text_is_made_visible(monkeypatch: pytest.MonkeyPatch, stream: type[io.StringIO]) -> None:
    line = written(monkeypatch, Log(), stream(), "info", "a\x1b]52;c;x\x07\x9b31mb‮")
    body = line.replace("\x1b[36mINFO\x1b[0m", "")
    assert all(char.isprintable() or char == "\n" for char in body)


def test_levels_below_are_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    assert written(monkeypatch, Log("error"), io.StringIO(), "info", "x") == ""


@pytest.mark.parametrize(("text", "seconds"), [("10m0s", 600), ("1h5s", 3605), ("300ms", 0.3), ("0", 0), ("-5s", 0)])
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "10", "5 m", "m", "1x"])
def test_bad_durations(text: str) -> None:
    with pytest.raises(UsageError):
        parse_duration(text)
