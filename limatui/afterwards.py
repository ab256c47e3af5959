"""What the first picture does not wait for: the stylesheets of panes and dialogs, the modules of screens and engine."""

from __future__ import annotations

import asyncio
import gc
import pkgutil
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from textual.app import App

from limatui import screens
from limatui.api import EngineApi
from limatui.assets import stylesheets

_OTHERS = ("limatui.verbs.palette", "limatui.verbs.dialogs")


async def dress(app: App[Any]) -> None:
    """Read the other stylesheets, a few milliseconds at a time; what stands already is styled anew."""
    sheets = stylesheets()[1:]
    for path, text in zip(sheets, await asyncio.to_thread(_texts, sheets), strict=True):
        app.stylesheet.add_source(text, (str(path), ""))
        app.stylesheet.parse()
        await asyncio.sleep(0)
    app.stylesheet.update(app)


def _texts(sheets: Sequence[Path]) -> list[str]:
    return [each.read_text("utf-8") for each in sheets]


def load(engine: EngineApi) -> None:
    """Import what keys ask for later: else the first key pays for it. 0.2 s; to be done in a thread."""
    gc.disable()  # a round of the collector through all that is new would hold the loop up
    try:
        for each in pkgutil.iter_modules(screens.__path__):
            import_module(f"{screens.__name__}.{each.name}")
        for name in _OTHERS:
            import_module(name)
        engine.warm()
    finally:
        gc.freeze()
        gc.enable()
