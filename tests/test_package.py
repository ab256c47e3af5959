"""Wheel and sdist hold everything and work from a clean environment outside the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--outdir", target, ROOT]
    subprocess.run(command, check=True, capture_output=True, timeout=280)
    return target


def test_the_sdist_holds_what_a_wheel_is_made_of(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"templates/tiny.yaml", "limacore/guest/payload/boot.sh", "dev", "README.md", "LICENSE"} <= names
    assert any(name.startswith("styles/") for name in names)


def test_the_wheel_holds_data_and_no_code_that_runs_at_start(built: Path) -> None:
    names = zipfile.ZipFile(next(built.glob("*.whl"))).namelist()
    assert {"limacore/_templates/tiny.yaml", "limacore/guest/payload/agent/server.py"} <= set(names)
    assert any(name.startswith("limatui/_styles/") and name.endswith(".tcss") for name in names)
    assert not [name for name in names if name.endswith(".pth")]


def test_it_works_outside_the_checkout(built: Path, tmp_path: Path) -> None:
    place = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", place], check=True, timeout=120)
    wheel = next(built.glob("*.whl"))
    install = [place / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel]
    subprocess.run(install, check=True, timeout=280)
    env = {**os.environ, "LIMA_HOME": str(tmp_path / "home"), "PYTHONPATH": ""}

    def limatui(*argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([place / "bin/limatui", *argv], capture_output=True, text=True, cwd=tmp_path, env=env)

    assert limatui("list").returncode == 0
    assert "tiny" in limatui("create", "--list-templates").stdout.split()
    checked = limatui("validate", "template:default")
    assert checked.returncode == 0, checked.stderr
    code = "import limatui.app; from limatui import assets; print(len(assets.stylesheets()))"
    probe = subprocess.run([place / "bin/python", "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert int(probe.stdout) > 0, probe.stderr
