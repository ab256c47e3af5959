"""What a host agent (`ha.stderr.log`, ours or limactl's) says when a boot does not get through."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from limacore.base.log import parse_time
from limacore.drivers.qemu import failures
from limacore.model.finding import Severity

_TELLING = (b'"fatal"', b'"panic"', b'"error"', b'"warning"', b"qemu[stderr]", b" requirement ",
            b"agent to be running", b"Guest agent is running", b"ssh: ", b"signal: killed")
"""A line without any of these is not read."""
_MOST = 400
_SHOWN = 300


class Entry(Struct, frozen=True):
    """A line of the log, with its number."""

    line: int
    level: str
    message: str
    error: str = ""
    hint: str = ""
    at: float = 0.0

    @property
    def text(self) -> str:
        """Message and error as one."""
        return f"{self.message}: {self.error}" if self.error else self.message


class Sentence(Struct, frozen=True, kw_only=True):
    """A pattern over what is said, what it means, what to do; void when `until` is said later."""

    id: str
    pattern: str
    what: str
    fix: str
    why: str = ""
    until: str = ""
    covers: tuple[str, ...] = ()
    severity: Severity = Severity.ERROR


class Heard(Struct, frozen=True):
    """A sentence that was said: `what` and `fix` may name the words that were picked."""

    id: str
    what: str
    fix: str
    entry: Entry
    words: dict[str, str] = {}
    text: str = ""
    """The words that show it; empty for the whole entry."""
    why: str = ""
    covers: tuple[str, ...] = ()
    severity: Severity = Severity.ERROR


class Waiting(Struct, frozen=True):
    """The requirement that is not met yet, and since when."""

    wanted: str
    entry: Entry


AGENT_FIX = "it needs python3 in the guest: see /var/log/lima-guestagent.log, or journalctl -u lima-guestagent"
_LOGIN = r"The essential requirement [23] of \d+ is satisfied"
SENTENCES = (
    Sentence(id="start-disk-full", pattern=r"nospace \(BLOCK_IO_ERROR\)",
             what="QEMU stopped the guest: the file system of its disk is full",
             covers=("guest-disk-errors", "guest-disk-failed"),
             fix="free some space ({program} prune; `disk list --all` shows more), then let it go on or start it anew"),
    Sentence(id="guest-disk-failed", pattern=r"\((?:BLOCK_IO_ERROR|BLOCK_IMAGE_CORRUPTED)\)",
             what="QEMU cannot read or write the disk of the guest",
             fix="look at the disk: {program} stop -f {name}, then {program} doctor {name}"),
    Sentence(id="port-taken", pattern=r"port (?P<port>\d+) \(`ssh.localPort`\) cannot be used: (?P<why>.*)",
             what="the ssh port {port} is already taken: {why}",
             fix="set `ssh.localPort: 0` in lima.yaml for any free port"),
    Sentence(id="firmware-missing", pattern=r"(?:could not find|no|cannot find) firmware.*",
             what="the firmware for this machine is not installed",
             fix="install it (packages ovmf, qemu-efi-aarch64 or edk2), or name one in `firmware.images` of lima.yaml"),
    Sentence(id="qemu-missing",
             pattern=r"qemu-system-\w+\"?: executable file not found|qemu-system-\w+` is not installed",
             what="QEMU for this architecture is not installed",
             fix="install it: the package qemu-system-x86 (or -arm, -misc) on Debian"),
    Sentence(id="qemu-old", pattern=r"QEMU (?P<version>[\d.]+) is too old, (?P<least>[\d.]+)",
             what="QEMU {version} is too old", fix="install {least} or later"),
    Sentence(id="cpu-unknown", pattern=r"cpu `(?P<cpu>[^`]*)` is not supported",
             what="QEMU does not know the CPU model `{cpu}`",
             fix="choose another `vmOpts.qemu.cpuType` in lima.yaml"),
    Sentence(id="ssh-auth", pattern=r"Permission denied|Too many authentication failures", until=_LOGIN,
             what="the guest's ssh server refuses our key", covers=("ssh-unreachable", "ssh-silent"),
             why="the user has no authorized_keys there, or it is another user",
             fix="log in on its console (key c in the dashboard) and see ~/.ssh/authorized_keys; "
                 "a new guest: {program} factory-reset {name}"),
    Sentence(id="agent-missing", until="Guest agent is running|the guest agent answers",
             pattern=r"guest agent does not (?:answer|seem to be running).*",
             what="the guest agent does not answer", why="ports are not forwarded, and the clock is not set",
             fix=AGENT_FIX,
             severity=Severity.WARNING),
    Sentence(id="script-failed", pattern=r"the script `(?P<script>[^`]*)` of the guest ended with code (?P<code>-?\d+)",
             what="the script `{script}` of the guest failed with code {code}", severity=Severity.WARNING,
             why="what it was to set up may be missing",
             fix="read what it said in /var/log/lima-boot.log or cloud-init-output.log: {program} shell {name}"),
    Sentence(id="requirement-failed", pattern=r"the \w+ requirement \d+ of \d+ \(`(?P<wanted>[^`]*)`\) was not met",
             what="`{wanted}` was never true in the guest", severity=Severity.WARNING,
             fix="see the boot log: {program} shell {name} sudo cat /var/log/lima-boot.log"),
    Sentence(id="guest-panicked", pattern=r"the guest's kernel panicked", what="the guest's kernel panicked",
             fix="see its console: key c in the dashboard"),
    Sentence(id="guest-powered-off", pattern=r"the guest powered itself off before it was ready",
             what="the guest powered itself off while it booted", severity=Severity.WARNING,
             fix="serial.log says what it was at: key l in the dashboard"),
    Sentence(id="vm-killed",
             pattern=r"(?:ended unexpectedly \(|stopped due to error: `)signal: killed|\(killed by signal 9\)",
             what="somebody ended QEMU: often the kernel, because memory ran out",
             fix="see `dmesg` for `Out of memory`; lower `memory` in lima.yaml, or stop other machines"),
)


def entries(log: bytes, first: int = 1) -> tuple[Entry, ...]:
    """The lines that may matter; `first` is the number of the first line."""
    lines = [(number, raw) for number, raw in enumerate(log.split(b"\n"), first)
             if any(word in raw for word in _TELLING)]
    return tuple(entry for number, raw in lines[-_MOST:] if (entry := _entry(number, raw)))


def _entry(number: int, raw: bytes) -> Entry | None:
    try:
        fields = msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    level, message, error, hint, time = (str(fields.get(key, "")) for key in ("level", "msg", "error", "hint", "time"))
    return Entry(number, level, message, error, hint, parse_time(time))


def listen(said: tuple[Entry, ...]) -> tuple[Heard, ...]:
    """What the entries mean, the last of each kind, the end of the agent first."""
    found: dict[str, Heard] = {}
    for heard in (*_endings(said), *_sentences(said)):
        found.setdefault(heard.id, heard)
    covered = {id for each in found.values() for id in each.covers}
    return tuple(each for each in found.values() if each.id not in covered)


def _endings(said: tuple[Entry, ...]) -> Iterator[Heard]:
    """Why the agent ended, by its last fatal line; QEMU's own words say it best."""
    fatal = next((each for each in reversed(said) if each.level in ("fatal", "panic")), None)
    words = [each for each in said if each.message.startswith("qemu[stderr]")]
    if fatal is None:
        return
    known = failures.explained("\n".join([fatal.error, fatal.message, *(each.message for each in words[-20:])]))
    if known:
        yield Heard(known.id, "QEMU did not start: {message}", "{hint}", fatal,
                    {"message": known.message, "hint": known.hint}, known.words)
    elif not any(re.search(each.pattern, fatal.text) for each in SENTENCES):
        yield Heard("last-start-failed", "its last start failed: {message}", "{hint}", fatal,
                    {"message": fatal.message, "hint": fatal.hint}, fatal.error.rpartition("\n")[2])


def _sentences(said: tuple[Entry, ...]) -> Iterator[Heard]:
    for sentence in SENTENCES:
        for entry in reversed(said):
            if sentence.until and re.search(sentence.until, entry.text):
                break
            if match := re.search(sentence.pattern, entry.text):
                words = {key: value[:_SHOWN] for key, value in match.groupdict(default="").items()}
                fix = "{hint}" if entry.hint else sentence.fix  # what our agent advises knows more of this case
                yield Heard(sentence.id, sentence.what, fix, entry, {**words, "hint": entry.hint}, why=sentence.why,
                            covers=sentence.covers, severity=sentence.severity)
                break


def waiting(said: tuple[Entry, ...]) -> Waiting | None:
    """What the agent waits for."""
    for entry in reversed(said):
        if " is satisfied" in entry.message or entry.message == "Guest agent is running":
            return None
        if match := re.search(r"^Waiting for the (?:(?P<kind>\w+) requirement \d+ of \d+: `(?P<what>.*)`|guest agent)",
                              entry.message):
            return Waiting(f"{match['kind']} {match['what']}" if match["kind"] else "agent", entry)
    return None
