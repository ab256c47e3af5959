"""Problems of a lima.yaml text, as an editor shows them."""

from __future__ import annotations

from pathlib import Path

from limacore.config.load import load_text
from limacore.config.rules import RULES, validate
from limacore.model.config import Problem
from limacore.paths import HomePaths

__all__ = ["RULES", "check_text", "validate"]


def check_text(text: str, path: Path, home: HomePaths) -> tuple[Problem, ...]:
    """Every problem of a lima.yaml text that is (or will be) at `path`, by line; never raises for its content."""
    problems = load_text(text, path, home).problems
    return tuple(sorted(problems, key=lambda each: (each.line or 1 << 30, each.column)))
