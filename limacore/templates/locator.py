"""What the user writes to name a template: `template:NAME`, a path, `-`; and the text behind it."""

from __future__ import annotations

import re
import sys
from pathlib import Path, PurePosixPath

from msgspec import Struct

from limacore.base import yamlio
from limacore.errors import ConfigError, NotFoundError, UsageError
from limacore.paths import HomePaths
from limacore.templates import catalog

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(.*)", re.S)
_IMAGE = re.compile(r"\.(?:img|qcow2|raw|iso|ipsw)(?:\.(?:gz|xz|bz2|zstd))?$")
NAMED = "template"


class Template(Struct, frozen=True):
    """A text that instances are made of; `name` is a proposal for the instance's, empty for standard input."""

    name: str
    text: str
    locator: str
    """`template:NAME`, an absolute path, or `-`."""


def scheme(locator: str) -> str:
    """The scheme in lower case; empty for paths."""
    match = _SCHEME.fullmatch(locator)
    return match.group(1).lower() if match else ""


def read(locator: str, home: HomePaths) -> Template:
    """The template that `locator` names; raises NotFoundError, UsageError, ConfigError."""
    kind = scheme(locator)
    if locator == "-":
        return Template("", yamlio.decode(sys.stdin.buffer.read(yamlio.MAX_BYTES + 1), "standard input"), "-")
    if _IMAGE.search(locator):
        raise UsageError(f"`{locator}` is a disk image, not a template",
                         hint="write a template that lists it under `images:`")
    if kind == NAMED:
        return _named(locator, home)
    if kind == "file":
        return _file(_file_url(locator))
    if kind:
        raise UsageError(f"templates cannot be read from `{kind}:` yet: `{locator}`",
                         hint="download it and give the path of the file")
    return _file(Path.cwd() / Path(locator).expanduser())


def read_text(locator: str, home: HomePaths) -> str:
    """The text of a script that a template refers to; raises NotFoundError, UsageError."""
    kind = scheme(locator)
    if kind == NAMED:
        return yamlio.read(catalog.find(locator.partition(":")[2], home))
    if kind and kind != "file":
        raise UsageError(f"files cannot be read from `{kind}:` yet: `{locator}`", hint="give the path of a local file")
    return yamlio.read(_file_url(locator) if kind else Path(locator))


def _named(locator: str, home: HomePaths) -> Template:
    name = locator.partition(":")[2].removeprefix("//").strip("/")
    if not name:
        raise UsageError(f"`{locator}` names no template", hint="write it as template:NAME")
    path = catalog.find(name, home)
    return Template(instance_name(name), yamlio.read(path), f"{NAMED}:{name}")


def _file_url(locator: str) -> Path:
    path = locator.partition(":")[2].removeprefix("//")
    if not path.startswith("/"):
        raise UsageError(f"`{locator}` has an invalid file name", hint="write it as file:///absolute/path")
    return Path(path)


def _file(path: Path) -> Template:
    if not path.is_file():
        reason = "is a directory" if path.is_dir() else "no such file or directory"
        raise NotFoundError(f"open {path}: {reason}", hint="to use a named template, write template:NAME")
    return Template(instance_name(path.name), yamlio.read(path), str(path))


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
        return str(Path(locator).expanduser())
    if "../" in locator or "..\\" in locator:
        raise ConfigError(f"relative locator path `{locator}` must not contain '..' path segments",
                          hint="use an absolute path")
    if scheme(parent) == NAMED:
        folder = PurePosixPath(parent.partition(":")[2]).parent
        return f"{NAMED}:{folder / locator}"
    return str((Path(parent).parent if parent != "-" else Path.cwd()) / locator)
