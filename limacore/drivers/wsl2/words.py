"""What is said to `wsl.exe` and what it answers: command lines, listings, addresses, paths. Nothing is run.

Not run on Windows: tested with a program that answers as wsl.exe does.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from pathlib import PurePath, PureWindowsPath

from limacore.model.config import Config

_NONE = "WSL_E_DEFAULT_DISTRO_NOT_FOUND"
"""What wsl.exe says, in every language, where there is no distribution at all."""
UNINITIALIZED = "Uninitialized"
_SLEEP = "nohup sleep 2147483647d >/dev/null 2>&1"
_BOOT_LOG = "/var/log/lima-init.log"


def distro(name: str) -> str:
    """The distribution of an instance."""
    return f"lima-{name}"


def list_verbose(program: str) -> list[str]:
    """Every distribution with its state."""
    return [program, "--list", "--verbose"]


def import_distro(program: str, name: str, folder: PurePath, tarball: PurePath) -> list[str]:
    """Make the distribution of an instance, whose disk is put into `folder`."""
    return [program, "--import", distro(name), str(folder), str(tarball)]


def terminate(program: str, name: str) -> list[str]:
    """End the distribution of an instance."""
    return [program, "--terminate", distro(name)]


def unregister(program: str, name: str) -> list[str]:
    """Remove the distribution of an instance with its disk."""
    return [program, "--unregister", distro(name)]


def inside(program: str, name: str, *command: str) -> list[str]:
    """Run a command in the distribution as root, without a shell; that starts it where it does not run."""
    return [program, "--distribution", distro(name), "--user", "root", "--exec", *command]


def keep_alive(program: str, name: str, folder: PurePath) -> list[str]:
    """Keep the distribution running for as long as this does; `folder` tells whose it is."""
    return inside(program, name, "bash", "-c", _SLEEP, str(folder))


def guest_path_of(program: str, name: str, path: PurePath) -> list[str]:
    """Ask for the path of a file of Windows in the distribution."""
    return inside(program, name, "wslpath", "-u", str(path))


def boot_script(seed: str) -> str:
    """The script that boots the distribution; `seed` is the folder of the seed as the distribution sees it."""
    return (f"#!/bin/bash\nset -eu -o pipefail\nexport LIMA_CIDATA_MNT={_quoted(seed)}\n"
            f'exec sh "$LIMA_CIDATA_MNT/boot.sh" > >(tee -a {_BOOT_LOG}) 2>&1\n')


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


ADDRESS_QUESTIONS: tuple[tuple[str, ...], ...] = (("hostname", "-I"), ("ip", "route", "get", "1"), ("hostname", "-i"))
"""Commands that may tell the distribution's address, best first."""


def address(question: tuple[str, ...], answer: str) -> str:
    """The address in the answer to one of the questions; empty when there is none."""
    words = answer.split()
    if question[0] == "ip":
        words = words[words.index("src") + 1:] if "src" in words else []
    found = words[0] if words else ""
    try:
        return "" if ipaddress.ip_address(found).is_loopback else found
    except ValueError:
        return ""


def decoded(data: bytes) -> str:
    """What wsl.exe printed: its own words come in UTF-16, those of programs in the distribution in UTF-8."""
    data = data.removeprefix(b"\xff\xfe")
    return data.decode("utf-16-le" if b"\0" in data else "utf-8", errors="replace").replace("\r\n", "\n")


def states(listing: str) -> dict[str, str]:
    """Distribution -> state, in the language of the system; the first line has the names of the columns."""
    found = {}
    for line in listing.splitlines()[1:]:
        words = line.removeprefix("*").split()
        if len(words) >= 3 and words[-1].isdecimal():
            found[words[0]] = " ".join(words[1:-1])
    return found


def has_none(output: str) -> bool:
    """Whether a listing failed because there is no distribution."""
    return _NONE in output


def state(found: dict[str, str], name: str) -> str:
    """The state of an instance in limactl's words."""
    return found.get(distro(name), UNINITIALIZED)


def mounted_at(location: str) -> str:
    """Where the distribution has a directory of Windows: `C:\\Users` is `/mnt/c/Users`; others keep their path."""
    path = PureWindowsPath(location)
    if not re.fullmatch("[A-Za-z]:", path.drive):
        return location.replace("\\", "/")
    return "/".join(("/mnt", path.drive[0].lower(), *path.parts[1:]))


def elsewhere(config: Config) -> Iterable[str]:
    """One sentence for each mount that is not where lima.yaml wants it: WSL mounts whole drives in its own place."""
    for mount in config.mounts:
        there = mounted_at(mount.location)
        if mount.mount_point not in (mount.location, there):
            yield f"`{mount.location}` is at `{there}` in the guest, not at `{mount.mount_point}`"
