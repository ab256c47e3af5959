"""Tokens of the yq expression language (v4).

The order of the rules is part of the language: the first that fits wins, and words need no space behind them.
A path takes everything up to a bracket, comma, colon, pipe or `=`: `.a/b` and `.a-b` are one key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from limacore.base import goquote
from limacore.errors import UsageError

MAX_EXPRESSION = 1 << 16
"""The longest expression that is read, in characters."""

_RULES: tuple[tuple[str, str], ...] = (
    ("line_comment", r"line_?comment|lineComment"), ("head_comment", r"head_?comment|headComment"),
    ("foot_comment", r"foot_?comment|footComment"),
    ("(", r"\("), (")", r"\)"), (".[", r"\.\["), ("[", r"\["), ("]", r"\]\??"), ("{", r"\{"), ("}", r"\}"),
    ("...", r"\.\.\."), ("..", r"\.\."),
    ("$", r"\$[a-zA-Z_\-0-9]+"), ("as", "as"), ("ref", "ref"), (":", r":\s*"),
    ("length", "length"), ("line", "line"), ("column", "column"), ("eval", "eval"), ("to_number", "to_?number"),
    ("map_values", "map_?values"), ("map", "map"), ("filter", "filter"), ("pick", "pick"), ("omit", "omit"),
    ("flatten", r"flatten\([0-9]+\)|flatten"),
    ("format_datetime", "format_datetime"), ("now", "now"), ("tz", "tz"), ("from_unix", "from_?unix"),
    ("to_unix", "to_?unix"), ("with_dtf", "with_dtf"), ("error", "error"), ("shuffle", "shuffle"),
    ("sort_keys", "sortKeys|sort_?keys"), ("array_to_map", "array_?to_?map"), ("root", "root"),
    ("encode", r"to_?yaml\([0-9]+\)|to_?json\([0-9]+\)|to_?xml\([0-9]+\)"),
    ("decode", "from_?yaml|@yamld|from_?json|@jsond"), ("encode", "to_?yaml|@yaml|to_?json|@json"),
    ("decode", "from_?props|@propsd"), ("encode", "to_?props|@props"),
    ("decode", "from_?xml|@xmld"), ("encode", "to_?xml|@xml"),
    ("decode", "from_?csv|@csvd"), ("encode", "to_?csv|@csv"),
    ("decode", "from_?tsv|@tsvd"), ("encode", "to_?tsv|@tsv"),
    ("decode", "@base64d"), ("encode", "@base64"), ("decode", "@urid"), ("encode", "@uri"), ("encode", "@sh"),
    ("load", "load_?xml|xml_?load|load_?base64|load_?props|load_?str|str_?load|load"), ("system", "system"),
    ("split_doc", "splitDoc|split_?doc"), ("select", "select"), ("has", "has"), ("unique_by", "unique_?by"),
    ("unique", "unique"), ("group_by", "group_?by"), ("explode", "explode"), ("or", "or"), ("and", "and"),
    ("not", "not"), ("ireduce", "ireduce"), ("join", "join"), ("sub", "sub"), ("match", "match"),
    ("capture", "capture"), ("test", "test"), ("sort_by", "sort_?by"), ("sort", "sort"), ("first", "first"),
    ("reverse", "reverse"), ("any_c", "any_c"), ("any", "any"), ("all_c", "all_c"), ("all", "all"),
    ("contains", "contains"), ("split", "split"), ("parents", "parents"), ("parent", r"parent\(-?[0-9]+\)|parent"),
    ("keys", "keys"), ("key", "key"), ("is_key", "is_?key"), ("file_name", "file_?name|fileName"),
    ("file_index", "file_?index|fileIndex|fi"), ("path", "path"), ("set_path", "set_?path"),
    ("del_paths", "del_?paths"), ("to_entries", "to_?entries|toEntries"),
    ("from_entries", "from_?entries|fromEntries"), ("with_entries", "with_?entries|withEntries"), ("with", "with"),
    ("collect", "collect"), ("del", "del"), ("style", "style"), ("tag", "tag|type"), ("kind", "kind"),
    ("anchor", "anchor"), ("alias", "alias"), ("comments=", r"comments\s*=|comments\s*\|="), (";", ";"), ("//", "//"),
    ("document_index", "documentIndex|document_?index|di"), ("upcase", "upcase|ascii_?upcase"),
    ("downcase", "downcase|ascii_?downcase"), ("trim", "trim"), ("to_string", "to_?string"),
    ("number", r"0[xX][0-9A-Fa-f]+|-?[1-9](?:\.[0-9]+)?[Ee][-+]?[0-9]+|-?[0-9]+\.[0-9]+|-?[0-9]+"),
    ("bool", "[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]"), ("null", "[Nn][Uu][Ll][Ll]|~"),
    ("string", r'"[^"\\]*(?:\\(?:.|\n)[^"\\]*)*"'),
    ("env", r"strenv\([^)]+\)|env\([^)]+\)|envsubst\((?:ne|nu|ff| |,)+\)|envsubst"),
    ("==", r"\s*==\s*"), ("!=", r"\s*!=\s*"), ("compare", r"\s*(?:>=|<=|>|<)\s*"), ("min", "min"), ("max", "max"),
    ("=", r"\|=c*|=c*"), ("", r"[ \t\n]+"),
    ("path_key", r'\."[^ "]+"\??'), ("path_key", r"\.[^ ;}{:\[\],|.()=\n!]+\??"), ("|", r"\|"), (".", r"\."),
    (",", ","), ("*=", r"\*=[+|?cdn]*"), ("*", r"\*[+|?cdn]*"), ("/", "/"), ("%", "%"), ("+=", r"\+="), ("+", r"\+"),
    ("-=", "-="), ("-", "-"), ("", "#.*"), ("pivot", "pivot"),
)
_PATTERN = re.compile("|".join(f"(?P<r{number}>{pattern})" for number, (_, pattern) in enumerate(_RULES)))


class Token(msgspec.Struct, frozen=True):
    """A word of an expression: what it is, and its text."""

    name: str
    text: str


def tokens(expression: str) -> list[Token]:
    """The words of an expression; raises UsageError as yq does."""
    if len(expression) > MAX_EXPRESSION:
        raise UsageError("the expression is too long", detail=f"at most {MAX_EXPRESSION} characters are read")
    return list(_scan(expression))


def _scan(expression: str) -> Iterator[Token]:
    position = 0
    while position < len(expression):
        found = _PATTERN.match(expression, position)
        if found is None or found.end() == position:
            raise _unreadable(expression, position)
        name = _RULES[int((found.lastgroup or "r0")[1:])][0]
        if name:
            yield Token(name, found.group())
        position = found.end()


def _unreadable(expression: str, position: int) -> UsageError:
    line = expression.count("\n", 0, position) + 1
    column = position - expression.rfind("\n", 0, position)
    rest = expression[position:]
    shown = rest if len(rest) <= 16 else rest[:16] + "..."
    return UsageError(f"{line}:{column}: lexer: invalid input text {goquote.quoted(shown)}",
                      hint="expressions are those of yq v4; texts stand in double quotes")
