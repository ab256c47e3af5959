"""Where our files lie: in the wheel as `limatui/_styles`, in a checkout beside the packages."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def styles() -> Path:
    """The directory of the stylesheets."""
    packed = _PACKAGE / "_styles"
    return packed if packed.is_dir() else _PACKAGE.parent / "styles"


def stylesheets() -> list[Path]:
    """Every stylesheet, in a fixed order; `main.tcss` first."""
    return sorted(styles().glob("*.tcss"), key=lambda path: (path.stem != "main", path.stem))
