"""`base:` templates and script files merged into one text that stands on its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from limacore.base import yamlio
from limacore.base.version import version_key
from limacore.config.coerce import Coercion
from limacore.config.shape import config_shape
from limacore.errors import ConfigError
from limacore.paths import HomePaths
from limacore.templates import combine, locator

_MAX_BASES = 50
_PREPENDED = ("base", "provision", "probes")
_HIGHER_WINS = (("minimumLimaVersion",), ("vmOpts", "qemu", "minimumVersion"))
_INLINE = {"data": "content", "yq": "expression"}


def read(name: str, home: HomePaths, *, with_base: bool = True) -> str:
    """The text of a template with everything it refers to merged in; comments stay. Raises LimaError.

    `with_base` also merges `_config/base.yaml`, as is done when an instance is created.
    """
    template = locator.read(name, home)
    if not template.text:
        raise ConfigError(f"don't know how to interpret `{name}` as a template locator", hint="the file is empty")
    return embed(template, home, with_base=with_base)


def embed(template: locator.Template, home: HomePaths, *, with_base: bool = True) -> str:
    """The same for a template that was read already."""
    root = _checked(template)
    own_base = with_base and home.base_yaml.exists()
    if not own_base and not _refers(root) and not combine.would_change(root):
        return template.text
    from limacore.config.edit import RoundTrip

    document = RoundTrip(template.text)
    _Embedding(home, {template.locator}).into(document.root, template.locator, own_base)
    combine.combine(document.root)
    text = document.text()
    if len(text.encode()) > yamlio.MAX_BYTES:
        raise ConfigError(f"template `{template.locator}` is longer than {yamlio.MAX_BYTES} bytes with its bases")
    return text


def _checked(template: locator.Template) -> dict[str, Any]:
    """Plain data of a template; raises ConfigError when it is no mapping, or has a value of a wrong type."""
    root = yamlio.parse(template.text, template.locator)
    coercion = Coercion()
    coercion.mapping(root, config_shape())
    for problem in coercion.problems:
        if problem.severity == "error":
            raise yamlio.YamlError(problem.message, template.locator, template.text, problem.line, problem.column)
    data = yamlio.plain(root)
    return data if isinstance(data, dict) else {}


def _refers(data: dict[str, Any]) -> bool:
    if data.get("base"):
        return True
    return any(isinstance(entry, dict) and entry.get("file") for _, entry in _scripts(data))


def _scripts(data: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for part in ("provision", "probes"):
        for entry in data.get(part) or ():
            yield part, entry


class _Embedding:
    def __init__(self, home: HomePaths, included: set[str]) -> None:
        self.home, self.included = home, included

    def into(self, data: Any, place: str, own_base: bool) -> None:
        """Merge the bases and files of `data`, the template at `place`, into it."""
        self._inline(data, place)
        number, comment = _below_base(data)
        bases = list(_locators(data.pop("base", None), place))
        if own_base:
            bases.insert(0, str(self.home.base_yaml))
        for base in bases:
            self._merge(data, base, place)
        if comment:
            from limacore.config.edit import put_comment_above

            put_comment_above(data, number, comment)

    def _merge(self, data: Any, base: str, place: str) -> None:
        template = locator.read(base, self.home)
        if template.locator in self.included:
            raise ConfigError(f"base template loop detected: template `{template.locator}` already included",
                              hint=f"remove it from `base` in `{place}`")
        if len(self.included) > _MAX_BASES:
            raise ConfigError(f"`{place}` has more than {_MAX_BASES} base templates")
        self.included.add(template.locator)
        if not _checked(template):
            return
        from limacore.config.edit import RoundTrip

        document = RoundTrip(template.text)
        self.into(document.root, template.locator, False)
        merge(data, document.root)

    def _inline(self, data: Any, place: str) -> None:
        for part, entry in _scripts(data):
            if isinstance(entry, dict) and entry.get("file"):
                self._inline_one(part, entry, place)

    def _inline_one(self, part: str, entry: Any, place: str) -> None:
        file = entry["file"]
        url = file if isinstance(file, str) else file.get("url", "")
        target = _INLINE.get(entry.get("mode", ""), "script") if part == "provision" else "script"
        path = locator.absolute(url, place)
        if entry.get(target):
            entry["file"] = path if isinstance(file, str) else {**file, "url": path}
            return
        from limacore.config.edit import literal

        text = locator.read_text(path, self.home)
        position = list(entry).index("file")
        entry.pop(target, None)
        del entry["file"]
        entry.insert(min(position, len(entry)), target, literal(text))


def _below_base(data: Any) -> tuple[int, str]:
    """Where `base` is among the keys, and the comment that follows it: that belongs to what comes next."""
    if "base" not in data:
        return 0, ""
    from limacore.config.edit import comment_below

    return list(data).index("base"), comment_below(data, "base")


def _locators(value: Any, place: str) -> Iterator[str]:
    entries = [value] if isinstance(value, str) else value or ()
    for entry in entries:
        url = entry if isinstance(entry, str) else (entry or {}).get("url", "")
        found = locator.absolute(url, place)
        if isinstance(entry, dict) and entry.get("digest"):
            raise ConfigError(f"base `{found}` in `{place}` has specified a digest; digest support is not yet "
                              "implemented", hint="remove the digest")
        yield found


def merge(data: Any, base: Any, path: tuple[str, ...] = ()) -> None:
    """Merge a base into a template: the template wins, lists are joined, an explicit null keeps a base out."""
    for key, value in list(base.items()):
        here = (*path, key)
        if key not in data:
            _adopt(data, base, key)
        elif here in _HIGHER_WINS:
            data[key] = _higher(data[key], value)
        elif isinstance(data[key], dict) and isinstance(value, dict):
            merge(data[key], value, here)
        elif isinstance(data[key], list) and isinstance(value, list):
            _join(data, key, value, here)


def _adopt(data: Any, base: Any, key: str) -> None:
    data[key] = base[key]
    comments = getattr(base, "ca", None)
    if comments is not None and key in comments.items and hasattr(data, "ca"):
        data.ca.items.setdefault(key, comments.items[key])


def _join(data: Any, key: str, extra: list[Any], path: tuple[str, ...]) -> None:
    own = data[key]
    if path == ("dns",):
        if not own:
            own.extend(extra)
    elif path == ("mountTypesUnsupported",):
        own.extend(each for each in extra if each not in own)
    elif len(path) == 1 and key in _PREPENDED:
        for number, each in enumerate(extra):
            own.insert(number, each)
    else:
        own.extend(extra)


def _higher(own: Any, other: Any) -> Any:
    if own is None or other is None:
        return own
    return other if version_key(str(other)) > version_key(str(own)) else own
