"""Runs of wsl.exe, whose own words are in UTF-16."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import PIPE
from collections.abc import Sequence

from limacore.base import proc
from limacore.drivers.wsl2 import words
from limacore.errors import DriverError, HostError

_TIME = 60.0
IMPORT_TIME = 1800.0
"""Seconds that an import may take, and any other command."""


class Wsl:
    """One `wsl.exe`, and what it is asked for one instance."""

    def __init__(self, program: str, name: str) -> None:
        self.program = program
        self.name = name

    async def output(self, argv: Sequence[str], limit: float = _TIME) -> tuple[int, str]:
        """Exit code and what was printed; raises HostError when it cannot be run or does not end in time."""
        async with proc.spawn(argv, stdout=PIPE, grace=0) as process:
            assert process.stdout is not None
            try:
                async with asyncio.timeout(limit):
                    printed = await process.stdout.read()
                    code = await process.wait()
            except TimeoutError as error:
                raise HostError(f"`{' '.join(argv[:3])}` did not finish within {limit:g} seconds") from error
        return code, words.decoded(printed) or process.stderr_tail

    async def must(self, argv: Sequence[str], what: str, limit: float = _TIME) -> str:
        """What a run printed; raises DriverError with that when it failed."""
        code, text = await self.output(argv, limit)
        if code:
            raise DriverError(what, detail=text.strip())
        return text

    async def state(self) -> str:
        """`Uninitialized`, or the word of wsl.exe for the state of the distribution; raises DriverError."""
        code, text = await self.output(words.list_verbose(self.program))
        if code and not words.has_none(text):
            raise DriverError("wsl.exe cannot list its distributions", detail=text.strip())
        return words.state({} if code else words.states(text), self.name)

    async def address(self) -> str:
        """The address of the distribution; raises DriverError while it has none."""
        for question in words.ADDRESS_QUESTIONS:
            code, text = await self.output(words.inside(self.program, self.name, *question))
            if not code and (found := words.address(question, text)):
                return found
        raise DriverError("the distribution has no address yet")
