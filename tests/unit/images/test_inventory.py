"""What is in the cache, who refers to it, and what prune leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from limacore.base.files import locked
from limacore.errors import StateError
from limacore.images import inventory
from limacore.images.cache import Entry
from limacore.images.locators import built_files
from limacore.lifecycle import downloads
from limacore.paths import HomePaths

URL, OTHER = "http://h.example/a.img", "http://h.example/b.img"
_NERDCTL = "http://h.example/n.tgz"


@pytest.fixture
def home(lima_home: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> HomePaths:
    templates = lima_home / "_t"
    templates.mkdir()
    monkeypatch.setenv("LIMA_TEMPLATES_PATH", str(templates))
    return HomePaths(lima_home)


def _filled(cache: Path, url: str, data: bytes = b"x" * 5000) -> Entry:
    entry = Entry.of(cache, url)
    entry.dir.mkdir(parents=True)
    entry.url_file.write_text(url)
    entry.data.write_bytes(data)
    return entry


def _instance(home: HomePaths, name: str, text: str) -> Path:
    path = home.home / name / "lima.yaml"
    path.parent.mkdir()
    path.write_text(text)
    return path


def _image(url: str) -> str:
    return f"images:\n- {{location: '{url}', arch: aarch64}}\n"


def test_entries(home: HomePaths, cache: Path) -> None:
    one, two = _filled(cache, URL), Entry.of(cache, OTHER)
    one.digest_file("sha512").write_text("sha512:00")
    two.dir.mkdir()
    two.url_file.write_text(OTHER)
    two.part.write_bytes(b"abc")
    _instance(home, "i", _image(URL))
    (home.home / "_t" / "t.yaml").write_text(_image(URL))
    (home.home / "_t" / "elsewhere.yaml").write_text("base: http://127.0.0.1:1/none.yaml\n" + _image(URL))
    found = {entry.url: entry for entry in downloads.entries(home)}
    assert found[URL].used_by == ("i", "template:t")
    assert (found[URL].size, found[URL].digest, found[URL].partial) == (5000, "sha512:00", False)
    assert (found[OTHER].size, found[OTHER].partial, found[OTHER].used_by) == (3, True, ())
    assert found[URL].path == str(one.data)
    assert found[URL].key == one.dir.name


def test_no_cache_is_empty(home: HomePaths, cache: Path, told: list[str]) -> None:
    assert downloads.entries(home) == ()
    assert downloads.prune(home, keep_referred=True) == 0
    assert told == []
    assert downloads.prune(home) == 0
    assert told == [f"INFO Pruning `{cache}`"]


def test_prune_keeps_what_is_referred_to(home: HomePaths, cache: Path, told: list[str]) -> None:
    of_instance, of_template, unknown = (_filled(cache, f"{URL}{number}") for number in range(3))
    kernel, archive = _filled(cache, f"{URL}-k"), _filled(cache, _NERDCTL)
    of_instance.part.write_bytes(b"part")
    (of_instance.dir / "data.tmp.1.1").write_bytes(b"part")
    stray = of_instance.dir.parent / "stray"
    stray.write_text("x")
    (cache / "elsewhere").write_text("x")
    _instance(home, "i", f"{_image(f'{URL}0')}  kernel: {{location: '{URL}-k'}}\n".replace(
        "- {location: '" + f"{URL}0" + "', arch: aarch64}", f"- location: '{URL}0'\n  arch: aarch64")
        + f"containerd: {{archives: [{{location: '{_NERDCTL}'}}]}}\n")
    (home.home / "_t" / "base.yaml").write_text(_image(f"{URL}1"))
    (home.home / "_t" / "t.yaml").write_text("base: template:base\n")
    assert downloads.prune(home, keep_referred=True) > 4096
    assert [entry.data.exists() for entry in (of_instance, of_template, unknown, kernel, archive)] == [
        True, True, False, True, True]
    assert not unknown.dir.exists()
    assert not stray.exists()
    assert (cache / "elsewhere").exists()
    assert not list(of_instance.leftovers())
    assert told == []


def test_prune_waits_for_nobody(home: HomePaths, cache: Path) -> None:
    entry = _filled(cache, URL)
    with locked(entry.dir):
        downloads.prune(home, keep_referred=True)
        assert entry.data.exists(), "somebody is filling it now"


def test_prune_must_know_all_instances(home: HomePaths, cache: Path, told: list[str]) -> None:
    entry = _filled(cache, URL)
    (home.home / "new").mkdir()
    with pytest.raises(StateError) as caught:
        downloads.prune(home, keep_referred=True)
    assert caught.value.message == "cannot safely prune while instance `new` is being used"
    assert caught.value.detail == f"open {home.home}/new/lima.yaml: no such file or directory"
    assert entry.data.exists()
    (home.home / "new").rmdir()
    _instance(home, "bad", "images: [\n")
    downloads.prune(home, keep_referred=True)
    assert told[0].startswith("WARNING skipping instance `bad` because it has errors: [failed to unmarshal YAML")
    assert not entry.data.exists()


def test_prune_empties_the_cache_but_for_what_nobody_can_download(home: HomePaths, cache: Path) -> None:
    _filled(cache, URL)
    for name in ("tiny-1", "tiny-2"):
        (built_files(cache) / name).mkdir(parents=True)
        (built_files(cache) / name / "image").write_bytes(b"x")
    _instance(home, "i", f"images: [{{location: '{built_files(cache)}/tiny-2/image'}}]\n")
    downloads.prune(home)
    assert [str(path.relative_to(cache)) for path in sorted(cache.rglob("*"))] == [
        "build", "build/tiny-2", "build/tiny-2/image"]
    (home.home / "i" / "lima.yaml").unlink()
    downloads.prune(home)
    assert not cache.exists()


def test_what_instances_share_does_not_come_free(home: HomePaths, cache: Path) -> None:
    entry = _filled(cache, URL, b"x" * 100_000)
    (home.home / "basedisk").hardlink_to(entry.data)
    assert 0 < inventory.prune(home) <= 8192
