"""`base:` templates and script files merged into one text that stands on its own."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from limacore.base import notice, yamlio
from limacore.base.goquote import ticked
from limacore.config import unmarshal
from limacore.config.coerce import Coercion
from limacore.config.shape import config_shape
from limacore.errors import ConfigError
from limacore.paths import HomePaths
from limacore.templates import combine, locator, scripts
from limacore.templates.merge import merge

name_of = locator.name_of
_MAX_BASES = 50


class Mode(StrEnum):
    """How much of what a template refers to becomes part of it."""

    VERBATIM = "verbatim"
    ABSOLUTE = "absolute"
    """Relative locators are made absolute."""
    EMBED = "embed"
    """Bases and scripts that are files are merged in; named templates stay references."""
    EMBED_ALL = "embed-all"


def read(name: str, home: HomePaths, *, with_base: bool = True) -> str:
    """The text of a template with everything it refers to merged in; comments stay. Raises LimaError.

    `with_base` also merges `_config/base.yaml`, as is done when an instance is created.
    """
    return embed(opened(name, home), home, with_base=with_base, tell=True)


def opened(name: str, home: HomePaths) -> locator.Template:
    """The template that a locator names; raises LimaError, also for an empty one."""
    template = locator.read(name, home)
    if not template.text:
        raise ConfigError(f"don't know how to interpret {ticked(name)} as a template locator", hint="it is empty")
    return template


def copied(name: str, home: HomePaths, mode: Mode) -> str:
    """The text of a template in one of the modes of `template copy`; raises LimaError."""
    template = opened(name, home)
    if mode is Mode.VERBATIM:
        return template.text
    return embed(template, home, with_base=False, mode=mode, tell=True)


def embed(template: locator.Template, home: HomePaths, *, with_base: bool = True, mode: Mode = Mode.EMBED_ALL,
          tell: bool = False) -> str:
    """The same for a template that was read already; `tell` also of unknown fields."""
    root = _checked(template, tell)
    own_base = with_base and home.base_yaml.exists()
    combines = mode is not Mode.ABSOLUTE and combine.would_change(root)
    if not own_base and not _refers(root) and not combines:
        return template.text
    from limacore.base import yamlfmt
    from limacore.config.edit import RoundTrip

    document = RoundTrip(template.text)
    changed = _apply(document.root, template, home, own_base, mode, tell)
    text = yamlfmt.format(document.text()) if changed else template.text
    if len(text.encode()) > yamlio.MAX_BYTES:
        raise ConfigError(f"template {ticked(template.locator)} is longer than {yamlio.MAX_BYTES} bytes with its bases")
    return text


def _apply(root: Any, template: locator.Template, home: HomePaths, own_base: bool, mode: Mode, tell: bool) -> bool:
    """Change a document as `mode` says; whether anything was changed."""
    if mode is Mode.ABSOLUTE:
        before = _locators_in(root)
        _absolute(root, template.locator)
        return _locators_in(root) != before
    embedding = _Embedding(home, every=mode is Mode.EMBED_ALL, tell=tell)
    number, comment = _below_base(root)
    given = root.get("base")
    left = embedding.into(root, template.locator, own_base)
    if left:
        root.insert(number, "base", given if left == [given] else left)
        number += 1
    if comment:
        from limacore.config.edit import put_comment_above

        put_comment_above(root, number, comment)
    combine.combine(root)
    return True


def _checked(template: locator.Template, tell: bool = False) -> dict[str, Any]:
    """Plain data of a template; raises ConfigError when it is no mapping, or has a value of a wrong type."""
    try:
        root = yamlio.parse(template.text, template.locator)
    except yamlio.YamlError as error:
        raise unmarshal.failure(template.locator, template.text, unmarshal.syntax(error)) from None
    coercion = Coercion()
    coercion.mapping(root, config_shape())
    if failed := next((each for each in coercion.problems if each.severity == "error"), None):
        raise unmarshal.failure(template.locator, template.text, failed)
    if tell and (loose := unmarshal.loose(coercion.problems, template.text)):
        notice.warning("Non-strict YAML detected; please check for typos", comment=template.locator, error=loose)
    data = yamlio.plain(root)
    return data if isinstance(data, dict) else {}


def _refers(data: dict[str, Any]) -> bool:
    if data.get("base"):
        return True
    return any(isinstance(entry, dict) and entry.get("file") for _, entry in scripts.entries(data))


def _locators_in(root: Any) -> list[str]:
    files = (entry.get("file") for _, entry in scripts.entries(root) if isinstance(entry, dict))
    return [str(each) for each in (root.get("base"), *files)]


def _absolute(data: Any, place: str) -> None:
    """Make every locator in a document independent of the place of the document."""
    base = data.get("base")
    if isinstance(base, str):
        data["base"] = _same_style(base, locator.absolute(base, place))
    elif isinstance(base, list):
        for number, entry in enumerate(base):
            if isinstance(entry, dict):
                entry["url"] = _same_style(entry.get("url", ""), locator.absolute(str(entry.get("url", "")), place))
            elif entry is not None:
                base[number] = _same_style(entry, locator.absolute(str(entry), place))
    for _, entry in scripts.entries(data):
        if isinstance(entry, dict) and entry.get("file"):
            scripts.make_absolute(entry, place)


def _same_style(old: Any, new: str) -> Any:
    """The new text in the quotes of the old."""
    return new if type(old) is str or not isinstance(old, str) or old == new else type(old)(new)


class _Embedding:
    def __init__(self, home: HomePaths, *, every: bool, tell: bool) -> None:
        self.home, self.every, self.tell = home, every, tell
        self.included: set[str] = set()

    def into(self, data: Any, place: str, own_base: bool) -> list[str]:
        """Merge the bases and files of `data`, the template at `place`, into it; gives the bases that stay."""
        scripts.inline(data, place, self.home, every=self.every)
        queue = list(_locators(data.pop("base", None), place))
        if own_base:
            queue.insert(0, str(self.home.base_yaml))
        while queue and (self.every or not _is_named(queue[0])):
            queue[:1] = self._merge(data, queue[0], place)
        _refuse_after_named(queue)
        return queue

    def _merge(self, data: Any, base: str, place: str) -> list[str]:
        template = locator.read(base, self.home)
        if template.locator in self.included:
            raise ConfigError(f"base template loop detected: template {ticked(template.locator)} already included",
                              hint=f"remove it from `base` in {place}")
        if len(self.included) > _MAX_BASES:
            raise ConfigError(f"{ticked(place)} has more than {_MAX_BASES} base templates")
        self.included.add(template.locator)
        if not _checked(template, self.tell):
            return []
        from limacore.config.edit import RoundTrip

        document = RoundTrip(template.text)
        left = self.into(document.root, template.locator, False)
        merge(data, document.root)
        return left


def _is_named(base: str) -> bool:
    return locator.scheme(base) == locator.NAMED


def _refuse_after_named(queue: list[str]) -> None:
    bad = next((base for base in queue if not _is_named(base)), None)
    if bad is not None:
        raise ConfigError(f"cannot embed template {ticked(bad)} after not embedding {ticked(queue[0])}",
                          hint="name it first, or use --embed-all")


def _below_base(data: Any) -> tuple[int, str]:
    """Where `base` is among the keys, and the comment that follows it: that belongs to what comes next."""
    if "base" not in data:
        return 0, ""
    from limacore.config.edit import comment_below

    return list(data).index("base"), comment_below(data, "base")


def _locators(value: Any, place: str) -> Iterator[str]:
    for entry in value if isinstance(value, list) else [value] if value else ():
        url = (entry or {}).get("url", "") if isinstance(entry, dict | None) else entry
        found = locator.absolute(str(url), place)
        if isinstance(entry, dict) and entry.get("digest"):
            raise ConfigError(f"base {ticked(found)} in {ticked(place)} has specified a digest; digest support is not "
                              "yet implemented", hint="remove the digest")
        yield found
