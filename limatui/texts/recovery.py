"""Texts that are not saved, kept where a crash cannot take them: written while one types, offered at the next opening.

One file for each text and process, in a directory of the user's; a text is offered when its process has ended.
Everything here blocks: call it in a thread.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from pathlib import Path

import msgspec
from msgspec import Struct

from limacore.base.files import write_atomic, write_failed
from limacore.base.proc import identity

Key = tuple[str, str]
"""Kind and name of a text."""
_LARGEST = 16 << 20


class Unsaved(Struct, frozen=True):
    """A text and what it was an edit of; `at` in epoch seconds, `pid` and `started` tell whose it is."""

    home: str
    kind: str
    name: str
    base: str
    text: str
    at: float
    pid: int
    started: float


class Recovery:
    """The unsaved texts of one home."""

    def __init__(self, home: str, directory: Path) -> None:
        self._home = home
        self._directory = directory
        self._wanted: dict[Key, tuple[str, str] | None] = {}
        self._writing = threading.Lock()

    def want(self, key: Key, texts: tuple[str, str] | None) -> None:
        """What is to be kept: base and text, or nothing. Does not block; `write` does the work."""
        self._wanted[key] = (_encodable(texts[0]), _encodable(texts[1])) if texts else None

    def write(self) -> None:
        """Bring the files to what is wanted now; raises HostError."""
        with self._writing:
            while self._wanted:
                key, texts = self._wanted.popitem()
                if texts is None:
                    self._own(key).unlink(missing_ok=True)
                else:
                    self._keep(key, *texts)

    def _keep(self, key: Key, base: str, text: str) -> None:
        me = identity(os.getpid())
        kept = Unsaved(self._home, *key, base, text, time.time(), os.getpid(), me.start_time if me else 0.0)
        path = self._own(key)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise write_failed(path, error) from error
        write_atomic(path, msgspec.json.encode(kept), 0o600)

    def offered(self, key: Key) -> Unsaved | None:
        """The newest text that a process left which has ended; its file stays until `settle`."""
        found = [each for _, each in self._left(key)]
        return max(found, key=lambda each: each.at, default=None)

    def settle(self, key: Key) -> None:
        """Whatever others left is taken over or not wanted; what this process keeps stays."""
        for path, each in self._left(key):
            if each.pid != os.getpid():
                path.unlink(missing_ok=True)

    def _left(self, key: Key) -> list[tuple[Path, Unsaved]]:
        paths = self._directory.glob(f"{self._stem(key)}.*.json")
        read = ((path, _read(path)) for path in paths)
        return [(path, each) for path, each in read
                if each and (each.home, each.kind, each.name) == (self._home, *key) and not _lives(each)]

    def _stem(self, key: Key) -> str:
        return hashlib.sha256("\0".join((self._home, *key)).encode()).hexdigest()[:24]

    def _own(self, key: Key) -> Path:
        return self._directory / f"{self._stem(key)}.{os.getpid()}.json"


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _read(path: Path) -> Unsaved | None:
    try:
        if path.stat().st_size > _LARGEST:
            return None
        return msgspec.json.decode(path.read_bytes(), type=Unsaved)
    except (OSError, msgspec.DecodeError):
        return None


def _lives(unsaved: Unsaved) -> bool:
    if unsaved.pid == os.getpid():
        return False
    process = identity(unsaved.pid)
    return process is not None and abs(process.start_time - unsaved.started) < 1.0
