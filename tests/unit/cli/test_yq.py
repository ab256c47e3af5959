"""The yq program."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from limacore.cli import edit, yq
from limacore.errors import HostError

ROOT = Path(__file__).parents[3]


def _run(*words: str, text: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    code = "import sys; from limacore.cli.yq import main; sys.exit(main(sys.argv[1:]))"
    stdin = {"input": text} if text is not None else {"stdin": subprocess.DEVNULL}
    return subprocess.run([sys.executable, "-c", code, *words], cwd=ROOT, env=os.environ | environment,
                          capture_output=True, text=True, check=False, **stdin)  # type: ignore[call-overload, no-any-return]


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert yq.main(["--version"]) == 0
    assert capsys.readouterr().out == "yq (https://github.com/mikefarah/yq/) version v4.53.3\n"


@pytest.mark.parametrize(("words", "shown"), [
    (["-n", '{"a": [1]}'], "a:\n  - 1\n"),
    (["eval", "-n", "-o", "json", "-I0", '{"a": "x"}'], '{"a":"x"}\n'),
    (["-n", "-o=json", '"x"'], '"x"\n'),
    (["-n", "-r", "-ojson", '"x"'], "x\n"),
    (["-n", "-o", "props", '{"a": {"b": 1}}'], "a.b = 1\n"),
    (["-n", "--no-doc", "1, 2"], "1\n2\n"),
])
def test_without_input(words: list[str], shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert yq.main(words) == 0
    assert capsys.readouterr().out == shown


def test_files_stdin_and_in_place(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("a:   1 # one\n---\nb: 2\n")
    file.chmod(0o600)
    assert _run(".a", str(file)).stdout == "1\n---\nnull\n"
    assert _run(str(file)).stdout == "a: 1 # one\n---\nb: 2\n"
    assert _run(".a", text="a: x\n").stdout == "x\n"
    assert _run("-i", ".c = 3", str(file)).stdout == ""
    assert file.read_text() == "a: 1 # one\nc: 3\n---\nb: 2\nc: 3\n"
    assert file.stat().st_mode & 0o777 == 0o600
    table = tmp_path / "t.csv"
    table.write_text("n,v\nx,1\n")
    assert json.loads(_run("-o", "json", ".", str(table)).stdout) == [{"n": "x", "v": 1}]
    assert _run("-p", "json", "-P", ".", text='{"a": {"b": "c"}}').stdout == "a:\n  b: c\n"


def test_environment_unless_refused() -> None:
    assert _run("-n", "strenv(WHO)", WHO="me").stdout == "me\n"
    refused = _run("--security-disable-env-ops", "-n", "env(WHO)", WHO="me")
    assert (refused.returncode, refused.stderr) == (1, "Error: env operations have been disabled\n")
    assert _run("-n", 'system("id")').returncode == 1


def test_failures_are_one_line() -> None:
    failed = _run(".a b", text="a: 1\n")
    assert (failed.returncode, failed.stderr) == (1, 'Error: 1:4: lexer: invalid input text "b"\n')
    assert _run(".", "/nowhere.yaml").stderr == "Error: open /nowhere.yaml: no such file or directory\n"
    assert _run("-e", ".b", text="a: 1\n").returncode == 1
    assert _run("-e", ".a", text="a: 1\n").returncode == 0
    assert _run("--nope").returncode == 1
    assert "Usage:" in _run().stdout


def test_the_editor_is_one_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("mine", "editor"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("VISUAL", "mine --wait")
    monkeypatch.setenv("EDITOR", "mine")
    assert edit.editor() == str(tmp_path / "mine")
    monkeypatch.delenv("EDITOR")
    assert edit.editor() == str(tmp_path / "editor")
    (tmp_path / "editor").unlink()
    with pytest.raises(HostError):
        edit.editor()


def test_stdin_of_this_process_is_read(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a: 1\n")))
    assert yq.main([".a", "-"]) == 0
    assert capsys.readouterr().out == "1\n"
