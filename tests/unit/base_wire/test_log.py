"""Log lines and times as the reference tool writes them."""

from __future__ import annotations

import json
import logging
import os
import time
from pathlib import Path

import pytest

from limacore.base.log import JsonLog, capture_libraries, encode, parse_time, rfc3339, rfc3339_nano


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()


def test_keys_are_sorted() -> None:
    line = encode("info", "m", 0.0, error="e", zone=1)
    assert list(json.loads(line)) == ["error", "level", "msg", "time", "zone"]


def test_control_characters_never_reach_the_file_raw() -> None:
    assert b"\x1b" not in encode("info", "\x1b]52;c;x\x07\u202e", 0.0) and encode("info", "\u202e", 0.0).isascii()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has /dev/full")
def test_a_full_disk_loses_lines_and_ends_nothing() -> None:
    fd = os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(OSError, match="space"):
        os.write(fd, b"x")
    JsonLog(fd)("info", "lost")
    os.close(fd)


@pytest.mark.usefixtures("berlin")
def test_times() -> None:
    assert rfc3339_nano(1_767_323_045_678_901_234) == "2026-01-02T04:04:05.678901234+01:00"
    assert rfc3339_nano(1_767_323_045_100_000_000) == "2026-01-02T04:04:05.1+01:00"
    assert rfc3339(1_767_323_045.9) == "2026-01-02T04:04:05+01:00"
    assert parse_time("2026-01-02T04:04:05.678901234+01:00") == pytest.approx(1_767_323_045.678901)
    assert parse_time("2026-01-02T03:04:05Z") == 1_767_323_045
    assert parse_time("yesterday") == 0.0


def test_levels_and_libraries(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    log = JsonLog(fd, "info")
    log("debug", "hidden")
    log("warning", "shown", error="why")
    capture_libraries(log)
    handler = logging.getLogger().handlers[-1]
    logging.getLogger("asyncio").error("from a library")
    logging.getLogger().removeHandler(handler)
    os.close(fd)
    lines = [json.loads(line) for line in (tmp_path / "log").read_bytes().splitlines()]
    assert [(line["level"], line["msg"]) for line in lines] == [("warning", "shown"),
                                                                ("warning", "asyncio: from a library")]
