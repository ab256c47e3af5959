"""Work beside the loop of a widget: one at a time of its group; the next one ends the one before."""

from __future__ import annotations

from collections.abc import Callable, Coroutine

from textual.widget import Widget
from textual.worker import Worker


def begin(widget: Widget, group: str, work: Callable[[], Coroutine[None, None, None]]) -> Worker[None]:
    """Begin `work`, which is made when it runs: one that is cancelled before never was."""
    return widget.run_worker(work, group=group, name=group, exclusive=True)
