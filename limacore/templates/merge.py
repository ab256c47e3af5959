"""A base merged into a template."""

from __future__ import annotations

from typing import Any

from limacore.base.version import version_key
from limacore.errors import ConfigError

_PREPENDED = ("base", "provision", "probes")
_HIGHER_WINS = (("minimumLimaVersion",), ("vmOpts", "qemu", "minimumVersion"))
_MAX_DEPTH = 100


def merge(data: Any, base: Any, path: tuple[str, ...] = ()) -> None:
    """Merge a base into a template: the template wins, lists are joined, an explicit null keeps a base out."""
    if len(path) > _MAX_DEPTH:
        raise ConfigError("templates nest too deeply to be merged")
    for key, value in list(base.items()):
        here = (*path, key)
        if key not in data:
            _adopt(data, base, key)
        elif here in _HIGHER_WINS:
            if _higher(value, data[key]):
                _adopt(data, base, key)
        elif isinstance(data[key], dict) and isinstance(value, dict):
            merge(data[key], value, here)
        elif isinstance(data[key], list) and isinstance(value, list):
            _join(data, key, value, here)


def _adopt(data: Any, base: Any, key: str) -> None:
    """The value of the base, with its comments."""
    data[key] = _in_block(base[key])
    comments = getattr(base, "ca", None)
    if comments is not None and key in comments.items and hasattr(data, "ca"):
        data.ca.items[key] = comments.items[key]


def _in_block(value: Any) -> Any:
    """A mapping in block style, as limactl writes what it takes from a base."""
    if isinstance(value, dict):
        if value and hasattr(value, "fa"):
            value.fa.set_block_style()
        for each in value.values():
            _in_block(each)
    return value


def _join(data: Any, key: str, extra: list[Any], path: tuple[str, ...]) -> None:
    own = data[key]
    if path == ("dns",):
        if not own:
            own.extend(extra)
    elif path == ("mountTypesUnsupported",):
        own.extend(each for each in extra if each not in own)
    elif len(path) == 1 and key in _PREPENDED:
        for number, each in enumerate(extra):
            own.insert(number, each)
    else:
        own.extend(extra)


def _higher(new: Any, old: Any) -> bool:
    return new is not None and old is not None and version_key(str(new)) > version_key(str(old))
