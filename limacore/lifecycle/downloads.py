"""The download cache and everything that refers to it, templates too: its list, and emptying it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from limacore.base import notice
from limacore.config.load import load_text
from limacore.errors import LimaError
from limacore.images import inventory
from limacore.model.cache import CacheEntry
from limacore.model.template import TemplateInfo
from limacore.paths import HomePaths
from limacore.templates import catalog, embed, gallery, locator

_LOCAL = ("", "file", locator.NAMED)


def entries(home: HomePaths) -> tuple[CacheEntry, ...]:
    """All downloads, the newest first. Templates with a base elsewhere are passed over: a list needs no network."""
    return inventory.entries(home, dict(_local(home)))


def prune(home: HomePaths, *, keep_referred: bool = False) -> int:
    """Empty the download cache, or remove only what no instance and no template refers to; returns bytes freed.

    Raises LimaError when it cannot be known what is referred to: a template here cannot be read, an instance is being
    made. A template with a base elsewhere that cannot be reached is passed over with a warning.
    """
    referred = dict(_all(home)) if keep_referred else {}
    return inventory.prune(home, keep_referred=keep_referred, referred=referred)


def _all(home: HomePaths) -> Iterator[tuple[str, tuple[str, ...]]]:
    found = {each.name: each for each in gallery.describe(home)}
    for name in catalog.all_names(home):
        try:
            yield _user(name), _locations(name, home)
        except LimaError as error:
            if name not in found or _is_local(found[name], found):
                raise
            notice.warning(f"{_user(name)} is passed over: what it is made of cannot be reached", error=error.message)


def _user(name: str) -> str:
    return f"template:{name}"


def _locations(name: str, home: HomePaths) -> tuple[str, ...]:
    text = embed.read(_user(name), home, with_base=False)
    config = load_text(text, _nowhere(home), home, exists=False).config
    return inventory.locations(config) if config else ()


def _nowhere(home: HomePaths) -> Path:
    """Where a template would be if it were an instance."""
    return home.home / "default" / "lima.yaml"


def _local(home: HomePaths) -> Iterator[tuple[str, tuple[str, ...]]]:
    found = {each.name: each for each in gallery.describe(home)}
    for name, info in found.items():
        if info.hidden or not _is_local(info, found):
            continue
        try:
            yield _user(name), _locations(name, home)
        except LimaError:
            continue


def _is_local(info: TemplateInfo, known: dict[str, TemplateInfo], depth: int = 9) -> bool:
    """Whether all bases are files here, theirs too."""
    for base in info.bases:
        if locator.scheme(base) not in _LOCAL:
            return False
        below = known.get(base.removeprefix(f"{locator.NAMED}:").removeprefix("//"))
        if below and depth and not _is_local(below, known, depth - 1):
            return False
    return True
