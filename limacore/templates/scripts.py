"""Scripts that a template keeps in files beside it: found, made absolute, taken in."""

from __future__ import annotations

import base64
import textwrap
from collections.abc import Iterator
from typing import Any

from limacore.base import notice
from limacore.base.goquote import quoted, ticked
from limacore.paths import HomePaths
from limacore.templates import locator

_TARGETS = {"data": "content", "yq": "expression"}
_LONGEST_LINE = 65000
"""Characters; limactl's formatter reads no longer lines."""
_WIDTH = 76


def entries(data: Any) -> Iterator[tuple[str, Any]]:
    """The entries of `provision` and `probes`, each with the name of its list."""
    for part in ("provision", "probes"):
        for entry in data.get(part) or ():
            yield part, entry


def make_absolute(entry: Any, place: str) -> str:
    """Make the `file` of an entry independent of the template at `place`; returns the locator."""
    file = entry["file"]
    path = locator.absolute(str(file.get("url") or "" if isinstance(file, dict) else file), place)
    if isinstance(file, dict):
        file["url"] = path
    elif path != file:
        entry["file"] = type(file)(path) if isinstance(file, str) else path
    return path


def inline(data: Any, place: str, home: HomePaths, *, every: bool) -> None:
    """Put the content of files where their names stand; named templates only when `every` one is wanted."""
    for part, entry in entries(data):
        if not isinstance(entry, dict) or not entry.get("file"):
            continue
        path = make_absolute(entry, place)
        target = _TARGETS.get(entry.get("mode", ""), "script") if part == "provision" else "script"
        if not entry.get(target) and (every or locator.scheme(path) != locator.NAMED):
            _put(entry, target, value(locator.read_bytes(path, home), path))


def _put(entry: Any, target: str, content: Any) -> None:
    entry.pop(target, None)
    position = list(entry).index("file")
    comment = entry.ca.items.pop("file", None) if hasattr(entry, "ca") else None
    del entry["file"]
    entry.insert(position, target, content)
    if comment is None:
        return
    first, _, rest = str(comment[2].value if comment[2] else "").partition("\n")
    if hasattr(type(content), "comment") and first and not rest and not entry.fa.flow_style():
        content.comment = f"  {first}"  # this is how a block keeps what stands behind its `|`
    else:
        entry.ca.items[target] = comment


def value(raw: bytes, name: str) -> Any:
    """The content of a file for a YAML tree: a literal block, or base64 where that cannot hold it."""
    from ruamel.yaml.comments import TaggedScalar
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

    if not raw:
        return None
    reason = unfit(raw)
    if not reason:
        text = raw.decode()
        # A block that begins with white space needs a number for its indent, which not all readers take.
        return DoubleQuotedScalarString(text) if text[0].isspace() else LiteralScalarString(text)
    notice.info(f"File {ticked(name)} is being base64 encoded: {reason}")
    lines = textwrap.wrap(base64.b64encode(raw).decode(), _WIDTH)
    encoded = "\n".join(lines) + ("\n" if len(lines) > 1 else "")
    return TaggedScalar(encoded, style="|" if len(lines) > 1 else None, tag="tag:yaml.org,2002:binary")


def unfit(raw: bytes) -> str:
    """Why a file cannot stand in a template as text; empty when it can."""
    text = raw.decode(errors="surrogateescape")
    for offset, char in enumerate(text):
        if char not in "\n\t" and not char.isprintable():
            shown = "'" + quoted(char)[1:-1] + "'"
            return f"unprintable character {shown} at offset {len(text[:offset].encode(errors='surrogateescape'))}"
    offset = 0
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) >= _LONGEST_LINE:
            return f"line {number} (offset {offset}) is longer than {_LONGEST_LINE} characters"
        offset += len(line.encode()) + 1
    return ""
