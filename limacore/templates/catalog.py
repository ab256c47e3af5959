"""Where named templates live, and which there are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from limacore.base.goquote import ticked
from limacore.errors import NotFoundError, UsageError
from limacore.paths import HomePaths

_PACKAGE = Path(__file__).resolve().parents[1]
_ENDING = ".yaml"
_AS_FILE = "to use a file, give its path without `template:`"


def bundled() -> Path:
    """The templates that come with limatui: inside an installed package, at the top of a checkout."""
    installed = _PACKAGE / "_templates"
    return installed if installed.is_dir() else _PACKAGE.parent / "templates"


def search_path(home: HomePaths) -> tuple[Path, ...]:
    """Directories in which a named template is looked for, best first."""
    given = os.environ.get("LIMA_TEMPLATES_PATH", "")
    if given:
        return tuple(Path(each) for each in given.split(os.pathsep) if each)
    return (home.templates, bundled())


def listed(home: HomePaths) -> dict[str, Path]:
    """Every named template and its file, sorted by name; of two with one name the first on the search path."""
    found: dict[str, Path] = {}
    for folder in search_path(home):
        for name in _names_below(folder):
            found.setdefault(name, folder / f"{name}{_ENDING}")
    return dict(sorted(found.items()))


def names(home: HomePaths) -> tuple[str, ...]:
    """Templates that an instance can be made of, sorted; bases (`_images/…`) are left out."""
    return tuple(name for name in all_names(home) if not name.startswith("_"))


def all_names(home: HomePaths) -> tuple[str, ...]:
    """Every named template, sorted."""
    return tuple(listed(home))


def _names_below(folder: Path) -> Iterator[str]:
    for path in folder.rglob(f"*{_ENDING}"):
        if not path.name.startswith(".") and path.is_file():
            yield str(path.relative_to(folder)).removesuffix(_ENDING)


def find(name: str, home: HomePaths) -> Path:
    """The file of the template `name`; raises NotFoundError, UsageError."""
    if ".." in name:
        raise UsageError(f"template name {ticked(name)} must not contain `..`", hint=_AS_FILE)
    if name.startswith("/") or "\0" in name:
        raise UsageError(f"template name {ticked(name)} must not begin with `/`", hint=_AS_FILE)
    file_name = name + _ENDING if _lacks_ending(name) else name
    for folder in search_path(home):
        if (path := folder / file_name).exists():
            return path
    raise NotFoundError(f"template {ticked(file_name)} not found", hint=_near(name, home))


def _lacks_ending(name: str) -> bool:
    # `ubuntu-24.04` has no ending, `default.yaml` has one.
    ending = Path(name).suffix
    return len(ending) < 2 or ending[1].isdigit()


def _near(name: str, home: HomePaths) -> str:
    import difflib

    known = names(home)
    near = difflib.get_close_matches(name, known, n=3)
    if near:
        return f"did you mean {' or '.join(f'`{each}`' for each in near)}?"
    return f"there are: {', '.join(known[:12])}" if known else "no templates are installed"
