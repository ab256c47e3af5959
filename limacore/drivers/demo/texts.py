"""The texts behind demo machines: real files, the real rules; only what waits for a start is applied here.

The rules are imported when a text is looked at, as in the real engine."""

from __future__ import annotations

import contextlib
from pathlib import Path

from limacore.base.files import write_atomic
from limacore.drivers.demo.base import DemoWorld
from limacore.errors import StateError
from limacore.model.config import Problem
from limacore.model.template import Effective, TemplateInfo
from limacore.paths import HomePaths, InstancePaths


def apply_queued(paths: InstancePaths) -> None:
    """A machine starts: what waited becomes its lima.yaml."""
    with contextlib.suppress(FileNotFoundError):
        write_atomic(paths.lima_yaml, paths.queued_yaml.read_text("utf-8"))
        paths.queued_yaml.unlink()


class DemoTexts(DemoWorld):
    """Reads, checks and writes lima.yaml and templates below the demo's own home."""

    def _paths(self, name: str) -> InstancePaths:
        return InstancePaths(self._directory(name))

    @property
    def _home(self) -> HomePaths:
        return HomePaths(Path(self.home))

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

    def effective(self, name: str, text: str) -> tuple[Effective, ...]:
        """Every value that a text leads to."""
        from limacore.templates import gallery

        return gallery.effective(text, self._home.instance(name).lima_yaml, self._home)

    def templates(self) -> tuple[str, ...]:
        """Names for `create`."""
        from limacore.templates import catalog

        return catalog.names(self._home)

    def describe_templates(self) -> tuple[TemplateInfo, ...]:
        """All templates by name."""
        from limacore.templates import gallery

        return gallery.describe(self._home)

    def template_text(self, name: str, *, embedded: bool = False) -> str:
        """The text of a template."""
        from limacore.templates import gallery

        return gallery.text(name, self._home, embedded=embedded)

    def check_template(self, name: str, text: str) -> tuple[Problem, ...]:
        """Every problem of a template's text."""
        from limacore.templates import gallery

        return gallery.check(name, text, self._home)

    def save_template(self, name: str, text: str) -> None:
        """Write a template of the user's own."""
        from limacore.templates import gallery

        gallery.save(name, text, self._home)
