"""Bad news from QEMU itself, as sentences for the log."""

from __future__ import annotations

from collections.abc import Mapping

_DAMAGED = "QEMU found the disk image damaged"


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
