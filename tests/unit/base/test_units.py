"""Sizes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limacore.base.units import format_size, parse_size
from limacore.errors import UsageError


@given(st.text(max_size=12) | st.text("0123456789.eE+- kKmMgGbBiI_", max_size=12))
def test_any_text_is_a_size_or_a_usage_error(text: str) -> None:
    try:
        assert 0 <= parse_size(text) < 1 << 63
    except UsageError as error:
        assert error.message.startswith(("invalid size: '", "invalid suffix: '", "strconv.ParseFloat: parsing "))
        assert error.hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("abc", "invalid size: 'abc'"),
        ("-1", "invalid size: '-1'"),
        ("1KiBs", "invalid suffix: 'KiBs'"),
        ("1Ki", "invalid suffix: 'ki'"),
        ("1bB", "invalid suffix: 'bb'"),
        ("0x10", 'strconv.ParseFloat: parsing "0x10": invalid syntax'),
        ("1e999", 'strconv.ParseFloat: parsing "1e999": value out of range'),
        ("9999999PiB", "invalid size: '9999999PiB'"),
    ],
)
def test_limactls_words(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_size(text)
    assert caught.value.message == message


@given(st.integers(0, (1 << 62) - 1))
def test_what_is_printed_is_close_to_what_was_meant(size: int) -> None:
    printed = format_size(size)
    assert abs(parse_size(printed.replace("EiB", "B")) - size) <= size * 0.001 if "EiB" not in printed else printed


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0B"), (1 << 30, "1GiB"), (107374182400, "100GiB"), (1536, "1.5KiB"), (4160749568, "3.875GiB")],
)
def test_printed(size: int, text: str) -> None:
    assert format_size(size) == text
