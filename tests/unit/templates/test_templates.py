"""Where templates come from, and how bases are merged into one text."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from limacore.base import yamlio
from limacore.config.load import load_text
from limacore.config.written import to_yaml, written
from limacore.errors import ConfigError, HostError, LimaError, NotFoundError, UsageError
from limacore.paths import HomePaths
from limacore.templates import catalog, embed, github, locator


@pytest.fixture
def home(lima_home: Path) -> HomePaths:
    return HomePaths(lima_home)


def _write(home: HomePaths, **files: str) -> None:
    for name, text in files.items():
        path = home.templates / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


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
        ("template:nope", NotFoundError),
        ("template:", UsageError),
        ("template:../x", UsageError),
        ("template:/etc/passwd", UsageError),
        ("nope.yaml", NotFoundError),
        ("/tmp", ConfigError),
        ("http://127.0.0.1:9/x.yaml", HostError),
        ("file:x", UsageError),
        ("file://x.yaml", UsageError),
        ("foo:bar", NotFoundError),
        ("template:a\0b", UsageError),
        ("", UsageError),
        ("a b.yaml", UsageError),
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
    assert "cpus: 1  # one" in text
    assert "# from b" in text
    assert yamlio.load(text) == {
        "cpus": 1,
        "memory": "2GiB",
        "env": {"A": "a", "B": "b", "C": "c"},
        "disk": None,
        "arch": "x86_64",
        "mounts": [{"location": "/a"}, {"location": "/b"}],
        "provision": [{"script": "b"}, {"script": "a"}],
        "minimumLimaVersion": "2.0.0",
    }


@pytest.mark.parametrize("base", ["base: b", "base: b  # why", "base:\n- b", "base:\n- b  # why", "base: [b]"])
def test_comments_below_base_stay(home: HomePaths, base: str) -> None:
    _write(
        home,
        b="cpus: 2\n",
        a=f"# top\nmemory: 1GiB\n{base}\n\n# below one\n# below two\ndisk: 5GiB\n",
        c=f"memory: 1GiB\n{base}\n# the end\n",
    )
    assert embed.read("template:a", home) == ("# top\nmemory: 1GiB\n\n# below one\n# below two\ndisk: 5GiB\ncpus: 2\n")
    assert "# the end" in embed.read("template:c", home)


def test_loops_and_wrong_bases_are_refused(home: HomePaths) -> None:
    _write(
        home,
        a="base: b",
        b="base: a",
        up="base: ../x",
        empty="base: ['']",
        digest="base: [{url: a, digest: 'x'}]",
        missing="base: nope.yaml",
        mapping="base: {url: a}",
        broken="base: bad",
        bad="cpus: [",
    )
    reasons = {
        "a": "loop",
        "up": "'..'",
        "empty": "empty",
        "digest": "digest",
        "missing": "not found",
        "mapping": "mapping",
        "broken": "bad",
    }
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
        "provision: [{file: s.sh}, {mode: data, path: /x, file: {url: s.sh}}]\nprobes: [{file: s.sh, script: ''}]\n"
    )
    data = yamlio.load(embed.read(str(tmp_path / "t.yaml"), home))
    script = "#!/bin/sh\necho hi\n"
    assert data == {
        "provision": [{"script": script}, {"mode": "data", "path": "/x", "content": script}],
        "probes": [{"script": script}],
    }
    (tmp_path / "s.sh").unlink()
    with pytest.raises(NotFoundError):
        embed.read(str(tmp_path / "t.yaml"), home)


def test_entries_for_the_same_thing_become_one(home: HomePaths) -> None:
    _write(
        home,
        a="mounts:\n- location: /a\n- {location: /b, writable: false}\n- {location: /a, writable: true}\n"
        "- {location: '*', sshfs: {cache: false}}\nadditionalDisks: [d, {name: d, format: false}]\n",
    )
    assert yamlio.load(embed.read("template:a", home)) == {
        "mounts": [
            {"location": "/a", "writable": True, "sshfs": {"cache": False}},
            {"location": "/b", "writable": False, "sshfs": {"cache": False}},
        ],
        "additionalDisks": [{"name": "d", "format": False}],
    }


def test_the_modes(home: HomePaths, tmp_path: Path) -> None:
    _write(home, t="memory: 1GiB\n")
    (tmp_path / "b.yaml").write_text("disk: 2GiB\nbase: template:t\n")
    (tmp_path / "s.sh").write_text("#!/bin/sh\n")
    text = "# kept\nbase: b.yaml\nprovision: [{file: s.sh}]\n"
    (tmp_path / "m.yaml").write_text(text)
    main = str(tmp_path / "m.yaml")
    copies = {mode: embed.copied(main, home, mode) for mode in embed.Mode}
    assert copies[embed.Mode.VERBATIM] == text
    assert copies[embed.Mode.ABSOLUTE] == text.replace("b.yaml", f"{tmp_path}/b.yaml").replace(
        "s.sh", f"{tmp_path}/s.sh"
    )
    assert yamlio.load(copies[embed.Mode.EMBED]) == {
        "base": ["template:t"],
        "provision": [{"script": "#!/bin/sh\n"}],
        "disk": "2GiB",
    }
    assert yamlio.load(copies[embed.Mode.EMBED_ALL]) == {
        "provision": [{"script": "#!/bin/sh\n"}],
        "disk": "2GiB",
        "memory": "1GiB",
    }
    assert all(copy.startswith("# kept\n") for copy in copies.values())


def test_a_file_after_a_named_template_cannot_be_embedded_alone(home: HomePaths, tmp_path: Path) -> None:
    _write(home, t="memory: 1GiB\n")
    (tmp_path / "b.yaml").write_text("disk: 2GiB\n")
    (tmp_path / "m.yaml").write_text("base: [template:t, b.yaml]\n")
    with pytest.raises(ConfigError, match="after not embedding `template:t`"):
        embed.copied(str(tmp_path / "m.yaml"), home, embed.Mode.EMBED)


@pytest.mark.parametrize(
    ("locator_", "parent", "result"),
    [
        ("b.yaml", "/x/a.yaml", "/x/b.yaml"),
        ("./b.yaml", "/x/a.yaml", "/x/b.yaml"),
        ("sub/b", "template:a", "template:sub/b"),
        ("b", "template:x/a", "template:x/b"),
        ("b.yaml", "https://h/x/a.yaml?y=1", "https://h/x/b.yaml"),
        ("s/b.yaml", "http://h:8/a.yaml", "http://h:8/s/b.yaml"),
        ("/b.yaml", "https://h/a.yaml", "/b.yaml"),
        ("template:b", "/x/a.yaml", "template:b"),
        ("https://h/b", "template:a", "https://h/b"),
    ],
)
def test_a_locator_is_relative_to_the_template_that_names_it(locator_: str, parent: str, result: str) -> None:
    assert locator.absolute(locator_, parent) == result


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("Main.YAML", "main"),
        ("/x/My.app.yml", "my.app"),
        ("template:sub/Debian-12", "debian-12"),
        ("https://h/x/foo-bar.yaml?a=b", "foo-bar"),
        ("file:///a/b.yaml", "b"),
        ("noext", "noext"),
        ("ubuntu-24.04-server-cloudimg-arm64.img", "ubuntu-24.04-arm64"),
        ("a/tiny.qcow2.gz", "tiny"),
        ("https://h/debian-12-genericcloud-arm64-20250101-1234.qcow2", "debian-12-arm64"),
        ("https://h/UniversalMac_15.1_24B83_Restore.ipsw", "macos-15.1"),
        ("arch-linux-cloudimg.qcow2", "archlinux"),
        ("CentOS-Stream-GenericCloud-8-20240101.0.aarch64.qcow2", "centos-8.aarch64"),
        ("nocloud_alpine-3.23.0-riscv64-uefi-cloudinit-r0.qcow2", "alpine-3.23.0-riscv64-r0"),
    ],
)
def test_names_of_instances(given: str, name: str) -> None:
    assert locator.name_of(given) == name


@pytest.mark.parametrize("given", ["-", "a b.yaml", "template:.yaml", "file://x", "https://h/", "_x.yaml"])
def test_names_that_no_instance_can_have(given: str) -> None:
    with pytest.raises(UsageError):
        locator.name_of(given)


def test_an_image_is_a_template(home: HomePaths, caplog: pytest.LogCaptureFixture) -> None:
    found = locator.read("https://h/FreeBSD-14.1-amd64.raw.xz", home)
    assert (found.name, yamlio.load(found.text)) == (
        "freebsd-14.1",
        {
            "os": "FreeBSD",
            "arch": "x86_64",
            "images": [{"location": "https://h/FreeBSD-14.1-amd64.raw.xz", "arch": "x86_64"}],
        },
    )
    hostile = 'x"\n- evil: 1.img'
    assert yamlio.load(locator.read(hostile, home).text)["images"][0]["location"] == hostile


@pytest.mark.parametrize(
    "raw", [b"\x00\x01\xfe\xff", b"a\r\nb\r\n", b"x" * 70000, b"\xff", "a\u200bb".encode(), b"\x1b[31m"]
)
def test_a_file_that_is_no_plain_text_is_carried_as_base64(raw: bytes, home: HomePaths, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(raw)
    (tmp_path / "t.yaml").write_text("provision: [{mode: data, path: /x, file: f}]\n")
    text = embed.read(str(tmp_path / "t.yaml"), home)
    assert "!!binary" in text
    content = yaml.load(text, yaml.BaseLoader)["provision"][0]["content"]
    assert base64.b64decode(content) == raw


@given(
    st.text(
        st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp", "Cn", "Co"], include_characters="\n\t"),
        max_size=200,
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_script_is_taken_in_unchanged(home: HomePaths, tmp_path: Path, text: str) -> None:
    (tmp_path / "f").write_text(text, newline="")
    (tmp_path / "t.yaml").write_text("provision:\n- file: f  # why\n  mode: system\ncpus: 1\n")
    found = yamlio.load(embed.read(str(tmp_path / "t.yaml"), home))
    assert found == {"provision": [{"script": text or None, "mode": "system"}], "cpus": 1}


@given(
    st.text(max_size=40)
    | st.sampled_from(["github:", "template:", "file:", "http:", "-"]).flatmap(
        lambda start: st.text("abc/@.:-_%?#~\\ \0", max_size=20).map(lambda end: start + end)
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_any_locator_is_read_or_refused(home: HomePaths, given: str) -> None:
    if given == "-" or "://" in given or given[:6].lower() == "github":
        return  # standard input, the network
    try:
        assert isinstance(locator.read(given, home), locator.Template)
    except LimaError as error:
        assert error.message


@given(st.text(max_size=40) | st.text("abc/@.?:", max_size=20))
def test_any_github_locator_is_taken_apart_or_refused(rest: str) -> None:
    try:
        place = github.parse(rest)
    except ConfigError:
        return
    assert place.org
    assert place.repo
    assert not place.path.startswith("..")


def _embed_cases() -> list[Path]:
    folder = Path(__file__).parents[4] / "shared" / "golden" / "config" / "embed"
    return sorted(folder.glob("[0-9]*"))


_PLACEHOLDER = "the recording has a placeholder of the reference in a value"
_PROBE = "files of probes are read in, like those of provision"
DIFFERENT = {
    "052-formatting-normalised": _PLACEHOLDER,
    "078-main-is-template": _PLACEHOLDER,
    "063-script-trailing-newlines": "scripts keep their trailing lines",
    "040-minimum-version-base-higher": "the comment above a field stays the template's own",
    "057-script-with-tab": "a script with tabs stays readable: they are text",
    "067-script-mode-data-content-set": "an empty content is replaced by its file",
    "068-probe-file-no-script": _PROBE,
    "069-probe-file-empty-script": _PROBE,
    "098-type-conflict-map-vs-scalar": "a value of another type in a base never replaces one in the template",
    "099-nested-lists": "the reference crashes",
    "108-plain-multiline-scalar": "the reference fails on a legal file",
}
_MODES = {
    "verbatim": embed.Mode.VERBATIM,
    "plain": embed.Mode.ABSOLUTE,
    "embed": embed.Mode.EMBED,
    "embed-all": embed.Mode.EMBED_ALL,
}


@pytest.mark.parametrize("mode", _MODES)
@pytest.mark.parametrize("case", _embed_cases(), ids=lambda case: case.name)
def test_recorded_embeddings(
    case: Path, mode: str, home: HomePaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def expanded(raw: bytes) -> bytes:
        return raw.replace(b"@CWD@", str(tmp_path).encode()).replace(b"@HOME@", b"/nonexistent")

    for folder, target in (("files", tmp_path), ("_templates", home.templates), ("_config", home.config)):
        for file in (each for each in (case / folder).rglob("*") if each.is_file()):
            path = target / file.relative_to(case / folder)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(expanded(file.read_bytes()))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/nonexistent")
    if (case / "stdin").exists():
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(expanded((case / "stdin").read_bytes()))))
    given = expanded((case / "locator.txt").read_bytes()).decode().strip()
    expected = case / f"{mode}.yaml"
    try:
        text = embed.copied(given, home, _MODES[mode])
    except LimaError as error:
        wanted = expanded((case / f"{mode}.error.txt").read_bytes()).decode().replace('\\"', '"')
        assert error.message.partition(": [")[0].partition('yaml": ')[0] in wanted
        return
    same = expected.exists() and _content(text) == _content(expanded(expected.read_bytes()).decode())
    assert same or case.name in DIFFERENT


def _content(text: str) -> tuple[object, list[str], list[str]]:
    """Values, order of keys, and comments."""
    data = yamlio.load(text)
    return data, list(data or {}), re.findall(r"(?:^|\s)#(?!!).*", text)


def test_bytes_that_are_no_text_reach_the_guest(home: HomePaths, tmp_path: Path) -> None:
    raw = bytes(range(256))
    (tmp_path / "f").write_bytes(raw)
    (tmp_path / "t.yaml").write_text("images: [{location: /x}]\nprovision: [{mode: data, path: /x, file: f}]\n")
    text = embed.read(str(tmp_path / "t.yaml"), home)
    loaded = load_text(text, home.home / "n" / "lima.yaml", home)
    content = loaded.require("n").provision[0].content
    assert content is not None
    assert content.encode(errors="surrogateescape") == raw
    assert json.dumps(written(loaded.filled), ensure_ascii=False).encode()
    assert to_yaml(written(loaded.filled)).encode()


def test_entries_of_odd_types_are_joined_like_others() -> None:
    from limacore.templates.combine import combine

    data = {"additionalDisks": ["5", 5, None, {"name": "5", "format": True}], "mounts": [None, {"location": "/a"}]}
    combine(data)
    assert data == {"additionalDisks": [{"name": "5", "format": True}, None], "mounts": [None, {"location": "/a"}]}
