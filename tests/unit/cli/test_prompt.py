"""Questions, asked on a real terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CHOICE = "import limacore.cli.prompt as p; print('CHOSEN', p.choose('Which one', ['alpha', 'beta', 'gamma']))"
QUESTION = "import limacore.cli.prompt as p; print('SAID', p.confirm('Start it now?'))"


def talk(code: str, *keys: str) -> str:
    """What a program shows when these keys are typed, each after it has gone quiet."""
    pid, master = pty.fork()
    if not pid:
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, "-c", code])
    shown, waiting = b"", list(keys)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([master], [], [], 0.4)[0]:
            try:
                data = os.read(master, 4096)
            except OSError:
                break
            if not data:
                break
            shown += data
        elif waiting and shown:
            os.write(master, waiting.pop(0).encode())
    os.close(master)
    os.waitpid(pid, 0)
    return shown.decode()


@pytest.mark.parametrize(
    ("keys", "chosen"),
    [
        (("\r",), 0),
        (("\x1b[B", "\r"), 1),
        (("\x1b[A", "\r"), 2),
        (("\x1b[B\x1b[B\r",), 2),
        (("g", "a", "\r"), 2),
        (("z", "\x7f", "\x1b[B", "\r"), 1),
    ],
)
def test_a_choice_by_keys(keys: tuple[str, ...], chosen: int) -> None:
    out = talk(CHOICE, *keys)
    assert f"CHOSEN {chosen}" in out
    assert out.count("\x1b[?25l") == out.count("\x1b[?25h") == 1


def test_the_first_picture_of_a_choice() -> None:
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", talk(CHOICE, "\r")).replace("\r\n", "\n")
    assert plain.startswith("? Which one  [Use arrows to move, type to filter]\n> alpha\n  beta\n  gamma\n")


@pytest.mark.parametrize(("key", "error"), [("\x03", "InterruptedByUserError"), ("\x04", "NoTerminalError")])
def test_leaving_a_choice(key: str, error: str) -> None:
    out = talk(CHOICE, key)
    assert error in out
    assert out.count("\x1b[?25h") == 1


@pytest.mark.parametrize(("typed", "said"), [("\n", True), ("n\n", False), ("maybe\nYES\n", True)])
def test_yes_or_no(typed: str, said: bool) -> None:
    assert f"SAID {said}" in talk(QUESTION, typed)
