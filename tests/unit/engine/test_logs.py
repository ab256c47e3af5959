"""Which logs an instance has, and when its machine began."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from limacore.engine.logs import log_files
from limacore.paths import InstancePaths


def home(directory: Path, *names: str) -> InstancePaths:
    for name in names:
        (directory / name).write_text("x\n")
    return InstancePaths(directory)


def test_logs_of_this_boot_come_first_and_earlier_boots_last(tmp_path: Path) -> None:
    paths = home(tmp_path, "serial.2.log", "serial.1.log", "serialv.1.log", "cloud-init-output.log", "serialv.log",
                 "ha.stdout.log", "ha.stderr.log", "serial.log", "driver.stderr.log", "lima.yaml")
    assert [log.label for log in log_files(paths)] == [
        "serial", "host agent", "events", "serial virtio", "cloud-init-output", "driver.stderr", "serial 1 back",
        "serial 2 back"]
    assert [log.label for log in log_files(paths) if log.json] == ["host agent", "events"]


def test_no_logs(tmp_path: Path) -> None:
    assert log_files(InstancePaths(tmp_path)) == ()
    assert log_files(InstancePaths(tmp_path / "absent")) == ()


def test_a_machine_began_when_its_pid_file_was_written_or_its_agent_first_spoke(tmp_path: Path) -> None:
    paths = home(tmp_path, "serial.log", "serial.1.log", "ha.stderr.log")
    assert log_files(paths)[0].began == 0, "nobody knows"
    paths.ha_stderr.write_text('{"level":"info","msg":"x","time":"2026-11-21T01:00:00Z"}\n')
    assert log_files(paths)[0].began == datetime(2026, 11, 21, 1, tzinfo=UTC).timestamp()
    paths.driver_pid().write_text("1\n")
    os.utime(paths.driver_pid(), (1000.0, 1000.0))
    assert [log.began for log in log_files(paths)] == [1000.0, 0.0, 0.0], "not that of an earlier boot"
