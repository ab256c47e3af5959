"""The layout of lima.yaml: two spaces, lists not indented under their key, two blanks before a comment."""

from __future__ import annotations

from limacore.base.yq.reader import read
from limacore.base.yq.writer import write


def format(text: str) -> str:
    """A YAML text laid out anew: comments, blank lines, quotes and flow style stay; raises ConfigError for no YAML."""
    return join([write(root) for root in read(text)])


def join(documents: list[str]) -> str:
    """Documents as one text."""
    return "---\n".join(documents)
