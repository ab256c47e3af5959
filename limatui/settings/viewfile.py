"""How the list was looked at last: `view.json` in the state directory of the user. Everything here blocks."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec.structs import replace

from limacore.base.files import write_atomic, write_failed
from limacore.paths import state_dir
from limatui.present.listing import View


def view_file() -> Path:
    """Where it is kept: a state, not a setting, so not in the file that people write and share."""
    return state_dir() / "view.json"


def load() -> View:
    """The view of the last session; the usual one when there was none or it cannot be read."""
    try:
        return msgspec.json.decode(view_file().read_bytes(), type=View)
    except (OSError, msgspec.DecodeError):
        return View()


def save(view: View) -> None:
    """Keep it, but for the look at faults, which is for a moment; raises HostError."""
    path = view_file()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise write_failed(path, error) from error
    write_atomic(path, msgspec.json.encode(replace(view, faults_only=False)), 0o600)
