"""Texts that people edit: lima.yaml of instances, and templates; what reads them is imported when asked for."""

from __future__ import annotations

from pathlib import Path

from limacore.engine.desk import Desk
from limacore.lifecycle.guard import existing
from limacore.model.config import Problem
from limacore.paths import state_dir
from limacore.templates.texts import TemplateTexts


class Texts(TemplateTexts, Desk):
    """Reads, checks and writes them; raises LimaError, never for what a text says."""

    @property
    def unsaved(self) -> Path:
        """Where texts are kept that are not saved yet."""
        return state_dir() / "unsaved"

    def read_config(self, name: str) -> str:
        """The text of lima.yaml."""
        return existing(self._home, name).lima_yaml.read_text("utf-8")

    def check_config(self, name: str, text: str) -> tuple[Problem, ...]:
        """Every problem of a lima.yaml text."""
        from limacore.config.validate import check_text

        return check_text(text, self._home.instance(name).lima_yaml, self._home)

    def save_config(self, name: str, text: str, *, expected: str) -> None:
        """Write lima.yaml if it still reads `expected`; what waited for the next start is forgotten."""
        from limacore.lifecycle import change, queue

        change.save_config(self._home, name, text, expected=expected)
        queue.drop(self._home, name)
        self._poke.set()

    def queued(self, name: str) -> str | None:
        """The text of lima.yaml that waits for the next start; None when there is none."""
        from limacore.lifecycle import queue

        return queue.queued(self._home, name)

    def queue_config(self, name: str, text: str) -> None:
        """Keep a text for the next start; raises ConfigError when it is not valid."""
        from limacore.lifecycle import queue

        queue.put(self._home, name, text)
        self._poke.set()

    def drop_queued(self, name: str) -> None:
        """Forget what waits."""
        from limacore.lifecycle import queue

        queue.drop(self._home, name)
        self._poke.set()
