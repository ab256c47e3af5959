"""How rules are looked for: what cancels a symptom, what counts only at the end, what guests may throw at it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limacore.diagnosis import agentlog, console, read
from limacore.diagnosis.diagnose import Boot, Text, diagnose
from limacore.diagnosis.rule import ending, look
from limacore.model.instance import Instance, Status
from limacore.paths import InstancePaths


def ids(log: bytes) -> list[str]:
    return [each.rule.id for each in look(log, console.RULES)]


def test_a_prompt_counts_only_while_it_is_the_last_thing_said() -> None:
    assert ids(b"Welcome to GRUB!\r\n\r\n\x1b[0mgrub> ") == ["boot-grub"]
    assert ids(b"grub> \r\nLoading Linux 6.1 ...\r\n") == []
    assert ids(b"Booting from Hard Disk...\r\ngrub rescue> ") == ["boot-grub-rescue"]


@pytest.mark.parametrize(("symptom", "progress"), [
    (b"BdsDxe: failed to load Boot0001 x: Not Found\r\n", b"[    0.0] Linux version 6.1\r\n"),
    (b"No bootable device.\r\n", b"SeaBIOS (version 1.16)\r\n"),
    (b"[ 3.1] Kernel panic - not syncing: Oops\r\n", b"debian login: "),
    (b"You are in emergency mode. After\r\n", b"[    0.0] Linux version 6.1\r\n"),
    (b"ALERT!  UUID=12 does not exist.  Dropping to a shell!\r\n", b"debian login: "),
])  # fmt: skip
def test_what_comes_later_cancels_what_was_wrong(symptom: bytes, progress: bytes) -> None:
    assert len(ids(progress + symptom)) == 1
    assert ids(symptom + progress) == []


def test_a_panic_stays_while_the_guest_only_tries_again() -> None:
    assert ids(b"Kernel panic - not syncing: Oops\r\nSeaBIOS (version 1)\r\nLinux version 6\r\n") == ["boot-panic"]


def test_the_cause_is_told_and_not_what_follows_from_it() -> None:
    log = (b"[FAILED] Failed to mount \x1b[0;1;39mdata.mount\x1b[0m - /data.\r\n"
           b"You are in emergency mode. After logging in\r\n")
    found = diagnose(Boot("t", consoles=(Text("serial.log", log),)))
    assert [each.what for each in found] == ["a file system of the guest could not be mounted: /data"]
    assert found[0].evidence[0].startswith("serial.log:1: [FAILED] Failed to mount data.mount")


def test_lines_are_numbered_from_where_the_tail_begins() -> None:
    found = diagnose(Boot("t", consoles=(Text("serial.log", b"x\ny\nNo bootable device.\n", first=1001),)))
    assert found[0].evidence == ("serial.log:1003: No bootable device.",)


def test_words_of_a_guest_are_data() -> None:
    log = b"Kernel panic - not syncing: {name} {0} \x1b]52;c;eA==\x07 \x9b31m <&>\r\n"
    one, = diagnose(Boot("t", consoles=(Text("serial.log", log),)))
    assert "{name} {0}" in one.what
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in one.what + one.evidence[0])


def test_a_line_of_a_megabyte_and_a_megabyte_of_near_misses() -> None:
    long = b"a" * (1 << 20) + b"Kernel panic - not syncing: Oops" + b"b" * (1 << 20)
    one, = diagnose(Boot("t", consoles=(Text("serial.log", long),)))
    assert len(one.evidence[0]) < 400
    assert ids(b"Failed to start nothing\n" * 40000) == []
    assert ids(b"grub>" * 200000) == []


@given(st.binary(max_size=400), st.sampled_from([key for rule in console.RULES for key in rule.keys] + [b"grub> "]))
def test_anything_may_stand_in_a_log(noise: bytes, key: bytes) -> None:
    for log in (noise, noise + key, key + noise, noise + key + noise):
        diagnose(Boot("t", consoles=(Text("serial.log", log),), agent=Text("ha.stderr.log", log), now=9e9))
        ending(log)


def test_the_last_word_about_ssh_counts() -> None:
    refused = b'{"level":"debug","msg":"ssh: Permission denied (publickey)","time":"2026-11-30T11:00:00Z"}\n'
    met = b'{"level":"info","msg":"The essential requirement 3 of 3 is satisfied","time":"2026-11-30T11:00:01Z"}\n'
    assert [each.id for each in agentlog.listen(agentlog.entries(refused))] == ["ssh-auth"]
    assert agentlog.listen(agentlog.entries(refused + met)) == ()


def test_a_requirement_that_was_never_met() -> None:
    said = "the optional requirement 1 of 2 (`docker is up`) was not met within 600 s"
    one, = agentlog.listen((agentlog.Entry(7, "error", said, "exit code 1", "see the log"),))
    assert (one.id, one.words["wanted"], one.words["hint"]) == ("requirement-failed", "docker is up", "see the log")


def test_what_crashed_is_told_in_its_own_words() -> None:
    fatal = b'{"error":"no {luck}","hint":"do {y}","level":"fatal","msg":"it broke"}\n'
    one, = diagnose(Boot("t", agent=Text("ha.stderr.log", b"Traceback:\n" + fatal)))
    assert (one.what, one.fix) == ("its last start failed: it broke", "do {y}")
    assert one.evidence == ("ha.stderr.log:2: no {luck}",)


@pytest.fixture
def paths(tmp_path: Path) -> InstancePaths:
    made = InstancePaths(tmp_path / "t")
    made.dir.mkdir()
    return made


def seen(paths: InstancePaths, status: Status, *errors: str) -> list[str]:
    return [each.id for each in read.findings(Instance("t", str(paths.dir), status, errors=errors))]


def test_a_long_log_is_read_at_its_end_with_the_right_line(paths: InstancePaths) -> None:
    paths.serial_log.write_bytes(b"a line\n" * 200_000 + b"No bootable device.\n")
    for _ in range(2):
        assert read.told(paths, up=True)[0].evidence == ("serial.log:200001: No bootable device.",)
        with paths.serial_log.open("ab") as file:
            file.write(b"\n")
    paths.serial_log.unlink()
    paths.serial_log.write_bytes(b"No bootable device.\n")
    assert read.told(paths, up=True)[0].evidence == ("serial.log:1: No bootable device.",)


def test_when_an_instance_has_findings(paths: InstancePaths) -> None:
    assert seen(paths, Status.STOPPED) == []
    paths.ha_stdout.write_text('{"status":{}}\n')
    paths.serial_log.write_bytes(b"No bootable device.\n")
    assert seen(paths, Status.STARTING) == seen(paths, Status.STOPPED) == ["boot-no-device"]
    assert seen(paths, Status.RUNNING) == seen(paths, Status.BROKEN) == []
    paths.ha_stdout.write_text('{"status":{"running":true}}\n')
    assert seen(paths, Status.STOPPED) == []


def test_a_guest_that_panics_long_after_its_boot(paths: InstancePaths) -> None:
    paths.ha_stdout.write_text('{"status":{"running":true}}\n')
    paths.serial_log.write_bytes(b"t login: \n[ 99.1] Kernel panic - not syncing: sysrq triggered crash\n")
    assert seen(paths, Status.RUNNING) == ["boot-panic"]


def test_an_instance_that_runs_only_half_says_why(paths: InstancePaths) -> None:
    said = '{"level":"warning","msg":"the script `x` of the guest ended with code 3"}\n'
    paths.ha_stderr.write_text(said)
    assert seen(paths, Status.RUNNING) == []
    assert seen(paths, Status.RUNNING, "scripts failed") == ["script-failed"]


def test_logs_that_cannot_be_read(paths: InstancePaths) -> None:
    paths.serial_log.mkdir()
    paths.ha_stderr.symlink_to("ha.stderr.log")
    assert read.told(paths, up=True) == ()
