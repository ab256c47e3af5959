"""`shell NAME [COMMAND…]` without loading the configuration again: what it needs of it was noted by the last full run.

Imports only what the interpreter has built in; ssh.config has the port, and all options for a limatui of its own name.
"""

# ruff: noqa: PTH103, PTH105, PTH111, PTH120, PTH123

import marshal
import os

from limacore.base import remote
from limacore.cli import quickmux
from limacore.cli.quick import context, directories, home_dir, index_path, read_index, state

_PART = "ssh"
_FIELDS = 6


def argv(words: "list[str]", program: str = "limatui") -> "list[str] | None":
    """The ssh command for a plain `shell NAME …`; None when the full path has to answer.

    Does not come back when the shared connection itself runs the command: where nobody needs a terminal.
    limactl's own command line is repeated for those who see ssh's arguments; by `ssh.config` it is shorter."""
    if len(words) < 2 or words[1].startswith("-") or os.environ.get("SSH") or words[2:3] in _ASKED:
        return None
    home, name, command = home_dir(), words[1], words[2:]
    place = f"{home}/{name}"
    if name not in (directories(home) or ()) or not state(f"{place}/ssh.config") or not state(f"{place}/ha.pid"):
        return None
    if state(f"{place}/halted.tmp"):
        return None  # a machine that stands still answers nobody
    noted = read_index(home, _PART)[1].get(name)
    if not noted or len(noted) != _FIELDS or noted[0] != state(f"{place}/lima.yaml"):
        return None
    if not noted[3] or noted[3] != state(noted[4][0]):
        return None  # another ssh than the one that was noted, or none
    if command[:1] == ["--"]:
        command = command[1:]
    directory = remote.change_directory(noted[2], cwd=os.getcwd(), home=os.path.expanduser("~"))
    text = remote.script(command, shell=noted[1], directory=directory)
    if program == "limatui" and not os.isatty(1) and _lends_nothing(f"{place}/ssh.config"):
        code = quickmux.run(f"{place}/ssh.sock", text)
        if code is not None:
            os._exit(code)
    before, after = [noted[4][0], "-F", f"{place}/ssh.config"], ["lima-" + name.replace(".", "-").replace("_", "-")]
    if program == "limactl":
        port = _port(f"{place}/ssh.config")
        if not port:
            return None
        before, after = list(noted[4]), ["-p", port, "127.0.0.1"]
    return [
        *before, *(["-t"] if os.isatty(1) else []), *(["-o", "SendEnv=COLORTERM"] if "COLORTERM" in os.environ else []),
        "-o", noted[5], *after, "--", text,
    ]  # fmt: skip


_ASKED = (["create"], ["start"], ["delete"], ["shell"])
"""Commands that were probably not meant for the guest: the full path says so."""


def _lends_nothing(path: str) -> bool:
    """Whether guests get neither the ssh agent nor the display: what is lent, ssh has to carry."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return not any(line.startswith("  Forward") and line.rstrip().endswith(" yes") for line in file)
    except OSError:
        return False


def _port(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return next((line.split()[1] for line in file if line.startswith("  Port ")), "")
    except (OSError, IndexError):
        return ""


def note(
    home: str, name: str, shell: str, mounts: "tuple[tuple[str, str], ...]", ssh: "tuple[str, ...]", level: str,
) -> None:
    """Keep what the next `shell` needs; nothing depends on it, so a failure to write is no error."""
    path = index_path(home, _PART)
    if path is None or os.environ.get("SSH"):
        return
    noted = (state(f"{home}/{name}/lima.yaml"), shell, mounts, state(ssh[0]), ssh, level)
    entries = {**read_index(home, _PART)[1], name: noted}
    temporary = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(temporary, "wb") as file:
            file.write(marshal.dumps((context(home), 0, entries)))
        os.replace(temporary, path)
    except OSError:
        pass
