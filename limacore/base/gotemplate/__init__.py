"""Go's text/template: `{{.Name}}`, `if`, `range`, `with`, `define`, pipelines, variables, its functions and its errors.

Values are Python's: a mapping is a Go map, a list a slice, None is nil; `Record` is a struct with a type name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from limacore.base.gotemplate.lexing import TemplateError
from limacore.base.gotemplate.values import NO_VALUE, Function, Record

__all__ = ["NO_VALUE", "Function", "Record", "Template", "TemplateError", "expand", "parse", "references"]

_ACTION = re.compile(r"\{\{.*?\}\}", re.S)


class Template(Struct, frozen=True):
    """A parsed template; `blocks` holds its own nodes under its name, and what it defines."""

    name: str
    text: str
    blocks: Mapping[str, Any]
    functions: Mapping[str, Function]

    def execute(self, data: Any) -> str:
        """The text that `data` gives; raises TemplateError in Go's words."""
        from limacore.base.gotemplate.running import run

        return run(self.name, self.text, self.blocks, self.functions, data)


def parse(text: str, name: str = "", functions: Mapping[str, Function] | None = None) -> Template:
    """A template that may call `functions` besides Go's own; raises TemplateError."""
    from limacore.base.gotemplate.functions import BUILT_IN
    from limacore.base.gotemplate.parsing import blocks_of

    known = {**BUILT_IN, **(functions or {})}
    return Template(name, text, blocks_of(name, text, known), known)


def expand(text: str, values: Any, name: str = "", functions: Mapping[str, Function] | None = None) -> str:
    """`text` with its actions carried out; unknown keys of a mapping give `<no value>`. Raises TemplateError."""
    return parse(text, name, functions).execute(values) if "{{" in text else text


def references(text: str, name: str) -> bool:
    """Whether an action in `text` mentions the variable `.name`."""
    return any(re.search(rf"\.{name}\b", match.group()) for match in _ACTION.finditer(text))
