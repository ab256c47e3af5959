"""Our version, and comparison of the versions that instances record."""

from __future__ import annotations

import re

VERSION = "0.1.0"
"""The version of limatui."""

COMPATIBLE = "2.2.0"
"""The version of Lima whose files we write; it goes into `lima-version`."""

_SEMVER = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:-(.+))?")
_NEWEST = (1 << 30, 0, 0, 0)


def version_key(text: str) -> tuple[int, int, int, int]:
    """A sortable key: empty is oldest, unparsable is newest, a `-suffix` is newer than its release."""
    cleaned = text.strip().removesuffix(".m")
    if not cleaned:
        return (-1, 0, 0, 0)
    match = _SEMVER.fullmatch(cleaned)
    if not match:
        return _NEWEST
    major, minor, patch = (int(part) for part in match.group(1, 2, 3))
    return (major, minor, patch, 1 if match.group(4) else 0)


def older_than(text: str, release: str) -> bool:
    """Whether the recorded version `text` is older than `release`."""
    return version_key(text) < version_key(release)


def line(program: str) -> str:
    """What `--version` prints; as limactl we say with which of its versions we agree."""
    return f"{program} version {COMPATIBLE if program == 'limactl' else VERSION}"
