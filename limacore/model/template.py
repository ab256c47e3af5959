"""Templates as the gallery lists them, and where the values of a configuration come from."""

from __future__ import annotations

from msgspec import Struct


class TemplateInfo(Struct, frozen=True):
    """A template: `description` is its first comment line, `bases` the locators that it names itself."""

    name: str
    location: str
    """The path of its file; empty for those that come with limatui."""
    description: str = ""
    bases: tuple[str, ...] = ()
    hidden: bool = False
    """A building block (`_images/…`): composed of, not started."""
    own: bool = False
    """In `$LIMA_HOME/_templates`, so the user may change it."""


class Effective(Struct, frozen=True):
    """One value of a filled configuration; `layer` is `override`, `instance`, `default`, `built in`, or `base`
    for what the bases of a template bring."""

    path: tuple[str | int, ...]
    value: str
    """YAML flow text on one line."""
    layer: str
    line: int = 0
    """Line in the file of that layer, from 1; 0 when it has none."""
