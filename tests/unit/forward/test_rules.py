"""Which guest port goes where: the table of the specification, and what the reference tool did with real listeners."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import yaml

from limacore.forward.rules import Decision, Fixed, Target, decide, fixed, is_static, match, table
from limacore.model.config import PortForward

SOCKETS = Path("/l/i/sock")


def rules(*given: dict[str, object]) -> tuple[PortForward, ...]:
    """Rules as the configuration loader fills them."""
    return tuple(rule(each) for each in given)


def rule(fields: dict[str, object]) -> PortForward:
    names = {"guestIP": "guest_ip", "hostIP": "host_ip", "guestIPMustBeZero": "guest_ip_must_be_zero",
             "guestPort": "guest_port", "hostPort": "host_port", "guestPortRange": "guest_port_range",
             "hostPortRange": "host_port_range", "guestSocket": "guest_socket", "hostSocket": "host_socket"}
    values = {names.get(key, key): tuple(value) if isinstance(value, list) else value for key, value in fields.items()}
    if values.get("guest_ip_must_be_zero") and "guest_ip" not in values:
        values["guest_ip"] = "0.0.0.0"
    values.setdefault("guest_ip_must_be_zero", values.get("guest_ip") == "0.0.0.0")
    return PortForward(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(("ip", "port", "host"), [
    ("127.0.0.1", 8080, "127.0.0.1:8080"),
    ("0.0.0.0", 8080, "127.0.0.1:8080"),
    ("::", 8080, "127.0.0.1:8080"),
    ("::1", 8080, "127.0.0.1:8080"),
    ("127.0.0.2", 8080, None),
    ("192.168.5.15", 8080, None),
    ("0.0.0.0", 22, None),
    ("127.0.0.1", 60022, None),
])
def test_default_table(ip: str, port: int, host: str | None) -> None:
    found = match(table((), 60022, SOCKETS), "tcp", ip, port)
    assert (str(found) if found else None) == host


@pytest.mark.parametrize(("given", "ip", "port", "host"), [
    ([{"guestIP": "127.0.0.2", "guestPortRange": [3000, 3009], "ignore": True},
      {"guestIP": "0.0.0.0", "guestIPMustBeZero": False, "guestPortRange": [3000, 3029],
       "hostPortRange": [2000, 2029]}], "0.0.0.0", 3002, "127.0.0.1:2002"),
    ([{"guestIP": "0.0.0.0", "guestIPMustBeZero": False, "guestPortRange": [3010, 3019], "ignore": True}],
     "127.0.0.1", 3011, None),
    ([{"guestIPMustBeZero": True, "guestPortRange": [4040, 4049]},
      {"guestIP": "0.0.0.0", "guestIPMustBeZero": False, "guestPortRange": [4040, 4049], "ignore": True}],
     "::", 4041, "127.0.0.1:4041"),
    ([{"guestIPMustBeZero": True, "guestPortRange": [4040, 4049]},
      {"guestIP": "0.0.0.0", "guestIPMustBeZero": False, "guestPortRange": [4040, 4049], "ignore": True}],
     "127.0.0.1", 4043, None),
    ([{"guestIP": "::", "guestPortRange": [4020, 4029], "hostIP": "127.0.0.9"}],
     "192.168.5.15", 4022, "127.0.0.9:4022"),
    ([{"guestPort": 80, "hostSocket": "web.sock"}], "127.0.0.1", 80, "/l/i/sock/web.sock"),
])
def test_vectors(given: list[dict[str, object]], ip: str, port: int, host: str | None) -> None:
    found = match(table(rules(*given), 0, SOCKETS), "tcp", ip, port)
    assert (str(found) if found else None) == host


def test_switched_off_protocols_are_the_leading_run() -> None:
    off = {"ignore": True, "proto": "udp"}
    assert table(rules(off, {"guestPort": 1}), 0, SOCKETS).silent == {"udp"}
    assert table(rules({"guestPort": 1}, off), 0, SOCKETS).silent == frozenset()
    assert table(rules({"ignore": True}), 0, SOCKETS).silent == {"tcp", "udp"}


def test_static_rules() -> None:
    found = table(rules({"guestPort": 5002, "hostPort": 15002, "static": True},
                        {"guestPortRange": [5100, 5112], "static": True}), 0, SOCKETS)
    assert fixed(found, sockets=True) == (
        Fixed(Target("127.0.0.1", 5002), Target("127.0.0.1", 15002), rule="portForwards[0] static"),)
    assert is_static(found, 5101) and not is_static(found, 5099)


def test_matches_the_recordings(golden: Path) -> None:
    rows = [row for file in sorted((golden / "runtime" / "ports").glob("set*.tsv")) for row in recorded(file)]
    assert len(rows) > 100 and not [row for row in rows if not agrees(golden, *row)]


def recorded(file: Path) -> list[tuple[str, str, str, int, str, str]]:
    """(set, protocol, address, port, events, host) of every recorded listener."""
    with file.open() as text:
        rows = list(csv.reader(text, delimiter="\t"))[1:]
    return [(file.stem, row[0].removesuffix("6only"), row[1], int(row[2].replace("SSHPORT", "60022")), row[3],
             row[4] if len(row) > 4 else "") for row in rows]


def agrees(golden: Path, name: str, protocol: str, ip: str, port: int, events: str, host: str) -> bool:
    given = yaml.safe_load((golden / "runtime" / "ports" / f"{name}.rules.yaml").read_text())["portForwards"]
    found = table(rules(*given), 60022, Path("@LIMA_HOME@/rports/sock"))
    target = match(found, protocol, ip, port)
    if "forwarding" in events.split(","):
        return target is not None and (str(target) == host or not target.port)
    if events == "not-forwarding":
        return target is None and protocol not in found.silent
    # (none) or a lone `stopping`: a plain instance, a static port or a protocol that is switched off
    return name == "set5" or is_static(found, port) or (target is None and protocol in found.silent)


def test_the_rule_that_decided() -> None:
    found = table(rules({"guestPort": 80, "hostPort": 8080}, {"guestPort": 81, "ignore": True}), 60022, SOCKETS)
    assert [decide(found, "tcp", "127.0.0.1", port).rule for port in (80, 81, 82, 22, 60022)] == [
        "portForwards[0]", "portForwards[1]", "default", "the port of ssh", "the port of ssh"]
    assert decide(found, "tcp", "10.0.0.1", 82) == Decision(None, "")
