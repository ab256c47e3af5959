"""Flags that edit lima.yaml, as one expression."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from limacore.base import yq
from limacore.config.editflags import Wish, edits, float32, given
from limacore.errors import UsageError


def _wish(new: bool = True, params: tuple[str, ...] = (), **flags: Any) -> Wish:
    values = {name.replace("_", "-"): value for name, value in flags.items()}
    return Wish(values, frozenset(values), new, params, Path("/work"), Path("/home/u"))


def _expression(**flags: Any) -> str:
    return edits(_wish(**flags)).expression


@pytest.mark.parametrize(("flags", "expression"), [
    ({}, ""),
    ({"cpus": 4}, ".cpus = 4"),
    ({"memory": 1.5}, '.memory = "1.5GiB"'),
    ({"disk": 10.0}, '.disk= "10GiB"'),
    ({"dns": ("1.1.1.1", "::1")}, '.dns += ["1.1.1.1","::1"] | .dns |= unique | .hostResolver.enabled=false'),
    ({"dns": ()}, ".dns += [] | .dns |= unique | .hostResolver.enabled=false"),
    ({"mount": ("~/a", "/b:w")}, '.mounts = [{"location": "/b", "mountPoint": "/b", "writable": true},'
                                 '{"location": "/home/u/a", "mountPoint": "/home/u/a", "writable": false}] + .mounts'),
    ({"mount_only": ("x", "../y")}, '.mounts = [{"location": "/work/x", "mountPoint": "/work/x", "writable": false},'
                                    '{"location": "/y", "mountPoint": "/y", "writable": false}]'),
    ({"mount_none": False}, ".mounts = null"),
    ({"mount": ("",)}, ""),
    ({"network": ("vzNAT", "lima:a")}, '.networks += [{"vzNAT": true},{"lima": "a"}] | .networks |= unique_by(.lima)'),
    ({"rosetta": True}, ".vmOpts.vz.rosetta.enabled = true | .vmOpts.vz.rosetta.binfmt = true"),
    ({"set": (".a = 1", ".b = 2")}, ".a = 1 | .b = 2"),
    ({"set": ("",)}, ""),
    ({"video": False}, '.video.display = "none"'),
    ({"image_variant": "minimal"}, '.images = [.images[] | select(.variant == "minimal")]'),
    ({"containerd": "system+user"}, ".containerd.user = true | .containerd.system = true"),
    ({"port_forward": ("8080:80", " 1 : 2 , static=T")},
     '.portForwards += [{"guestPort": "80", "hostPort": "8080", "static": false},'
     '{"guestPort": "2", "hostPort": "1", "static": true}]'),
    ({"shell": 'a"b'}, '.user.shell = "a\\"b"'),
    ({"shell": "/bin/sh", "disk": 1.0, "set": (".x=1",), "cpus": 1, "ssh_port": 22, "memory": 2.0},
     '.cpus = 1 | .memory = "2GiB" | .x=1 | .ssh.localPort = 22 | .disk= "1GiB" | .user.shell = "/bin/sh"'),
])
def test_expressions_in_a_fixed_order(flags: dict[str, Any], expression: str) -> None:
    assert _expression(**flags) == expression


@pytest.mark.parametrize(("flags", "message"), [
    ({"cpus": -1}, "error while processing flag `cpus`: invalid value for number of cpus, must be >= 0"),
    ({"mount": ("/a",), "mount_only": ("/b",)},
     "error while processing flag `mount`: flag `--mount` conflicts with `--mount-only`"),
    ({"mount_none": True, "mount": ("/a",)},
     "error while processing flag `mount-none`: flag `--mount-none` conflicts with `mount`"),
    ({"mount_none": True, "mount_only": ("/a",)},
     "error while processing flag `mount-none`: flag `--mount-none` conflicts with `mount-only`"),
    ({"mount": ("~other/x",)}, "error while processing flag `mount`: unexpandable path `~other/x`"),
    ({"network": ("foo",)},
     "error while processing flag `network`: network name must be `vzNAT` or `lima:*`, got `foo`"),
    ({"param": ("A",)}, "error while processing flag `param`: invalid parameter `A`, expected NAME=VALUE"),
    ({"param": ("A=1",)}, "error while processing flag `param`: template does not define param `A`"),
    ({"image_variant": ""}, "error while processing flag `image-variant`: `--image-variant` must not be empty"),
    ({"containerd": "x"}, "error while processing flag `containerd`: expected one of [`user`, `system`, "
                          "`user+system`, `none`], got `x`"),
    ({"port_forward": ("1:2:3",)},
     "error while processing flag `port-forward`: invalid port forward format `1:2:3`, expected HOST:GUEST"),
    ({"port_forward": ("1:2,static=x",)},
     "error while processing flag `port-forward`: invalid value for static parameter: `x`"),
])
def test_refusals_in_the_words_of_limactl(flags: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        _expression(**flags)
    assert caught.value.message == message


def test_what_means_something_for_new_instances_only_is_left_out() -> None:
    found = edits(_wish(new=False, plain=True, arch="aarch64", cpus=1))
    assert found.expression == ".cpus = 1"
    assert found.warnings == tuple(
        f"`--{flag}` is not applicable to an existing instance (Hint: create a new instance with "
        f"`limactl create --{flag}={value} --name=NAME`)" for flag, value in (("arch", "aarch64"), ("plain", "true")))


def test_warnings() -> None:
    assert edits(_wish(mount_inotify=True)).warnings == ("`--mount-inotify` is experimental",)
    assert edits(_wish(dns=("1.1.1.1", "8.8.8.8"))).warnings == (
        "Disabling HostResolver, as custom DNS addresses ([1.1.1.1 8.8.8.8]) are specified",)


@pytest.mark.parametrize("value", ['a"b', "a\\(.x)b", "back\\slash", "two\nlines", "$HOME `x`", "#c", ""])
def test_values_arrive_as_they_are(value: str) -> None:
    expression = edits(_wish(params=("A",), param=(f"A={value}",))).expression
    assert yq.query(expression, {"param": {"A": "old"}}) == [{"param": {"A": value}}]


@pytest.mark.parametrize(("value", "text"), [
    (2.0, "2"), (0.5, "0.5"), (0.1, "0.1"), (4.25, "4.25"), (1e7, "1e+07"), (123456.0, "123456"), (1e-5, "1e-05"),
    (0.0, "0"), (-1.0, "-1"), (16777217.0, "1.6777216e+07"),
])
def test_numbers_as_go_writes_them(value: float, text: str) -> None:
    assert float32(value) == text


def test_only_flags_that_edit_count() -> None:
    assert given({"set": ("",), "start": True}, {"set"})
    assert not given({"set": (), "start": True}, {"start"})
