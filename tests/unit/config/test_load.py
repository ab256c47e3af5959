"""lima.yaml to Config: merging with the home's files, defaults, and problems with their lines."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from limacore.base import notice
from limacore.base.host import Host
from limacore.config.fields import CHOICES, DOCS, SUGGESTED
from limacore.config.load import Loaded, load, load_layers, load_text
from limacore.config.schema import describe
from limacore.config.setting import Setting, recorded_version, setting_of
from limacore.config.shape import Shape, config_shape
from limacore.config.validate import check_text
from limacore.errors import ConfigError, NotFoundError
from limacore.paths import HomePaths, InstancePaths

IMAGES = "images: [{location: /srv/i.img}]\n"


def _setting(place: Path, **host: Any) -> Setting:
    facts = {
        "user": "jane",
        "uid": 1001,
        "home": "/home/jane",
        "full_name": "Jane",
        "cpus": 8,
        "memory": 6 << 30,
        "arch": "x86_64",
        "os": "linux",
        "timezone": "Europe/Vienna",
        **host,
    }
    return Setting(
        host=Host(**facts),
        name="n",
        directory=str(place / "n"),
        yaml_path=str(place / "n/lima.yaml"),
        lima_home=str(place),
    )


def _load(text: str, place: Path, **host: Any) -> Loaded:
    return load_layers(text, _setting(place, **host), HomePaths(place))


def test_defaults(lima_home: Path) -> None:
    config = _load(IMAGES, lima_home).require("n")
    assert (config.cpus, config.memory, config.disk) == (4, "3GiB", "100GiB")
    assert (config.user.name, config.user.uid, config.user.home) == ("jane", 1001, "/home/jane.guest")
    assert config.mount_type == "9p"
    assert config.video.vnc.display == "127.0.0.1:0,to=9"


def test_root_on_the_host_is_an_ordinary_user_in_the_guest(lima_home: Path) -> None:
    user = _load(IMAGES, lima_home, user="root", uid=0, home="/root").require("n").user
    assert (user.name, user.uid, user.home) == ("lima", 1000, "/home/lima.guest")
    refused = _load(IMAGES + "user: {name: root, uid: 0}", lima_home)
    assert {each.path for each in refused.errors} == {"user.name", "user.uid"}


def test_the_homes_own_files(lima_home: Path) -> None:
    (lima_home / "_config").mkdir()
    (lima_home / "_config/default.yaml").write_text("cpus: 1\nmemory: 1GiB\nenv: {A: d, B: d}\n")
    (lima_home / "_config/override.yaml").write_text("cpus: 3\nenv: {A: o}\n")
    config = _load(IMAGES + "cpus: 2\nenv: {A: y, C: y}\n", lima_home).require("n")
    assert (config.cpus, config.memory, config.env) == (3, "1GiB", {"A": "o", "B": "d", "C": "y"})
    (lima_home / "_config/override.yaml").write_text("cpus: [\n")
    loaded = _load(IMAGES, lima_home)
    assert loaded.config is None
    path = lima_home / "_config/override.yaml"
    assert loaded.errors[0].message.startswith(f"`{path}:1:7`: ")
    assert loaded.errors[0].line == 0, "a line of another file would mislead"
    assert loaded.words == (
        f"failed to unmarshal YAML (override file `{path}`): [1:7] sequence end token ']' not found\n"
        ">  1 | cpus: [\n             ^\n",
    )


def test_a_problem_says_where_and_what_was_expected(lima_home: Path) -> None:
    text = IMAGES + "cpus: many\nmoutns: []\nssh:\n  localPort: 22\n"
    problems = check_text(text, lima_home / "n/lima.yaml", HomePaths(lima_home))
    assert [(each.line, each.severity) for each in problems] == [(2, "error"), (3, "warning"), (5, "error")]
    assert "whole number" in problems[0].message
    assert "`mounts`" in problems[1].hint
    fixed = check_text(text.replace("many", "2"), lima_home / "n/lima.yaml", HomePaths(lima_home))
    assert (fixed[-1].line, fixed[-1].path) == (5, "ssh.localPort")


def test_values_that_do_not_fit_hide_no_other_problem_and_make_none_up(lima_home: Path) -> None:
    text = "images: x\nvmType: [qemu]\nmemory: 5XiB\nparam: {a: b}\nmounts: [{location: rel}, {location: [y]}]\n"
    problems = check_text(text, lima_home / "n/lima.yaml", HomePaths(lima_home))
    assert [each.path for each in problems] == ["images", "vmType", "memory", "param.a", "mounts[1].location"]


def test_a_thousand_lines_are_checked_while_typing(lima_home: Path) -> None:
    text = IMAGES + "provision:\n" + "- mode: system\n  script: |\n    #!/bin/sh\n    echo a\n" * 250
    path, home = lima_home / "n/lima.yaml", HomePaths(lima_home)
    spent = []
    for _ in range(5):
        began = time.process_time()
        assert check_text(text, path, home) == ()
        spent.append(time.process_time() - began)
    assert min(spent) < 0.05


def test_files(lima_home: Path) -> None:
    home = HomePaths(lima_home)
    with pytest.raises(NotFoundError):
        load(lima_home / "n/lima.yaml", home)
    (lima_home / "n").mkdir()
    (lima_home / "n/lima.yaml").write_bytes(b"a: \xff")
    with pytest.raises(ConfigError, match="UTF-8"):
        load(lima_home / "n/lima.yaml", home)
    (lima_home / "n/lima.yaml").write_text("images: [\n")
    loaded = load(lima_home / "n/lima.yaml", home)
    assert loaded.config is None
    with pytest.raises(ConfigError) as caught:
        loaded.require("n")
    where = f"main file `{lima_home}/n/lima.yaml`"
    assert caught.value.message.startswith(
        f"failed to unmarshal YAML ({where}): [1:9] sequence end token ']' not found\n"
    )
    assert "line 1 of n" in caught.value.hint


def test_an_old_instance_keeps_its_ways(lima_home: Path) -> None:
    paths = InstancePaths(lima_home / "default")
    paths.dir.mkdir()
    paths.lima_yaml.write_text(IMAGES)
    home = HomePaths(lima_home)
    assert load(paths.lima_yaml, home).require("n").ssh.local_port == 0
    paths.diffdisk.touch()
    assert recorded_version(paths.dir) == ""
    config = load(paths.lima_yaml, home).require("n")
    assert (config.ssh.local_port, config.mount_type) == (60022, "reverse-sshfs")
    assert config.user.home.endswith(".linux")
    paths.lima_version.write_text("2.2.0")
    assert setting_of(paths.lima_yaml, home).created_by == "2.2.0"
    assert load(paths.lima_yaml, home).require("n").ssh.local_port == 0


def test_what_an_editor_tells() -> None:
    found = describe(("mounts", 0, "location"))
    assert found is not None
    assert (found.path, found.type) == ("mounts[].location", "text")
    assert found.doc
    assert describe(("nope",)) is None
    assert describe(("video", "display")).choices == ("none", "default", "vnc")  # type: ignore[union-attr]


def _every_path(shape: Shape, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    for key, field in shape.fields.items():
        yield (*path, key)
        yield from _every_path(field, (*path, key))
        if field.item is not None:
            yield from _every_path(field.item, (*path, key, 0))


def test_every_field_is_documented_in_one_line() -> None:
    known = set()
    for path in _every_path(config_shape()):
        found = describe(path)
        assert found is not None, path
        assert found.doc, path
        assert "\n" not in found.doc, path
        known.add(found.path)
    written = {path.removesuffix("[]") for path in (*DOCS, *CHOICES, *SUGGESTED)}
    assert written <= {path.removesuffix("[]") for path in known}, "no text for a field that there is not"


def test_warnings_are_told_as_limactl_tells_them(lima_home: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = IMAGES + "foo: 1\nssh: {bar: 2}\nprovision: [{script: 'x {{.A'}]\nmounts: [{location: /nonexistent}]\n"
    loaded = load_text(text, lima_home / "n/lima.yaml", HomePaths(lima_home))
    notice.LOGGER.addHandler(caplog.handler)
    try:
        loaded.announce()
    finally:
        notice.LOGGER.removeHandler(caplog.handler)
    told = [(each.levelname, each.getMessage(), getattr(each, "fields", {})) for each in caplog.records]
    assert told == [
        (
            "WARNING",
            "Non-strict YAML detected; please check for typos",
            {
                "comment": f"main file `{lima_home}/n/lima.yaml`",
                "error": '[3:7] unknown field "bar"\n   1 | images: [{location: /srv/i.img}]\n   2 | foo: 1\n'
                ">  3 | ssh: {bar: 2}\n             ^\n   4 | provision: [{script: 'x {{.A'}]\n"
                "   5 | mounts: [{location: /nonexistent}]",
            },
        ),
        (
            "WARNING",
            "Couldn't process provisioning script `x {{.A` as a template",
            {"error": "template: :1: unclosed action"},
        ),
    ]


_BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{before}'] * 9)}]\n" for before, after in pairwise("abcdefghi")
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (_BOMB, "aliases expand"),
        ("a: " + "[" * 5000 + "]" * 5000, "deeper"),
        ("a:\n" + "".join(" " * depth + "b:\n" for depth in range(1, 400)), "deeper"),
        ("- " * 3000 + "x", "deeper"),
        ("images: &x [*x]\n", ""),
        ("a: &a {<<: *a}\n", ""),
        ("x" * (10 << 20), "too long"),
        ("# " + "x" * (10 << 20), "too long"),
        ("a: 1\0", "control"),
        ("\x7f: 1", "control"),
        ("cpus: !!python/object/apply:os.system [x]", ""),
    ],
)
def test_hostile_yaml_is_one_problem_and_quick(text: str, reason: str, lima_home: Path) -> None:
    began = time.process_time()
    loaded = load_text(text, lima_home / "n/lima.yaml", HomePaths(lima_home))
    assert time.process_time() - began < 3
    if reason:
        assert loaded.config is None
        assert reason in loaded.words[0]


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=60) | st.text("abcpusim: []{},&*!|>-?#'\"\n\t%@`~0", max_size=80).map(str.encode))
def test_any_bytes_are_a_configuration_or_one_error(lima_home: Path, raw: bytes) -> None:
    path = lima_home / "lima.yaml"
    path.write_bytes(raw)
    try:
        loaded = load(path, HomePaths(lima_home))
    except ConfigError as error:
        assert error.message
        return
    assert loaded.config is not None or loaded.words


_SCALAR = st.sampled_from(
    [
        "",
        "null",
        "true",
        "x",
        "-1",
        "3",
        "1e99",
        "'3'",
        "[]",
        "{}",
        "[1, [2]]",
        "{a: {b: c}}",
        "0x10",
        ".nan",
        "~",
        "99999999999999999999",
        "'{{.Nope'",
        "!!binary ???",
        "2026-01-01",
        "[null]",
        "[{}]",
        "'{{if .Name}}'",
        "'\\0'",
        '"\\0"',
        "&a [*a]",
        "10.0.0.1",
        "::1",
    ]
)


def _paths() -> list[tuple[str, ...]]:
    top = [(name,) for name in config_shape().fields]
    return top + [(name, inner) for name, field in config_shape().fields.items() for inner in field.fields]


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.sampled_from(_paths()), _SCALAR), min_size=1, max_size=6, unique_by=lambda it: it[0][0]))
def test_any_value_anywhere_gives_problems_and_nothing_else(
    lima_home: Path, entries: list[tuple[tuple[str, ...], str]]
) -> None:
    lines = [f"{path[0]}: {value if len(path) == 1 else f'{{{path[1]}: {value}}}'}" for path, value in entries]
    loaded = load_text("\n".join(lines), lima_home / "n/lima.yaml", HomePaths(lima_home))
    assert loaded.config is not None or loaded.errors
    for problem in loaded.problems:
        assert problem.message


_ITEMS = ("images", "mounts", "provision", "probes", "portForwards", "copyToHost", "networks", "additionalDisks")


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.sampled_from(_ITEMS), st.data())
def test_any_list_entry_gives_problems_and_nothing_else(lima_home: Path, part: str, data: st.DataObject) -> None:
    item = config_shape().fields[part].item
    assert item is not None
    entry = data.draw(st.dictionaries(st.sampled_from(sorted(item.fields)), _SCALAR, max_size=4))
    text = f"{part}: [{{{', '.join(f'{key}: {value}' for key, value in entry.items())}}}]"
    loaded = load_text(text, lima_home / "n/lima.yaml", HomePaths(lima_home))
    assert loaded.config is not None or loaded.errors


def test_a_playbook_with_a_null_byte_in_its_name_is_a_problem(lima_home: Path) -> None:
    text = 'images: [{location: /x}]\nparam: {a: b}\nprovision: [{mode: ansible, playbook: "\\0"}]\n'
    assert load_text(text, lima_home / "n/lima.yaml", HomePaths(lima_home)).errors


def test_only_the_content_of_a_file_may_be_bytes(lima_home: Path) -> None:
    text = IMAGES + "env: {A: !!binary /w==}\nprovision: [{mode: data, path: /x, content: !!binary /w==}]\n"
    config = load_text(text, lima_home / "n/lima.yaml", HomePaths(lima_home)).require("n")
    assert config.env == {"A": "\ufffd"}
    assert config.provision[0].content == "\udcff"
