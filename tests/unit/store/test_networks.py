"""networks.yaml: made when there is none, changed with its comments kept, asked who uses what."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from limacore.base import yamlio
from limacore.config.networks import default_text, parse
from limacore.errors import AlreadyExistsError, ConfigError, LimaError, NotFoundError, UsageError
from limacore.paths import HomePaths
from limacore.store import networks
from limacore.store.networks import Wanted

OWN = """\
# top
networks:
  # first
  lan:   # why
    mode: shared
    gateway: 10.0.0.1
    dhcpEnd: 10.0.0.9
    netmask: 255.255.255.0
  # second
  wan: {mode: bridged, interface: en5}   # end
# foot
"""


@pytest.fixture
def home(lima_home: Path) -> HomePaths:
    return HomePaths(lima_home)


def _put(home: HomePaths, text: str) -> None:
    home.config.mkdir(exist_ok=True)
    home.networks_yaml.write_text(text)


def test_the_default_file(home: HomePaths) -> None:
    found = networks.known(home)
    assert list(found.networks) == ["user-v2", "shared", "bridged", "host"]
    assert found.networks["host"].dhcp_end == "192.168.106.254"
    assert (found.group, found.paths.var_run) == ("admin", "/private/var/run/lima")
    assert home.networks_yaml.stat().st_mode & 0o777 == 0o644
    assert home.networks_yaml.read_text() == default_text()


def test_a_network_is_added_and_removed_and_comments_stay(home: HomePaths) -> None:
    _put(home, OWN)
    networks.create(home, "new", Wanted(gateway="192.168.42.1"))
    text = home.networks_yaml.read_text()
    assert yamlio.load(text)["networks"]["new"] == {
        "mode": "user-v2", "gateway": "192.168.42.1", "netmask": "255.255.255.0", "interface": ""}
    for comment in ("# top", "# first", "# why", "# second", "# end"):
        assert comment in text
    networks.delete(home, ("lan", "nope"))
    text = home.networks_yaml.read_text()
    assert list(yamlio.load(text)["networks"]) == ["wan", "new"]
    assert "# first" not in text
    assert "# top" in text
    networks.delete(home, ("wan", "new"))
    assert list(networks.known(home).networks) == ["user-v2"]
    networks.create(home, "again", Wanted("bridged", interface="en0"))
    assert yamlio.load(home.networks_yaml.read_text())["networks"] == {"again": {"mode": "bridged", "interface": "en0"}}


@pytest.mark.parametrize("text", ["", "# nothing\n", "networks:\n", "networks: {}\n", "group: x\n"])
def test_a_network_is_added_to_a_file_without_any(home: HomePaths, text: str) -> None:
    _put(home, text)
    networks.create(home, "n", Wanted(gateway="10.0.0.1/8"))
    assert networks.find(home, "n").netmask == "255.0.0.0"


@pytest.mark.parametrize(("name", "wanted", "error"), [
    ("lan", Wanted(gateway="10.0.0.1"), AlreadyExistsError), ("a b", Wanted(gateway="10.0.0.1"), UsageError),
    ("a/b", Wanted(gateway="10.0.0.1"), UsageError), ("x" * 77, Wanted(gateway="10.0.0.1"), UsageError),
    ("n", Wanted(gateway="10.0.0.1/33"), UsageError), ("n", Wanted(gateway="10.0.0.1/255.0.0.0"), UsageError),
    ("n", Wanted(gateway="::1"), UsageError), ("n", Wanted(), UsageError), ("n", Wanted("bridged"), UsageError),
])  # fmt: skip
def test_what_is_refused_leaves_the_file_alone(
    home: HomePaths, name: str, wanted: Wanted, error: type[LimaError]
) -> None:
    _put(home, OWN)
    with pytest.raises(error):
        networks.create(home, name, wanted)
    assert home.networks_yaml.read_text() == OWN


def test_a_file_that_is_none_stays_as_it_is(home: HomePaths) -> None:
    for text in ("networks: [\n", "networks: [a]\n", "networks: {a: {gateway: nope}}\n", "- a\n"):
        _put(home, text)
        with pytest.raises(ConfigError, match="cannot parse"):
            networks.create(home, "n", Wanted(gateway="10.0.0.1"))
        assert home.networks_yaml.read_text() == text
    with pytest.raises(ConfigError):
        networks.find(home, "lan")


def test_who_uses_what(home: HomePaths) -> None:
    for name, entries in (("a", "[{lima: user-v2}, {lima: lan}]"), ("b", "[{lima: user-v2}]"), ("c", "[]")):
        (home.home / name).mkdir()
        (home.home / name / "lima.yaml").write_text(f"images: [{{location: /x}}]\nnetworks: {entries}\n")
    _put(home, OWN.replace("mode: shared", "mode: user-v2"))
    assert networks.usage(home) == {"lan": ("a",), "user-v2": ("a", "b")}
    with pytest.raises(NotFoundError, match="network `nope` is not defined"):
        networks.find(home, "nope")


@given(st.text(max_size=60) | st.text("networks: {}[]a1.,\n-#&*'\"/", max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_a_file_of_networks_or_one_error(text: str) -> None:
    try:
        assert "user-v2" in parse(text, "networks.yaml").networks or parse(text, "").networks
    except ConfigError as error:
        assert error.message.startswith("cannot parse `networks.yaml`: ")


def test_of_two_that_add_the_same_name_at_once_one_is_refused(home: HomePaths) -> None:
    _put(home, OWN)
    wanted = [Wanted(gateway=f"10.9.{number}.1/24") for number in range(8)]

    def attempt(each: Wanted) -> bool:
        try:
            networks.create(home, "new", each)
        except AlreadyExistsError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, wanted)) == 1
