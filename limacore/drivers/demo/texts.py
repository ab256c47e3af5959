"""The texts behind demo machines: real files, the real rules; only what waits for a start is applied here.

The rules are imported when a text is looked at, as in the real engine."""

from __future__ import annotations

import contextlib
from pathlib import Path

from limacore.base.files import write_atomic
from limacore.drivers.demo.base import DemoWorld
from limacore.errors import StateError
from limacore.model.config import Problem
from limacore.paths import InstancePaths
from limacore.templates.texts import TemplateTexts


def apply_queued(paths: InstancePaths) -> None:
    """A machine starts: what waited becomes its lima.yaml."""
    with contextlib.suppress(FileNotFoundError):
        write_atomic(paths.lima_yaml, paths.queued_yaml.read_text("utf-8"))
        paths.queued_yaml.unlink()


class DemoTexts(TemplateTexts, DemoWorld):
    """Reads, checks and writes lima.yaml and templates below the demo's own home."""

    def _paths(self, name: str) -> InstancePaths:
        return InstancePaths(self._directory(name))

    @property
    def unsaved(self) -> Path:
        """Where texts are kept that are not saved yet; gone with the demo."""
        return Path(self.home) / ".unsaved"

    def read_config(self, name: str) -> str:
        """The text of lima.yaml."""
        return self._paths(name).lima_yaml.read_text("utf-8")

    def check_config(self, name: str, text: str) -> tuple[Problem, ...]:
        """What is wrong with a lima.yaml."""
        from limacore.config.validate import check_text

        return check_text(text, self._paths(name).lima_yaml, self._home)

    def save_config(self, name: str, text: str, *, expected: str) -> None:
        """Replace lima.yaml if it still reads `expected`."""
        from limacore.config.load import load_text

        path = self._paths(name).lima_yaml
        if path.read_text("utf-8") != expected:
            raise StateError(f"`{path}` was changed by someone else", hint="reload it, then edit again")
        load_text(text, path, self._home).require(str(path))
        write_atomic(path, text)
        self.drop_queued(name)

    def queued(self, name: str) -> str | None:
        """What waits for the next start."""
        with contextlib.suppress(FileNotFoundError):
            return self._paths(name).queued_yaml.read_text("utf-8")
        return None

    def queue_config(self, name: str, text: str) -> None:
        """Keep a text for the next start."""
        from limacore.config.load import load_text

        paths = self._paths(name)
        load_text(text, paths.lima_yaml, self._home).require(str(paths.lima_yaml))
        if text == paths.lima_yaml.read_text("utf-8"):
            self.drop_queued(name)
        else:
            write_atomic(paths.queued_yaml, text)
            self._waiting.add(name)

    def drop_queued(self, name: str) -> None:
        """Forget what waits."""
        self._paths(name).queued_yaml.unlink(missing_ok=True)
        self._waiting.discard(name)
