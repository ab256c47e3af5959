"""What the user writes to name a template: `template:NAME`, a URL, a path, `-`; and the text behind it."""

from __future__ import annotations

import re
import sys
from pathlib import Path, PurePosixPath
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

from limacore.base import yamlio
from limacore.base.goquote import ticked
from limacore.errors import ConfigError, NotFoundError, UsageError
from limacore.paths import HomePaths, check_identifier, expanded
from limacore.templates import catalog, image, rewrite

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(.*)", re.S)
NAMED = "template"
STDIN = "-"
_WEB = ("http", "https")


class Template(Struct, frozen=True):
    """A text that instances are made of; `name` is a proposal for the instance's, empty for standard input."""

    name: str
    text: str
    locator: str
    """`template:NAME`, an absolute path, a URL, or `-`."""


def scheme(locator: str) -> str:
    """The scheme in lower case; empty for paths."""
    match = _SCHEME.fullmatch(locator)
    return match.group(1).lower() if match else ""


def read(locator: str, home: HomePaths) -> Template:
    """The template that `locator` names; raises LimaError."""
    found = rewrite.resolve(locator)
    if found == STDIN:
        return Template("", _text(sys.stdin.buffer.read(yamlio.MAX_BYTES + 1), STDIN), STDIN)
    if image.is_image(found):
        return Template(image.name_of(found), image.template(found), found)
    name, place = _name(found), _place(found)
    return Template(name, _text(_bytes(place, home), place), place)


def _text(raw: bytes, place: str) -> str:
    try:
        return yamlio.decode(raw)
    except yamlio.YamlError as error:
        line = f"[{error.line}:1] " if error.line else ""
        raise ConfigError(f"failed to unmarshal YAML ({place}): {line}{error.reason}") from None


def name_of(locator: str) -> str:
    """The name that an instance of this template gets unless another is wanted; raises UsageError."""
    found = rewrite.resolve(locator)
    if found == STDIN:
        raise UsageError(f"can't determine instance name from template locator {ticked(locator)}",
                         hint="give it a name with --name")
    return image.name_of(found) if image.is_image(found) else _name(found)


def read_bytes(locator: str, home: HomePaths) -> bytes:
    """The content of a script that a template refers to; raises LimaError."""
    return _bytes(_place(rewrite.resolve(locator)), home)


def _name(locator: str) -> str:
    """The name in a locator that is neither an image nor standard input; raises UsageError."""
    kind = scheme(locator)
    path = locator.partition(":")[2] if kind == NAMED else _split(locator).path if kind else locator
    shown = path if kind != "file" else path or "."
    name = instance_name(path) or ("." if not path else "/")
    try:
        return check_identifier(name)
    except UsageError as error:
        raise UsageError(f"filename {ticked(shown)} is invalid: {error.message}",
                         hint="name the file with letters and digits, with single `.`, `_` or `-` between them"
                         ) from None


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as error:
        raise UsageError(f"{ticked(url)} is no URL: {error}") from None


def _place(locator: str) -> str:
    """Where the content is: `template:NAME`, a URL, or an absolute path."""
    kind = scheme(locator)
    if kind == NAMED:
        name = locator.partition(":")[2]
        if not name:
            raise UsageError(f"`{locator}` names no template", hint="write it as template:NAME")
        return f"{NAMED}:{name}"
    if kind in _WEB:
        return locator
    if kind == "file":
        return _file_url(locator)
    return str(Path.cwd() / expanded(locator))


def _file_url(locator: str) -> str:
    path = _split(locator).path
    if not locator[5:].startswith("//") or not path.startswith("/"):
        raise UsageError(f"`{locator}` has an invalid file name", hint="write it as file:///absolute/path")
    return path


def _bytes(place: str, home: HomePaths) -> bytes:
    kind = scheme(place)
    if kind in _WEB:
        from limacore.templates import web

        return web.get(place, yamlio.MAX_BYTES)
    return _read(catalog.find(place.partition(":")[2], home) if kind == NAMED else Path(place))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(yamlio.MAX_BYTES + 1)
    except FileNotFoundError:
        raise NotFoundError(f"open {path}: no such file or directory",
                            hint="to use a named template, write template:NAME") from None
    except IsADirectoryError:
        raise ConfigError(f"read {path}: is a directory", hint="name a file in it") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"open {path}: {reason.lower()}") from error


def instance_name(file_name: str) -> str:
    """A name for an instance: the last part, lower case, without `.yaml`."""
    last = PurePosixPath(file_name).name.lower()
    return last.removesuffix(".yml").removesuffix(".yaml")


def absolute(locator: str, parent: str) -> str:
    """A locator inside the template `parent`, made independent of it; raises ConfigError."""
    if not locator:
        raise ConfigError(f"locator is empty in `{parent}`", hint="name a template or remove the entry")
    if scheme(locator) or Path(locator).is_absolute():
        return locator
    if locator.startswith("~"):
        return str(expanded(locator))
    if "../" in locator or "..\\" in locator:
        raise ConfigError(f"relative locator path {ticked(locator)} must not contain '..' path segments",
                          hint="use an absolute path")
    if scheme(parent) == NAMED:
        folder = PurePosixPath(parent.partition(":")[2]).parent
        return f"{NAMED}:{folder / locator}"
    if scheme(parent) in _WEB:
        url = _split(parent)
        return url._replace(path=str(PurePosixPath(url.path or "/").parent / locator), query="", fragment="").geturl()
    return str((Path(parent).parent if parent != STDIN else Path.cwd()) / locator)
