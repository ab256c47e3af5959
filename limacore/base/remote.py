"""The script that ssh carries to a guest: directory, shell, command. Imports nothing that takes time."""


import os

_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./-_")


def quote(word: str) -> str:
    """The word as one POSIX shell word."""
    if word and _SAFE.issuperset(word):
        return word
    return "'" + word.replace("'", "'\"'\"'") + "'"


def quoted(command: "tuple[str, ...] | list[str]") -> str:
    """POSIX-quoted words; leading `KEY=value` words stay assignments, as limactl does."""
    words, leading = [], True
    for word in command:
        key, separator, value = word.partition("=")
        leading = leading and bool(separator)
        words.append(f"{key}={quote(value)}" if leading else quote(word))
    return " ".join(words)


def script(
    command: "tuple[str, ...] | list[str]", *, shell: str, directory: str, environment: "tuple[str, ...]" = (),
) -> str:
    """The text for the guest's login shell: change directory, then a login shell, with the command if there is one.

    `shell` and `directory` are ready for use, quoted where needed; `environment` holds `KEY=value` words."""
    added = "".join(f"{quote(each)} " for each in environment)
    text = f"{directory} ; exec {'env ' if added else ''}{added}{shell} -l"
    return f"{text} -c {quote(quoted(command))}" if command else text


def change_directory(
    mounts: "tuple[tuple[str, str], ...]", *, cwd: str, home: str, workdir: str = "", synced: str = "",
) -> str:
    """The command that enters the directory which a shell begins in; `mounts` are pairs of host and guest directory.

    limactl uses the host's path even where the guest has that directory elsewhere; here the guest's is used."""
    if workdir:
        return f"cd {quote(workdir)} || exit 1"
    at_home = _in_guest(mounts, home)
    if place := _in_guest(mounts, cwd):
        return f"cd {quote(place)} || cd {quote(at_home or home)}"
    if synced:
        return f"cd {quote(synced)}"
    return f"cd {quote(at_home)}" if at_home else "false"


def _in_guest(mounts: "tuple[tuple[str, str], ...]", directory: str) -> str:
    """Where the guest sees a directory of the host, by the deepest mount that has it; empty when it does not."""
    real, found, depth = os.path.realpath(directory), "", -1
    for location, point in mounts:
        place = os.path.realpath(location).rstrip("/")
        if len(place) > depth and (real == place or real.startswith(f"{place}/")):
            found, depth = point.rstrip("/") + real[len(place):] or "/", len(place)
    return found
