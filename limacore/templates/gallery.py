"""Templates as people choose and change them: what each is, its text, and a place for one's own."""

from __future__ import annotations

import re
from pathlib import Path

from limacore.base import yamlio
from limacore.base.files import write_atomic, write_failed
from limacore.config import provenance
from limacore.config.validate import check_text
from limacore.errors import LimaError, UsageError
from limacore.model.config import Problem
from limacore.model.template import Effective, TemplateInfo
from limacore.paths import HomePaths
from limacore.templates import catalog, embed, locator

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_DRAFT = "draft"
_LOCAL = ("", "file", locator.NAMED)


def describe(home: HomePaths) -> tuple[TemplateInfo, ...]:
    """All templates, building blocks too, by name; one that cannot be read says so in its description."""
    return tuple(_info(name, home) for name in catalog.all_names(home))


def _info(name: str, home: HomePaths) -> TemplateInfo:
    path = catalog.find(name, home)
    own = path.is_relative_to(home.templates)
    hidden = name.startswith("_")
    place = "" if path.is_relative_to(catalog.bundled()) else str(path)
    try:
        text = yamlio.read(path)
        return TemplateInfo(name, place, first_comment(text), _bases(text, str(path)), hidden, own)
    except LimaError as error:
        return TemplateInfo(name, place, error.message, (), hidden, own)


def first_comment(text: str) -> str:
    """The first line of comment, if the text begins with one."""
    for line in text.splitlines():
        words = line.strip().lstrip("#").strip()
        if words and not line.lstrip().startswith("#"):
            return ""
        if words:
            return words
    return ""


def _bases(text: str, place: str = "") -> tuple[str, ...]:
    data = yamlio.plain(yamlio.parse(text, place))
    found = data.get("base") if isinstance(data, dict) else None
    entries = found if isinstance(found, list) else [found]
    urls = (each.get("url") if isinstance(each, dict) else each for each in entries)
    return tuple(url for url in urls if isinstance(url, str))


def text(name: str, home: HomePaths, *, embedded: bool = False) -> str:
    """The text of a template, or with its bases merged in; raises LimaError."""
    if embedded:
        return embed.read(_locator(name), home, with_base=False)
    return locator.read(_locator(name), home).text


def _locator(name: str) -> str:
    return name if ":" in name or name.startswith(("/", "./", "~")) else f"{locator.NAMED}:{name}"


def check(name: str, text: str, home: HomePaths) -> tuple[Problem, ...]:
    """Every problem of a template's text with its bases; nothing is fetched, so bases on the network are left out."""
    own = tuple(each for each in check_text(text, _draft(home), home) if not _is_for_instances(each))
    part = name.startswith("_")
    if any(each.severity == "error" and not each.path for each in own) or not (part or _line_of_base(text)):
        return own
    written = tuple(each for each in own if each.line)  # what is missing altogether a base may bring
    if part or not _at_hand(text) or any(each.severity == "error" for each in written):
        return written
    try:
        whole = _whole(name, text, home)
    except LimaError as error:
        return (*written, Problem("base", error.message, error.hint, line=_line_of_base(text)))
    return _with_bases(own, check_text(whole, _draft(home), home))


def _is_for_instances(problem: Problem) -> bool:
    """An instance has no `base` any more; a template may."""
    return problem.path == "base" and "must be empty" in problem.message


def _at_hand(text: str) -> bool:
    """Whether all bases are files: looking at a text must not go to the network."""
    return all(locator.scheme(each) in _LOCAL for each in _bases(text))


def _whole(name: str, text: str, home: HomePaths) -> str:
    return embed.embed(locator.Template(name, text, _locator(name or _DRAFT)), home, with_base=False)


def effective(text: str, path: Path, home: HomePaths) -> tuple[Effective, ...]:
    """Every value that a text leads to, with what its bases bring where they are files; raises LimaError."""
    own = provenance.effective(text, path, home)
    if not _line_of_base(text) or not _at_hand(text):
        return own
    lines = {(each.path, each.value): each for each in own}
    whole = provenance.effective(_whole(path.parent.name, text, home), path, home)
    return tuple(_origin(each, lines.get((each.path, each.value))) for each in whole)


def _origin(each: Effective, own: Effective | None) -> Effective:
    """Lines of the merged text mean nothing to who wrote one part of it."""
    if each.layer != "instance":
        return each
    return own if own is not None and own.layer == "instance" else Effective(each.path, each.value, "base")


def _with_bases(own: tuple[Problem, ...], whole: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """What remains of a text's problems once its bases are there (they bring the images), then those of the bases."""
    lasting = {(each.path, each.message) for each in whole}
    known = {(each.path, each.message) for each in own}
    kept = tuple(each for each in own if (each.path, each.message) in lasting)
    return kept + tuple(Problem(each.path, f"with its bases: {each.message}", each.hint, severity=each.severity)
                        for each in whole if (each.path, each.message) not in known)


def _line_of_base(text: str) -> int:
    return next((number for number, line in enumerate(text.splitlines(), 1) if line.startswith("base:")), 0)


def _draft(home: HomePaths) -> Path:
    return home.home / _DRAFT / "lima.yaml"


def save(name: str, text: str, home: HomePaths) -> Path:
    """Write a template of the user's own; raises UsageError for a name that is none, HostError."""
    path = own_path(name, home)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_failed(path, error) from error
    write_atomic(path, text)
    return path


def own_path(name: str, home: HomePaths) -> Path:
    """Where a template of the user's own lies or will lie; raises UsageError for a name that is none."""
    parts = name.removesuffix(".yaml").split("/")
    if not all(_PART.fullmatch(part) for part in parts):
        raise UsageError(f"`{name}` cannot be the name of a template",
                         hint="use letters, digits, `.`, `_` and `-`, with `/` between folders")
    return home.templates.joinpath(*parts[:-1], f"{parts[-1]}.yaml")
