"""An edit that waits for the next start: kept beside lima.yaml, applied when it still fits, never lost."""

from __future__ import annotations

import pytest

from limacore.errors import ConfigError, LockedError, NotFoundError
from limacore.lifecycle import change, queue
from limacore.lifecycle.guard import held
from limacore.paths import HomePaths, InstancePaths

OLD = "# mine\nimages:\n- location: /x.qcow2\ncpus: 2\n"
NEW = OLD.replace("cpus: 2", "cpus: 4  # more")


@pytest.fixture(autouse=True)
def paths(home: HomePaths) -> InstancePaths:
    """An instance."""
    paths = home.instance("vm")
    paths.dir.mkdir()
    paths.lima_yaml.write_text(OLD)
    return paths


def test_it_waits_and_is_applied_at_the_start(home: HomePaths, paths: InstancePaths, told: list[str]) -> None:
    queue.put(home, "vm", NEW)
    assert (queue.queued(home, "vm"), paths.lima_yaml.read_text()) == (NEW, OLD)
    assert queue.apply(home, paths)
    assert (queue.queued(home, "vm"), paths.lima_yaml.read_text()) == (None, NEW)
    assert not paths.queued_yaml.exists()
    assert told == [f"info Using the edit of {paths.lima_yaml} that waited for this start"]


def test_nothing_waits_at_first(home: HomePaths, paths: InstancePaths, told: list[str]) -> None:
    assert queue.queued(home, "vm") is None
    assert not queue.apply(home, paths)
    assert (paths.lima_yaml.read_text(), told) == (OLD, [])


@pytest.mark.parametrize("text", [NEW, NEW.rstrip("\n"), NEW + "\n\n", "images: [{location: /ü}]\ncpus: 1"])
def test_every_byte_of_the_text_is_kept(home: HomePaths, paths: InstancePaths, text: str) -> None:
    queue.put(home, "vm", text)
    assert queue.queued(home, "vm") == text
    queue.apply(home, paths)
    assert paths.lima_yaml.read_text() == text


def test_the_text_of_the_file_itself_waits_for_nothing(home: HomePaths, paths: InstancePaths) -> None:
    queue.put(home, "vm", NEW)
    queue.put(home, "vm", OLD)
    assert queue.queued(home, "vm") is None


def test_a_file_changed_meanwhile_is_not_overwritten(home: HomePaths, paths: InstancePaths, told: list[str]) -> None:
    queue.put(home, "vm", NEW)
    theirs = OLD.replace("cpus: 2", "cpus: 8")
    paths.lima_yaml.write_text(theirs)
    assert not queue.apply(home, paths)
    assert (paths.lima_yaml.read_text(), queue.queued(home, "vm")) == (theirs, NEW)
    assert len(told) == 1 and told[0].startswith("warning") and "somebody else changed" in told[0]


def test_the_same_change_made_by_others_is_no_conflict(home: HomePaths, paths: InstancePaths, told: list[str]) -> None:
    queue.put(home, "vm", NEW)
    paths.lima_yaml.write_text(NEW)
    assert not queue.apply(home, paths)
    assert (queue.queued(home, "vm"), told) == (None, [])


def test_what_does_not_fit_any_more_is_kept_with_a_warning(
    home: HomePaths, paths: InstancePaths, told: list[str]
) -> None:
    queue.put(home, "vm", NEW)
    whole = paths.queued_yaml.read_text()
    paths.queued_yaml.write_text(whole.replace("cpus: 4", "cpus: many"))
    assert not queue.apply(home, paths)
    assert paths.lima_yaml.read_text() == OLD
    assert "cpus: many" in (queue.queued(home, "vm") or "")
    assert "is kept in" in told[0] and "line 4" in told[0]


def test_a_text_that_is_not_valid_is_refused(home: HomePaths, paths: InstancePaths) -> None:
    queue.put(home, "vm", NEW)
    with pytest.raises(ConfigError):
        queue.put(home, "vm", "cpus: many\n")
    assert queue.queued(home, "vm") == NEW


def test_a_text_written_by_hand_is_taken_too(home: HomePaths, paths: InstancePaths) -> None:
    paths.queued_yaml.write_text(NEW)
    assert queue.apply(home, paths)
    assert paths.lima_yaml.read_text() == NEW


def test_bytes_that_are_no_text_are_left_alone(home: HomePaths, paths: InstancePaths) -> None:
    paths.queued_yaml.write_bytes(b"\xff\xfe")
    assert queue.queued(home, "vm") is None
    assert not queue.apply(home, paths)
    assert paths.queued_yaml.read_bytes() == b"\xff\xfe"


def test_dropping(home: HomePaths, paths: InstancePaths) -> None:
    queue.put(home, "vm", NEW)
    queue.drop(home, "vm")
    queue.drop(home, "vm")
    assert queue.queued(home, "vm") is None


def test_unknown_instances_and_busy_ones_are_refused(home: HomePaths, paths: InstancePaths) -> None:
    with pytest.raises(NotFoundError):
        queue.queued(home, "nobody")
    with held(paths), pytest.raises(LockedError):
        queue.put(home, "vm", NEW)
    with held(paths), pytest.raises(LockedError):
        change.save_config(home, "vm", NEW, expected=OLD)
