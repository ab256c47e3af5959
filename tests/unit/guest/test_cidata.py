"""The seed volume: what is in it and how it is written."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pycdlib
import pytest
from msgspec.structs import replace

from limacore.errors import ConfigError, HostError
from limacore.guest import cidata, environment
from limacore.guest import seed as seeds
from limacore.guest.seed import Seed, read_certificates
from limacore.model.config import CaCerts, Config, Network, Provision, User
from limacore.model.network import NamedNetwork, Networks

USER = User(name="u", uid=1000, home="/home/u.guest", comment="Ü\x1b[31m\nx")


def seed(**config: Any) -> Seed:
    return Seed(config=Config(user=USER, **config), name="one", directory="/l/one", public_keys=("k",), iid="iid-1")


def read(path: Path, name: str) -> bytes:
    volume = pycdlib.PyCdlib()
    volume.open(str(path))
    out = io.BytesIO()
    volume.get_file_from_iso_fp(out, rr_path=f"/{name}")
    volume.close()
    return out.getvalue()


def test_the_volume_gives_back_what_was_written(tmp_path: Path) -> None:
    files = cidata.files(seed(provision=(Provision(script="#!/bin/sh\nexit 3\n"),)), {})
    cidata.write_iso(tmp_path / "cidata.iso", files)
    assert {name: read(tmp_path / "cidata.iso", name) for name in files} == files
    assert files["provision.system/00000000"] == b"#!/bin/sh\nexit 3\n"
    assert (tmp_path / "cidata.iso").read_bytes()[32808:32816] == b"cidata  "
    assert [path.name for path in tmp_path.iterdir()] == ["cidata.iso"]


def test_a_large_file_lies_in_the_volume_as_it_is(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archive.write_bytes(os.urandom(3 << 20))
    large = {cidata.NERDCTL: archive}
    cidata.write_iso(tmp_path / "cidata.iso", {"meta-data": b"m", "provision.system/00000000": b"s"}, large)
    volume = pycdlib.PyCdlib()
    volume.open(str(tmp_path / "cidata.iso"))
    found = io.BytesIO()
    volume.get_file_from_iso_fp(found, rr_path=f"/{cidata.NERDCTL}")
    volume.close()
    assert found.getvalue() == archive.read_bytes()
    cidata.write_folder(tmp_path / "cidata", {"meta-data": b"m"}, large)
    assert (tmp_path / "cidata" / cidata.NERDCTL).read_bytes() == archive.read_bytes()


def test_a_volume_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="cannot write"):
        cidata.write_iso(tmp_path / "missing" / "cidata.iso", {"meta-data": b""})


def test_only_a_plain_guest_has_no_agent() -> None:
    assert cidata.AGENT in cidata.files(seed(), {})
    assert cidata.AGENT not in cidata.files(seed(plain=True), {})


def test_control_characters_of_a_comment_stay_out() -> None:
    assert "LIMA_CIDATA_COMMENT=Ü[31mx\n" in environment.lima_env(seed())


@pytest.mark.parametrize(("url", "expected"), [
    ("http://localhost:3128/x?y#z", "http://192.168.5.2:3128/x?y#z"),
    ("http://me:pw@127.0.0.1", "http://me:pw@192.168.5.2"),
    ("http://[::1]:99", "http://192.168.5.2:99"),
    ("http://proxy.example:1", "http://proxy.example:1"),
    ("http://localhost:port", "http://localhost:port"),
    ("::bad::", "::bad::"),
])  # fmt: skip
def test_a_proxy_on_this_computer_is_reached_through_the_gateway(url: str, expected: str) -> None:
    here = {"localhost", "127.0.0.1", "::1"}
    assert environment.through_gateway(url, "192.168.5.2", here.__contains__) == expected


def test_a_guest_on_a_user_v2_network_has_the_gateway_of_that_network_for_everything() -> None:
    second = Networks(networks={"second": NamedNetwork(mode="user-v2", gateway="10.0.7.1"),
                                "shared": NamedNetwork(mode="shared", gateway="10.0.8.1")})
    cards = (Network(lima="shared", mac_address="52:54:00:00:00:01"), Network(lima="second"), Network(lima="user-v2"))
    of = replace(seed(networks=cards), networks=second)
    env = environment.lima_env(of).splitlines()
    assert {"LIMA_CIDATA_SLIRP_DNS=10.0.7.2", "LIMA_CIDATA_SLIRP_GATEWAY=10.0.7.2",
            "LIMA_CIDATA_SLIRP_IP_ADDRESS="} <= set(env)
    assert [card.name for card in seeds.cards(of)] == ["eth0", "lima0", "lima2"], "the second one is eth0"
    assert seeds.name_servers(of) == ("10.0.7.2",)
    proxies = environment.guest_environment(of, {"http_proxy": "http://localhost:3128"}, {"localhost"}.__contains__)
    assert proxies == {"http_proxy": "http://10.0.7.2:3128", "HTTP_PROXY": "http://10.0.7.2:3128"}
    assert seeds.gateway(seed(networks=cards[2:])) == "192.168.104.2"
    assert seeds.gateway(replace(of, config=Config(networks=cards[:1]))) == "192.168.5.2"


def test_loopback_is_found_by_asking_the_resolver() -> None:
    assert environment.is_loopback("localhost")
    assert not environment.is_loopback("192.0.2.1")


def test_a_certificate_that_is_missing_is_named() -> None:
    with pytest.raises(ConfigError, match=r"/nowhere/ca\.pem"):
        read_certificates(Config(ca_certs=CaCerts(files=("/nowhere/ca.pem",))))
