"""A shell over ssh against a real server in this process: what is typed, its size, its end, and refusals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncssh
import pytest

from limacore.errors import GuestError
from limacore.ssh.session import Login, ShellSession, shell


async def program(process: asyncssh.SSHServerProcess[str]) -> None:
    """Tells its terminal, then what is typed and each new size; `q` ends it."""
    process.stdout.write(f"{process.term_type} {process.term_size[0]}x{process.term_size[1]}\n")
    while True:
        try:
            typed = await process.stdin.read(1)
        except asyncssh.TerminalSizeChanged as change:
            process.stdout.write(f"size {change.width}x{change.height}\n")
            continue
        if typed in ("", "q"):
            process.exit(0)
            return
        process.stdout.write(f"<{typed}>")


@asynccontextmanager
async def server(tmp_path: Path) -> AsyncIterator[Login]:
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(tmp_path / "user")
    key.write_public_key(tmp_path / "allowed")
    async with asyncssh.listen(
            "127.0.0.1", 0, server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")], process_factory=program,
            authorized_client_keys=str(tmp_path / "allowed"), line_editor=False) as listening:
        yield Login("127.0.0.1", listening.get_port(), "lima", tmp_path / "user")


async def until(session: ShellSession, text: bytes) -> bytes:
    seen = b""
    async with asyncio.timeout(30):
        while text not in seen:
            data = await session.read()
            assert data, seen
            seen += data
    return seen


async def test_it_has_the_size_of_the_window_and_follows_it(tmp_path: Path) -> None:
    async with server(tmp_path) as login, shell(login, 101, 33) as session:
        await until(session, b"xterm-256color 101x33")
        session.resize(90, 20)
        await until(session, b"size 90x20")
        session.resize(0, 0)
        await session.write(b"h\xc3\xa9")
        assert b"size" not in await until(session, "<h><é>".encode())


async def test_its_end_is_seen(tmp_path: Path) -> None:
    async with server(tmp_path) as login, shell(login, 80, 24) as session:
        await session.write(b"q")
        async with asyncio.timeout(30):
            while await session.read():
                pass
        with pytest.raises(GuestError, match="has ended"):
            for _ in range(100):
                await session.write(b"x")
                await asyncio.sleep(0.01)


async def test_who_is_not_let_in_is_told_why(tmp_path: Path) -> None:
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(tmp_path / "other")
    async with server(tmp_path) as login:
        for wrong in (Login(login.address, login.port, "lima", tmp_path / "other"),
                      Login(login.address, login.port, "lima", tmp_path / "missing"),
                      Login(login.address, 1, "lima", login.key)):
            with pytest.raises(GuestError, match="cannot log in") as refused:
                async with shell(wrong, 80, 24):
                    raise AssertionError("never")
            assert refused.value.detail
