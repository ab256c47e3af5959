"""Digests of images: `sha256:…`, checked while bytes pass."""

from __future__ import annotations

import hashlib

from limacore.errors import ImageError

ALGORITHMS = ("sha256", "sha384", "sha512")


class Hashing:
    """Sums up bytes and compares at the end; without a digest it does nothing."""

    def __init__(self, digest: str) -> None:
        self.algorithm, _, self.expected = digest.partition(":")
        if digest and self.algorithm not in ALGORITHMS:
            raise ImageError(f"digest `{digest}` is of an unknown kind", hint=f"use one of {', '.join(ALGORITHMS)}")
        self._state = hashlib.new(self.algorithm) if digest else None

    def update(self, block: bytes) -> None:
        """Take the next bytes."""
        if self._state is not None:
            self._state.update(block)

    def check(self, source: str) -> None:
        """Raise ImageError when the bytes were not those that the digest promises."""
        if self._state is None:
            return
        found = self._state.hexdigest()
        if found != self.expected:
            raise ImageError(f"`{source}` is not the file that its digest promises",
                             detail=f"expected {self.algorithm}:{self.expected}, got {self.algorithm}:{found}",
                             hint="check `location` and `digest`; the file was removed")
