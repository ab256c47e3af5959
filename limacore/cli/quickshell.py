"""`shell NAME [COMMAND…]` without loading the configuration again: what it needs of it was noted by the last full run.

Imports only what the interpreter has built in; ssh.config has the options and the port, its master the connection."""

# ruff: noqa: PTH103, PTH105, PTH111, PTH120, PTH123

import marshal
import os

from limacore.base import remote
from limacore.cli.quick import context, directories, home_dir, index_path, read_index, state


def argv(words: "list[str]") -> "list[str] | None":
    """The ssh command for a plain `shell NAME …`; None when the full path has to answer."""
    if len(words) < 2 or words[1].startswith("-") or os.environ.get("SSH"):
        return None
    home, name, command = home_dir(), words[1], words[2:]
    place = f"{home}/{name}"
    if name not in (directories(home) or ()) or not state(f"{place}/ssh.sock") or not state(f"{place}/ha.pid"):
        return None
    noted = read_index(home, "shell")[1].get(name)
    if not noted or noted[0] != state(f"{place}/lima.yaml"):
        return None
    if command[:1] == ["--"]:
        command = command[1:]
    script = remote.script(command, shell=noted[1], locations=noted[2], workdir="", cwd=os.getcwd(),
                           home=os.path.expanduser("~"))
    return [
        "ssh", "-F", f"{place}/ssh.config", *(["-t"] if os.isatty(1) else []),
        *(["-o", "SendEnv=COLORTERM"] if "COLORTERM" in os.environ else []),
        "-o", "LogLevel=ERROR", "lima-" + name.replace(".", "-").replace("_", "-"), "--", script,
    ]  # fmt: skip


def note(home: str, name: str, shell: str, locations: "tuple[str, ...]") -> None:
    """Keep what the next `shell` needs; nothing depends on it, so a failure to write is no error."""
    path = index_path(home, "shell")
    if path is None:
        return
    entries = {**read_index(home, "shell")[1], name: (state(f"{home}/{name}/lima.yaml"), shell, locations)}
    temporary = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(temporary, "wb") as file:
            file.write(marshal.dumps((context(home), 0, entries)))
        os.replace(temporary, path)
    except OSError:
        pass
