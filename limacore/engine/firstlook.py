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

_PIECE = 1 << 20


class FirstLook:
    """A child that looks once. To be made before there are threads or a loop."""

    def __init__(self, home: HomePaths) -> None:
        self._answer, answer = os.pipe()
        self._child = os.fork()
        if not self._child:
            _look(home, answer)
        os.close(answer)

    async def fleet(self) -> Fleet | None:
        """What the child saw, once; waits for it. None when it could not look: then look again, and see why."""
        data = await self._told()
        self._reap()
        try:
            return msgspec.msgpack.decode(data, type=Fleet)
        except msgspec.DecodeError:
            return None

    def _reap(self) -> None:
        """It has closed its end, so it is leaving."""
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._child, 0)

    async def _told(self) -> bytes:
        """In the loop: a thread would have to be waited for when the computer is busy."""
        loop, heard = asyncio.get_running_loop(), bytearray()
        ended: asyncio.Future[None] = loop.create_future()

        def read() -> None:
            piece = os.read(self._answer, _PIECE)
            heard.extend(piece)
            if not piece and not ended.done():
                ended.set_result(None)

        loop.add_reader(self._answer, read)
        try:
            await ended
        finally:
            loop.remove_reader(self._answer)
            os.close(self._answer)
        return bytes(heard)


def _look(home: HomePaths, answer: int) -> None:
    """Never comes back."""
    try:
        from limacore.engine.observe import Observer

        seen = msgspec.msgpack.encode(asyncio.run(Observer(home).look()))
        with os.fdopen(answer, "wb") as pipe:
            pipe.write(seen)
    finally:
        os._exit(0)  # the parent's buffers and exit handlers are not ours
