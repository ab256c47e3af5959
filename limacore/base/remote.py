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
    command: "tuple[str, ...] | list[str]", *, shell: str, locations: "tuple[str, ...]", workdir: str, cwd: str,
    home: str,
) -> str:
    """The text for the guest's login shell: change directory, then a login shell, with the command if there is one.

    `locations` are the host directories that the guest has mounted; `shell` is ready for use, quoted where needed."""
    text = f"{_change_directory(locations, workdir, cwd, home)} ; exec {shell} -l"
    return f"{text} -c {quote(quoted(command))}" if command else text


def _change_directory(locations: "tuple[str, ...]", workdir: str, cwd: str, home: str) -> str:
    if workdir:
        return f"cd {quote(workdir)} || exit 1"
    if _mounted(locations, cwd):
        return f"cd {quote(cwd)} || cd {quote(home)}"
    return f"cd {quote(home)}" if _mounted(locations, home) else "false"


def _mounted(locations: "tuple[str, ...]", directory: str) -> bool:
    real = os.path.realpath(directory)
    places = [os.path.realpath(location).rstrip("/") for location in locations]
    return any(real == place or real.startswith(f"{place}/") for place in places)
