"""The layout of lima.yaml."""

from __future__ import annotations

import pytest

from limacore.base import yamlfmt
from limacore.errors import ConfigError


@pytest.mark.parametrize(("text", "laid_out"), [
    ("a:    1   # one\n", "a: 1  # one\n"),
    ("a:\n    - b\n    -   c:   d\n        e: f\n", "a:\n- b\n- c: d\n  e: f\n"),
    ("# top\n\na: 1\n\n\n# b\nb: 2\n# end\n\n", "# top\n\na: 1\n\n\n# b\nb: 2\n# end\n"),
    ("---\na: 1\r\n# c\r\n...\n", "a: 1\n# c\n"),
    ("\ufeffa: 1", "a: 1\n"),
    ("a: 'x'\nb: \"y\"\nc: {d: 'e', f: [1, \"2\"]}\n", "a: 'x'\nb: \"y\"\nc: {d: 'e', f: [1, \"2\"]}\n"),
    ("a: {b: https://x}\n", "a: {b: 'https://x'}\n"),
    ("a: |\n    #!/bin/sh\n\n      x   \n    y\n\nb: 1\n", "a: |\n  #!/bin/sh\n\n    x   \n  y\n\nb: 1\n"),
    ("a: |-\n  x\nb: |+\n  y\n\nc: >\n  folded\n  here\n\n  more\n",
     "a: |-\n  x\nb: |+\n  y\n\nc: >\n  folded\n  here\n\n  more\n"),
    ("a: |2\n    indented\n", "a: |2\n    indented\n"),
    ("a: &x 1\nb: *x\nc: &y\n  d: 1\ne:\n- &z\n  f: 1\n- *z\n",
     "a: &x 1\nb: *x\nc: &y\n  d: 1\ne:\n- &z\n  f: 1\n- *z\n"),
    ("a: !!binary aGk=\nb: !own {c: 1}\n", "a: !!binary aGk=\nb: !own {c: 1}\n"),
    ("a:\n  b: 1\n  # of b\n# of c\nc: 2\n", "a:\n  b: 1\n  # of b\n# of c\nc: 2\n"),
    ("a:\n  - b\n    # deep\nc: 1\n", "a:\n- b\n# deep\nc: 1\n"),
    ("a: # of a\n  # above b\n  b: 1\n", "a:  # of a\n  # above b\n  b: 1\n"),
    ("a: {b: 1, # one\n  c: 2}\n", "a:\n  b: 1  # one\n  c: 2\n"),
    ("- # item\n  a: 1\n- - 1\n  - 2\n-\n", "# item\n- a: 1\n- - 1\n  - 2\n-\n"),
    ("a: 1\n---\n# second\nb: 2\n", "a: 1\n---\n# second\nb: 2\n"),
    ("0755: 0755\nk: y\nn: ~\nempty:\nq: ''\n", "0755: 0755\nk: y\nn: ~\nempty:\nq: ''\n"),
    ("a: h\u00e9 \U0001f600\n", "a: h\u00e9 \U0001f600\n"),
    ("a: |\n  \U0001f600\n\n  x\n", "a: |\n  \U0001f600\n\n  x\n"),
    ("# only remarks\n", "# only remarks\n\n"),
    ("", ""),
])
def test_layout(text: str, laid_out: str) -> None:
    assert yamlfmt.format(text).rstrip("\n") == laid_out.rstrip("\n")
    assert yamlfmt.format(laid_out).rstrip("\n") == laid_out.rstrip("\n")


def test_no_yaml_is_refused() -> None:
    with pytest.raises(ConfigError):
        yamlfmt.format("a: [\n")
