"""Templates of a home by name: what is asked of every engine alike."""

from __future__ import annotations

from limacore.model.config import Problem
from limacore.model.template import Effective, TemplateInfo
from limacore.paths import HomePaths


class TemplateTexts:
    """Reads, checks and writes the templates of `_home`; raises LimaError, never for what a text says.

    What knows templates is imported when it is asked: the first picture of the dashboard needs none of it.
    """

    _home: HomePaths

    def effective(self, name: str, text: str) -> tuple[Effective, ...]:
        """Every value that a lima.yaml text leads to, and the layer that it comes from."""
        from limacore.templates import gallery

        return gallery.effective(text, self._home.instance(name).lima_yaml, self._home)

    def templates(self) -> tuple[str, ...]:
        """Names for `create`."""
        from limacore.templates import catalog

        return catalog.names(self._home)

    def describe_templates(self) -> tuple[TemplateInfo, ...]:
        """All templates, building blocks too, by name."""
        from limacore.templates import gallery

        return gallery.describe(self._home)

    def template_text(self, name: str, *, embedded: bool = False) -> str:
        """The text of a template as it is, or with its bases embedded."""
        from limacore.templates import gallery

        return gallery.text(name, self._home, embedded=embedded)

    def check_template(self, name: str, text: str) -> tuple[Problem, ...]:
        """Every problem of a template's text."""
        from limacore.templates import gallery

        return gallery.check(name, text, self._home)

    def save_template(self, name: str, text: str) -> None:
        """Write a template of the user's own (`$LIMA_HOME/_templates`)."""
        from limacore.templates import gallery

        gallery.save(name, text, self._home)
