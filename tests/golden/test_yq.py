"""Expressions as users write them, against what the reference makes of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from limacore.base import yamlio, yq
from limacore.cli import edit
from limacore.cli.commands import ROOT
from limacore.cli.output import Log
from limacore.cli.tree import call, find
from limacore.errors import LimaError
from limacore.paths import HomePaths
from tests.conftest import GOLDEN

CASES = sorted(path.parent for path in (GOLDEN / "config/yq").glob("*/input.yaml"))
EDITS = sorted(path.parent for path in (GOLDEN / "config/yq-instance").glob("*/args.json"))
FILLED = GOLDEN / "config/yq/075-identity/query.expected.txt"
OTHER = {
    "061-comment-head": "a comment that was asked for above a value stands above its key; the reference loses it",
}
DAMAGED = "#magic"
"""What the reference writes into texts that it cannot keep."""


def _expression(case: Path) -> str:
    return " | ".join(path.read_text() for path in sorted(case.glob("expr*.txt")))


def _of_shared_file(case: Path) -> bool:
    """Most queries are of one file; tests/unit/config/test_golden.py has the others."""
    shared = (CASES[0] / "input.yaml").read_bytes()
    return (case / "query.expected.txt").exists() and (case / "input.yaml").read_bytes() == shared \
        and case.name not in OTHER


def _without_blanks(text: str) -> str:
    return "".join(f"{line}\n" for line in text.splitlines() if line.strip())


def _failure(log: str) -> str:
    """The message of the fatal line of a log."""
    return str(json.loads(re.findall(r'level=fatal msg=(".*")$', log, re.M)[-1]))


def _answer(expression: str, text: str) -> str:
    try:
        return yq.evaluate(expression, text)
    except LimaError as error:
        return error.message


@pytest.mark.skipif(not CASES, reason="recordings of the reference tool are not here")
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_edits_as_recorded(case: Path) -> None:
    """Values, comments and the order of keys; blank lines are artefacts of the reference."""
    text = (case / "input.yaml").read_bytes().decode()
    found = _answer(_expression(case), text)
    kept = next((case / name for name in ("edit.expected.yaml", "edit.rejected.yaml") if (case / name).exists()), None)
    if kept is not None and not (case / "edit.stderr.txt").exists():
        expected = kept.read_text()
        if case.name in OTHER:
            assert found != expected
        elif DAMAGED in expected:
            assert yamlio.load(found) == {**yamlio.load(text), "cpus": 2}
        elif case.name == "128-unicode-kept":
            assert yamlio.load(found) == yamlio.load(expected)  # the reference quotes what needs no quotes
        else:
            assert _without_blanks(found) == _without_blanks(expected)
    elif (case / "query.error.txt").exists():
        assert found == _failure((case / "query.error.txt").read_text())


@pytest.mark.skipif(not CASES, reason="recordings of the reference tool are not here")
@pytest.mark.parametrize("case", [case for case in CASES if _of_shared_file(case)], ids=lambda case: case.name)
def test_queries_as_recorded(case: Path) -> None:
    """Filled in, the shared file is the recorded answer to `.`."""
    assert yq.show(_expression(case), FILLED.read_text()) == (case / "query.expected.txt").read_text()


@pytest.mark.skipif(not EDITS, reason="recordings of the reference tool are not here")
@pytest.mark.parametrize("case", EDITS, ids=[case.name for case in EDITS])
def test_flags_of_edit_as_recorded(case: Path, lima_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = lima_home / "work"
    work.mkdir()
    monkeypatch.setenv("HOME", str(lima_home))
    monkeypatch.chdir(work)
    instance = _instance(lima_home, case)
    failed, status = _edit(lima_home, json.loads((case / "args.json").read_text()))
    assert status == int((case / "rc").read_text())
    assert instance.read_text() == _text(lima_home, case / "expected.yaml")
    if failed:
        assert failed == _failure(_text(lima_home, case / "stderr.txt"))
    saved = work / edit.REJECTED
    rejected = case / "rejected.yaml"
    assert (saved.read_text() if saved.exists() else None) == (
        _text(lima_home, rejected) if rejected.exists() else None)


def _text(home: Path, path: Path) -> str:
    known = {"@HOME@": str(home), "@CWD@": str(home / "work"), "@LIMA_HOME@": str(home), "@IMAGE@": "/nowhere.qcow2"}
    text = path.read_text()
    for name, value in known.items():
        text = text.replace(name, value)
    return text


def _instance(home: Path, case: Path) -> Path:
    paths = HomePaths(home).instance("t")
    paths.dir.mkdir()
    paths.lima_yaml.write_text(_text(home, case.parent / "base.yaml"))
    return paths.lima_yaml


def _edit(home: Path, words: list[str]) -> tuple[str, int]:
    request: Any = call(ROOT, find(ROOT, ["edit", *words, "t"]))
    context: Any = SimpleNamespace(home=HomePaths(home), tty=False, log=Log("panic"))
    try:
        edit.edit(context, request)
    except LimaError as error:
        return ": ".join(filter(None, (error.message, error.detail))), 1
    return "", 0
