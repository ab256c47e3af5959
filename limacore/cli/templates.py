"""Templates on the command line."""

from __future__ import annotations

from pathlib import Path

from limacore.cli.context import Context
from limacore.cli.tree import Call
from limacore.config.load import in_words, load_text
from limacore.templates import embed


def validate(ctx: Context, call: Call) -> None:
    """Validate YAML files."""
    for locator in call.args:
        text = embed.read(locator, ctx.home)
        loaded = load_text(text, _pretended(locator), ctx.home, exists=False)
        for problem in loaded.problems:
            if problem.severity != "error":
                ctx.log("warning", f"{locator}: {in_words([problem])}")
        loaded.require(locator)
        ctx.log("info", f"`{locator}`: OK")


def _pretended(locator: str) -> Path:
    path = Path(locator)
    return path.resolve() if path.exists() else Path.cwd() / "lima.yaml"
