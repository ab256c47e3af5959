"""A broken look is believed at once or after a while, by when the directory changed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from limacore.model.instance import Instance, Status
from limacore.store import doubt
from limacore.store.doubt import Doubt


def seen(path: Path, status: Status) -> Instance:
    return Instance(name=path.name, dir=str(path), status=status)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    path = tmp_path / "one"
    path.mkdir()
    return path


def test_the_first_look_is_believed(place: Path) -> None:
    broken = seen(place, Status.BROKEN)
    assert Doubt().believed([broken]) == (broken,)


def test_what_is_being_written_stays_as_it_was_and_new_ones_wait(place: Path) -> None:
    looks, good, broken = Doubt(), seen(place, Status.STOPPED), seen(place, Status.BROKEN)
    assert looks.believed([good]) == (good,)
    assert looks.believed([broken]) == (good,) == looks.believed([broken])
    assert looks.believed([]) == ()
    assert looks.believed([broken]) == (), "made a moment ago, without a lima.yaml yet"


def test_an_old_change_is_believed_at_once(place: Path) -> None:
    looks, broken = Doubt(), seen(place, Status.BROKEN)
    looks.believed([seen(place, Status.STOPPED)])
    os.utime(place, (time.time() - 60,) * 2)
    assert looks.believed([broken]) == (broken,)


def test_doubt_ends_though_the_directory_keeps_changing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks, broken = Doubt(), seen(place, Status.BROKEN)
    looks.believed([seen(place, Status.STOPPED)])
    looks.believed([broken])
    begun = time.monotonic()
    monkeypatch.setattr(doubt.time, "monotonic", lambda: begun + 3.0)
    assert looks.believed([broken]) == (broken,)
