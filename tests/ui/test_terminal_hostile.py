"""What a guest prints, written to a real terminal (a pty) by every pane: no foreign control reaches it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOSTILE = (
    "[red]markup[/red] \x1b]52;c;aGVsbG8=\x07\x1b]0;owned\x1b\\\x1b]8;;http://evil\x07link\x1b]8;;\x07\x1bP+q544e\x1b\\\x1b_Gapc\x1b\\"
    "\x9b31m\x9d52;c;aGVsbG8=\x9c\x90q\x9c\x7f\x08\x00\u202eevil\u2066\u200f "
)
FOREIGN = re.compile(
    rb"\x1b[\]P_^X]"  # OSC, DCS, APC, PM, SOS
    rb"|\xc2[\x80-\x9f]|\x07|\x7f|\x00"  # C1 as UTF-8, bell, DEL, NUL
    rb"|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xa9]",  # bidi controls and line separators
)
OWN = re.compile(rb"\x1b\]22;[a-z-]*\x07")
"""The shape of the mouse pointer, which Textual sets."""
DONE = "panes-done"


def run_under_pty(pane: str, home: Path) -> bytes:
    """Everything that the app wrote to its terminal until it had shown the end of the hostile text."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    process = subprocess.Popen([sys.executable, "-m", "tests.ui.hostile_app", pane, str(home)], cwd=ROOT,
                               stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm-256color"})
    os.close(theirs)
    output = bytearray()
    try:
        while select.select([ours], [], [], 60)[0]:
            try:
                data = os.read(ours, 65536)
            except OSError:
                break
            if not data:
                break
            output += data
        assert process.wait(60) == 0, output[-2000:]
    finally:
        process.kill()
        os.close(ours)
    return OWN.sub(b"", bytes(output))


@pytest.mark.parametrize("pane", ["console", "logs", "agent", "config", "disks"])
def test_nothing_of_the_guest_steers_the_terminal(pane: str, lima_home: Path) -> None:
    directory = lima_home / "default"
    directory.mkdir()
    raw = HOSTILE.encode()
    (directory / "serial.log").write_bytes(raw + b"\r\n" + HOSTILE.encode("latin-1", "ignore") + f"\r\n{DONE}".encode())
    (directory / "ha.stderr.log").write_bytes(
        b'{"level":"info","time":"' + raw + b'","msg":"x"}\n' + b'{"level":"\\u001b]0;x\\u0007","time":"t","msg":"'
        + b"\\u001b]52;c;aGVsbG8=\\u0007\\u009b31m\\u202e" + b'","\\u001b[2J":"\\u0007"}\n' + DONE.encode() + b"\n")
    (directory / "lima.yaml").write_text(f"# {HOSTILE}\n{HOSTILE}: \"{HOSTILE}\"\n# {DONE}\n")
    output = run_under_pty(pane, lima_home)
    assert DONE.encode() in output, "the pane was painted"
    assert pane == "agent" or b"[red]markup[/red]" in output, "the text itself is to be read"
    assert FOREIGN.search(raw), "what is looked for is in what was given"
    found = FOREIGN.search(output)
    assert found is None, output[max(0, found.start() - 60) : found.end() + 60] if found else b""
