"""Digests of images: `sha256:…`, summed up while bytes pass."""

from __future__ import annotations

import hashlib

from limacore.base.goquote import ticked
from limacore.errors import ImageError

ALGORITHMS = {"sha256": 64, "sha384": 96, "sha512": 128}
"""Algorithms, and how many hexadecimal digits their digests have."""


class DigestError(ImageError):
    """The bytes are not those that a digest promises."""


def check(digest: str) -> None:
    """Raise ImageError when `digest` is none that we can verify; empty is none at all."""
    algorithm, colon, value = digest.partition(":")
    if not digest:
        return
    if not colon or any(char not in "0123456789abcdef" for char in value):
        reason = "invalid checksum digest format"
    elif algorithm not in ALGORITHMS:
        reason = "unsupported digest algorithm"
    elif len(value) != ALGORITHMS[algorithm]:
        reason = "invalid checksum digest length"
    else:
        return
    raise ImageError(f"{digest}: {reason}", hint=f"write ALGORITHM:HEX with one of {', '.join(ALGORITHMS)}")


def require_same(wanted: str, found: str) -> None:
    """Raise DigestError unless the two are the same."""
    if wanted != found:
        raise DigestError(f"expected digest {ticked(wanted)}, got {ticked(found)}",
                          hint="check `location` and `digest`")


class Hashing:
    """Sums up bytes and compares at the end; without a digest it does nothing. Raises ImageError for a bad digest."""

    def __init__(self, digest: str) -> None:
        check(digest)
        self.wanted = digest
        self.algorithm = digest.partition(":")[0]
        self._state = hashlib.new(self.algorithm) if digest else None

    @classmethod
    def by(cls, algorithm: str) -> Hashing:
        """Sums up without anything to compare with."""
        hashing = cls("")
        hashing.algorithm, hashing._state = algorithm, hashlib.new(algorithm)
        return hashing

    @property
    def found(self) -> str:
        """The digest of what has passed; empty when nothing is summed up."""
        return f"{self.algorithm}:{self._state.hexdigest()}" if self._state else ""

    def update(self, block: bytes) -> None:
        """Take the next bytes."""
        if self._state is not None:
            self._state.update(block)

    def verify(self) -> None:
        """Raise DigestError when the bytes were not those that the digest promises."""
        require_same(self.wanted, self.found)
