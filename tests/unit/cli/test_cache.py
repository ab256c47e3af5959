"""prune and cache list."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from limacore.cli.dispatch import run
from limacore.images.cache import Entry

URL = "http://h.example/very/long/name-of-an-image.qcow2"


@pytest.fixture
def cache(lima_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (lima_home / "_t").mkdir()
    monkeypatch.setenv("LIMA_TEMPLATES_PATH", str(lima_home / "_t"))
    entry = Entry.of(tmp_path / "lima", URL)
    entry.dir.mkdir(parents=True)
    entry.url_file.write_text(URL)
    entry.data.write_bytes(b"x" * 2048)
    entry.digest_file("sha256").write_text("sha256:0123456789abcdef")
    partial = Entry.of(tmp_path / "lima", "http://h.example/\x1b[31m")
    partial.dir.mkdir()
    partial.url_file.write_text(partial.url)
    partial.part.write_bytes(b"abc")
    for name in "abcd":
        (lima_home / "_t" / f"{name}.yaml").write_text(f"images: [{{location: '{URL}'}}]\n")
    return tmp_path / "lima"


def test_the_list(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cache", "list"], "limatui") == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["URL", "SIZE", "DOWNLOADED", "DIGEST", "USED-BY"]
    (whole,) = [row for row in rows if URL in row]
    assert "2KiB" in whole
    assert "sha256:0123456789ab " in whole
    assert whole.endswith("template:a, template:b, template:c and 1 more")
    (partial,) = [row for row in rows if URL not in row]
    assert "3B (partial)" in partial
    assert "\x1b" not in partial


def test_the_list_for_programs(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cache", "list", "--json"], "limatui") == 0
    found = {each["url"]: each for each in map(json.loads, capsys.readouterr().out.splitlines())}
    assert found[URL]["used_by"] == [f"template:{name}" for name in "abcd"]
    assert (found[URL]["size"], found[URL]["digest"]) == (2048, "sha256:0123456789abcdef")


def test_prune(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["prune", "--keep-referred"], "limatui") == 0
    assert capsys.readouterr() == ("", "")
    assert [path.name for path in (cache / "download" / "by-url-sha256").iterdir()] == [Entry.of(cache, URL).dir.name]
    assert run(["prune"], "limactl") == 0
    assert capsys.readouterr().err.endswith(f'level=info msg="Pruning `{cache}`"\n')
    assert not cache.exists()
    assert run(["cache", "list"], "limatui") == 0
    assert "The download cache is empty." in capsys.readouterr().err


def test_a_relative_cache_is_one_error(cache: Path, monkeypatch: pytest.MonkeyPatch,
                                       capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "rel")
    assert run(["prune"], "limactl") == 1
    assert capsys.readouterr().err.endswith('level=fatal msg="path in $XDG_CACHE_HOME is relative"\n')
