"""A new lima.yaml: whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from limacore.errors import ConfigError, LockedError, NotFoundError, UsageError
from limacore.lifecycle import edit
from limacore.lifecycle.edit import Outcome, RejectedError
from limacore.lifecycle.guard import held
from limacore.paths import HomePaths
from tests.unit.lifecycle.instances import YAML, make


def test_apply_changes_what_it_says(home: HomePaths) -> None:
    paths = make(home, disk="")
    assert edit.apply(home, "a", ".cpus = 3") is Outcome.CHANGED
    assert paths.lima_yaml.read_text() == YAML + "cpus: 3\n"
    assert paths.lima_yaml.stat().st_mode & 0o777 == 0o644


def test_nothing_is_written_without_a_change(home: HomePaths) -> None:
    paths = make(home, disk="")
    before = paths.lima_yaml.stat()
    assert edit.apply(home, "a", ".") is Outcome.UNCHANGED
    assert edit.apply(home, "a", "") is Outcome.UNCHANGED
    assert edit.apply(home, "a", "select(false)") is Outcome.EMPTY
    assert edit.replace(home, "a", " \n") is Outcome.EMPTY
    assert edit.replace(home, "a", YAML) is Outcome.UNCHANGED
    assert paths.lima_yaml.stat().st_ino == before.st_ino


def test_a_broken_rule_keeps_the_text_for_the_user(home: HomePaths) -> None:
    paths = make(home, disk="")
    with pytest.raises(RejectedError) as caught:
        edit.apply(home, "a", '.images = [] | .memory = "lots"')
    assert "field `images` must be set" in caught.value.message
    assert "images: []" in caught.value.text
    assert paths.lima_yaml.read_text() == YAML


def test_what_is_no_lima_yaml_is_not_kept(home: HomePaths) -> None:
    paths = make(home, disk="")
    for text in ("a: [", "- 1\n", "cpus: x\n", "vmType: xen\nimages: [{location: /a}]\n",
                 "vmType: vz\nimages: [{location: /a}]\n"):
        with pytest.raises(ConfigError) as caught:
            edit.replace(home, "a", text)
        assert not isinstance(caught.value, RejectedError)
    with pytest.raises(UsageError):
        edit.apply(home, "a", ".cpus =")
    assert paths.lima_yaml.read_text() == YAML


def test_a_disk_does_not_shrink(home: HomePaths) -> None:
    make(home, yaml=YAML + "disk: 4GiB\n", disk="")
    with pytest.raises(RejectedError) as caught:
        edit.apply(home, "a", '.disk = "3GiB"')
    assert caught.value.message == "field `disk`: shrinking the disk (4GiB --> 3GiB) is not supported"
    assert edit.apply(home, "a", '.disk = "5GiB"') is Outcome.CHANGED
    with pytest.raises(RejectedError):
        edit.replace(home, "a", "images: [{location: /a}]\ndisk: 1GiB\n")


def test_one_command_at_a_time(home: HomePaths) -> None:
    paths = make(home, disk="")
    with held(paths), pytest.raises(LockedError):
        edit.apply(home, "a", ".cpus = 1")
    with pytest.raises(NotFoundError):
        edit.apply(home, "b", ".cpus = 1")


def test_a_file_is_edited_in_place(home: HomePaths, tmp_path: Path) -> None:
    file, link = tmp_path / "t.yaml", tmp_path / "link.yaml"
    file.write_text(YAML)
    link.symlink_to(file)
    assert edit.apply_to_file(link, home, ".cpus = 2") is Outcome.CHANGED
    assert link.is_symlink()
    assert file.read_text() == YAML + "cpus: 2\n"
    with pytest.raises(RejectedError):
        edit.replace_file(file, home, "base: ./x.yaml\nimages: [{location: /a}]\n")
    with pytest.raises(NotFoundError):
        edit.apply_to_file(tmp_path / "nope.yaml", home, ".cpus = 1")


def test_a_file_that_was_broken_can_be_mended(home: HomePaths) -> None:
    paths = make(home, yaml="images: [\n", disk="")
    assert edit.replace(home, "a", YAML) is Outcome.CHANGED
    assert paths.lima_yaml.read_text() == YAML
