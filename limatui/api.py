"""What the dashboard asks of an engine: the real one (`limacore.engine`) and the demo one both answer this."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

from limacore.model.boot import Boot
from limacore.model.cache import CacheEntry
from limacore.model.config import Problem
from limacore.model.finding import Finding
from limacore.model.instance import Fleet
from limacore.model.job import Job
from limacore.model.logfile import LogFile
from limacore.model.probe import Probe
from limacore.model.snapshot import Snapshot
from limacore.model.template import Effective, TemplateInfo


class Console(Protocol):
    """A held serial console. Reading returns b"" when the other side closed."""

    async def read(self) -> bytes:
        """The next bytes that the guest printed, at most 64 KiB."""

    async def write(self, data: bytes) -> None:
        """Type into the guest."""

    def resize(self, cols: int, rows: int) -> None:
        """The window has another size; nobody tells that to a serial port."""


class EngineApi(Protocol):
    """Verbs return the id of a job at once and never raise for what happens later; queries raise LimaError."""

    home: str
    interval: float
    """Seconds between two looks at the instances; may be set at any time."""

    @property
    def unsaved(self) -> Path:
        """Where texts are kept that are not saved yet."""

    def warm(self) -> None:
        """Import what verbs and queries need before somebody asks; 0.1 s, so in a thread."""

    def watch(self) -> AsyncIterator[Fleet]:
        """A Fleet now and whenever it differs, about once a second; ends when the engine closes."""

    def watch_jobs(self) -> AsyncIterator[tuple[Job, ...]]:
        """All jobs of this session now and whenever one changes, newest first."""

    def start(self, name: str) -> int: ...
    def stop(self, name: str, *, force: bool = False) -> int: ...
    def restart(self, name: str) -> int: ...
    def pause(self, name: str) -> int: ...
    def resume(self, name: str) -> int: ...
    def suspend(self, name: str) -> int: ...
    def set_memory(self, name: str, size: str) -> int: ...
    def create(self, name: str, template: str, *, start: bool = True, cpus: int | None = None,
               memory: str | None = None, disk: str | None = None,
               changes: Mapping[str, object] | None = None, text: str | None = None) -> int:
        """`changes` sets further fields by dotted path; `text` takes the place of the template's."""

    def delete(self, name: str, *, force: bool = False) -> int: ...
    def protect(self, name: str, on: bool) -> int: ...
    def create_disk(self, name: str, size: str, *, format: str = "qcow2") -> int: ...
    def delete_disk(self, name: str) -> int: ...
    def cancel(self, job: int) -> None: ...

    def again(self, job: int) -> int:
        """Begin what that job did once more; raises LimaError when it is not remembered."""

    def clone(self, name: str, new: str) -> int: ...
    def rename(self, name: str, new: str) -> int: ...
    def factory_reset(self, name: str) -> int: ...
    def create_snapshot(self, name: str, tag: str) -> int: ...
    def apply_snapshot(self, name: str, tag: str) -> int: ...
    def delete_snapshot(self, name: str, tag: str) -> int: ...
    def resize_disk(self, name: str, size: str) -> int: ...
    def import_disk(self, name: str, file: str) -> int: ...
    def unlock_disk(self, name: str) -> int: ...
    def prune(self, *, keep_referred: bool = True) -> int: ...

    async def findings(self, name: str = "") -> tuple[Finding, ...]:
        """What is wrong with an instance, or with this computer and everything in the home."""

    def planned(self, findings: Sequence[Finding]) -> tuple[str, ...]:
        """What their repairs would do, one sentence each; nothing is done."""

    def repair(self, name: str, finding: Finding) -> int: ...

    def add_forward(self, name: str, guest: str, host: str = "", *, protocol: str = "tcp") -> int:
        """Forward one more port or socket until the instance stops."""

    def remove_forward(self, name: str, host: str) -> int:
        """Stop the forward whose place on this computer is `host`."""

    async def probe_forwards(self, name: str) -> tuple[Probe, ...]:
        """Knock at the host side of every forward: takes up to three seconds."""

    def remount(self, name: str, mount_point: str) -> int:
        """Unmount a directory in the guest and mount it again."""

    async def boots(self, name: str) -> tuple[Boot, ...]:
        """The last boots that became ready, newest first, at most eleven."""

    async def snapshots(self, name: str) -> tuple[Snapshot, ...]:
        """The snapshots of an instance, running or not, in the order of QEMU's table."""

    async def cache(self) -> tuple[CacheEntry, ...]:
        """What the download cache holds, and who refers to it."""

    def templates(self) -> tuple[str, ...]:
        """Names for `create`: `default`, `tiny`, …"""

    def log_files(self, name: str) -> tuple[LogFile, ...]:
        """The logs of an instance that exist now, serial.log first, then ha.stderr.log, earlier boots last."""

    def console(self, name: str, source: str = "serial", *, size: tuple[int, int] = (80, 24), take: bool = False
                ) -> AbstractAsyncContextManager[Console]:
        """Hold a serial socket (`serial`, `serialv`, `serialp`), or a `shell` of that size over ssh.

        Raises LockedError naming the holder, StateError when it does not run, GuestError."""

    def read_config(self, name: str) -> str:
        """The text of lima.yaml."""

    def check_config(self, name: str, text: str) -> tuple[Problem, ...]:
        """Every problem of a lima.yaml text; fast enough for each pause in typing."""

    def save_config(self, name: str, text: str, *, expected: str) -> None:
        """Write lima.yaml if it still reads `expected`; raises StateError when it does not, ConfigError."""

    def queued(self, name: str) -> str | None:
        """The text of lima.yaml that waits for the next start; None when there is none."""

    def queue_config(self, name: str, text: str) -> None:
        """Keep a text for the next start; raises ConfigError when it is not valid."""

    def drop_queued(self, name: str) -> None:
        """Forget what waits."""

    def effective(self, name: str, text: str) -> tuple[Effective, ...]:
        """Every value that a lima.yaml text leads to, and the layer that it comes from."""

    def describe_templates(self) -> tuple[TemplateInfo, ...]:
        """All templates, building blocks too, by name."""

    def template_text(self, name: str, *, embedded: bool = False) -> str:
        """The text of a template as it is, or with its bases embedded."""

    def check_template(self, name: str, text: str) -> tuple[Problem, ...]:
        """Every problem of a template's text."""

    def save_template(self, name: str, text: str) -> None:
        """Write a template of the user's own (`$LIMA_HOME/_templates`)."""

    def shell_argv(self, name: str) -> tuple[str, ...]:
        """The command that opens a shell in a real terminal."""

    async def close(self) -> None:
        """End watches and jobs of this process; VMs go on."""
