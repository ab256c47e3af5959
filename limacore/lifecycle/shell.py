"""How a user's command gets into a guest: which instance may be entered, and the ssh command that does it."""

from __future__ import annotations

import functools
import itertools
import os
import shutil
import subprocess
from collections.abc import Sequence

from msgspec import Struct

from limacore.base import notice, remote
from limacore.base.goquote import ticked
from limacore.base.proc import missing_program
from limacore.errors import HostError, NotFoundError, StateError
from limacore.model.config import Config
from limacore.model.instance import Instance, Status
from limacore.paths import HomePaths, InstancePaths
from limacore.ssh import options as ssh
from limacore.store.scan import inspect

_TELLS_ERRORS = (8, 9, 0)
"""The first OpenSSH whose `LogLevel=ERROR` leaves out the greeting of each connection."""
_detected = functools.cache(ssh.detect_now)


class Route(Struct, frozen=True):
    """How the ssh of this computer reaches one guest."""

    program: tuple[str, ...]
    """The ssh command, with the words that `$SSH` has behind it."""
    version: tuple[int, int, int]
    options: tuple[str, ...]
    user: str
    address: str
    port: int

    @property
    def words(self) -> tuple[str, ...]:
        """The ssh command up to its options."""
        return (*self.program, "-F", "/dev/null", *ssh.arguments(self.options))

    @property
    def shared(self) -> tuple[str, ...]:
        """Those of the options that are the same for every instance."""
        return tuple(itertools.takewhile(lambda option: not option.startswith("User="), self.options))

    @property
    def target(self) -> tuple[str, ...]:
        """Port and address, as they end an ssh command."""
        return ("-p", str(self.port), self.address)

    @property
    def log_level(self) -> str:
        """How little ssh may say of itself."""
        return "LogLevel=ERROR" if self.version >= _TELLS_ERRORS else "LogLevel=QUIET"

    def argv(self, script: str, *, tty: bool = False) -> list[str]:
        """The ssh command that runs a script in the guest, as `limactl shell` makes it."""
        terminal = ["-t"] if tty else []
        color = ["-o", "SendEnv=COLORTERM"] if "COLORTERM" in os.environ else []
        return [*self.words, *terminal, *color, "-o", self.log_level, *self.target, "--", script]


def known(home: HomePaths, name: str) -> Instance:
    """The instance as it is now; raises UsageError for what is no name, NotFoundError when there is none."""
    if not os.path.lexists(home.instance(name).lima_yaml):
        raise NotFoundError(f"instance {ticked(name)} does not exist, run `{notice.program()} create {name}` "
                            "to create a new instance")
    return inspect(home, name)


def entered(home: HomePaths, name: str) -> Instance:
    """`known` for an instance that is not stopped; raises StateError. A broken one may still answer."""
    instance = known(home, name)
    if instance.status is Status.STOPPED:
        raise StateError(f"instance {ticked(name)} is stopped, run `{notice.program()} start {name}` "
                         "to start the instance")
    if instance.status in (Status.SUSPENDED, Status.PAUSED):
        verb = "resume" if instance.status is Status.PAUSED else "start"
        why = f": {instance.phase}" if instance.phase else ""
        raise StateError(f"instance {ticked(name)} is {instance.status.lower()}{why}, "
                         f"run `{notice.program()} {verb} {name}` to let it go on")
    return instance


def configured(instance: Instance) -> Config:
    """Its configuration; raises StateError when lima.yaml cannot be used."""
    if instance.config is None:
        raise StateError(f"instance {ticked(instance.name)} has no configuration", hint="; ".join(instance.errors))
    return instance.config


def route(home: HomePaths, instance: Instance) -> Route:
    """The way into an instance; raises StateError without configuration, HostError without ssh."""
    config, paths = configured(instance), home.instance(instance.name)
    program = ssh.command_words()
    found = _detected(program[0])
    return Route(program, found.version, ssh.client_options(home, paths, config, found), config.user.name,
                 instance.ssh_address or "127.0.0.1", instance.ssh_port)


def required(program: str) -> str:
    """The whole path of a program of this computer; raises HostError."""
    path = shutil.which(program)
    if path is None:
        raise missing_program(program)
    return path


def script(config: Config, command: Sequence[str], *, shell: str, directory: str,
           environment: tuple[str, ...] = ()) -> str:
    """What the guest is told: `directory` is a command that enters one, `command` empty means a login shell."""
    return remote.script(tuple(command), shell=remote.quote(shell) if shell else guest_shell(config),
                         directory=directory, environment=environment)


def guest_shell(config: Config) -> str:
    """The login shell of the guest's user, as it stands in a script."""
    return config.user.shell or '"$SHELL"'


def mounts(config: Config) -> tuple[tuple[str, str], ...]:
    """The host directories that the guest has mounted, and where."""
    return tuple((mount.location, mount.mount_point or mount.location) for mount in config.mounts)


def end_master(paths: InstancePaths, way: Route) -> None:
    """End the shared ssh connection, and with it all that goes through it; the next command makes a new one."""
    if not os.path.lexists(paths.ssh_sock):
        return
    notice.info(f"Exiting ssh session for the instance {ticked(paths.name)}")
    done = subprocess.run([*way.words, "-O", "exit", *way.target], capture_output=True, text=True, check=False)
    if done.returncode:
        notice.warning("Failed to exit the ssh session, removing its socket", error=done.stderr.strip())
        try:
            paths.ssh_sock.unlink(missing_ok=True)
        except OSError as error:
            raise HostError(f"cannot remove {ticked(str(paths.ssh_sock))}", detail=error.strerror or "") from error
