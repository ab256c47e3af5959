"""lima.yaml to Config: merging with the home's files, defaults, and problems with their lines."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from limacore.base.host import Host
from limacore.config.load import Loaded, load, load_layers, load_text
from limacore.config.schema import describe, json_schema
from limacore.config.setting import Setting, recorded_version, setting_of
from limacore.config.shape import config_shape
from limacore.config.validate import check_text
from limacore.errors import ConfigError, NotFoundError
from limacore.paths import HomePaths, InstancePaths

IMAGES = "images: [{location: /srv/i.img}]\n"


def _setting(place: Path, **host: Any) -> Setting:
    facts = {"user": "jane", "uid": 1001, "home": "/home/jane", "full_name": "Jane", "cpus": 8, "memory": 6 << 30,
             "arch": "x86_64", "os": "linux", "timezone": "Europe/Vienna", **host}
    return Setting(host=Host(**facts), name="n", directory=str(place / "n"), yaml_path=str(place / "n/lima.yaml"),
                   lima_home=str(place))


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
    assert "override.yaml:2" in loaded.errors[0].message


def test_a_problem_says_where_and_what_was_expected(lima_home: Path) -> None:
    text = IMAGES + "cpus: many\nmoutns: []\nssh:\n  localPort: 22\n"
    problems = check_text(text, lima_home / "n/lima.yaml", HomePaths(lima_home))
    assert [(each.line, each.severity) for each in problems] == [(2, "error"), (3, "warning")]
    assert "whole number" in problems[0].message
    assert "`mounts`" in problems[1].hint
    fixed = check_text(text.replace("many", "2"), lima_home / "n/lima.yaml", HomePaths(lima_home))
    assert (fixed[-1].line, fixed[-1].path) == (5, "ssh.localPort")


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
    with pytest.raises(ConfigError, match="line 2"):
        loaded.require("n")


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
    properties = json_schema()["$defs"]["Config"]["properties"]
    assert set(properties) == set(config_shape().fields)
    assert all(properties[name].get("description") for name in properties)


_SCALAR = st.sampled_from(["", "null", "true", "x", "-1", "3", "1e99", "'3'", "[]", "{}", "[1, [2]]", "{a: {b: c}}",
                           "0x10", ".nan", "~", "99999999999999999999", "'{{.Nope'", "!!binary ???", "2026-01-01",
                           "[null]", "[{}]", "'{{if .Name}}'", "'\\0'", '"\\0"', "&a [*a]", "10.0.0.1", "::1"])


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
