"""Changes of a YAML text that keep its comments, its order and its quoting."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.constructor import RoundTripConstructor
from ruamel.yaml.error import CommentMark, YAMLError
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import RoundTripRepresenter
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString
from ruamel.yaml.tokens import CommentToken

from limacore.base import yamlio
from limacore.errors import ConfigError

_WIDE = 1 << 20
_CORE = "tag:yaml.org,2002:"


class _Representer(RoundTripRepresenter):
    """Writes `null` as a word, as files have it that list all fields."""


_Representer.add_representer(type(None), lambda dumper, _: dumper.represent_scalar("tag:yaml.org,2002:null", "null"))


class _Constructor(RoundTripConstructor):
    """Numbers, booleans and dates that are none are the texts that they are to every other reader here."""


def _or_text(kind: str) -> Callable[[RoundTripConstructor, ScalarNode], Any]:
    construct = RoundTripConstructor.yaml_constructors[_CORE + kind]

    def attempt(constructor: RoundTripConstructor, node: ScalarNode) -> Any:
        try:
            return construct(constructor, node)
        except (ValueError, KeyError, IndexError, YAMLError):
            return str(node.value)

    return attempt


for _kind in ("int", "float", "bool", "timestamp"):
    _Constructor.add_constructor(_CORE + _kind, _or_text(_kind))


class RoundTrip:
    """A YAML document that can be changed and written again; raises ConfigError when it is none."""

    def __init__(self, text: str) -> None:
        yamlio.parse(text)
        self._yaml = YAML()
        self._yaml.Constructor = _Constructor
        self._yaml.Representer = _Representer
        self._yaml.preserve_quotes = True
        self._yaml.width = _WIDE
        self._yaml.indent(mapping=2, sequence=2, offset=0)
        self._yaml.brace_single_entry_mapping_in_flow_sequence = True
        try:
            root = self._yaml.load(text)
        except (YAMLError, AttributeError) as error:  # the latter of a text with the tag of a collection
            raise ConfigError("the file cannot be edited", detail=str(error)) from None
        self._lead = text if root is None else ""
        self.root: Any = CommentedMap() if root is None else root
        if not isinstance(self.root, dict):
            raise ConfigError("the file is no mapping of fields", hint="it must begin with a field such as `images:`")

    def text(self) -> str:
        """The document as it is now."""
        out = io.StringIO()
        self._yaml.dump(self.root, out)
        return _ended(self._lead) + out.getvalue() if self.root else self._lead


def _ended(text: str) -> str:
    return text + "\n" if text and not text.endswith("\n") else text


def set_fields(text: str, changes: Mapping[str, Any]) -> str:
    """`text` with fields set by dotted path, e.g. `{"cpus": 2, "ssh.localPort": 0}`; the same text when none."""
    if not changes:
        return text
    document = RoundTrip(text)
    for path, value in changes.items():
        _set(document.root, path.split("."), value)
    return document.text()


def _set(node: Any, path: list[str], value: Any) -> None:
    for part in path[:-1]:
        if not isinstance(node.get(part), dict):
            node[part] = CommentedMap()
        node = node[part]
    node[path[-1]] = quoted(value) if isinstance(value, str) else value


def comment_below(node: Any, key: str) -> str:
    """The lines of comment that stand below the value of `key`, before the next key; empty when there are none."""
    value = node[key]
    tokens = node.ca.items.get(key, [None] * 4) if not hasattr(value, "ca") else next(
        reversed(value.ca.items.values()), [None] * 4)
    token = next((each for each in tokens if each is not None and not isinstance(each, list)), None)
    return str(token.value).partition("\n")[2] if token is not None else ""


def put_comment_above(node: Any, number: int, text: str) -> None:
    """Put lines of comment above the key that is at place `number` now; nothing when there is none."""
    keys = list(node)
    if not text or number >= len(keys):
        return
    held = node.ca.items.setdefault(keys[number], [None, None, None, None])
    held[1] = [CommentToken(text, CommentMark(0), None), *(held[1] or ())]


def quoted(text: str) -> Any:
    """A text for a YAML tree: a literal block for lines, quotes where it would read as something else."""
    if "\n" in text:
        return literal(text)
    return DoubleQuotedScalarString(text) if yamlio.scalar_tag(text) != "tag:yaml.org,2002:str" else text


def literal(text: str) -> Any:
    """A text of several lines as a literal block, where YAML can write it so."""
    plain = all(char == "\n" or char.isprintable() for char in text) and " \n" not in text and not text.startswith(" ")
    return LiteralScalarString(text) if plain else text
