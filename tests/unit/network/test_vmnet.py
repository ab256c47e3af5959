"""socket_vmnet: the exact commands and rules; and the life of a network with stand-ins for sudo and socket_vmnet."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from limacore.base.proc import identity
from limacore.config.networks import default_text, parse
from limacore.errors import HostError
from limacore.model.network import NamedNetwork, NetworkPaths, Networks
from limacore.network import vmnet
from limacore.paths import HomePaths

RUN = "/private/var/run/lima"
HEAD = "%admin ALL=(root:wheel) NOPASSWD:NOSETENV: /bin/mkdir -m 775 -p /private/var/run/lima\n"
SHARED = (f"--pidfile={RUN}/shared_socket_vmnet.pid --socket-group=admin --vmnet-mode=shared "
          f"--vmnet-gateway=192.168.105.1 --vmnet-dhcp-end=192.168.105.254 "
          f"--vmnet-mask=255.255.255.0 {RUN}/socket_vmnet.shared")
BRIDGED = (f"--pidfile={RUN}/bridged_socket_vmnet.pid --socket-group=admin --vmnet-mode=bridged --vmnet-interface=en0 "
           f"{RUN}/socket_vmnet.bridged")


@pytest.fixture
def config() -> Networks:
    """networks.yaml as it is by default."""
    return parse(default_text(), "networks.yaml")


def test_the_commands_of_the_default_networks(config: Networks) -> None:
    daemon = config.paths.socket_vmnet
    assert " ".join(vmnet.start_command(config, "shared")) == f"{daemon} {SHARED}"
    assert " ".join(vmnet.start_command(config, "bridged")) == f"{daemon} {BRIDGED}"
    assert vmnet.by_sudo(vmnet.stop_command(config, "host")) == [
        "sudo", "--user", "root", "--group", "wheel", "--non-interactive",
        "/usr/bin/pkill", "-F", f"{RUN}/host_socket_vmnet.pid"]


def test_the_rules_for_sudo_have_a_block_for_each_network_by_name(config: Networks, tmp_path: Path) -> None:
    missing = msgspec.structs.replace(config, paths=NetworkPaths(socket_vmnet="/none/such", var_run=RUN))
    assert vmnet.sudoers(missing) == HEAD + "".join(
        f'\n# Manage "{name}" network daemons\n' for name in ("bridged", "host", "shared"))
    daemon = tmp_path / "socket_vmnet"
    daemon.touch()
    only = Networks(paths=NetworkPaths(socket_vmnet=str(daemon), var_run=RUN), group="admin", networks={
        name: config.networks[name] for name in ("user-v2", "shared", "bridged")})
    rule = "%admin ALL=(root:wheel) NOPASSWD:NOSETENV: \\\n"
    assert vmnet.sudoers(only) == (
        HEAD + f'\n# Manage "bridged" network daemons\n\n{rule}    {daemon} {BRIDGED}, \\\n'
        f"    /usr/bin/pkill -F {RUN}/bridged_socket_vmnet.pid\n"
        f'\n# Manage "shared" network daemons\n\n{rule}    {daemon} {SHARED}, \\\n'
        f"    /usr/bin/pkill -F {RUN}/shared_socket_vmnet.pid\n")


def test_a_path_that_others_can_change_is_not_used_as_root() -> None:
    assert "without spaces" in vmnet.unsafe(Path("/opt/socket vmnet"))
    assert "without spaces" in vmnet.unsafe(Path("opt/socket_vmnet"))
    assert not vmnet.unsafe(Path("/usr/none/such")) and not vmnet.unsafe(Path("/usr/bin/env"))
    assert vmnet.unsafe(Path("/tmp/socket_vmnet")) == "`/tmp` can be written to by everybody"
    assert vmnet.unsafe(Path("/proc/self")) == "`/proc/self` is a symbolic link"


SUDO = """#!/bin/sh
echo "$@" >>{place}/asked
shift 5
exec "$@"
"""
DAEMON = """#!/bin/sh
[ -e {place}/ready ] || {{ touch {place}/ready; echo "vmnet_start_interface failed" >&2; exit 1; }}
pid=${{1#--pidfile=}}
echo $$ >$pid.new && mv $pid.new $pid
exec sleep 600
"""


@pytest.fixture
def stand_ins(lima_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Networks]:
    for name, text in (("sudo", SUDO), ("socket_vmnet", DAEMON)):
        program = lima_home / name
        program.write_text(text.format(place=lima_home))
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{lima_home}:{os.environ['PATH']}")
    monkeypatch.setattr(vmnet, "_PAUSES", (0.0,))
    config = Networks(paths=NetworkPaths(socket_vmnet=str(lima_home / "socket_vmnet"), var_run=str(lima_home / "run"),
                                         sudoers=str(lima_home / "rules")),
                      group="staff", networks={"shared": NamedNetwork(mode="shared", gateway="10.0.0.1")})
    yield config
    vmnet.stop(config, "shared")


@pytest.mark.skipif(not shutil.which("pkill", path="/usr/bin"), reason="no /usr/bin/pkill")
def test_a_network_starts_at_the_second_attempt_and_ends(stand_ins: Networks, lima_home: Path) -> None:
    vmnet.launch(HomePaths(lima_home), stand_ins, "shared")
    pid = vmnet.running(stand_ins, "shared")
    assert pid and identity(pid)
    asked = (lima_home / "asked").read_text().splitlines()
    as_root = "--user root --group wheel --non-interactive"
    assert asked == [f"{as_root} {' '.join(each)}" for each in (
        vmnet.make_directory(stand_ins), *[vmnet.start_command(stand_ins, "shared")] * 2)]
    vmnet.stop(stand_ins, "shared")
    assert not vmnet.running(stand_ins, "shared")


def test_a_network_that_never_starts_says_why(stand_ins: Networks, lima_home: Path) -> None:
    (lima_home / "socket_vmnet").write_text("#!/bin/sh\necho no entitlement >&2; exit 1\n")
    with pytest.raises(HostError, match="no entitlement"):
        vmnet.launch(HomePaths(lima_home), stand_ins, "shared")


def test_the_installed_rules_are_compared_byte_by_byte(stand_ins: Networks, lima_home: Path) -> None:
    rules = lima_home / "rules"
    rules.write_text(vmnet.sudoers(stand_ins))
    (lima_home / "sudo").write_text("#!/bin/sh\necho a password is required >&2; exit 1\n")
    vmnet.check(stand_ins)
    rules.write_text(vmnet.sudoers(stand_ins) + "\n")
    with pytest.raises(HostError, match="not what `limatui sudoers` prints now"):
        vmnet.check(stand_ins)
    (lima_home / "sudo").write_text("#!/bin/sh\nexit 0\n")
    vmnet.check(stand_ins)
