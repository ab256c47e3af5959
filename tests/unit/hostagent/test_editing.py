"""Edits of files in the guest by expressions: what comes out, and what is refused."""

from __future__ import annotations

import pytest

from limacore.errors import LimaError
from limacore.hostagent.editing import edited
from limacore.model.config import Provision


@pytest.mark.parametrize(("text", "path", "form", "expression", "wanted"), [
    (None, "/etc/x.yaml", "", '.a.b = "x"', "a:\n  b: x\n"),
    ("# c\na: 1 # k\nlist:\n  - 1\n", "/etc/x.yml", "auto", ".a = 2", "# c\na: 2 # k\nlist:\n  - 1\n"),
    ('{"a": {"b": 1}}', "/etc/x.json", "", ".a.c = true", '{\n  "a": {\n    "b": 1,\n    "c": true\n  }\n}\n'),
    (None, "/etc/docker/daemon.json", "auto", ".features.x = true", '{\n  "features": {\n    "x": true\n  }\n}\n'),
    ("a = 1\n", "/etc/x.properties", "auto", '.b = "2"', "a = 1\nb = 2\n"),
    ('{"a": 1}', "/etc/noname", "json", ".a += 1", '{\n  "a": 2\n}\n'),
    ("a: 1\n", "/etc/noname", "", ".a += 1", "a: 2\n"),
])  # fmt: skip
def test_a_file_after_an_expression(text: str | None, path: str, form: str, expression: str, wanted: str) -> None:
    assert edited(text, Provision(mode="yq", path=path, format=form, expression=expression)) == wanted


@pytest.mark.parametrize(("path", "expression", "why"), [
    ("/etc/x.toml", ".a = 1", "toml cannot be edited"), ("/etc/x.yaml", ".a = (", ""),
    ("/etc/x.yaml", '.a = load("/etc/passwd")', ""), ("/etc/x.yaml", ".a = env(HOME)", ""),
])  # fmt: skip
def test_what_is_refused(path: str, expression: str, why: str) -> None:
    """Nothing of this computer gets into a file of the guest."""
    with pytest.raises(LimaError, match=why or None):
        edited("a: 1\n", Provision(mode="yq", path=path, expression=expression))
