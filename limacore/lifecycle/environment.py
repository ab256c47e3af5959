"""Which variables of the host's environment a shell in the guest gets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from limacore.base.goquote import ticked
from limacore.errors import UsageError

DEFAULT_BLOCK = (
    "BASH*", "DISPLAY", "DYLD_*", "EUID", "FPATH", "GID", "GROUP", "HOME", "HOSTNAME", "LD_*", "LOGNAME", "OLDPWD",
    "PATH", "PWD", "SHELL", "SHLVL", "SSH_*", "TERM", "TERMINFO", "TMPDIR", "UID", "USER", "XAUTHORITY", "XDG_*",
    "ZDOTDIR", "ZSH*", "_*",
)  # fmt: skip
"""Not passed unless the user allows them; `*` stands for any run of characters."""
BLOCK, ALLOW = "LIMA_SHELLENV_BLOCK", "LIMA_SHELLENV_ALLOW"
_FOREIGN = re.compile(r"[^A-Za-z0-9_*]")


def passed(environ: Mapping[str, str]) -> tuple[str, ...]:
    """`KEY=value` of every variable that the guest gets, in the order of `environ`.

    What `LIMA_SHELLENV_ALLOW` matches is always passed; `LIMA_SHELLENV_BLOCK` replaces the default list, or extends it
    where it begins with `+`. Raises UsageError for a pattern that is none."""
    given = environ.get(BLOCK, "")
    own = _patterns(BLOCK, given.removeprefix("+"))
    block = _matcher(own if given and not given.startswith("+") else (*DEFAULT_BLOCK, *own))
    allow = _matcher(_patterns(ALLOW, environ.get(ALLOW, "")))
    return tuple(f"{key}={value}" for key, value in environ.items() if allow.fullmatch(key) or not block.fullmatch(key))


def _patterns(variable: str, text: str) -> tuple[str, ...]:
    found = tuple(each for part in text.split(",") if (each := part.strip()))
    for pattern in found:
        if foreign := _FOREIGN.search(pattern):
            raise UsageError(f"Invalid {variable} pattern: pattern {ticked(pattern)} contains invalid character "
                             f"{ticked(foreign.group())} at position {foreign.start()}",
                             hint="names of variables with `*` for any run of characters, separated by commas")
    return found


def _matcher(patterns: Sequence[str]) -> re.Pattern[str]:
    """An expression for all of them together; without patterns it matches no name."""
    return re.compile("|".join(each.replace("*", ".*") for each in patterns) or r"(?!)", re.DOTALL)
