"""Copying between this computer and guests: which program does it, and the words it is given."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct

from limacore.base import notice
from limacore.base.goquote import ticked
from limacore.base.proc import missing_program
from limacore.errors import HostError, StateError, UsageError
from limacore.lifecycle.shell import Route
from limacore.ssh.options import arguments

BACKENDS = ("scp", "rsync", "auto")
_SCP_TAKES_URLS = (8, 0, 0)
"""The first OpenSSH whose scp takes `scp://` and a port for each path."""
Reach = Callable[[str], Route]
"""The way into an instance by its name; raises LimaError when there is none, or it is stopped."""


class Place(Struct, frozen=True):
    """A path, in an instance or, where that is None, on this computer."""

    instance: str | None
    path: str


class Wish(Struct, frozen=True):
    """What is to be copied, the last place being the target, and how."""

    places: tuple[Place, ...]
    backend: str = "auto"
    recursive: bool = False
    verbose: bool = False

    @property
    def guests(self) -> tuple[str, ...]:
        """The instances involved, each once, in their order."""
        return tuple(dict.fromkeys(each.instance for each in self.places if each.instance is not None))


def place(text: str) -> Place:
    """`INSTANCE:PATH`, or a path of this computer when there is no colon in it."""
    instance, colon, path = text.partition(":")
    return Place(instance, path) if colon else Place(None, text)


def argv(wish: Wish, reach: Reach) -> list[str]:
    """The command that does it, none when it is ours to do, see `ours`; raises UsageError, StateError, HostError."""
    known = BACKENDS if notice.program() == "limactl" else ("sftp", *BACKENDS)
    if wish.backend not in known:
        raise UsageError(f"invalid backend {ticked(wish.backend)}, must be one of: {', '.join(known)}")
    if wish.backend == "sftp":
        if not ours(wish):
            raise UsageError("sftp copies between this computer and one instance",
                             hint="copy to this computer first, or leave the backend out")
        return []
    rsync = _rsync(wish, reach)
    if not rsync and wish.backend == "auto" and "sftp" in known and ours(wish):
        return []
    tool = rsync or _program("scp")
    notice.debug(f"using copy tool {ticked(tool)}")
    routes = {name: reach(name) for name in wish.guests}
    words = rsync_words(wish, routes) if rsync else scp_words(wish, routes)
    notice.debug(f"executing {' '.join([tool, *words])} (may take a long time)")
    return [tool, *words]


def ours(wish: Wish) -> bool:
    """Whether it is a copy between this computer on one side and one instance on the other."""
    *sources, target = (each.instance for each in wish.places)
    return len(wish.guests) == 1 and len(set(sources)) == 1 and target not in sources


def _rsync(wish: Wish, reach: Reach) -> str:
    """The path of rsync if that is to do it, else nothing."""
    found = shutil.which("rsync")
    if wish.backend == "rsync":
        if not all(_answers(name, reach) for name in wish.guests):
            raise StateError("rsync not available on guest(s)", hint="install rsync there, or use --backend=scp")
        return found or _program("rsync", "rsync not found on host")
    remote = [each.instance for each in wish.places if each.instance is not None]
    if wish.backend == "scp" or len(remote) > 1:
        for name in remote[:1]:
            reach(name)
        return ""
    return found if found and all(has_rsync(reach(name)) for name in remote) else ""


def _answers(name: str, reach: Reach) -> bool:
    try:
        return has_rsync(reach(name))
    except StateError:
        return False


def has_rsync(way: Route) -> bool:
    """Whether the guest has rsync; asking takes one login."""
    asked = [*way.words, *way.target, "--", "command -v rsync"]
    try:
        return not subprocess.run(asked, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode
    except OSError as error:
        raise missing_program(asked[0]) from error


def _program(name: str, failure: str = "") -> str:
    if found := shutil.which(name):
        return found
    missing = missing_program(name)
    raise HostError(failure or missing.message, detail=missing.detail, hint=missing.hint)


def scp_words(wish: Wish, routes: dict[str, Route]) -> list[str]:
    """The words for scp: with one instance all its options, with several those that they share."""
    ways = list(routes.values())
    options = () if not ways else ways[0].options if len(ways) == 1 else ways[0].shared
    legacy = any(way.version < _SCP_TAKES_URLS for way in ways)
    if legacy and len(ways) > 1:
        raise HostError("more than one instance is involved in this copy", detail="the scp of OpenSSH before 8.0 "
                        "takes one port", hint="copy to this computer first")
    return [
        "-F", "/dev/null", *arguments(options), "-v" if wish.verbose else "-q", *(["-r"] if wish.recursive else []),
        "-3", *(["-P", str(ways[0].port)] if legacy else []), "--", *(_for_scp(each, routes, legacy)
                                                                     for each in wish.places),
    ]  # fmt: skip


def _for_scp(each: Place, routes: dict[str, Route], legacy: bool) -> str:
    if each.instance is None:
        return each.path
    way = routes[each.instance]
    if legacy:
        return f"{way.user}@{way.address}:{each.path}"
    return f"scp://{way.user}@{way.address}:{way.port}/{each.path}"


def rsync_words(wish: Wish, routes: dict[str, Route]) -> list[str]:
    """The words for rsync, which reaches guests through the first instance's ssh."""
    ways = list(routes.values())
    shell = ["-e", shell_of(ways[0])] if ways else []
    places = as_scp_does(wish.places) if wish.recursive and not _plain_files(wish) else wish.places
    return [
        "-a", *(["-v", "--progress"] if wish.verbose else ["-q"]), *(["-r"] if wish.recursive else []), *shell, "--",
        *(_for_rsync(each, routes) for each in places),
    ]  # fmt: skip


def _plain_files(wish: Wish) -> bool:
    """Whether all that is copied are files of this computer: with a slash behind it, limactl's cannot be copied."""
    sources = wish.places[:-1]
    return notice.program() != "limactl" and all(
        each.instance is None and Path(each.path).is_file() for each in sources)


def shell_of(way: Route) -> str:
    """The ssh command as rsync takes it."""
    return shlex.join([*way.words, "-p", str(way.port)])


def _for_rsync(each: Place, routes: dict[str, Route]) -> str:
    if each.instance is None:
        return each.path
    way = routes[each.instance]
    return f"{way.user}@{way.address}:{each.path}"


def as_scp_does(places: Sequence[Place]) -> list[Place]:
    """Directories with and without their last slash, so that rsync treats them as limactl has it.

    A path without one gets one; a local one loses it; a remote one that has it takes it from all others, before and
    after. The home of a guest, an empty path, stays what it is instead of becoming its root."""
    found = [Place(each.instance, each.path or ("." if each.instance else "")) for each in places]
    for number in range(len(found)):
        each = found[number]
        if not each.path.endswith("/"):
            found[number] = Place(each.instance, f"{each.path}/")
        elif each.instance is None:
            found[number] = Place(None, _bare(each.path))
        else:
            found = [other if at == number else Place(other.instance, _bare(other.path))
                     for at, other in enumerate(found)]
    return found


def _bare(path: str) -> str:
    return path.removesuffix("/") or path
