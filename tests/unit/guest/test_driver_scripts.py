"""Boot scripts that belong to one driver, and what other drivers than QEMU find in the seed."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from limacore.guest import cidata, cloudconfig, environment
from limacore.guest.seed import Seed
from limacore.model.config import Config, HostResolver, Mount, Network, Rosetta, User
from limacore.model.network import vsock_port
from tests.unit.guest.test_payload_scripts import AGENT, PREFIX, SHELLS, SYSTEMD, Guest, agent

ROSETTA = "drivers/vz/boot.Linux/05-rosetta-volume.sh"
USER = "drivers/wsl2/boot.Linux/02-no-cloud-init-setup.sh"
HOSTS = "boot.Linux/06-etc-hosts.sh"
ENTRY = (":rosetta:M::\\x7fELF\\x02\\x01\\x01" + "\\x00" * 9 + "\\x02\\x00\\x3e\\x00:" + "\\xff" * 5
         + "\\xfe\\xfe\\x00" + "\\xff" * 8 + "\\xfe" + "\\xff" * 3 + ":/mnt/lima-rosetta/rosetta:OCF\n")


@pytest.fixture(params=SHELLS, ids=" ".join)
def guest(request: pytest.FixtureRequest, tmp_path: Path) -> Guest:
    return Guest(tmp_path, request.param)


@pytest.mark.parametrize(("enabled", "binfmt", "known", "register", "old"), [
    ("false", "false", True, "", "enabled\n"), ("true", "false", True, "", "-1\n"),
    ("true", "true", True, ENTRY, "-1\n"), ("true", "true", False, ENTRY, None),
])
def test_rosetta_is_registered_anew_or_not_at_all(
    guest: Guest, enabled: str, binfmt: str, known: bool, register: str, old: str | None,
) -> None:
    formats = guest.folder / "formats"
    formats.mkdir()
    (formats / "register").touch()
    if known:
        (formats / "rosetta").write_text("enabled\n")
    guest.stub("mountpoint", "exit 1")
    guest.stub("mount")
    out, calls = guest.run(ROSETTA, "mount -t tmpfs mnt /mnt", LIMA_BINFMT=str(formats),
                           LIMA_CIDATA_ROSETTA_ENABLED=enabled, LIMA_CIDATA_ROSETTA_BINFMT=binfmt)
    assert out == "exit 0\n"
    assert (formats / "register").read_text() == register
    assert (formats / "rosetta").read_text() == old if known else not (formats / "rosetta").exists()
    mounts = ["mountpoint -q /mnt/lima-rosetta", "mount -t virtiofs vz-rosetta /mnt/lima-rosetta"]
    assert calls == (mounts if enabled == "true" else [])


@pytest.mark.parametrize("there", [False, True])
def test_without_cloud_init_a_script_makes_the_user(guest: Guest, there: bool) -> None:
    home, place = guest.folder / "home", guest.folder / "place"
    home.mkdir()
    (guest.folder / "cidata/ssh_authorized_keys").write_text("ssh-ed25519 AAAA\n")
    guest.stub("id", "exit 0" if there else "exit 1")
    guest.stub("useradd")
    (guest.tools / "cp").symlink_to("/bin/cp")
    out, calls = guest.run(
        USER, after="cat /etc/sudoers.d/*; stat -c %a /etc/sudoers.d/*", LIMA_CIDATA_NO_CLOUD_INIT="1",
        LIMA_CIDATA_HOME=str(home), LIMA_CIDATA_SHELL="/bin/bash", LIMA_CIDATA_COMMENT="Jane D",
        LIMA_SEED_PLACE=str(place))
    assert out == "root ALL=(ALL) NOPASSWD:ALL\n440\nexit 0\n"
    made = [f"useradd --home-dir {home} --create-home --shell /bin/bash --uid 0 --comment Jane D root"]
    assert calls == ["id -u root", *([] if there else made)]
    assert (home / ".ssh/authorized_keys").read_text() == "ssh-ed25519 AAAA\n"
    assert stat.S_IMODE((home / ".ssh/authorized_keys").stat().st_mode) == 0o600
    assert place.readlink() == guest.folder / "cidata"


def test_with_cloud_init_the_script_does_nothing(guest: Guest) -> None:
    assert guest.run(USER, LIMA_CIDATA_NO_CLOUD_INIT="") == ("exit 0\n", [])


@pytest.mark.parametrize(("route", "expected"), [
    ("echo 'default via 192.168.64.1 dev eth0 proto dhcp src 192.168.64.5 metric 200'", "192.168.64.1 "), ("", ""),
])
def test_the_host_is_behind_the_default_route_where_the_seed_names_no_gateway(
    guest: Guest, route: str, expected: str,
) -> None:
    guest.stub("ip", route)
    out, _ = guest.run(HOSTS, "touch /etc/hosts", "cat /etc/hosts", LIMA_CIDATA_SLIRP_GATEWAY="")
    assert out == (f"{expected}host.lima.internal\n" if expected else "") + "exit 0\n"


@pytest.mark.parametrize(("port", "ending"), [("2222", " --vsock-port 2222"), ("0", "")])
def test_the_agent_listens_on_a_vsock_where_the_driver_has_one(guest: Guest, port: str, ending: str) -> None:
    agent(guest)
    guest.stub("systemctl")
    out, _ = guest.run(AGENT, SYSTEMD, "cat /etc/systemd/system/lima-guestagent.service", **PREFIX,
                       LIMA_CIDATA_VSOCK_PORT=port)
    assert f"ExecStart=/run/prefix/bin/lima-guestagent daemon --socket-owner 0{ending}\n" in out


def values(config: Config) -> dict[str, str]:
    seed = Seed(config=config, name="one", directory="/l/one", public_keys=())
    return dict(line.split("=", 1) for line in environment.lima_env(seed).splitlines())


_INNER = (Network(lima="user-v2", interface="lima0"),)


@pytest.mark.parametrize(("config", "expected"), [
    (Config(), {"VMTYPE": "qemu", "VSOCK_PORT": "0", "NO_CLOUD_INIT": "", "SLIRP_GATEWAY": "192.168.5.2",
                "SLIRP_DNS": "192.168.5.3", "SLIRP_IP_ADDRESS": "192.168.5.15"}),
    (Config(vm_type="vz", mount_type="virtiofs", rosetta=Rosetta(enabled=True)),
     {"VMTYPE": "vz", "VSOCK_PORT": "2222", "NO_CLOUD_INIT": "", "MOUNTTYPE": "virtiofs", "SLIRP_GATEWAY": "",
      "SLIRP_DNS": "", "SLIRP_IP_ADDRESS": "", "ROSETTA_ENABLED": "true", "ROSETTA_BINFMT": "false"}),
    (Config(vm_type="vz", networks=_INNER),
     {"SLIRP_GATEWAY": "192.168.104.2", "SLIRP_DNS": "192.168.104.2", "SLIRP_IP_ADDRESS": ""}),
    (Config(vm_type="wsl2", mount_type="wsl2"),
     {"VMTYPE": "wsl2", "VSOCK_PORT": str(vsock_port("wsl2", "/l/one")), "NO_CLOUD_INIT": "1", "MOUNTTYPE": "",
      "SLIRP_GATEWAY": "", "SLIRP_DNS": ""}),
    (Config(vm_type="wsl2", networks=_INNER), {"SLIRP_GATEWAY": "", "SLIRP_DNS": ""}),
])
def test_variables_of_each_driver(config: Config, expected: dict[str, str]) -> None:
    found = values(config)
    assert {key: found[f"LIMA_CIDATA_{key}"] for key in expected} == expected


@pytest.mark.parametrize(("config", "expected"), [
    (Config(vm_type="vz"), False), (Config(vm_type="vz", dns=("9.9.9.9",)), True),
    (Config(vm_type="vz", networks=_INNER), True), (Config(), True),
    (Config(host_resolver=HostResolver(enabled=False)), False),
])
def test_a_guest_on_the_network_of_the_system_asks_the_name_server_of_that(config: Config, expected: bool) -> None:
    seed = Seed(config=config, name="one", directory="/l/one", public_keys=())
    assert ("nameservers" in cloudconfig.network_config(seed)) is expected


def test_proxies_of_this_computer_are_reached_by_its_name_where_its_address_is_not_known() -> None:
    host = {"http_proxy": "http://localhost:3128"}
    seed = Seed(config=Config(vm_type="vz"), name="one", directory="/l/one", public_keys=())
    found = environment.guest_environment(seed, host, lambda name: name == "localhost")
    assert found["http_proxy"] == "http://host.lima.internal:3128"


@pytest.mark.parametrize(("vm_type", "own"), [
    ("qemu", set()), ("vz", {"boot.Linux/05-rosetta-volume.sh"}),
    ("wsl2", {"boot.Linux/02-no-cloud-init-setup.sh", "ssh_authorized_keys"}),
])
def test_files_of_each_driver(vm_type: str, own: set[str]) -> None:
    def names(of: str) -> set[str]:
        seed = Seed(config=Config(vm_type=of), name="one", directory="/l/one", public_keys=("ssh-a", "ssh-b"))
        return set(cidata.files(seed, {}))

    assert names(vm_type) - names("qemu") == own


def test_rosetta_is_mounted_by_cloud_init() -> None:
    seed = Seed(config=Config(vm_type="vz", rosetta=Rosetta(enabled=True)), name="one", directory="/l", public_keys=())
    assert '- [vz-rosetta, /mnt/lima-rosetta, virtiofs, defaults, "0", "0"]' in cloudconfig.user_data(seed)


def test_wsl_reads_the_seed_from_a_folder_for_its_owner_only(tmp_path: Path) -> None:
    config = Config(vm_type="wsl2", user=User(name="jane"), mounts=(Mount(location="/c", mount_point="/c"),))
    seed = Seed(config=config, name="one", directory="/l/one", public_keys=("ssh-a x", "ssh-b y"))
    folder = tmp_path / "cidata"
    for _ in range(2):
        cidata.write_folder(folder, cidata.files(seed, {}))
        (folder / "of an earlier start").touch()
    cidata.write_folder(folder, cidata.files(seed, {}))
    assert (folder / "ssh_authorized_keys").read_text() == "ssh-a x\nssh-b y\n"
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found == set(cidata.files(seed, {}))
    assert {stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))} == {0o700}
    assert [path.name for path in tmp_path.iterdir()] == ["cidata"]
