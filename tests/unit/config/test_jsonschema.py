"""The JSON schema of lima.yaml, and documents checked against it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limacore.base import yamlio
from limacore.config.jsonschema import mismatches, schema
from limacore.config.shape import config_shape
from limacore.templates import catalog


def test_the_schema_has_every_field_with_a_text() -> None:
    whole = schema()
    assert whole["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert whole["$ref"] == "#/$defs/LimaYAML"
    properties = whole["$defs"]["LimaYAML"]["properties"]
    assert list(properties) == list(config_shape().fields)
    assert all(entry["description"] for entry in properties.values())
    assert properties["os"]["enum"][0] is None
    assert whole["$defs"]["LimaYAML"]["additionalProperties"] is False
    assert json.loads(json.dumps(whole)) == whole


@pytest.mark.parametrize(("document", "found"), [
    ({}, []), ({"cpus": None, "cpuType": {"x86_64": "max"}}, []),
    ({"images": [{"location": "/a"}], "base": ["a", {"url": "b"}], "additionalDisks": ["a", {"name": "b"}]}, []),
    ({"cpus": "many"}, ["- at '/cpus': 'oneOf' failed, none matched", "  - at '/cpus': got string, want integer",
                        "  - at '/cpus': got string, want null"]),
    ({"foo": 1}, ["- at '': additional properties 'foo' not allowed"]),
    ({"arch": "vax"}, ["- at '/arch': value must be one of null, 'x86_64', 'aarch64', 'armv7l', 'ppc64le', 'riscv64', "
                       "'s390x'"]),
    ({"mounts": [{}]},
     ["- at '/mounts': 'oneOf' failed, none matched", "  - at '/mounts/0': missing property 'location'"]),
    ([], ["- at '': got array, want object"]),
])  # fmt: skip
def test_conformance(document: Any, found: list[str]) -> None:
    assert mismatches(document) == found


def test_every_bundled_template_conforms() -> None:
    for path in catalog.bundled().rglob("*.yaml"):
        assert mismatches(yamlio.load(path.read_text())) == [], path


_VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5), lambda inner: (
    st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)), max_leaves=8)


@given(st.dictionaries(st.sampled_from(sorted(config_shape().fields)), _VALUES, max_size=4) | _VALUES)
def test_any_document_is_checked(document: Any) -> None:
    assert all(line.lstrip().startswith("- at '") for line in mismatches(document))
