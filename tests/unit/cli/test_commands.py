"""The command line as a whole: what it refuses, what it says, what it leaves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from limacore.cli import main


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    code = main(argv)
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["list", "--nope"], "unknown flag: --nope"),
        (["start", "--bogus"], "unknown flag: --bogus"),
        (["create", "--cpus=many"], "--cpus"),
        (["nosuch"], "nosuch"),
        (["--log-level=loud", "info"], "not a valid logrus Level"),
        (["--log-format=xml", "info"], "unsupported log-format"),
        (["start", "--timeout=soon"], "time: invalid duration"),
        (["create", "a", "--name=b"], "cannot be specified together"),
        (["create", "-"], "must pass instance name with --name"),
        (["create", "template:tinny"], "did you mean `tiny`?"),
        (["create", "--name=../x", "template:tiny"], "not a valid identifier"),
        (["stop", "nobody"], "nobody/lima.yaml: no such file or directory"),
        (["start", "a", "template:tiny"], "several instances are started by their names, and `template:tiny` is none"),
        (["start", "a", "b", "--name=c"], "`--name` is for one instance"),
        (["protect"], "requires at least 1 arg(s), only received 0"),
        (["disk", "create", "d", "--size=big"], "invalid size: 'big'"),
    ],
)
def test_what_is_refused_is_one_line_and_changes_nothing(
    lima_home: Path, capsys: pytest.CaptureFixture[str], argv: list[str], said: str
) -> None:
    code, out, err = run(capsys, *argv)
    assert (code, out) == (1, "")
    assert said in err
    assert err.count("\n") == 1
    assert err.startswith('time="')
    assert not [path for path in lima_home.iterdir() if path.name != "_disks"]
    assert not list(lima_home.glob("_disks/*"))


def test_limactl_starts_one_instance(lima_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["start", "a", "b"], "limactl") == 1
    assert "`limactl start` accepts at most 1 arg(s), received 2." in capsys.readouterr().err
    assert run(capsys, "start", "--help")[1].splitlines()[3] == "  limatui start NAME...|FILE.yaml|URL [flags]"


def test_protection_is_told_and_told_twice(lima_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (lima_home / "a").mkdir()
    (lima_home / "a/lima.yaml").write_text("images: [{location: /x}]\n")
    assert "Protected `a`" in run(capsys, "protect", "a")[2]
    assert (lima_home / "a/protected").stat().st_mode & 0o777 == 0o400
    assert "already protected" in run(capsys, "protect", "a")[2]
    code, _, err = run(capsys, "delete", "-f", "a")
    assert (code, "instance is protected" in err or "is protected" in err) == (1, True)
    assert "Unprotected `a`" in run(capsys, "unprotect", "a")[2]
    assert "isn't protected" in run(capsys, "unprotect", "a")[2]
    assert run(capsys, "delete", "a")[0] == 0
    assert not (lima_home / "a").exists()
    assert "Ignoring non-existent" in run(capsys, "delete", "a")[2]


def test_a_directory_without_lima_yaml_is_not_deleted(lima_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (lima_home / "mine").mkdir()
    (lima_home / "mine/precious").write_text("data")
    code, _, err = run(capsys, "delete", "-f", "mine")
    assert (code, "it was NOT deleted" in err) == (1, True)
    assert (lima_home / "mine/precious").read_text() == "data"


def test_info_and_another_try_of_the_accelerators(
    lima_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    verdicts = tmp_path / "limatui/accel.json"
    verdicts.parent.mkdir()
    verdicts.write_text("{}")
    code, out, _ = run(capsys, "info")
    assert (code, json.loads(out)["limaHome"], verdicts.exists()) == (0, str(lima_home), True)
    assert run(capsys, "info", "--reprobe")[0] == 0
    assert not verdicts.exists()


def test_disks(lima_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "disk", "create", "d", "--size", "10MiB", "--format", "raw")[0] == 0
    assert (lima_home / "_disks/d/datadisk").stat().st_size == 10 << 20
    table = run(capsys, "disk", "ls")[1].splitlines()
    assert table[0].split() == ["NAME", "SIZE", "FORMAT", "DIR", "IN-USE-BY"]
    assert table[1].split()[:3] == ["d", "10MiB", "raw"]
    entry = json.loads(run(capsys, "disk", "list", "--json")[1])
    assert (entry["name"], entry["size"], entry["mountPoint"]) == ("d", 10 << 20, "/mnt/lima-d")
    assert "already exists" in run(capsys, "disk", "create", "d", "--size", "1MiB")[2]
    assert run(capsys, "disk", "rm", "d")[0] == 0
    assert "No disk found" in run(capsys, "disk", "list")[2]
