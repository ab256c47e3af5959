"""Candidates for a word of a command line, and the scripts that ask for them in real shells."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from limacore.cli.completion import candidates

ROOT = Path(__file__).parents[3]


def names(*words: str) -> list[str]:
    return [each.partition("\t")[0] for each in candidates(list(words))[0]]


@pytest.mark.parametrize(
    ("words", "found", "directive"),
    [
        (("sta",), ["start"], 4),
        (("disk", "re"), ["resize"], 4),
        (("list", "--fo"), ["--format"], 4),
        (("list", "--format", "y"), ["yaml"], 4),
        (("list", "--format=j"), ["json"], 4),
        (("create", "--containerd", "user"), ["user", "user+system"], 4),
        (("disk", "resize", ""), ["--size"], 4),
        (("create", "--name", ""), [], 4),
        (("copy", "x"), [], 0),
        (("create", "--set", ".vmType="), ['.vmType=', '.vmType="qemu"', '.vmType="vz"', '.vmType="wsl2"'], 6),
    ],
)
def test_candidates(lima_home: Path, words: tuple[str, ...], found: list[str], directive: int) -> None:
    assert (names(*words), candidates(list(words))[1]) == (found, directive)


def test_names_of_what_there_is(lima_home: Path) -> None:
    for name in ("one", "two"):
        (lima_home / name).mkdir()
        (lima_home / name / "lima.yaml").write_text("images: []\n")
    assert names("stop", "") == ["one", "two"]
    assert names("shell", "t") == ["two"]
    assert "template:tiny" in names("create", "template:t")
    assert names("start", "o") == ["one"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_are_taken_by_their_shell(lima_home: Path, tmp_path: Path, shell: str) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not here")
    script = tmp_path / "script"
    script.write_bytes(limatui("completion", shell))
    subprocess.run([program, "-n", script], check=True)


def limatui(*words: str) -> bytes:
    return subprocess.run([sys.executable, "-m", "limatui", *words], cwd=ROOT, check=True, capture_output=True).stdout


def completing(place: Path, shell: str) -> dict[str, str]:
    """A place with the script of a shell and a program to complete; the environment for it."""
    program = place / "limatui"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m limatui "$@"\n')
    program.chmod(0o755)
    (place / "script").write_bytes(limatui("completion", shell))
    return {**os.environ, "PATH": f"{place}:{os.environ['PATH']}", "HOME": str(place)}


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not here")
def test_fish_completes_through_its_script(lima_home: Path, tmp_path: Path) -> None:
    asked = "".join(f'complete -C "limatui {line}";' for line in (
        "disk re", "create template:ti", "list --format=js", "list --list-f", "validate ./scr"))
    out = subprocess.run(["fish", "--no-config", "-c", f"source script; {asked}"], cwd=tmp_path, check=True,
                         capture_output=True, text=True, env=completing(tmp_path, "fish")).stdout
    assert [line.partition("\t")[0] for line in out.splitlines()] == [
        "resize", "template:tiny", "--format=json", "--list-fields", "./script"]
    assert "Make a disk larger" in out


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not here")
def test_zsh_completes_through_its_script(lima_home: Path, tmp_path: Path) -> None:
    """What the script hands to zsh's own functions, which work in an interactive shell only."""
    head = ("compdef() {}; compset() { print cut $2 }; _files() { print files }; "
            "_describe() { print -rl -- ${(P)3} }; ")
    asked = "".join(f"words=(limatui {line}); CURRENT=${{#words}}; _limatui; " for line in (
        "disk re", "create template:ti", "list --format=js", "validate ./scr", "list nobody"))
    out = subprocess.run(["zsh", "-f", "-c", f"{head}source ./script; {asked}true"], cwd=tmp_path, check=True,
                         capture_output=True, text=True, env=completing(tmp_path, "zsh")).stdout
    assert out.splitlines() == ["resize:Make a disk larger", "template\\:tiny", "cut *=", "json", "files"]


def test_bash_completes_through_its_script(lima_home: Path, tmp_path: Path) -> None:
    environ = completing(tmp_path, "bash")
    asked = ("source script; COMP_WORDS=(limatui disk re); COMP_CWORD=2; _limatui_complete; echo \"${COMPREPLY[*]}\"; "
             "COMP_WORDS=(limatui create template : ti); COMP_CWORD=4; COMP_WORDS=(limatui create template:ti); "
             "COMP_CWORD=2; COMP_WORDBREAKS=:; _limatui_complete; echo \"${COMPREPLY[*]}\"")
    out = subprocess.run(["bash", "-c", asked], cwd=tmp_path, check=True, capture_output=True, text=True,
                         env=environ).stdout
    assert out.splitlines() == ["resize", "tiny"]
