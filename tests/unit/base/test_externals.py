"""External drivers: where they are looked for, and which of two wins."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from limacore.base import externals


def program(path: Path, mode: int = 0o755) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(mode)
    return path


def test_the_variable_names_folders_and_files_and_comes_first(tmp_path: Path) -> None:
    one = program(tmp_path / "a/lima-driver-one")
    other = program(tmp_path / "b/lima-driver-one")
    two = program(tmp_path / "two/lima-driver-two.exe")
    three = program(tmp_path / "prefix/libexec/lima/lima-driver-three")
    four = program(tmp_path / "prefix/lib/lima/lima-driver-four")
    program(tmp_path / "prefix/lib/lima/lima-driver-one")
    listed = os.pathsep.join(map(str, (tmp_path / "a", other, "", two, tmp_path / "gone")))
    found = externals.discover({"LIMA_DRIVERS_PATH": listed}, [tmp_path / "prefix"])
    assert found == {"four": four, "one": one, "three": three, "two": two}
    assert list(found) == sorted(found)


def test_only_programs_with_the_name_of_a_driver_count(tmp_path: Path) -> None:
    program(tmp_path / "lima-driver-")
    program(tmp_path / "limactl-x")
    program(tmp_path / "my-lima-driver-x")
    program(tmp_path / "lima-driver-plain", 0o644)
    (tmp_path / "lima-driver-folder").mkdir()
    assert externals.discover({"LIMA_DRIVERS_PATH": str(tmp_path)}, []) == {}


def test_what_is_installed_beside_the_program_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIMA_DRIVERS_PATH", raising=False)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "link/bin/limatui")])
    program(tmp_path / "real/bin/limatui")
    (tmp_path / "link/bin").mkdir(parents=True)
    (tmp_path / "link/bin/limatui").symlink_to(tmp_path / "real/bin/limatui")
    far = program(tmp_path / "real/lib/lima/lima-driver-far")
    near = program(tmp_path / "link/libexec/lima/lima-driver-near")
    assert externals.find("far") == far
    assert externals.find("near") == near
    assert externals.find("none") is None
