"""Which variables of the host's environment a shell in the guest gets."""

from __future__ import annotations

DEFAULT_BLOCK = (
    "BASH*", "DISPLAY", "DYLD_*", "EUID", "FPATH", "GID", "GROUP", "HOME", "HOSTNAME", "LD_*", "LOGNAME", "OLDPWD",
    "PATH", "PWD", "SHELL", "SHLVL", "SSH_*", "TERM", "TERMINFO", "TMPDIR", "UID", "USER", "XAUTHORITY", "XDG_*",
    "ZDOTDIR", "ZSH*", "_*",
)  # fmt: skip
"""Not passed unless the user allows them; `*` stands for any run of characters."""
