"""Forwards as people write them."""

from __future__ import annotations

import pytest

from limacore.errors import UsageError
from limacore.forward.byhand import end, parse
from limacore.forward.rules import Fixed, Target


@pytest.mark.parametrize(("text", "target"), [
    ("8080", Target("127.0.0.1", 8080)), (":80", Target("127.0.0.1", 80)), ("0.0.0.0:80", Target("0.0.0.0", 80)),
    ("[::1]:80", Target("::1", 80)), ("/run/a b.sock", Target("/run/a b.sock")),
])
def test_ends(text: str, target: Target) -> None:
    assert end(text) == target


@pytest.mark.parametrize("text", ["", "0", "65536", "x", "host:80", "1.2.3:80", "-1", "run/x", "/" + "x" * 200, "²"])
def test_what_is_no_end(text: str) -> None:
    with pytest.raises(UsageError):
        end(text)


@pytest.mark.parametrize(("protocol", "guest", "host"), [
    ("sctp", "80", ""), ("udp", "/a", "80"), ("udp", "80", "/a"), ("tcp", "/a", ""), ("reverse", "/a", "80"),
    ("reverse", "80", "/a"),
])
def test_what_cannot_be(protocol: str, guest: str, host: str) -> None:
    with pytest.raises(UsageError):
        parse(protocol, guest, host)


def test_the_host_side_may_be_left_out() -> None:
    assert parse("udp", "0.0.0.0:53") == Fixed(Target("0.0.0.0", 53), Target("127.0.0.1", 53), "udp")
