"""Colours for JSON on a terminal."""

from __future__ import annotations

import os
import re

_TOKEN = re.compile(r'("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\b')
_KEY, _TEXT, _OTHER, _RESET = "\x1b[36m", "\x1b[32m", "\x1b[33m", "\x1b[0m"


def colored(text: str) -> str:
    """JSON with colours, unless NO_COLOR is set."""
    return text if os.environ.get("NO_COLOR") else _TOKEN.sub(_painted, text)


def _painted(match: re.Match[str]) -> str:
    quoted, colon, other = match.groups()
    if quoted:
        return f"{_KEY if colon else _TEXT}{quoted}{_RESET}{colon or ''}"
    return f"{_OTHER}{other}{_RESET}"


_LINE = re.compile(r"^(\s*(?:- )*)([\w.\"/-]+)(:)( .*)?$", re.MULTILINE)


def colored_yaml(text: str) -> str:
    """YAML with colours for its keys and values, unless NO_COLOR is set."""
    if os.environ.get("NO_COLOR"):
        return text
    return _LINE.sub(lambda match: f"{match[1]}{_KEY}{match[2]}{_RESET}{match[3]}"
                                   f"{f'{_TEXT}{match[4]}{_RESET}' if match[4] else ''}", text)
