"""Bad news from QEMU itself, as sentences for the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping

_DAMAGED = "QEMU found the disk image damaged"


class Troubles:
    """Logs each once until the machine goes on: a disk that fails does so for each request."""

    def __init__(self, log: Callable[[str, str], None]) -> None:
        self._log = log
        self._told: set[str] = set()

    def take(self, event: str, data: Mapping[str, object]) -> None:
        """One event of QMP."""
        if event == "RESUME":
            self._told.clear()
        said = sentence(event, data)
        if said and said not in self._told:
            self._told.add(said)
            self._log("error", said)


def sentence(event: str, data: Mapping[str, object]) -> str:
    """What an event of QMP means when it is bad news; "" when it is none."""
    if event == "GUEST_PANICKED":
        return "the guest's kernel panicked; see serial.log"
    if event == "BLOCK_IMAGE_CORRUPTED":
        return f"{_DAMAGED}: {data.get('msg', '')} (BLOCK_IMAGE_CORRUPTED)"
    if event == "BLOCK_IO_ERROR":
        kind = "nospace" if data.get("nospace") else str(data.get("reason", ""))
        stopped = "; the guest is stopped" if data.get("action") == "stop" else ""
        return f"QEMU cannot {data.get('operation', 'use')} the disk: {kind} (BLOCK_IO_ERROR){stopped}"
    return ""
