"""Knocking at the host side of forwards: real sockets that answer, close at once, refuse, or speak first."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from limacore.forward.probe import probe, probe_all
from limacore.model.instance import Forward

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def waits(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def speaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 hello\r\n")
    writer.close()


@pytest.mark.parametrize(("server", "word"), [(waits, "answers"), (closes, "closes"), (speaks, "answers")])
async def test_what_stands_behind_a_port(server: object, word: str) -> None:
    async with await asyncio.start_server(server, "127.0.0.1", 0) as listening:  # type: ignore[arg-type]
        port = listening.sockets[0].getsockname()[1]
        found = await probe("tcp", f"0.0.0.0:{port}")
    assert (found.word, found.well) == (word, word == "answers")


async def test_unix_sockets_nobody_and_datagrams(tmp_path: Path) -> None:
    async with await asyncio.start_unix_server(waits, tmp_path / "s"):
        assert (await probe("tcp", str(tmp_path / "s"))).word == "answers"
    async with await asyncio.start_server(waits, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
    assert (await probe("tcp", f"127.0.0.1:{port}")).word == "refused"
    assert (await probe("udp", "127.0.0.1:53")).word == "no probe"
    assert (await probe("tcp", "nonsense")).word == "refused"


async def test_only_what_forwards_is_knocked_at() -> None:
    found = await probe_all((Forward("tcp", "80", "", "not-forwarding"), Forward("udp", "1", "127.0.0.1:1"),
                             Forward("tcp", "2", "127.0.0.1:2", "failed", "taken")))
    assert [each.host for each in found] == ["127.0.0.1:1"]
