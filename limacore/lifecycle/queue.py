"""An edit of lima.yaml that waits for the next start: kept beside it, in a file that the reference tool ignores.

The file is the new text, with a last line that tells which lima.yaml it was an edit of: one that somebody changed
meanwhile is never overwritten.
"""

from __future__ import annotations

import contextlib
import hashlib
import re

from msgspec import Struct

from limacore.base import notice
from limacore.base.files import write_atomic
from limacore.config.load import in_words, load_text
from limacore.lifecycle.guard import existing, held
from limacore.model.config import Problem
from limacore.paths import HomePaths, InstancePaths

_ORIGIN = "# limatui: waits for the next start; an edit of sha256:"
_LAST_LINE = re.compile(rf"\n{re.escape(_ORIGIN)}([0-9a-f]{{64}})\n\Z")


class Waiting(Struct, frozen=True):
    """A text, and the digest of the lima.yaml that it takes the place of; empty when that is not known."""

    text: str
    origin: str = ""


def queued(home: HomePaths, name: str) -> str | None:
    """The text that waits; None when there is none. Raises NotFoundError for an unknown instance."""
    waiting = read(existing(home, name))
    return waiting.text if waiting else None


def read(paths: InstancePaths) -> Waiting | None:
    """What waits in an instance directory."""
    try:
        whole = paths.queued_yaml.read_text("utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    last = _LAST_LINE.search(whole)
    return Waiting(whole[: last.start()], last.group(1)) if last else Waiting(whole)


def put(home: HomePaths, name: str, text: str) -> None:
    """Keep `text` for the next start; the text of lima.yaml itself means that nothing waits. Raises ConfigError."""
    paths = existing(home, name)
    with held(paths):
        load_text(text, paths.lima_yaml, home, exists=True).require(str(paths.lima_yaml))
        now = paths.lima_yaml.read_text("utf-8")
        if text == now:
            _forget(paths)
        else:
            write_atomic(paths.queued_yaml, f"{text}\n{_ORIGIN}{_digest(now)}\n")


def drop(home: HomePaths, name: str) -> None:
    """Forget what waits."""
    paths = existing(home, name)
    with held(paths):
        _forget(paths)


def apply(home: HomePaths, paths: InstancePaths) -> bool:
    """Put what waits into lima.yaml; the caller holds the instance. One that does not fit any more stays, with a word.

    Returns whether lima.yaml was changed.
    """
    waiting = read(paths)
    if waiting is None:
        return False
    now = paths.lima_yaml.read_text("utf-8")
    if waiting.text != now and (reason := _misfit(waiting, now, paths, home)):
        notice.warning(f"The edit of {paths.lima_yaml} that waited for this start is not used: {reason}; "
                       f"it is kept in {paths.queued_yaml}")
        return False
    if waiting.text != now:
        notice.info(f"Using the edit of {paths.lima_yaml} that waited for this start")
        write_atomic(paths.lima_yaml, waiting.text)
    _forget(paths)
    return waiting.text != now


def _misfit(waiting: Waiting, now: str, paths: InstancePaths, home: HomePaths) -> str:
    if waiting.origin and waiting.origin != _digest(now):
        return "somebody else changed the file meanwhile"
    errors: tuple[Problem, ...] = load_text(waiting.text, paths.lima_yaml, home, exists=True).errors
    return in_words(errors).replace("\n", "; ")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _forget(paths: InstancePaths) -> None:
    with contextlib.suppress(FileNotFoundError):
        paths.queued_yaml.unlink()
