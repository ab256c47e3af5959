"""What we answer as when called by another name: `lima`, `docker.lima` and its kind, `yq`.

Each is a short script over limactl: whichever stands in PATH, and this program where there is none.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence

from msgspec import Struct

from limacore.cli import streams
from limacore.cli.become import become
from limacore.errors import LimaError

_OURSELVES = "import sys; from limacore.cli import main; sys.exit(main(sys.argv[1:], 'limactl'))"
_USAGE = """\
Usage: {0} [COMMAND...]

Run a command in an instance, or open a shell there.

  {0}                 a login shell
  {0} uname -a        a command
  {0} -- --odd        a command that looks like a flag

Environment:
  LIMA_INSTANCE   the instance (default)
  LIMA_SHELL      shell in place of the user's
  LIMA_WORKDIR    directory in the guest to go to
  LIMACTL         the limactl to use
"""
_KUBERNETES = ("k3s", "k8s")


class Tool(Struct, frozen=True):
    """A program of a guest that has a wrapper."""

    default: str
    """The instance where none is named."""
    program: str
    variable: str = ""
    """Names another program for the host; empty: it is always the guest's that runs."""
    address: str = ""
    """Variable that tells the host's program where the guest's listens, and that as a template for `list`."""
    template: str = ""
    host_words: tuple[str, ...] = ()
    guest_words: tuple[str, ...] = ()


TOOLS = {
    "docker.lima": Tool("docker", "docker", "DOCKER", "DOCKER_HOST", "unix://{{.Dir}}/sock/docker.sock"),
    "podman.lima": Tool("podman", "podman", "PODMAN", "CONTAINER_HOST", "unix://{{.Dir}}/sock/podman.sock",
                        host_words=("--remote",)),
    "kubectl.lima": Tool("", "kubectl", "KUBECTL", "KUBECONFIG", "{{.Dir}}/copied-from-guest/kubeconfig.yaml",
                         guest_words=("sudo",)),
    "apptainer.lima": Tool("apptainer", "apptainer"),
}


class NotThereError(LimaError):
    """What the script says on stderr, as it is, before it ends with status 1."""


def main(program: str, words: Sequence[str]) -> int:
    """Answer as the program of that name; most become another program and do not come back."""
    if program.partition(".")[0] == "yq":
        from limacore.cli import yq

        return int(yq.main(list(words)))
    try:
        return _answer(program, list(words))
    except NotThereError as error:
        streams.tell(f"{error.message}\n")
        return 1
    except LimaError as error:
        streams.tell(f"{program}: {error.message}\n")
        return 127


def _answer(program: str, words: list[str]) -> int:
    if program == "nerdctl.lima":
        return _limactl(["shell", "--preserve-env", _instance("default"), "nerdctl", *words])
    if program not in TOOLS:
        return lima(words, program)
    tool = TOOLS[program]
    name = _instance(tool.default) or _cluster()
    _require_running(name, tool)
    host = shutil.which(os.environ.get(tool.variable) or tool.program) if tool.variable else None
    if host:
        address = _asked("list", name, "--format", tool.template)
        become([host, *tool.host_words, *words], {**os.environ, tool.address: address})
    os.environ["LIMA_INSTANCE"] = name
    return _in_guest([*tool.guest_words, *_with_bind_path(tool), tool.program, *words])


def _instance(default: str) -> str:
    return os.environ.get("LIMA_INSTANCE") or default


def _with_bind_path(tool: Tool) -> list[str]:
    """Apptainer shows its containers the home of the host's user, which the guest has mounted."""
    if tool.program != "apptainer":
        return []
    before = os.environ.get("APPTAINER_BINDPATH", "")
    bound = f"{before},{os.environ.get('HOME', '')}" if before else os.environ.get("HOME", "")
    if before:
        os.environ["APPTAINER_BINDPATH"] = bound
    return [f"APPTAINER_BINDPATH={bound}"]


def _cluster() -> str:
    found = next((name for name in _KUBERNETES if _exists(name)), None)
    if found is None:
        made = "\n".join(f"limactl create --name={name} template:{name}" for name in _KUBERNETES)
        raise NotThereError(f"No {' or '.join(_KUBERNETES)} existing instances found. Either create one with\n{made}\n"
                            "or set LIMA_INSTANCE to the name of your Kubernetes instance")
    return found


def _require_running(name: str, tool: Tool) -> None:
    if not _exists(name):
        template = f" template:{tool.default}" if tool.default else ""
        raise NotThereError(f'instance "{name}" does not exist, run `limactl create --name={name}{template}` '
                            "to create a new instance")
    if _asked("ls", "-f", "{{ .Status }}", name) != "Running":
        raise NotThereError(f'instance "{name}" is not running, run `limactl start {name}` '
                            "to start the existing instance")


def _exists(name: str) -> bool:
    return _asked("ls", "-q", name) == name


def _asked(*words: str) -> str:
    """What limactl prints."""
    done = subprocess.run([*_command(), *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def lima(words: Sequence[str], program: str = "lima", environ: Mapping[str, str] = os.environ) -> int:
    """A shell or a command in `$LIMA_INSTANCE`."""
    if words in (["-h"], ["--help"]):
        streams.out(_USAGE.format(program))
        return 0
    if words in (["-v"], ["--version"]):
        return _limactl(words)
    return _limactl(shell_words(words, environ))


def shell_words(words: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """The words for limactl; what the variables leave empty is not given."""
    given = (("--workdir", environ.get("LIMA_WORKDIR")), ("--shell", environ.get("LIMA_SHELL")),
             ("--instance", environ.get("LIMA_INSTANCE") or "default"))
    return ["shell", *(word for flag, value in given if value for word in (flag, value)), *words]


def _in_guest(words: list[str]) -> int:
    """Run `lima WORDS`, by the program of that name where there is one."""
    other = shutil.which("lima")
    if other:
        become([other, *words])
    return lima(words)


def _limactl(words: Sequence[str]) -> int:
    """Become limactl, or answer as it does."""
    wanted = os.environ.get("LIMACTL") or "limactl"
    other = shutil.which(wanted)
    if other or wanted != "limactl":
        become([other or wanted, *words])
    from limacore.cli import main as answer

    return answer(list(words), "limactl")


def _command() -> list[str]:
    other = shutil.which("limactl")
    return [other] if other else [sys.executable, "-P", "-c", _OURSELVES]
