"""How a failed start ends: cause, line and fix for us; limactl's words for limactl."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from limacore.base import notice
from limacore.lifecycle import cause
from limacore.paths import InstancePaths


@pytest.fixture
def paths(tmp_path: Path) -> InstancePaths:
    made = InstancePaths(tmp_path / "t")
    made.dir.mkdir()
    made.serial_log.write_text("x\nNo bootable device.\n")
    return made


async def test_the_cause_is_told_with_its_line_and_what_to_do(paths: InstancePaths) -> None:
    error = await cause.failure(paths, "it ended", ("the guest powered itself off",), up=False)
    assert error.detail == ("the firmware found no disk to boot from (serial.log:2: No bootable device.); "
                            "the guest powered itself off")
    assert "legacyBIOS" in error.hint


async def test_what_the_agent_said_is_not_told_twice(paths: InstancePaths) -> None:
    paths.serial_log.unlink()
    paths.ha_stderr.write_text('{"level":"fatal","msg":"no luck","error":"none at all","hint":"hope"}\n')
    error = await cause.failure(paths, "it ended", ("no luck: none at all (hint: hope)",), up=False)
    assert error.detail == "its last start failed: no luck (ha.stderr.log:1: none at all)"
    assert error.hint == "hope"


async def test_without_a_known_cause_the_logs_are_named(paths: InstancePaths) -> None:
    paths.serial_log.write_text("")
    error = await cause.failure(paths, "it ended", ("why not",), up=False)
    assert error.detail == "why not" and str(paths.ha_stderr) in error.hint


async def test_as_limactl_nothing_is_added(paths: InstancePaths) -> None:
    notice.call_it("limactl")
    assert (await cause.failure(paths, "it ended", ("why not",), up=False)).detail == "why not"


async def test_while_it_takes_long_each_cause_is_told_once(
    paths: InstancePaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cause, "_LOOK", 0.01)
    told: asyncio.Queue[logging.LogRecord] = asyncio.Queue()
    handler = logging.Handler()
    handler.emit = told.put_nowait  # type: ignore[method-assign]
    notice.LOGGER.addHandler(handler)
    try:
        async with asyncio.timeout(20), cause.watching(paths):
            first = await told.get()
            with paths.serial_log.open("a") as file:
                file.write("\n[ 1] Kernel panic - not syncing: Oops\n")
            second = await told.get()
    finally:
        notice.LOGGER.removeHandler(handler)
    assert first.getMessage() == "t: the firmware found no disk to boot from"
    assert first.fields["evidence"] == "serial.log:2: No bootable device."  # type: ignore[attr-defined]
    assert second.getMessage() == "t: the guest's kernel gave up: Oops", "the first was not told again"
