"""What we answer as when called by another name: `lima`, `docker.lima` and its kind, `yq`."""

from __future__ import annotations

from collections.abc import Sequence


def main(program: str, words: Sequence[str]) -> int:
    """Answer as the program of that name; most become another program and do not come back."""
    raise NotImplementedError(program)
