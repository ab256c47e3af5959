"""What the doctor can put right by itself: only what is provably nobody's, and each thing looked at again before."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from limacore.base.files import locked, write_atomic
from limacore.errors import HostError, LimaError
from limacore.health.doctor import examine
from limacore.model.finding import Checkup, Finding
from limacore.paths import HomePaths

Work = Callable[[Path], None]


def plan(findings: Sequence[Finding]) -> tuple[str, ...]:
    """What `--fix` would do, one sentence for each file."""
    return tuple(_sentence(each, path) for each in findings if each.repairable for path in each.paths)


def _sentence(finding: Finding, path: str) -> str:
    return f"{_REPAIRS[finding.id][0]} `{path}`"


async def repair(home: HomePaths, names: Sequence[str], findings: Sequence[Finding]) -> Checkup:
    """Do the repairs of `findings` that still hold, then look again; what could not be done stays among the findings.

    Raises NotFoundError when an instance is gone by now."""
    still = {(each.id, each.paths) for each in await examine(home, names, whole=False)}
    wanted = [each for each in findings if each.repairable and (each.id, each.paths) in still]
    done = tuple(sentence for each in wanted for sentence in _mend(each))
    return Checkup(home=str(home.home), findings=await examine(home, names), repaired=done)


def _mend(finding: Finding) -> Iterator[str]:
    for path in finding.paths:
        try:
            _REPAIRS[finding.id][1](Path(path))
        except (LimaError, OSError):
            continue  # the next look finds it again
        yield _sentence(finding, path)


def _remove_unused(path: Path) -> None:
    with locked(path.parent, wait=False):  # no command may be starting the instance, or claiming the disk, meanwhile
        path.unlink(missing_ok=True)


def _remove_stage(path: Path) -> None:
    with locked(path, wait=False):
        shutil.rmtree(path)


def _close_to_others(path: Path) -> None:
    path.chmod(path.stat().st_mode & 0o755)


def _close_key(path: Path) -> None:
    path.chmod(0o600)


def _make_public_key(path: Path) -> None:
    argv = ["ssh-keygen", "-y", "-f", str(path.with_suffix(""))]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HostError("cannot make the public key", detail=done.stderr.strip())
    write_atomic(path, done.stdout)


_REPAIRS: dict[str, tuple[str, Work]] = {
    "pid-stale": ("remove", _remove_unused),
    "socket-stale": ("remove", _remove_unused),
    "stage-left": ("remove", _remove_stage),
    "download-left": ("remove", _remove_unused),
    "disk-lock-left": ("release", _remove_unused),
    "home-writable-by-others": ("close to others", _close_to_others),
    "key-readable-by-others": ("close to others", _close_key),
    "public-key-missing": ("make anew", _make_public_key),
}
