"""What a knock on the host side of a forward found."""

from __future__ import annotations

from msgspec import Struct


class Probe(Struct, frozen=True):
    """`word` is `answers`, `closes` (at once: nobody listens in the guest), `refused`, `silent` or `no probe`."""

    protocol: str
    host: str
    word: str
    seconds: float = 0.0
    """Until the connection stood."""

    @property
    def well(self) -> bool:
        """Whether something is behind it."""
        return self.word == "answers"
