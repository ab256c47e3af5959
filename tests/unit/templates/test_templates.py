"""Where templates come from, and how bases are merged into one text."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from limacore.base import yamlio
from limacore.config.load import load_text
from limacore.errors import ConfigError, LimaError, NotFoundError, UsageError
from limacore.paths import HomePaths
from limacore.templates import catalog, embed, locator


@pytest.fixture
def home(lima_home: Path) -> HomePaths:
    return HomePaths(lima_home)


def _write(home: HomePaths, **files: str) -> None:
    for name, text in files.items():
        path = home.templates / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_every_bundled_template_makes_a_valid_instance(home: HomePaths) -> None:
    names = catalog.names(home)
    assert {"default", "tiny", "debian-12", "debian-13"} <= set(names)
    assert not any(name.startswith("_") for name in names)
    for name in set(names) - {"experimental/fedora-rawhide"}:  # whose base a plugin fetches
        text = embed.read(f"template:{name}", home)
        loaded = load_text(text, home.home / "t" / "lima.yaml", home)
        assert loaded.errors == (), name
        assert "base" not in yamlio.load(text)


def test_own_templates_come_first_and_the_environment_replaces_all(
    home: HomePaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(home, default="cpus: 7\n", **{"sub__x-1.2": "cpus: 8\n", "_hidden": "a: 1\n"})
    assert locator.read("template:default", home).text == "cpus: 7\n"
    assert locator.read("template://sub/x-1.2", home).name == "x-1.2"
    assert "sub/x-1.2" in catalog.names(home)
    (tmp_path / "only.yaml").write_text("cpus: 9\n")
    monkeypatch.setenv("LIMA_TEMPLATES_PATH", str(tmp_path))
    assert catalog.names(home) == ("only",)
    with pytest.raises(NotFoundError):
        locator.read("template:default", home)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ("template:nope", NotFoundError), ("template:", UsageError), ("template:../x", UsageError),
        ("template:/etc/passwd", NotFoundError), ("nope.yaml", NotFoundError), ("/tmp", NotFoundError),
        ("https://example.test/x.yaml", UsageError), ("disk.qcow2", UsageError), ("file:x", UsageError),
        ("foo:bar", UsageError), ("template:a\0b", UsageError), ("", NotFoundError),
    ],
)
def test_what_is_no_template_says_so(home: HomePaths, given: str, error: type[LimaError]) -> None:
    with pytest.raises(error) as caught:
        locator.read(given, home)
    assert caught.value.hint


def test_a_near_name_is_proposed(home: HomePaths) -> None:
    with pytest.raises(NotFoundError) as caught:
        catalog.find("debain-12", home)
    assert "debian-12" in caught.value.hint


def test_without_base_a_text_stays_byte_for_byte(home: HomePaths) -> None:
    text = "# odd   spacing\ncpus:    2\n\n\nimages: [ {location: /a} ]"
    _write(home, plain=text)
    assert embed.read("template:plain", home) == text


def test_the_template_wins_over_its_bases(home: HomePaths) -> None:
    _write(
        home,
        a="# kept\nbase: [b, template:c]\ncpus: 1 # one\nenv: {A: a}\nmounts: [{location: /a}]\ndisk: null\n"
          "provision: [{script: a}]\nminimumLimaVersion: 1.0.0\n",
        b="cpus: 2\nmemory: 2GiB  # from b\nenv: {A: b, B: b}\nmounts: [{location: /b}]\ndisk: 5GiB\n"
          "provision: [{script: b}]\nbase: c\nminimumLimaVersion: 2.0.0\n",
        c="arch: x86_64\nenv: {C: c}\n",
    )
    with pytest.raises(ConfigError, match="already included"):
        embed.read("template:a", home)
    _write(home, b=(home.templates / "b.yaml").read_text().replace("base: c\n", ""))
    text = embed.read("template:a", home)
    assert "# kept" in text
    assert "cpus: 1 # one" in text
    assert "# from b" in text
    assert yamlio.load(text) == {
        "cpus": 1, "memory": "2GiB", "env": {"A": "a", "B": "b", "C": "c"}, "disk": None, "arch": "x86_64",
        "mounts": [{"location": "/a"}, {"location": "/b"}], "provision": [{"script": "b"}, {"script": "a"}],
        "minimumLimaVersion": "2.0.0",
    }


@pytest.mark.parametrize("base", ["base: b", "base: b  # why", "base:\n- b", "base:\n- b  # why", "base: [b]"])
def test_comments_below_base_stay(home: HomePaths, base: str) -> None:
    _write(home, b="cpus: 2\n", a=f"# top\nmemory: 1GiB\n{base}\n\n# below one\n# below two\ndisk: 5GiB\n",
           c=f"memory: 1GiB\n{base}\n# the end\n")
    assert embed.read("template:a", home) == (
        "# top\nmemory: 1GiB\n\n# below one\n# below two\ndisk: 5GiB\ncpus: 2\n")
    assert "# the end" in embed.read("template:c", home)


def test_loops_and_wrong_bases_are_refused(home: HomePaths) -> None:
    _write(home, a="base: b", b="base: a", up="base: ../x", empty="base: ['']", digest="base: [{url: a, digest: 'x'}]",
           missing="base: nope.yaml", mapping="base: {url: a}", broken="base: bad", bad="cpus: [")
    reasons = {"a": "loop", "up": "'..'", "empty": "empty", "digest": "digest", "missing": "not found",
               "mapping": "mapping", "broken": "bad"}
    for name, reason in reasons.items():
        with pytest.raises(LimaError, match=reason):
            embed.read(f"template:{name}", home)


def test_base_yaml_of_the_home_comes_in_when_an_instance_is_created(home: HomePaths) -> None:
    home.config.mkdir()
    home.base_yaml.write_text("cpus: 3\nmemory: 3GiB\n")
    _write(home, a="cpus: 1\n")
    assert yamlio.load(embed.read("template:a", home)) == {"cpus": 1, "memory": "3GiB"}
    assert embed.read("template:a", home, with_base=False) == "cpus: 1\n"


def test_scripts_are_read_in(home: HomePaths, tmp_path: Path) -> None:
    (tmp_path / "s.sh").write_text("#!/bin/sh\necho hi\n")
    (tmp_path / "t.yaml").write_text(
        "provision: [{file: s.sh}, {mode: data, path: /x, file: {url: s.sh}}]\nprobes: [{file: s.sh, script: ''}]\n")
    data = yamlio.load(embed.read(str(tmp_path / "t.yaml"), home))
    script = "#!/bin/sh\necho hi\n"
    assert data == {"provision": [{"script": script}, {"mode": "data", "path": "/x", "content": script}],
                    "probes": [{"script": script}]}
    (tmp_path / "s.sh").unlink()
    with pytest.raises(NotFoundError):
        embed.read(str(tmp_path / "t.yaml"), home)


def test_entries_for_the_same_thing_become_one(home: HomePaths) -> None:
    _write(home, a="mounts:\n- location: /a\n- {location: /b, writable: false}\n- {location: /a, writable: true}\n"
                   "- {location: '*', sshfs: {cache: false}}\nadditionalDisks: [d, {name: d, format: false}]\n")
    assert yamlio.load(embed.read("template:a", home)) == {
        "mounts": [{"location": "/a", "writable": True, "sshfs": {"cache": False}},
                   {"location": "/b", "writable": False, "sshfs": {"cache": False}}],
        "additionalDisks": [{"name": "d", "format": False}],
    }


def _embed_cases() -> list[Path]:
    folder = Path(__file__).parents[4] / "shared" / "golden" / "config" / "embed"
    return sorted(each for each in folder.glob("[0-9]*") if (each / "embed-all.yaml").exists())


_AS_TEMPLATE = "not yet: a template made up for a disk image"
DIFFERENT = {
    "052-formatting-normalised": "the recording has a placeholder of the reference in a value",
    "078-main-is-template": "the recording has a placeholder of the reference in a value",
    "059-script-non-utf8": "not yet: scripts that are no text",
    "062-script-empty-file": "an empty script is an empty text, not null",
    "063-script-trailing-newlines": "scripts keep their trailing lines",
    "067-script-mode-data-content-set": "an empty content is replaced by its file",
    "068-probe-file-no-script": "files of probes are read in",
    "090-image-as-template": _AS_TEMPLATE, "091-image-local-as-template": _AS_TEMPLATE, "092-image-ipsw": _AS_TEMPLATE,
    "093-image-no-arch": _AS_TEMPLATE, "110-image-relative-in-dots": _AS_TEMPLATE,
    "098-type-conflict-map-vs-scalar": "a value of another type in a base never replaces one in the template",
}


@pytest.mark.parametrize("case", _embed_cases(), ids=lambda case: case.name)
def test_recorded_embeddings(
    case: Path, home: HomePaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if case.name in DIFFERENT:
        request.applymarker(pytest.mark.xfail(reason=DIFFERENT[case.name], strict=True))
    for folder, target in (("files", tmp_path), ("_templates", home.templates), ("_config", home.config)):
        for file in (case / folder).rglob("*"):
            if file.is_file():
                path = target / file.relative_to(case / folder)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(file.read_bytes().replace(b"@CWD@", str(tmp_path).encode()))
    monkeypatch.chdir(tmp_path)
    if (case / "stdin").exists():
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO((case / "stdin").read_bytes().replace(
            b"@CWD@", str(tmp_path).encode()))))
    given = (case / "locator.txt").read_text().strip().replace("@CWD@", str(tmp_path))
    expected = (case / "embed-all.yaml").read_text().replace("@CWD@", str(tmp_path))
    assert yamlio.load(embed.read(given, home, with_base=False)) == yamlio.load(expected)
