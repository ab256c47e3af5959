"""Changes of a YAML text that keep everything else."""

from __future__ import annotations

import pytest

from limacore.base import yamlio
from limacore.config import edit
from limacore.errors import ConfigError

TEXT = """\
# first line
cpus: 2   # two
images:
- location: "/a"  # an image

# before memory
memory: 4GiB
"""


def test_nothing_changes_without_changes() -> None:
    assert edit.set_fields(TEXT, {}) == TEXT
    assert edit.RoundTrip(TEXT).text() == TEXT


def test_comments_order_and_quotes_stay() -> None:
    changed = edit.set_fields(TEXT, {"cpus": 4, "ssh.localPort": 0, "disk": "10GiB"})
    kept = "# first line\ncpus: 4   # two\nimages:\n- location: \"/a\"  # an image\n\n# before memory\nmemory: 4GiB\n"
    assert changed.startswith(kept)
    assert yamlio.load(changed) == {"cpus": 4, "images": [{"location": "/a"}], "memory": "4GiB", "disk": "10GiB",
                                    "ssh": {"localPort": 0}}


@pytest.mark.parametrize(
    "value", ["3", "true", "null", "", "plain", "a: b", "#x", "two\nlines\n", "0x10", "- a", "'q'"]
)
def test_texts_stay_texts(value: str) -> None:
    assert yamlio.load(edit.set_fields(TEXT, {"message": value}))["message"] == value


def test_an_empty_file_and_a_comment_can_be_filled() -> None:
    assert edit.set_fields("", {"cpus": 1}) == "cpus: 1\n"
    assert edit.set_fields("# only this", {"cpus": 1}) == "# only this\ncpus: 1\n"


@pytest.mark.parametrize("text", ["- a\n", "a: [", "text", "a: 1\na: 2\n"])
def test_what_cannot_be_edited_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        edit.set_fields(text, {"cpus": 1})


@pytest.mark.parametrize("value", ["2001-13-45", "0x_", "!!int x", "!!float .", "!!bool maybe", "!!timestamp x"])
def test_a_scalar_that_is_not_what_it_looks_like_stays_a_text(value: str) -> None:
    changed = edit.set_fields(f"message: {value}\n", {"cpus": 2})
    assert yamlio.load(changed) == {"message": value.rpartition(" ")[2], "cpus": 2}


@pytest.mark.parametrize("text", ["a: !!omap x\n", "a: !!set 5\n", "a: &a\n  <<: *a\n"])
def test_what_the_editor_cannot_hold_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="cannot be edited"):
        edit.set_fields(text, {"cpus": 2})
