"""`sudoers` as a Mac would have it; the rules themselves are tested with the network."""

from __future__ import annotations

from pathlib import Path

import pytest

from limacore.cli import autostart, main
from limacore.network import vmnet
from limacore.paths import HomePaths
from limacore.store import networks


@pytest.fixture(autouse=True)
def _mac(monkeypatch: pytest.MonkeyPatch, lima_home: Path) -> None:
    monkeypatch.setattr(autostart, "kernel", lambda: "darwin")
    sudo = lima_home / "sudo"
    sudo.write_text("#!/bin/sh\necho a password is required >&2; exit 1\n")
    sudo.chmod(0o755)
    monkeypatch.setenv("PATH", str(lima_home))


def test_the_rules_are_printed_and_a_file_with_them_is_found_right(
    lima_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["sudoers"]) == 0
    rules = capsys.readouterr().out
    assert rules == vmnet.sudoers(networks.known(HomePaths(lima_home)))
    file = tmp_path / "rules"
    file.write_text(rules)
    assert main(["sudoers", "--check", str(file)]) == 0
    assert f"`{file}` is up-to-date" in capsys.readouterr().err
    file.write_text(rules + "#\n")
    assert main(["sudoers", "--check", str(file)]) == 1
    assert "sudo install" in capsys.readouterr().err
    assert main(["sudoers", str(file)]) == 1
    assert "--check" in capsys.readouterr().err
