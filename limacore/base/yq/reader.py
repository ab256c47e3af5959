"""A YAML text as trees that know their comments, blank lines, styles and anchors.

libyaml says where every token is; comments are what stands between tokens. A comment belongs to what follows it,
unless it is indented deeper than that and a nested block ends before it: then it is the foot of that block.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import yaml

from limacore.base import yamlio
from limacore.base.yq.node import ALIAS, DOUBLE, FLOW, FOLDED, LITERAL, MAP, SCALAR, SEQ, SINGLE, Node, resolve

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STYLES = {"'": SINGLE, '"': DOUBLE, "|": LITERAL, ">": FOLDED}
_COMMENT = re.compile(r"(?:^|(?<=\s))#[^\n]*")
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+(?:#[^\n]*\n\s*)*)*")
_BLOCK_HEADER = re.compile(r"[|>][-+0-9]*[ \t]+(#[^\n]*)")
_CORE = "tag:yaml.org,2002:"


def read(text: str) -> list[Node]:
    """The documents of a text, each a tree; raises limacore.base.yamlio.YamlError for what is no YAML we read."""
    text = normal(text)
    yamlio.parse(text)
    return _Reader(text).documents()


def normal(text: str) -> str:
    """The text without byte order mark and with plain line ends."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.events = list(yaml.parse(text, Loader=_LOADER))
        self.next = 0
        self.at = 0
        self.pending: list[tuple[int, str]] = []
        self.last: Node | None = None
        self.trail: list[tuple[int, Node]] = []
        self.flows: list[Node] = []
        self.anchors: dict[str, Node] = {}
        self.document = 0

    def documents(self) -> list[Node]:
        """Every document; a text of comments only is one that holds null."""
        roots: list[Node] = []
        while self.next < len(self.events):
            event = self._take()
            if isinstance(event, yaml.DocumentStartEvent):
                self._between(event, roots)
                roots.append(self._root(len(roots)))
            elif isinstance(event, yaml.StreamEndEvent):
                self._gap(len(self.text))
        if self.pending and not roots:
            roots.append(Node(tag="!!null"))
            roots[0].head = _trimmed(line for _, line in self.pending)
        elif roots:
            self._end(roots[-1])
        return roots

    def _take(self) -> Any:
        self.next += 1
        return self.events[self.next - 1]

    def _between(self, event: Any, roots: list[Node]) -> None:
        if roots and event.explicit:
            self._gap(event.start_mark.index)
            self._end(roots[-1])
        if event.explicit:
            self._gap(event.end_mark.index)

    def _root(self, document: int) -> Node:
        self.document, self.trail, self.last, self.anchors = document, [], None, {}
        self._gap(self._peek().start_mark.index)
        lead, self.pending = [line for _, line in self.pending], []
        root = self._node()
        root.head = _after_blanks(lead)
        return root

    def _peek(self) -> Any:
        return self.events[self.next]

    def _end(self, root: Node) -> None:
        lines, self.pending = self.pending, []
        blanks: tuple[str, ...] = ()
        for column, line in lines:
            if not line:
                blanks += ("",)
                continue
            owner = next((entry for at, entry in reversed(self.trail) if at <= column), root)
            owner.foot += (*blanks, line)
            blanks = ()
        self.trail = []

    def _gap(self, end: int) -> None:
        pieces = self.text[self.at:end].split("\n") if end > self.at else [""]
        self.at = max(self.at, end)
        if found := _COMMENT.search(pieces[0]):
            self._behind(found.group())
        for number, piece in enumerate(pieces[1:], 1):
            found = _COMMENT.search(piece)
            if found:
                self.pending.append((found.start(), found.group().rstrip()))
            elif number < len(pieces) - 1 and not piece.strip():
                self.pending.append((-1, ""))

    def _behind(self, comment: str) -> None:
        if self.last is None:
            self.pending.append((0, comment.rstrip()))
        elif not self.last.line:
            self.last.line = comment.rstrip()
        self._in_flow()

    def _in_flow(self) -> None:
        for flow in self.flows:  # a list on one line cannot hold a comment
            flow.style = ""

    def _node(self) -> Node:
        event = self._take()
        self._gap(event.start_mark.index)
        node = self._made(event)
        node.row, node.column, node.document = event.start_mark.line + 1, event.start_mark.column + 1, self.document
        return node

    def _made(self, event: Any) -> Node:
        if isinstance(event, yaml.AliasEvent):
            name = str(event.anchor)
            return self._closed(Node(ALIAS, value=name, target=self.anchors.get(name)), event)
        if isinstance(event, yaml.ScalarEvent):
            return self._closed(self._scalar(event), event)
        kind = MAP if isinstance(event, yaml.MappingStartEvent) else SEQ
        node = Node(kind, _short(event.tag) or f"!!{kind}", tagged=bool(event.tag), anchor=event.anchor or "",
                    style=FLOW if event.flow_style else "")
        self._name(node)
        self._collection(node, event)
        return node

    def _name(self, node: Node) -> None:
        if node.anchor:
            self.anchors[node.anchor] = node

    def _closed(self, node: Node, event: Any) -> Node:
        self.at = max(self.at, _content_end(self.text, event))
        self.last = node
        return node

    def _scalar(self, event: Any) -> Node:
        style = _STYLES.get(event.style or "", "")
        tag = _short(event.tag) or ("!!str" if style else resolve(event.value))
        node = Node(SCALAR, tag, event.value, style, bool(event.tag) and event.tag != "!", event.anchor or "")
        self._name(node)
        own = self.text[event.start_mark.index:event.end_mark.index]
        if properties := _PROPERTIES.match(own) if own[:1] in "&!" else None:
            node.head = tuple(_COMMENT.findall(properties.group()))
            own = own[properties.end():]
        if style in (LITERAL, FOLDED) and (comment := _BLOCK_HEADER.match(own)):
            node.line = comment.group(1).rstrip()
        if style == FOLDED:
            node.source = _folded_source(own)
        return node

    def _collection(self, node: Node, event: Any) -> None:
        flow = bool(event.flow_style)
        pair = flow and self._is_pair(node, event)
        if flow:
            self.flows.append(node)
        if flow and not pair:
            start = self.text.index("[" if node.kind == SEQ else "{", event.start_mark.index)
            self._gap(start)
            self.at, self.last = start + 1, None
        end = yaml.MappingEndEvent if node.kind == MAP else yaml.SequenceEndEvent
        while not isinstance(self._peek(), end):
            self._pair(node, flow) if node.kind == MAP else self._item(node, event, flow)
        event = self._take()
        if pair:
            self.flows.pop()
            self.last = node
        elif flow:
            self._flow_end(node, event)

    def _is_pair(self, node: Node, event: Any) -> bool:
        """Whether this is the `a: b` of `[a: b]`: a map without brackets of its own, which takes no properties."""
        return node.kind == MAP and not (event.anchor or event.tag) and self.text[event.start_mark.index] != "{"

    def _flow_end(self, node: Node, event: Any) -> None:
        self._gap(event.end_mark.index - 1)
        lines = _trimmed(line for _, line in self.pending)
        self.pending = []
        if lines and node.size:
            (node.pairs[-1][0] if node.pairs else node.items[-1]).foot = lines
            self._in_flow()
        self.flows.pop()
        self.at, self.last = max(self.at, event.end_mark.index), node

    def _pair(self, node: Node, flow: bool) -> None:
        self._gap(self._peek().start_mark.index)
        head, column = self._heads(self._peek().start_mark.column, flow), self._peek().start_mark.column
        key = self._node()
        key.head, key.parent, key.is_key = head, node, True
        self._enter(column, key, flow)
        value = self._node()
        value.parent, value.key = node, key
        if key.line and (value.kind in (SCALAR, ALIAS) or value.style == FLOW) and not value.line:
            key.line, value.line = "", key.line
        node.pairs.append((key, value))

    def _item(self, node: Node, event: Any, flow: bool) -> None:
        self._gap(self._peek().start_mark.index)
        column = event.start_mark.column
        if not flow and (event.anchor or event.tag):
            dash = self.text.rfind("-", 0, self._peek().start_mark.index)
            column = dash - self.text.rfind("\n", 0, dash) - 1
        head = self._heads(column, flow)
        entry = Node()
        self._enter(column, entry, flow)
        item = self._node()
        item.head = head + item.head
        item.parent, item.foot = node, entry.foot or item.foot
        self.trail = [(at, item if known is entry else known) for at, known in self.trail]
        node.items.append(item)

    def _enter(self, column: int, entry: Node, flow: bool) -> None:
        if not flow and not self.flows:
            self.trail = [(at, known) for at, known in self.trail if at < column]
            self.trail.append((column, entry))

    def _heads(self, column: int, flow: bool) -> tuple[str, ...]:
        lines, self.pending = self.pending, []
        if flow or self.flows:
            lines = [(at, line) for at, line in lines if line]
            if lines:
                self._in_flow()
            return tuple(line for _, line in lines)
        while foot := self._feet(lines, column):
            del lines[:foot]
        return tuple(line for _, line in lines)

    def _feet(self, lines: list[tuple[int, str]], column: int) -> int:
        number = next((number for number, (_, line) in enumerate(lines) if line), len(lines))
        if number == len(lines) or lines[number][0] <= column or not self.trail or self.trail[-1][0] <= column:
            return 0
        owner = next((entry for at, entry in reversed(self.trail) if column < at <= lines[number][0]), None)
        if owner is None:
            return 0
        owner.foot += tuple(line for _, line in lines[:number + 1])
        return number + 1


def _short(tag: str | None) -> str:
    if not tag or tag == "!":
        return "!!str" if tag == "!" else ""
    return "!!" + tag.removeprefix(_CORE) if tag.startswith(_CORE) else tag


def _content_end(text: str, event: Any) -> int:
    """Where a token's own text ends; blank lines behind a block belong to nobody, unless it keeps them."""
    start, end = event.start_mark.index, event.end_mark.index
    if getattr(event, "style", None) not in ("|", ">"):
        return int(end)
    own = text[start:end]
    if "+" in own.partition("\n")[0]:
        return int(end) - own.endswith("\n")
    return int(start) + len(own.rstrip(" \n"))


def _folded_source(own: str) -> tuple[str, ...]:
    header, _, body = own.partition("\n")
    lines = body.split("\n")
    if any(char.isdigit() for char in header.split("#")[0]) or "+" in header.split("#")[0]:
        return ()
    margin = min((len(line) - len(line.lstrip(" ")) for line in lines if line.strip()), default=0)
    return _trimmed(line[margin:] for line in lines)


def _trimmed(lines: Iterable[str]) -> tuple[str, ...]:
    kept = list(lines)
    while kept and not kept[-1].strip():
        kept.pop()
    return tuple(kept)


def _after_blanks(lines: list[str]) -> tuple[str, ...]:
    start = next((number for number, line in enumerate(lines) if line), len(lines))
    return tuple(lines[start:])
