"""Where each value of a filled configuration comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from limacore.config.load import load_text
from limacore.config.provenance import effective
from limacore.config.written import written
from limacore.paths import HomePaths

OWN = """\
images:
- location: /own.img
cpus: 2
memory: ''
env: {A: own, B: own}
mounts:
- location: /both
  writable: true
- location: /own
portForwards:
- guestPort: 80
dns: [10.0.0.1]
hostResolver: {enabled: false}
vmOpts:
  qemu: {minimumVersion: 8.0.0}
networks:
- {lima: user-v2, interface: n0}
provision:
- script: |
    a
    b
"""
DEFAULT = """\
cpus: 1
disk: 5GiB
images: [{location: /default.img}]
env: {B: default, C: default}
mounts:
- location: /both
  sshfs: {cache: false}
dns: [10.0.0.9]
vmOpts: {qemu: {cpuType: {x86_64: max}}}
networks: [{socket: /s, interface: n0, metric: 7}]
caCerts: {files: [/x, /y]}
"""
OVERRIDE = """\
images: [{location: /override.img, arch: aarch64}]
env: {A: override}
mounts: [{location: /both, 9p: {cache: none}}]
caCerts: {files: [/y, /z]}
video: {display: ''}
"""


@pytest.fixture
def found(lima_home: Path) -> dict[tuple[str | int, ...], tuple[str, str, int]]:
    home = HomePaths(lima_home)
    home.config.mkdir()
    home.default_yaml.write_text(DEFAULT)
    home.override_yaml.write_text(OVERRIDE)
    return {each.path: (each.value, each.layer, each.line) for each in effective(OWN, _path(home), home)}


def _path(home: HomePaths) -> Path:
    return home.home / "n" / "lima.yaml"


@pytest.mark.parametrize(("path", "expected"), [
    (("cpus",), ("2", "instance", 3)),
    (("memory",), (None, "built in", 0)),
    (("disk",), ("5GiB", "default", 2)),
    (("os",), ("Linux", "built in", 0)),
    (("images", 0, "location"), ("/override.img", "override", 1)),
    (("images", 1, "location"), ("/own.img", "instance", 2)),
    (("images", 1, "arch"), (None, "built in", 0)),
    (("images", 2, "location"), ("/default.img", "default", 3)),
    (("env", "A"), ("override", "override", 2)),
    (("env", "B"), ("own", "instance", 5)),
    (("env", "C"), ("default", "default", 4)),
    (("mounts", 0, "location"), ("/both", "default", 6)),
    (("mounts", 0, "writable"), ("true", "instance", 8)),
    (("mounts", 0, "sshfs", "cache"), ("false", "default", 7)),
    (("mounts", 0, "9p", "cache"), ("none", "override", 3)),
    (("mounts", 0, "9p", "msize"), ("128KiB", "built in", 0)),
    (("mounts", 1, "location"), ("/own", "instance", 9)),
    (("mounts", 1, "mountPoint"), ("/own", "instance", 9)),
    (("portForwards", 0, "guestPortRange"), ("[80, 80]", "instance", 11)),
    (("portForwards", 0, "hostPortRange"), ("[80, 80]", "instance", 11)),
    (("portForwards", 0, "proto"), ("any", "built in", 0)),
    (("dns", 0), ("10.0.0.1", "instance", 12)),
    (("hostResolver", "enabled"), ("false", "instance", 13)),
    (("hostResolver", "ipv6"), ("false", "built in", 0)),
    (("vmOpts", "qemu", "minimumVersion"), ("8.0.0", "instance", 15)),
    (("networks", 0, "lima"), ("user-v2", "instance", 17)),
    (("networks", 0, "metric"), ("7", "default", 10)),
    (("caCerts", "files", 0), ("/x", "default", 11)),
    (("caCerts", "files", 2), ("/z", "override", 4)),
    (("provision", 0, "script"), ('"a\\nb\\n"', "instance", 19)),
    (("containerd", "archives", 0, "location"), (None, "built in", 0)),
    (("video", "display"), ("none", "built in", 0)),
    (("mountType",), ("9p", "built in", 0)),
])
def test_layers(
    found: dict[tuple[str | int, ...], tuple[str, str, int]], path: tuple[str | int, ...],
    expected: tuple[str | None, str, int],
) -> None:
    value, layer, line = found[path]
    assert (layer, line) == expected[1:]
    if expected[0] is not None:
        assert value == expected[0]


def test_every_leaf_is_there_in_the_order_of_the_schema(
    found: dict[tuple[str | int, ...], tuple[str, str, int]], lima_home: Path
) -> None:
    home = HomePaths(lima_home)
    top = list(dict.fromkeys(path[0] for path in found))
    expected = list(written(load_text(OWN, _path(home), home).filled))
    assert [key for key in top if key != "mountType"] == expected
    assert ("vmOpts", "qemu", "cpuType", "x86_64") not in found


def test_an_unusable_text_has_none(lima_home: Path) -> None:
    home = HomePaths(lima_home)
    assert effective("cpus: [", _path(home), home) == ()
    assert effective("- a", _path(home), home) == ()


def test_a_plain_machine(lima_home: Path) -> None:
    home = HomePaths(lima_home)
    found = {each.path: each.layer for each in effective(OWN + "plain: true\n", _path(home), home)}
    assert found[("plain",)] == "instance"
    assert not any(path[0] == "mounts" for path in found)
