"""Expressions of yq v4 on YAML texts and on plain data, without a way out of the document."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

from limacore.base import goquote, notice
from limacore.base.yq.evaluate import Access, Budget, Scope, run
from limacore.base.yq.node import ALIAS, SCALAR, Node, from_plain, to_plain
from limacore.base.yq.parser import Tree, chain, parse
from limacore.errors import ConfigError, UsageError

__all__ = ["Access", "Budget", "evaluate", "print_results", "printed", "query", "results", "show"]

_CLOSED = Access()


def evaluate(expression: str, text: str) -> str:
    """The text of a document after an expression, laid out by `yamlfmt`; the same bytes when there is none.

    Comments, quotes, the order of keys and further documents stay. Raises UsageError, ConfigError.
    """
    from limacore.base import yamlfmt

    if not expression:
        return text
    notice.debug(f"Evaluating yq expression: {goquote.ticked(expression)}")
    with _bounded():
        return yamlfmt.join([_laid_out(document) for document in results(expression, text) if document])


def _laid_out(found: list[Node]) -> str:
    from limacore.base.yq.codecs import to_yaml
    from limacore.base.yq.writer import write

    if len(found) == 1 and found[0].kind not in (SCALAR, ALIAS):
        return write(found[0])
    return "".join(map(to_yaml, found))  # no document that anybody reads; but this is what came out


def results(expression: str, text: str, *, source: str = "yaml", access: Access = _CLOSED,
            budget: Budget | None = None) -> list[list[Node]]:
    """The results of an expression for every document of a text in the format `source`, as nodes."""
    from limacore.base.yq.codecs import documents

    tree = parse(expression)
    with _bounded():
        roots, left = documents(text, source), budget or Budget()
        return [_evaluated(tree, Scope([root], left, access=access)) for root in roots]


def show(expression: str, text: str, *, output: str = "yaml", indent: int = 2, unwrap_scalar: bool = True) -> str:
    """What the yq program prints for an expression and a text."""
    return printed(results(expression, text), output=output, indent=indent, unwrap_scalar=unwrap_scalar)


def printed(found: Iterable[list[Node]], *, output: str = "yaml", indent: int = 2, unwrap_scalar: bool = True) -> str:
    """Results of documents as the yq program prints them, `---` between documents."""
    from limacore.base.yq.codecs import encode, format_name

    form = format_name(output)
    with _bounded():
        made = ["".join(encode(node, form, indent, unwrap=unwrap_scalar) for node in document) for document in found]
    return "---\n".join(filter(None, made)) if form == "yaml" else "".join(made)


def query(expression: str, data: Any) -> list[Any]:
    """The results of an expression on plain data, as plain data; raises UsageError, ConfigError."""
    tree = parse(expression)
    path = _plain_path(tree) if tree is not None else []
    if path is not None and isinstance(data, dict):
        return _followed(data, path)
    with _bounded():
        return [to_plain(node) for node in _evaluated(tree, Scope([from_plain(data)]))]


def _plain_path(tree: Tree | None) -> list[str] | None:
    """The keys of `.a.b.c`, which need no tree of nodes; None for any other expression."""
    if tree is None:
        return []
    links = [link for part in chain(tree, "|") for link in chain(part, "short_pipe")]
    if any(link.name != "path_key" or any(char in link.text for char in '*?"') for link in links):
        return None
    return [link.text[1:] for link in links]


def _followed(data: Any, path: list[str]) -> list[Any]:
    for number, key in enumerate(path):
        if data is None:
            return [None]
        if not isinstance(data, dict):
            return query("." + "".join(f'["{part}"]' for part in path[number:]), data)
        data = data.get(key)
    return [data]


def print_results(found: Iterable[Any], *, output: str = "yaml", indent: int = 2, unwrap_scalar: bool = True) -> str:
    """Plain results as yq prints them, one after another."""
    from limacore.base.yq.codecs import encode, format_name

    form = format_name(output)
    return "".join(encode(from_plain(each), form, indent, unwrap=unwrap_scalar) for each in found)


def _evaluated(tree: Tree | None, scope: Scope) -> list[Node]:
    return scope.nodes if tree is None else run(tree, scope)


@contextlib.contextmanager
def _bounded() -> Iterator[None]:
    try:
        yield
    except RecursionError:
        raise UsageError("the expression makes a value that nests too deeply") from None
    except MemoryError:
        raise ConfigError("the expression needs too much memory") from None


