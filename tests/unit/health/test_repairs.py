"""What the doctor puts right, what it leaves alone, and how it says so on the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from limacore.health import doctor, repairs
from limacore.health.place import locked
from limacore.model.finding import Checkup, Finding, Severity
from tests.unit.health.conftest import House, process

ROOT = Path(__file__).parents[3]


@pytest.fixture
def ill(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """A home with everything that can be repaired."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    paths = house.add()
    paths.ha_pid.write_text("999999\n")
    paths.ssh_sock.touch()
    (house.paths.home / ".create-b-1" / "deep").mkdir(parents=True)
    (house.disk("data") / "in_use_by").symlink_to("/gone")
    house.paths.config.mkdir(mode=0o700)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lima", "-f", house.paths.private_key],
                   check=True)
    house.paths.private_key.chmod(0o600)
    house.paths.public_key.unlink()
    house.paths.home.chmod(0o775)
    part = tmp_path / "cache/lima/download/by-url-sha256" / ("0" * 64) / "data.part"
    part.parent.mkdir(parents=True)
    part.touch()
    os.utime(part, (time.time() - 1e6, time.time() - 1e6))
    return house


def mendable(findings: tuple[Finding, ...]) -> list[str]:
    return sorted(each.id for each in findings if each.repairable)


ALL = ["disk-lock-left", "download-left", "home-writable-by-others", "pid-stale", "public-key-missing", "socket-stale",
       "stage-left"]


async def test_everything_repairable_is_repaired(ill: House) -> None:
    found = await doctor.examine(ill.paths)
    assert mendable(found) == ALL
    plan = repairs.plan(found)
    assert f"remove `{ill.paths.home}/a/ha.pid`" in plan
    assert (ill.paths.home / "a/ha.pid").exists(), "a plan changes nothing"
    checkup = await repairs.repair(ill.paths, (), found)
    assert sorted(checkup.repaired) == sorted(plan)
    assert mendable(checkup.findings) == []
    assert ill.paths.public_key.read_text().startswith("ssh-ed25519 ")
    assert ill.paths.home.stat().st_mode & 0o777 == 0o755
    assert not (ill.paths.home / ".create-b-1").exists()
    assert (ill.paths.home / "a/lima.yaml").exists()


async def test_key_that_is_open_to_others(ill: House) -> None:
    ill.paths.private_key.chmod(0o644)
    await repairs.repair(ill.paths, (), await doctor.examine(ill.paths))
    assert ill.paths.private_key.stat().st_mode & 0o777 == 0o600


async def test_what_came_alive_meanwhile_is_left_alone(ill: House) -> None:
    found = await doctor.examine(ill.paths)
    stage, pid_file = ill.paths.home / ".create-b-1", ill.paths.home / "a/ha.pid"
    with locked(stage), process(pid_file=pid_file) as pid:
        checkup = await repairs.repair(ill.paths, (), found)
        assert pid_file.read_text() == f"{pid}\n"
        assert stage.exists()
    assert not any("ha.pid" in each or "ssh.sock" in each or ".create" in each for each in checkup.repaired)


async def test_what_cannot_be_repaired_stays_a_finding(ill: House) -> None:
    (ill.paths.private_key).write_text("no key")
    checkup = await repairs.repair(ill.paths, (), await doctor.examine(ill.paths))
    assert mendable(checkup.findings) == ["public-key-missing"]
    assert not checkup.ok


def test_every_repair_is_of_a_known_kind() -> None:
    assert sorted(repairs._REPAIRS) == sorted([*ALL, "key-readable-by-others"])


def limatui(*argv: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([sys.executable, "-m", "limatui", *argv], capture_output=True, text=True, cwd=ROOT,
                          stdin=subprocess.DEVNULL, timeout=60)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_report_for_people(ill: House) -> None:
    done = limatui("doctor", "a")
    assert done.returncode == 0
    assert done.stdout == f"""\
instance a
  warning: it does not run, but `ha.pid` is there
      ha.pid names process 999999, which does not exist
      the computer or a process crashed; limactl may take the instance for running or broken
      fix: rm '{ill.paths.home}/a/ha.pid'
  note: it does not run, but `ssh.sock` is there
      nobody listens there
      a crash left it; the next start removes it
      fix: rm '{ill.paths.home}/a/ssh.sock'

1 warning, 1 note; 2 can be put right by `limatui doctor --fix`
"""
    fixed = limatui("doctor", "--fix", "a")
    assert fixed.stdout == (f"done: remove `{ill.paths.home}/a/ha.pid`\ndone: remove `{ill.paths.home}/a/ssh.sock`\n\n"
                            "Nothing is wrong.\n")


def test_report_for_programs(ill: House) -> None:
    found = json.loads(limatui("doctor", "--json", "a").stdout)
    assert list(found) == ["home", "ok", "findings", "repaired"]
    assert (found["home"], found["ok"], found["repaired"]) == (str(ill.paths.home), True, [])
    assert found["findings"][0] == {
        "id": "pid-stale", "severity": "warning", "subject": "instance a",
        "what": "it does not run, but `ha.pid` is there",
        "evidence": ["ha.pid names process 999999, which does not exist"],
        "why": "the computer or a process crashed; limactl may take the instance for running or broken",
        "fix": f"rm '{ill.paths.home}/a/ha.pid'", "repairable": True, "paths": [f"{ill.paths.home}/a/ha.pid"],
    }
    assert len(json.loads(limatui("doctor", "--json", "--fix", "a").stdout)["repaired"]) == 2


def test_status_is_one_while_an_error_remains(house: House) -> None:
    house.add(more="cpus: x\n")
    assert limatui("doctor", "a").returncode == 1
    assert limatui("doctor", "nosuch").returncode == 1
    error = Finding(id="x", severity=Severity.ERROR, subject="host", what="x")
    assert not Checkup(home="/", findings=(error,)).ok


def test_names_with_escapes_do_not_reach_the_terminal(house: House) -> None:
    (house.paths.home / "evil\x1b[31m").mkdir()
    done = limatui("doctor")
    assert "\x1b" not in done.stdout
    assert "evil\\x1b" in done.stdout
