"""The ssh options of an instance, its `ssh.config`, and what the ssh program at hand can do.

Source of options and order: the `ssh.config` that Lima 2.2 writes (recorded in tests/golden)."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct

from limacore.base import notice
from limacore.errors import ConfigError, HostError
from limacore.model.config import Config
from limacore.paths import HomePaths, InstancePaths, hostname

_BANNER = re.compile(r"OpenSSH_(?:for_Windows_)?(\d+)\.(\d+)(?:p(\d+))?")
_HEADER = (
    "# This SSH config file can be passed to 'ssh -F'.\n"
    "# This file is created by Lima, but not used by Lima itself currently.\n"
    "# Modifications to this file will be lost on restarting the Lima instance.\n"
)
_FIXED = (
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "NoHostAuthenticationForLocalhost=yes",
    "PreferredAuthentications=publickey",
    "Compression=no",
    "BatchMode=yes",
    "IdentitiesOnly=yes",
)


class SshProgram(Struct, frozen=True):
    """What the ssh of this computer can do; `version` is (0, 0, 0) when it does not say."""

    version: tuple[int, int, int] = (0, 0, 0)
    gssapi: bool = True
    aes: bool = True


def parse_version(banner: str) -> tuple[int, int, int]:
    """`OpenSSH_9.2p1 Debian…` as (9, 2, 1); (0, 0, 0) when it is something else."""
    match = _BANNER.search(banner)
    if not match:
        return (0, 0, 0)
    return (int(match.group(1)), int(match.group(2)), int(match.group(3) or 0))


async def detect(exe: str = "ssh") -> SshProgram:
    """`detect_now` beside other work."""
    return await asyncio.to_thread(detect_now, exe)


def detect_now(exe: str = "ssh") -> SshProgram:
    """Ask the ssh program once for its version and for GSSAPI; raises HostError when there is none."""
    try:
        done = subprocess.run([exe, "-o", "GSSAPIAuthentication=no", "-V"], stdin=subprocess.DEVNULL,
                              capture_output=True, check=False)
    except OSError as error:
        raise HostError(f"cannot run `{exe}`", detail=error.strerror or str(error),
                        hint="install the OpenSSH client (package openssh-client)") from error
    text = done.stderr.decode(errors="replace")
    found = SshProgram(parse_version(text), gssapi="nsupported option" not in text, aes=cpu_has_aes())
    notice.debug(f"OpenSSH version {'.'.join(map(str, found.version))} detected, "
                 f"is GSSAPI supported: {str(found.gssapi).lower()}")
    return found


def command_words() -> tuple[str, ...]:
    """The ssh program of `$SSH` with the words that follow it there, else `ssh`; its whole path where there is one."""
    try:
        words = shlex.split(os.environ.get("SSH", "")) or ["ssh"]
    except ValueError:
        notice.warning("Failed to split SSH variable into shell tokens. Falling back to 'ssh' command",
                       error="invalid command line string")
        words = ["ssh"]
    return (shutil.which(words[0]) or words[0], *words[1:])


def cpu_has_aes(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the processor encrypts AES itself; True where it cannot be told (every recent one does)."""
    try:
        with cpuinfo.open(encoding="ascii", errors="replace") as file:
            flags = next((line for line in file if line.lower().startswith(("flags", "features"))), "")
    except OSError:
        return True
    return not flags or "aes" in flags.split()


def dot_ssh_identities(directory: Path) -> tuple[str, ...]:
    """Names of the private files in `~/.ssh` whose `.pub` stands beside them."""
    return tuple(pub.stem for pub in sorted(directory.glob("*.pub")) if pub.with_suffix("").exists())


def options(home: HomePaths, paths: InstancePaths, config: Config, program: SshProgram,
            identities: Iterable[str] = ()) -> tuple[str, ...]:
    """Every `Key=value` for this instance, in the order of the reference; raises ConfigError on line breaks."""
    ssh = config.ssh
    found = (
        *shared_options(home, program, identities),
        f"User={config.user.name}",
        "ControlMaster=auto",
        f'ControlPath="{paths.ssh_sock}"',
        "ControlPersist=yes",
        *(("ForwardAgent=yes",) if ssh.forward_agent else ()),
        *(("ForwardX11=yes",) if ssh.forward_x11 else ()),
        *(("ForwardX11Trusted=yes",) if ssh.forward_x11_trusted else ()),
    )
    if bad := next((option for option in found if "\n" in option or "\r" in option), None):
        raise ConfigError(f"the ssh option {bad!r} must not contain a line break")
    return found


def shared_options(home: HomePaths, program: SshProgram, identities: Iterable[str] = ()) -> tuple[str, ...]:
    """The options that are the same for every instance of a home."""
    return (
        f'IdentityFile="{home.private_key}"',
        *(f'IdentityFile="{Path.home() / ".ssh" / name}"' for name in identities),
        *_FIXED,
        *(("GSSAPIAuthentication=no",) if program.gssapi else ()),
        *_ciphers(program),
    )


def client_options(home: HomePaths, paths: InstancePaths, config: Config, program: SshProgram) -> tuple[str, ...]:
    """`options` for a command of the user, with the keys of `~/.ssh` if the instance takes them; raises ConfigError."""
    identities = dot_ssh_identities(Path.home() / ".ssh") if config.ssh.load_dot_ssh_pub_keys else ()
    return options(home, paths, config, program, identities)


def _ciphers(program: SshProgram) -> tuple[str, ...]:
    if program.version < (8, 1, 0):
        return ()
    if program.aes:
        notice.debug("AES accelerator seems available, prioritizing aes128-gcm@openssh.com and aes256-gcm@openssh.com")
        return ('Ciphers="^aes128-gcm@openssh.com,aes256-gcm@openssh.com"',)
    return ('Ciphers="^chacha20-poly1305@openssh.com"',)


def config_text(name: str, found: Sequence[str], port: int, address: str = "127.0.0.1") -> str:
    """The content of `ssh.config` of the instance `name`."""
    return _HEADER + host_section(name, (*found, *at(port, address)))


def host_section(name: str, found: Iterable[str]) -> str:
    """The options as a `Host` of a configuration file."""
    pairs = (option.partition("=") for option in found)
    return f"Host {hostname(name)}\n" + "".join(f"  {key} {value}\n" for key, _, value in pairs)


def at(port: int, address: str = "127.0.0.1") -> tuple[str, str]:
    """The options that say where the guest is reached."""
    return (f"Hostname={address}", f"Port={port}")


def arguments(found: Iterable[str]) -> list[str]:
    """The options as command line words: `-o`, `Key=value`, …"""
    return [word for option in found for word in ("-o", option)]
