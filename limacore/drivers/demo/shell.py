"""A tiny pretended shell on the serial port: bytes in, bytes out, no effects."""

from __future__ import annotations

from collections.abc import Callable

_MAKE = "\r\n".join((
    "cc -O2 -Wall -c src/ring.c -o build/ring.o",
    "cc -O2 -Wall -c src/main.c -o build/main.o",
    "\x1b[1msrc/main.c:41:9: \x1b[35mwarning:\x1b[0m unused variable 'n' [-Wunused-variable]",
    "   41 |     int n = ring_size(r);",
    "ld -o build/app build/*.o",
    "\x1b[1;32mPASS\x1b[0m  ring/wraps           0.004s",
    "\x1b[1;32mPASS\x1b[0m  ring/overflow        0.011s",
    "\x1b[1;31mFAIL\x1b[0m  ring/concurrent      2.310s",
    "      \x1b[31mexpected 100000 items, got 99998\x1b[0m",
    "3 tests, 1 failed",
    "make: *** [Makefile:17: test] Error 1",
))
_PROGRAMS: dict[str, Callable[[list[str]], str]] = {
    "echo": lambda args: " ".join(args),
    "uname": lambda args: "Linux lima-demo 6.12.48+deb13-cloud-amd64 x86_64 GNU/Linux" if args else "Linux",
    "whoami": lambda args: "dev",
    "pwd": lambda args: "/home/dev",
    "ls": lambda args: "\x1b[1;34mprojects\x1b[0m  \x1b[1;32mrun.sh\x1b[0m  notes.txt",
    "uptime": lambda args: " 23:14:02 up  2:14,  1 user,  load average: 0.08, 0.11, 0.09",
    "colours": lambda args: "".join(f"\x1b[48;5;{n}m  " for n in range(16, 52)) + "\x1b[0m",
    "help": lambda args: "commands here: " + " ".join(sorted([*_PROGRAMS, "clear"])),
    "make": lambda args: _MAKE,
    "true": lambda args: "",
}


class Shell:
    """One login: `feed` what was typed, get what the terminal shows."""

    def __init__(self, hostname: str) -> None:
        self._prompt = f"\x1b[1;32mdev@{hostname}\x1b[0m:\x1b[1;34m~/projects\x1b[0m$ "
        self._line = ""

    def greeting(self) -> bytes:
        """The prompt."""
        return self._prompt.encode()

    def feed(self, data: bytes) -> bytes:
        """Echo, line editing and answers."""
        return "".join(self._key(char) for char in data.decode("utf-8", "replace")).encode()

    def _key(self, char: str) -> str:
        if char in "\r\n":
            return self._enter()
        if char in "\x7f\b":
            erased, self._line = bool(self._line), self._line[:-1]
            return "\b \b" if erased else ""
        if char == "\x03":
            self._line = ""
            return f"^C\r\n{self._prompt}"
        if char == "\x0c":
            return f"\x1b[2J\x1b[H{self._prompt}{self._line}"
        if char < " ":
            return ""
        self._line += char
        return char

    def _enter(self) -> str:
        words, self._line = self._line.split(), ""
        if words[:1] == ["clear"]:
            return f"\x1b[2J\x1b[H{self._prompt}"
        answer = run(words)
        return "\r\n" + (f"{answer}\r\n" if answer else "") + self._prompt


def run(words: list[str]) -> str:
    """What a command prints."""
    if not words:
        return ""
    program = _PROGRAMS.get(words[0])
    return program(words[1:]) if program else f"-bash: {words[0]}: command not found (try `help`)"
