"""Each cause on the log of a boot that really failed by it; `tests/vm/causes` made them and says how."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from limacore.base.log import parse_time
from limacore.diagnosis import agentlog, console
from limacore.diagnosis.diagnose import Boot, Text, diagnose, living, worst
from limacore.drivers.qemu import failures
from limacore.model.finding import Finding, Severity
from tests.vm.causes.__main__ import CAUSES

LOGS = Path(__file__).parent / "logs"
LATER = 100.0

CONSOLES = {
    "no-bootable-device": ("boot-no-device", "No bootable device."),
    "uefi-nothing-to-boot": ("boot-uefi-failed", "failed to load Boot0002"),
    "uefi-wrong-loader": ("boot-wrong-arch", "Unsupported"),
    "grub-prompt": ("boot-grub", "grub>"),
    "grub-rescue": ("boot-grub-rescue", "grub rescue>"),
    "panic-no-root": ("boot-panic-root", "Unable to mount root fs on unknown-block(0,0)"),
    "panic-init-ended": ("boot-panic-init", "Attempted to kill init!"),
    "panic-no-init": ("boot-panic-no-init", "No working init found"),
    "panic-by-hand": ("boot-panic", "sysrq triggered crash"),
    "initrd-damaged": ("boot-unpack-failed", "Initramfs unpacking failed"),
    "memory-too-small": ("guest-no-memory-left", "deadlocked on memory"),
    "uefi-shell": ("boot-uefi-shell", "UEFI Interactive Shell"),
    "root-not-found": ("boot-root-missing", "no root file system on /dev/vdz"),
    "disk-errors": ("guest-disk-errors", "I/O error, dev vda"),
    "initramfs-shell": ("boot-root-missing", "does not exist"),
    "emergency-mode": ("boot-mount-failed", "/data"),
    "sshd-failed": ("boot-ssh-failed", "Failed to start ssh.servic"),
    "cloud-init-failed": ("boot-cloud-init", "cloud-init"),
    "no-address": ("boot-no-address", "eth0 | False"),
    "fsck-by-hand": ("boot-fsck", "UNEXPECTED INCONSISTENCY"),
    "guest-disk-full": ("guest-disk-full", "No space left on device"),
    "out-of-memory": ("guest-out-of-memory", "Out of memory: Killed process"),
}
AGENTS = {
    "port-taken": ("port-taken", "cannot be used"),
    "image-locked": ("image-locked", 'Failed to get "write" lock'),
    "backing-missing": ("backing-missing", "basedisk"),
    "disk-damaged": ("disk-damaged", "Unsupported qcow2 version 99"),
    "kernel-missing": ("kernel-unusable", "kernel too old"),
    "cpu-unknown": ("cpu-unknown", "NoSuchCPU"),
    "memory-short": ("host-memory-short", "Cannot allocate memory"),
    "qemu-missing": ("qemu-missing", "not installed"),
    "firmware-missing": ("firmware-missing", "could not find firmware"),
    "host-disk-full": ("start-disk-full", "nospace"),
    "ssh-auth-failed": ("ssh-auth", "Permission denied (publickey)"),
    "agent-missing": ("agent-missing", "the guest agent does not answer"),
    "script-failed": ("script-failed", "ended with code 3"),
    "probe-never": ("probe-waits", "the thing is there"),
    "guest-powers-off": ("guest-powered-off", "powered itself off"),
    "qemu-killed": ("vm-killed", "signal: killed"),
    "no-network": ("ssh-unreachable", "ControlMaster"),
}
WORDS = {
    "kvm-denied": ("kvm-denied", "Could not access KVM kernel module: Permission denied"),
    "kvm-unusable": ("kvm-unusable", "failed to set MSR"),
    "wrong-arch-kernel": ("kernel-unusable", "Error while loading elf kernel"),
}


def text(name: str, ending: str) -> Text:
    file = {"serial": "serial.log", "ha": "ha.stderr.log"}[ending]
    return Text(file, (LOGS / f"{name}.{ending}.log").read_bytes(), age=LATER)


def agent_boot(name: str, *consoles: Text) -> Boot:
    """A boot as its agent tells it, some time after its last line."""
    said = text(name, "ha")
    times = [parse_time(msgspec.json.decode(line)["time"]) for line in said.data.splitlines() if line.startswith(b"{")]
    return Boot("t", consoles=consoles, agent=said, now=max(times) + LATER)


def checked(found: tuple[Finding, ...], id: str, shown: str, log: Text) -> None:
    """The cause is there, quotes the line of the log that shows it, and says what to do."""
    one = next((each for each in found if each.id == id), None)
    assert one is not None, found
    where = re.fullmatch(rf"{re.escape(log.name)}:(\d+): (.*)", one.evidence[0])
    assert where and shown in where[2], one
    line = log.data.split(b"\n")[int(where[1]) - 1].decode(errors="replace")
    assert shown.split()[0] in line, (one, line)
    assert one.what and one.fix and "{" not in one.what + one.fix
    assert one.severity is not Severity.NOTE


@pytest.mark.parametrize("name", CONSOLES)
def test_consoles(name: str) -> None:
    id, shown = CONSOLES[name]
    log = text(name, "serial")
    found = diagnose(Boot("t", consoles=(log,), up=False))
    checked(found, id, shown, log)
    assert worst(found) in found and len(found) <= 2, found


@pytest.mark.parametrize("name", AGENTS)
def test_agents(name: str) -> None:
    id, shown = AGENTS[name]
    boot = agent_boot(name)
    found = diagnose(boot)
    checked(found, id, shown, boot.agent)
    assert len(found) == 1, found


@pytest.mark.parametrize("name", WORDS)
def test_words_of_qemu(name: str) -> None:
    id, shown = WORDS[name]
    known = failures.explained((LOGS / f"{name}.qemu.log").read_text())
    assert known is not None and known.id == id and shown in known.words and known.hint


def test_an_ssh_server_that_does_not_answer() -> None:
    login = text("ssh-refused", "serial")
    found = diagnose(agent_boot("ssh-refused", login))
    checked(found, "ssh-silent", "login:", login)
    early = agent_boot("ssh-refused", msgspec.structs.replace(login, age=1.0))
    assert diagnose(early) == ()


def test_a_console_that_says_nothing() -> None:
    found = diagnose(agent_boot("ssh-refused", Text("serial.log")))
    assert [each.id for each in found] == ["boot-silent"]
    began = parse_time("2026-11-30T11:00:00Z")
    assert diagnose(msgspec.structs.replace(agent_boot("ssh-refused", Text("serial.log")), now=began)) == ()


@pytest.mark.parametrize("name", ["healthy-tiny", "healthy-debian"])
def test_nothing_is_found_in_healthy_boots(name: str) -> None:
    log = text(name, "serial")
    assert diagnose(agent_boot(name, log)) == ()
    assert living(Boot("t", consoles=(log,))) == ()


def test_nothing_is_found_while_a_healthy_boot_goes_on() -> None:
    for name in ("healthy-tiny", "healthy-debian"):
        log = text(name, "serial").data
        for end in range(0, len(log), 499):
            found = diagnose(Boot("t", consoles=(Text("serial.log", log[:end]),), now=1.0))
            assert found == (), (end, found)


def test_nothing_is_found_in_what_the_reference_tool_logs(golden: Path) -> None:
    bad = re.compile(r"killed|failing|degraded|nobinary|nofirmware|unknown|too-new|fake|aarch64|probe")
    seen = 0
    for file in sorted(golden.glob("runtime/*/*/ha.stderr*.log")) + sorted(golden.glob("runtime/qemu/*.ha.log")):
        if bad.search(str(file)):
            continue
        said = file.read_bytes()
        if b'"fatal"' not in said:
            seen += 1
            assert diagnose(Boot("t", agent=Text("ha.stderr.log", said), up=False)) == (), file
    assert seen > 20


REFERENCE = {
    "arch-aarch64-nobinary": "qemu-missing", "arch-aarch64-nofirmware": "firmware-missing",
    "cputype-unknown": "cpu-unknown", "fake-version-3.9": "qemu-old",
}
KILLED = "runtime/events/failing-provision_qemu-killed/ha.stderr.info.log"


@pytest.mark.parametrize("case", REFERENCE)
def test_what_the_reference_tool_logs_when_it_fails(case: str, golden: Path) -> None:
    said = (golden / f"runtime/qemu/{case}.ha.log").read_bytes()
    found = diagnose(Boot("t", agent=Text("ha.stderr.log", said), up=False))
    assert [each.id for each in found] == [REFERENCE[case]]


def test_a_qemu_that_was_killed(golden: Path) -> None:
    found = diagnose(Boot("t", agent=Text("ha.stderr.log", (golden / KILLED).read_bytes()), up=False))
    assert "vm-killed" in [each.id for each in found]


@pytest.mark.parametrize(("name", "cause", "left"), [
    ("emergency-mode", b"Dependency failed", "boot-emergency"),
    ("initramfs-shell", b"ALERT!|Gave up", "boot-initramfs-shell"),
])
def test_what_follows_is_told_where_its_cause_cannot_be_seen(name: str, cause: bytes, left: str) -> None:
    whole = text(name, "serial")
    lines = [line for line in whole.data.split(b"\n") if not re.search(cause, line)]
    log = Text("serial.log", b"\n".join(lines))
    checked(diagnose(Boot("t", consoles=(log,), up=False)), left, "mode" if "emergency" in left else "(initramfs)", log)


def test_every_rule_is_shown_by_a_real_log() -> None:
    shown = {id for table in (CONSOLES, AGENTS, WORDS) for id, _ in table.values()} | set(REFERENCE.values())
    shown |= {"boot-emergency", "boot-initramfs-shell"}
    assert {each.id for each in console.RULES} <= shown
    by_words_of_our_agent = {"guest-disk-failed", "guest-panicked", "requirement-failed"}
    assert {each.id for each in agentlog.SENTENCES} - shown == by_words_of_our_agent
    assert len(shown) >= 40


def test_every_log_has_what_makes_it_anew() -> None:
    assert {file.name.split(".")[0] for file in LOGS.glob("*.log")} == set(CAUSES)


def test_every_rule_has_words_that_can_be_filled_in() -> None:
    rules = [*((each.pattern, each.what, each.fix) for each in console.RULES),
             *((each.pattern, each.what, each.fix) for each in agentlog.SENTENCES)]
    for pattern, what, fix in rules:
        words = dict.fromkeys(re.compile(pattern).groupindex, "x") | {"name": "t", "program": "limatui"}
        assert "{" not in what.format(**words) + fix.format(**words)
    assert len({each.id for each in console.RULES}) == len(console.RULES)
