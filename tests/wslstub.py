"""A program that answers as `wsl.exe` and `reg.exe` do, in UTF-16 where they do, and writes down what it was asked."""

from __future__ import annotations

import json
import sys
from pathlib import Path

_PROGRAM = '''#!{python}
import json, os, signal, sys, time
from pathlib import Path
folder = Path({folder!r})
words = sys.argv[1:]
with (folder / "asked").open("a") as log:
    log.write(json.dumps([Path(sys.argv[0]).name, *words]) + "\\n")
told = json.loads((folder / "answers").read_text())

def own(text, code=0):
    sys.stdout.buffer.write(text.replace("\\n", "\\r\\n").encode("utf-16-le"))
    sys.exit(code)

def program(text, code=0):
    sys.stdout.buffer.write(text.encode())
    sys.exit(code)

for key, (text, code) in told.items():
    if " ".join(words).startswith(key):
        program(text, code)
if words[:2] == ["--list", "--verbose"]:
    lines = (folder / "distros").read_text()
    if not lines:
        own("Es sind keine Distributionen installiert.\\nFehlercode: Wsl/WSL_E_DEFAULT_DISTRO_NOT_FOUND\\n", 1)
    own("  NAME            STATE           VERSION\\n" + lines)
if words[0] == "--import":
    if not Path(words[3]).exists():
        own("Die Datei fehlt: " + words[3] + "\\n", 1)
    with (folder / "distros").open("a") as log:
        log.write("  " + words[1] + "     Beendet wird gerade         2\\n")
elif words[0] == "--terminate":
    for _ in range(2000):
        if (folder / "keeper").exists():
            os.kill(int((folder / "keeper").read_text()), signal.SIGKILL)
            break
        time.sleep(0.01)
elif words[0] == "--unregister":
    (folder / "distros").write_text("")
elif "--exec" in words:
    command = words[words.index("--exec") + 1:]
    if command[:2] == ["bash", "-c"]:
        (folder / "new").write_text(str(os.getpid()))
        (folder / "new").replace(folder / "keeper")
        time.sleep(600)
    if command[0] == "wslpath":
        program("/mnt/c" + command[2] + "\\n")
    if command[0] == "bash":
        (folder / "script").write_text(Path(command[1].removeprefix("/mnt/c")).read_text())
        program("booted\\n")
'''


class WslStub:
    """The program in a folder of its own; `answers` are those that differ from the usual ones."""

    def __init__(self, folder: Path, distros: str = "* Ubuntu     Running      2\n") -> None:
        self.folder = folder
        for name in ("wsl.exe", "reg.exe"):
            (folder / name).write_text(_PROGRAM.format(python=sys.executable, folder=str(folder)))
            (folder / name).chmod(0o755)
        (folder / "distros").write_text(distros)
        self.answer({"--distribution lima-one --user root --exec hostname -I": ("0.0.0.0 172.20.0.2\n", 0)})

    def answer(self, answers: dict[str, tuple[str, int]]) -> None:
        """Set what is answered to commands that begin with one of these."""
        (self.folder / "answers").write_text(json.dumps(answers))

    def asked(self) -> list[str]:
        """Every command so far, each word of it after a blank."""
        log = self.folder / "asked"
        return [" ".join(json.loads(line)) for line in log.read_text().splitlines()] if log.exists() else []
