"""The ssh identity, made by the real ssh-keygen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from limacore.config.load import load_text
from limacore.errors import HostError
from limacore.paths import HomePaths
from limacore.store import keys


def test_made_once_even_by_many(lima_home: Path) -> None:
    home = HomePaths(lima_home)
    with ThreadPoolExecutor(4) as pool:
        found = {path.read_text() for path in pool.map(lambda _: keys.ensure(home), range(4))}
    assert len(found) == 1
    assert home.private_key.stat().st_mode & 0o777 == 0o600
    assert home.config.stat().st_mode & 0o777 == 0o700
    assert home.public_key.read_text().startswith("ssh-ed25519 ")
    assert home.public_key.read_text().strip().endswith(" lima")


def test_keys_of_the_user_only_when_wanted(lima_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = HomePaths(lima_home)
    monkeypatch.setenv("HOME", str(lima_home))
    (lima_home / ".ssh").mkdir()
    (lima_home / ".ssh/id.pub").write_text("ssh-rsa AAAA me\n")
    text = "images: [{location: /i}]\nssh: {loadDotSSHPubKeys: %s}\n"
    for wanted, count in (("true", 2), ("false", 1)):
        config = load_text(text % wanted, lima_home / "t/lima.yaml", home).require("t")
        assert len(keys.public_keys(home, config)) == count


def test_without_ssh_keygen(lima_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(HostError, match="ssh-keygen"):
        keys.ensure(HomePaths(lima_home))
