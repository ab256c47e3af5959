"""What is pressed in a real terminal is what reaches the guest: bytes into our pty, bytes out of the serial socket."""

from __future__ import annotations

import select
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.ui.terminal import Terminal, terminal

LETTERS = "abcdefghijklmnopqrstuvwxyz"
PLAIN = [
    *(bytes([ord(letter) - 96]) for letter in LETTERS), b"\x1c", b"\x1e", b"\x1f", b"\0", b"\x7f", b"\r", b"\t", b" ",
    *(b"\x1b" + letter.encode() for letter in LETTERS + "ABXZ019.,<>?/-_=+#;:'"), b"\x1b\r", b"\x1b\x7f", b"\x1b[Z",
    b"Aa1!~", "é中ß".encode(),
    b"\x1bOP", b"\x1bOQ", b"\x1bOR", b"\x1bOS", *(b"\x1b[%d~" % code for code in (15, 17, 18, 19, 20, 21)),
    *(b"\x1b[%d~" % code for code in (2, 3, 5, 6)), b"\x1b[A", b"\x1b[B", b"\x1b[C", b"\x1b[D", b"\x1b[H", b"\x1b[F",
    *(b"\x1b[1;%d%c" % (modifier, final) for modifier in (2, 3, 5, 6) for final in b"ABCDHF"),
    *(b"\x1b[%d;5~" % code for code in (3, 5, 6, 15)),
]
APPLICATION = [(b"\x1b[A", b"\x1bOA"), (b"\x1b[D", b"\x1bOD"), (b"\x1b[H", b"\x1bOH"), (b"\x1b[F", b"\x1bOF"),
               (b"\x1b[1;5A", b"\x1b[1;5A")]


class Guest:
    """The other side of serial.sock."""

    def __init__(self, window: Terminal, connection: socket.socket) -> None:
        self.window, self.connection, self.got = window, connection, b""

    def print(self, data: bytes, shows: str) -> None:
        self.connection.sendall(data)
        self.window.until(lambda text: shows in text)

    def gets(self, wanted: bytes) -> None:
        """Wait until as much came, then look at it."""
        def enough(_text: str) -> bool:
            while select.select([self.connection], [], [], 0)[0]:
                self.got += self.connection.recv(65536)
            return len(self.got) >= len(wanted)
        self.window.until(enough)
        got, self.got = self.got, b""
        assert got == wanted


@contextmanager
def guest(home: Path) -> Iterator[Guest]:
    (home / "default").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(home / "default/serial.sock"))
        server.listen()
        with terminal("-m", "tests.ui.keys_app", str(home), size=(80, 24)) as window:
            window.until(lambda _text: select.select([server], [], [], 0)[0])
            connection, _ = server.accept()
            window.until(lambda text: "typing" in text)
            yield Guest(window, connection)


@pytest.fixture(scope="module")
def at_work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:


    with tempfile.TemporaryDirectory(prefix="l-", dir="/tmp") as home, guest(Path(home)) as made:
        yield made


@pytest.mark.parametrize("pressed", PLAIN, ids=repr)
def test_a_key_is_the_same_there(at_work: Guest, pressed: bytes) -> None:
    at_work.window.write(pressed)
    at_work.gets(pressed)


def test_the_modes_of_the_guest_decide(at_work: Guest) -> None:
    at_work.print(b"\x1b[2J\x1b[H\x1b[?1happlication", "application")
    for pressed, wanted in APPLICATION:
        at_work.window.write(pressed)
        at_work.gets(wanted)
    at_work.print(b"\x1b[?1lnormal", "normal")
    at_work.window.write(b"\x1b[A")
    at_work.gets(b"\x1b[A")


DRAG = [b"\x1b[<0;10;5M", b"\x1b[<32;11;5M", b"\x1b[<0;11;5m", b"\x1b[<35;20;5M", b"\x1b[<64;10;5M", b"\x1b[<80;10;5M"]
"""Press, drag, release, move, wheel, wheel with ctrl; the first cell of the guest is the second of row two here."""


@pytest.mark.parametrize(("modes", "wanted"), [
    (b"1000;1006", b"\x1b[<0;9;4M\x1b[<0;10;4m\x1b[<64;9;4M\x1b[<80;9;4M"),
    (b"1002;1006", b"\x1b[<0;9;4M\x1b[<32;10;4M\x1b[<0;10;4m\x1b[<64;9;4M\x1b[<80;9;4M"),
    (b"1003;1006", b"\x1b[<0;9;4M\x1b[<32;10;4M\x1b[<0;10;4m\x1b[<35;19;4M\x1b[<64;9;4M\x1b[<80;9;4M"),
    (b"1000", b"\x1b[M )$\x1b[M#*$\x1b[M`)$\x1b[Mp)$"),
])
def test_the_mouse_in_the_modes_of_the_guest(at_work: Guest, modes: bytes, wanted: bytes) -> None:
    at_work.print(b"\x1b[2J\x1b[Hmodes " + modes + b"\x1b[?" + modes + b"h", "modes " + modes.decode())
    for report in DRAG:
        at_work.window.write(report)
    at_work.gets(wanted)
    at_work.print(b"\x1b[?1000;1002;1003;1006l\x1b[2J\x1b[Hoff", "off")


def test_shift_keeps_the_mouse_for_marking(at_work: Guest) -> None:
    at_work.print(b"\x1b[2J\x1b[Hmark these words\x1b[?1002;1006h", "words")
    for report in (b"\x1b[<4;8;2M", b"\x1b[<36;12;2M", b"\x1b[<4;12;2m"):
        at_work.window.write(report)
    at_work.window.until(lambda text: "F10 copies" in text)
    at_work.window.write(b"\x1b[21~")
    at_work.window.until(lambda text: "1 line copied" in text)
    at_work.window.write(b"x\x1b[21~")
    at_work.gets(b"x\x1b[21~")
    at_work.print(b"\x1b[?1002;1006l", "mark")


def test_a_paste_in_the_brackets_that_the_guest_wants(at_work: Guest) -> None:
    at_work.window.write(b"\x1b[200~two words\x1b[201~")
    at_work.gets(b"two words")
    at_work.print(b"\x1b[?2004hbrackets", "brackets")
    at_work.window.write(b"\x1b[200~two words\x1b[201~")
    at_work.gets(b"\x1b[200~two words\x1b[201~")
    at_work.window.write(b"\x1b[200~rm x\nls \x03\n\x1b[201~")
    at_work.window.until(lambda text: "Paste into the guest?" in text)
    at_work.window.write(b"\r")
    at_work.gets(b"\x1b[200~rm x\rls \r\x1b[201~")
