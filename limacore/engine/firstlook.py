"""The first look at the instances, by a child: what it imports and reads is done while the parent imports its screen.

On two cores the list is there when the screen is; the engine's own imports then come after the first picture.
"""

from __future__ import annotations

import asyncio
import contextlib
import os

import msgspec

from limacore.model.instance import Fleet
from limacore.paths import HomePaths


class FirstLook:
    """A child that looks once. To be made before there are threads or a loop."""

    def __init__(self, home: HomePaths) -> None:
        self._answer, answer = os.pipe()
        self._child = os.fork()
        if not self._child:
            _look(home, answer)
        os.close(answer)

    def fleet(self) -> Fleet | None:
        """What the child saw, once; waits for it. None when it could not look: then look again, and see why."""
        with os.fdopen(self._answer, "rb") as pipe:
            data = pipe.read()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._child, 0)
        try:
            return msgspec.msgpack.decode(data, type=Fleet)
        except msgspec.DecodeError:
            return None


def _look(home: HomePaths, answer: int) -> None:
    """Never comes back."""
    try:
        from limacore.engine.observe import Observer

        seen = msgspec.msgpack.encode(asyncio.run(Observer(home).look()))
        with os.fdopen(answer, "wb") as pipe:
            pipe.write(seen)
    finally:
        os._exit(0)  # the parent's buffers and exit handlers are not ours
