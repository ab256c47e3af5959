"""Trees as YAML text: every scalar in its own style where YAML can write it so."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from limacore.base.yq.node import ALIAS, DOUBLE, FLOW, FOLDED, LITERAL, MAP, SCALAR, SEQ, Node, resolve

_INDICATORS = frozenset("#,[]{}&*!|>'\"%@`")
_FLOW_INDICATORS = frozenset(",?[]{}:")
_ESCAPES = {"\0": "0", "\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r", "\x1b": "e",
            '"': '"', "\\": "\\", "\x85": "N", "\u2028": "L", "\u2029": "P"}
_BREAKS = re.compile("[\r\x85\u2028\u2029]")
_HINTED = re.compile(r"[ \n]")
_CORE_KINDS = frozenset({"!!map", "!!seq", "!!str", "!!int", "!!float", "!!bool", "!!null", "!!merge", "!!timestamp"})
_LONG_KEY = 1000  # YAML looks no further than 1024 characters for the colon of a key


class Layout(msgspec.Struct, frozen=True):
    """How blocks are laid out; the defaults are what lima.yaml is formatted to."""

    indent: int = 2
    indent_lists: bool = False
    before_comment: str = "  "


YQ = Layout(indent_lists=True, before_comment=" ")


def write(root: Node, layout: Layout = Layout()) -> str:  # noqa: B008 (frozen)
    """One document, ending with a newline."""
    writer = _Writer(layout)
    writer.comments(root.head, 0)
    if root.kind in (MAP, SEQ) and not _inline(root):
        if properties := _properties(root):
            writer.lines.append(properties)
        writer.block(root, 0)
    else:
        writer.lines.append("")
        writer.value(root, 0, "")
    writer.comments(root.foot, 0)
    return "".join(f"{line.rstrip(' ') if line.endswith(': ') else line}\n" for line in writer.lines)


class _Writer:
    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.lines: list[str] = []

    def comments(self, lines: Iterable[str], column: int) -> None:
        """Comment lines of their own."""
        for line in lines:
            self.lines.append(" " * column + _comment(line) if line.strip() else "")

    def block(self, node: Node, column: int, *, inline: bool = False) -> None:
        """The entries of a map or list; the first continues the present line when `inline`."""
        entries = node.pairs if node.kind == MAP else [(item, item) for item in node.items]
        for number, (key, value) in enumerate(entries):
            alone = value is not key and value.kind in (SCALAR, ALIAS)
            self._head(key.head + value.head * alone, column, inline and number == 0)
            if node.kind == MAP:
                self._pair(key, value, column)
            else:
                self._item(value, column)
            foot = key.foot + value.foot * alone
            self.comments(foot, column)
            if foot and number + 1 < len(entries) and not _begins_blank(entries[number + 1][0]):
                self.lines.append("")

    def _head(self, head: tuple[str, ...], column: int, inline: bool) -> None:
        if not inline:
            self.comments(head, column)
            self.lines.append(" " * column)
        elif head:
            started = self.lines.pop()
            self.comments(head, max(0, column - self.layout.indent))
            self.lines.append(started)

    def _pair(self, key: Node, value: Node, column: int) -> None:
        text = _key_text(key)
        if len(text) > _LONG_KEY:
            self.lines[-1] += "? " + text
            self.lines.append(" " * column + ":")
        else:
            self.lines[-1] += text + ":"
        self.value(value, column, key.line)

    def _item(self, item: Node, column: int) -> None:
        self.lines[-1] += "-"
        inside = column + self.layout.indent
        if item.kind not in (MAP, SEQ) or _inline(item):
            self.value(item, column, "")
        elif properties := _properties(item):
            self.lines[-1] += " " + properties
            self._behind(item.line)
            self.block(item, inside)
        else:
            self.lines[-1] += " " * (self.layout.indent - 1)
            self.block(item, inside, inline=True)

    def value(self, node: Node, column: int, comment: str) -> None:
        """What stands behind `key:` or `-`, with its comment."""
        properties = _properties(node)
        if node.kind in (MAP, SEQ) and not _inline(node):
            self._append(properties)
            self._behind(comment or node.line)
            deeper = node.kind == MAP or self.layout.indent_lists
            below = column + self.layout.indent * deeper
            self.comments(node.head, below)
            self.block(node, below)
            self.comments(node.foot, below)
            return
        style = _style(node)
        if style in (LITERAL, FOLDED):
            self._literal(node, style, column, comment or node.line)
            return
        self._append(flow(node))
        self._behind(node.line or comment)

    def _append(self, text: str) -> None:
        if text:
            self.lines[-1] += (" " if self.lines[-1].strip(" ") else "") + text

    def _behind(self, comment: str) -> None:
        if comment:
            first, *rest = comment.split("\n")
            self.lines[-1] += self.layout.before_comment + " ".join([_comment(first), *rest])

    def _literal(self, node: Node, style: str, column: int, comment: str) -> None:
        properties = _properties(node)
        hint = str(self.layout.indent) if _HINTED.match(node.value) else ""
        tail = "" if node.value.endswith("\n") else "-"
        if node.value.endswith("\n\n"):
            tail = "+"
        mark = ">" if style == FOLDED else "|"
        self._append(f"{properties} {mark}{hint}{tail}".strip())
        self._behind(comment)
        body = node.source if style == FOLDED else node.value.removesuffix("\n").split("\n")
        margin = " " * (column + self.layout.indent)
        self.lines += [margin + line if line else "" for line in body]


def flow(node: Node) -> str:
    """A value on one line."""
    properties = _properties(node)
    if node.kind == ALIAS:
        return f"*{node.value}"
    text = _scalar(node, inside=False) if node.kind == SCALAR else _flow_collection(node)
    return f"{properties} {text}".strip() if properties else text


def _flow_collection(node: Node) -> str:
    if node.kind == SEQ:
        return "[" + ", ".join(map(_flow_item, node.items)) + "]"
    return "{" + ", ".join(f"{_flow_key(key)}: {_flow_item(value)}" for key, value in node.pairs) + "}"


def _flow_key(key: Node) -> str:
    return _flow_item(key) + " " * (key.kind == ALIAS)


def _flow_item(node: Node) -> str:
    properties = _properties(node)
    text = flow(node) if node.kind != SCALAR else _scalar(node, inside=True)
    return f"{properties} {text}" if properties and node.kind == SCALAR else text


def _inline(node: Node) -> bool:
    return not node.size or node.style == FLOW


def _begins_blank(entry: Node) -> bool:
    return bool(entry.head) and not entry.head[0].strip()


def _comment(line: str) -> str:
    return line if line.startswith("#") else f"# {line}"


def _properties(node: Node) -> str:
    """The anchor and the tag that have to be written."""
    anchor = f"&{node.anchor}" if node.anchor else ""
    return f"{anchor} {_tag(node)}".strip()


def _tag(node: Node) -> str:
    if node.tagged or (node.tag and node.tag not in _CORE_KINDS):
        return node.tag if node.tag.startswith("!") else f"!<{node.tag}>"
    if node.kind != SCALAR or node.tag in ("", "!!str", "!!timestamp", "!!merge"):
        return ""
    found = resolve(node.value) if not node.style else "!!str"
    return "" if found == node.tag or (node.tag == "!!float" and found == "!!int") else node.tag


def _key_text(key: Node) -> str:
    if key.kind == ALIAS:
        return f"*{key.value} "
    properties = _properties(key)
    return f"{properties} {_scalar(key, inside=False)}".strip()


def _style(node: Node) -> str:
    """The style in which a scalar can be written, for its own or for want of one."""
    if node.kind != SCALAR:
        return node.style
    text = node.value
    if node.style == FOLDED and not node.source:
        return LITERAL if _literal_fits(text) else DOUBLE
    if node.style in (LITERAL, FOLDED) or (not node.style and "\n" in text):
        return (node.style or LITERAL) if _literal_fits(text) else DOUBLE
    return node.style


def _literal_fits(text: str) -> bool:
    return bool(text.strip()) and not _BREAKS.search(text) and all(
        char.isprintable() or char in "\n\t" or char == "\xa0" for char in text) and not text.startswith("\t")


def _scalar(node: Node, *, inside: bool) -> str:
    text, style = node.value, node.style
    if not style and "\n" not in text and _plain_fits(node, inside):
        return text
    forced = not style and node.tag == "!!str" and resolve(text) != "!!str"
    if style in (DOUBLE, LITERAL, FOLDED) or forced or not _single_fits(text):
        return double(text)
    return "'" + text.replace("'", "''") + "'"


def _plain_fits(node: Node, inside: bool) -> bool:
    text = node.value
    if node.tag == "!!str" and not node.tagged and resolve(text) != "!!str":
        return False
    if not text:
        return not inside and node.tag != "!!str"
    if text[0] in _INDICATORS or text[0] == " " or text[-1] == " " or text.startswith(("---", "...")):
        return False
    if text[0] in "?:-" and (len(text) == 1 or text[1] == " " or inside):
        return len(text) > 1 and text[0] == "-" and text[1] != " "
    if ": " in text or " #" in text or text[-1] == ":" or not text.isprintable():
        return False
    return not (inside and any(char in _FLOW_INDICATORS for char in text))


def _single_fits(text: str) -> bool:
    return text.isprintable()


def double(text: str) -> str:
    """A text in double quotes."""
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return "\\" + _ESCAPES[char]
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\x{code:02X}" if code < 0x100 else f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"
