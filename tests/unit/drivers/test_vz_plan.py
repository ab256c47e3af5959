"""vz, the pure part: from lima.yaml to the description of a machine, what is refused, and addresses in lease files."""

from __future__ import annotations

from pathlib import Path

import pytest

from limacore.drivers.base import MachineSpec
from limacore.drivers.mac import Mac
from limacore.drivers.vz import leases, plan, rules
from limacore.drivers.vz.plan import Card, Disk, Efi, FrameSocket, Kernel, Nat, Share, StreamSocket
from limacore.errors import DriverError
from limacore.model.config import (
    AdditionalDisk,
    Audio,
    Config,
    Firmware,
    FirmwareImage,
    HostResolver,
    Mount,
    Network,
    Rosetta,
    Ssh,
    Video,
    VmOptions,
    VzOptions,
)
from limacore.model.mount import tag
from limacore.model.network import NamedNetwork, NetworkPaths, Networks, mac_address
from limacore.paths import HomePaths

NETWORKS = Networks(
    paths=NetworkPaths(var_run="/private/var/run/lima"),
    networks={"user-v2": NamedNetwork(mode="user-v2"), "mine": NamedNetwork(mode="user-v2"),
              "shared": NamedNetwork(mode="shared")},
)


def make(tmp_path: Path, *files: str, **fields: object) -> MachineSpec:
    home = HomePaths(tmp_path)
    paths = home.instance("one")
    paths.dir.mkdir()
    for name in files:
        (paths.dir / name).write_text("quiet\n" if name == "kernel.cmdline" else "")
    config = Config(vm_type="vz", **{"mount_type": "virtiofs", "cpus": 2, "memory": "1GiB", **fields})
    return MachineSpec("one", paths, home, config, 60022, NETWORKS)


def describe(spec: MachineSpec, macos: tuple[int, ...] = (15, 5)) -> plan.Description:
    return plan.describe(spec, macos)


def test_the_least_machine(tmp_path: Path) -> None:
    spec = make(tmp_path, "disk")
    folder = tmp_path / "one"
    assert describe(spec) == plan.Description(
        boot=Efi(folder / "vz-efi"), identifier=folder / "vz-identifier", cpus=2, memory=1 << 30,
        disks=(Disk(folder / "disk"), Disk(folder / "cidata.iso", read_only=True)),
        cards=(Card(mac_address(str(folder)), Nat()),),
    )


@pytest.mark.parametrize(("files", "expected"), [
    ((), Efi(Path("vz-efi"))),
    (("kernel",), Kernel(Path("kernel"))),
    (("kernel", "kernel.cmdline", "initrd"), Kernel(Path("kernel"), Path("initrd"), "quiet\n")),
    (("initrd",), Efi(Path("vz-efi"))),
])
def test_a_kernel_is_booted_where_there_is_one(tmp_path: Path, files: tuple[str, ...], expected: object) -> None:
    found = describe(make(tmp_path, *files)).boot
    folder = tmp_path / "one"
    if isinstance(expected, Kernel):
        initrd = folder / expected.initrd if expected.initrd else None
        assert found == Kernel(folder / expected.kernel, initrd, expected.cmdline)
    else:
        assert found == Efi(folder / "vz-efi")


def test_the_seed_follows_the_additional_disks_and_an_installer_is_a_stick(tmp_path: Path) -> None:
    spec = make(tmp_path, "disk", "iso", additional_disks=(AdditionalDisk(name="a"), AdditionalDisk(name="b")))
    folder = tmp_path / "one"
    assert describe(spec).disks == (
        Disk(folder / "iso", read_only=True, usb=True), Disk(folder / "disk"),
        Disk(tmp_path / "_disks/a/datadisk"), Disk(tmp_path / "_disks/b/datadisk"),
        Disk(folder / "cidata.iso", read_only=True),
    )


@pytest.mark.parametrize(("networks", "expected"), [
    ((), [Nat()]),
    ((Network(vz_nat=True),), [Nat(), Nat()]),
    ((Network(lima="user-v2"),), [FrameSocket(Path("_networks/user-v2/user-v2_fd.sock"))]),
    ((Network(vz_nat=True), Network(lima="mine"), Network(lima="user-v2")),
     [FrameSocket(Path("_networks/mine/mine_fd.sock")), Nat(), FrameSocket(Path("_networks/user-v2/user-v2_fd.sock"))]),
    ((Network(lima="shared"),), [Nat(), StreamSocket(Path("/private/var/run/lima/socket_vmnet.shared"))]),
    ((Network(socket="/run/own.sock"),), [Nat(), StreamSocket(Path("/run/own.sock"))]),
])
def test_where_the_frames_of_each_card_go(
    tmp_path: Path, networks: tuple[Network, ...], expected: list[object],
) -> None:
    found = [card.to for card in describe(make(tmp_path, networks=networks)).cards]
    assert found == [FrameSocket(tmp_path / each.path) if isinstance(each, FrameSocket) else each for each in expected]


def test_the_hardware_address_of_eth0_is_its_own_and_others_keep_theirs(tmp_path: Path) -> None:
    spec = make(tmp_path, networks=(Network(lima="user-v2", mac_address="52:55:55:0:0:1"),
                                    Network(vz_nat=True, mac_address="52:55:55:0:0:2")))
    assert [card.mac for card in describe(spec).cards] == [mac_address(str(tmp_path / "one")), "52:55:55:0:0:2"]


_MOUNTS = (Mount(location="/a", mount_point="/a"), Mount(location="/b", mount_point="/m", writable=True))


@pytest.mark.parametrize(("fields", "expected"), [
    ({"mounts": _MOUNTS}, (Share(tag(_MOUNTS[0]), Path("/a"), True), Share(tag(_MOUNTS[1]), Path("/b"), False))),
    ({"mounts": _MOUNTS, "mount_type": "reverse-sshfs"}, ()),
    ({"mounts": _MOUNTS, "plain": True}, ()),
])
def test_shares(tmp_path: Path, fields: dict[str, object], expected: tuple[Share, ...]) -> None:
    assert describe(make(tmp_path, **fields)).shares == expected


_ROSETTA = VmOptions(vz=VzOptions(rosetta=Rosetta(enabled=True)))


@pytest.mark.parametrize(("fields", "macos", "expected"), [
    ({}, (15,), {"rosetta": False, "rosetta_cache": "", "sound": False, "display": None, "nested": False}),
    ({"vm_opts": _ROSETTA}, (13, 6), {"rosetta": True, "rosetta_cache": ""}),
    ({"vm_opts": _ROSETTA}, (14,), {"rosetta": True, "rosetta_cache": "/run/rosettad/rosetta.sock"}),
    ({"vm_opts": _ROSETTA, "plain": True}, (14,), {"rosetta": False, "rosetta_cache": ""}),
    ({"audio": Audio(device="vz"), "video": Video(display="default")}, (15,),
     {"sound": True, "display": (1920, 1200)}),
    ({"video": Video(display="vnc")}, (15,), {"display": None}),
    ({"nested_virtualization": True, "memory": "1073741825B"}, (15,), {"nested": True, "memory": 1025 << 20}),
])
def test_what_is_there_on_demand(
    tmp_path: Path, fields: dict[str, object], macos: tuple[int, ...], expected: dict[str, object],
) -> None:
    found = describe(make(tmp_path, **fields), macos)
    assert {key: getattr(found, key) for key in expected} == expected


@pytest.mark.parametrize(("config", "expected"), [
    (Config(), True), (Config(os="FreeBSD"), False),
    (Config(ssh=Ssh(over_vsock=False)), False), (Config(os="FreeBSD", ssh=Ssh(over_vsock=True)), True),
])
def test_ssh_goes_over_vsock_for_linux_unless_told(config: Config, expected: bool) -> None:
    assert plan.over_vsock(config) is expected


@pytest.mark.parametrize(("fields", "mac", "expected"), [
    ({}, Mac((13,), "aarch64"), ""),
    ({}, Mac((12, 7), "aarch64"), "macOS 13 or newer"),
    ({}, Mac((13,), "x86_64"), "`arch: aarch64` is not that of this computer"),
    ({"os": "Darwin"}, Mac((15,), "aarch64"), "`os: Darwin` is not started by limatui"),
    ({"os": "Windows"}, Mac((15,), "aarch64"), "`os: Windows`"),
    ({"mount_type": "9p"}, Mac((15,), "aarch64"), "`mountType: 9p`"),
    ({"mount_type": "reverse-sshfs"}, Mac((15,), "aarch64"), ""),
    ({"tpm": True}, Mac((15,), "aarch64"), "`tpm`"),
    ({"nested_virtualization": True}, Mac((14, 9), "aarch64"), "macOS 15"),
    ({"nested_virtualization": True}, Mac((15,), "aarch64"), ""),
    ({"firmware": Firmware(images=(FirmwareImage(location="/f", arch="aarch64"),))},
     Mac((15,), "aarch64"), "firmware"),
    ({"firmware": Firmware(images=(FirmwareImage(location="/f", arch="aarch64", vm_type="qemu"),))},
     Mac((15,), "aarch64"), ""),
    ({"firmware": Firmware(images=(FirmwareImage(location="/f", arch="x86_64"),))}, Mac((15,), "aarch64"), ""),
    ({"vm_opts": VmOptions(vz=VzOptions(disk_image_format="asif"))}, Mac((26,), "aarch64"), "asif"),
    ({"vm_opts": VmOptions(vz=VzOptions(disk_image_format="vdi"))}, Mac((26,), "aarch64"), "neither"),
])
def test_what_is_refused(fields: dict[str, object], mac: Mac, expected: str) -> None:
    config = Config(vm_type="vz", arch="aarch64", **{"mount_type": "virtiofs", **fields})
    if not expected:
        rules.require(config, mac)
        return
    with pytest.raises(DriverError) as caught:
        rules.require(config, mac)
    assert expected in caught.value.detail


@pytest.mark.parametrize(("fields", "arch", "macos", "expected"), [
    ({}, "aarch64", (13,), []),
    ({"firmware": Firmware(legacy_bios=True)}, "aarch64", (13,), ["legacyBIOS"]),
    ({"audio": Audio(device="coreaudio"), "video": Video(display="cocoa")}, "aarch64", (13,),
     ["audio.device: coreaudio", "video.display: cocoa"]),
    ({"video": Video(display="vz")}, "aarch64", (13,), ["no window"]),
    ({"host_resolver": HostResolver(hosts={"a": "b"})}, "aarch64", (13,), ["hostResolver.hosts"]),
    ({"host_resolver": HostResolver(hosts={"a": "b"}), "networks": (Network(lima="user-v2"),)}, "aarch64", (13,), []),
    ({}, "x86_64", (15, 4), ["Intel"]), ({}, "x86_64", (15, 5), []),
])
def test_what_is_passed_over(
    fields: dict[str, object], arch: str, macos: tuple[int, ...], expected: list[str],
) -> None:
    said = list(rules.warnings(Config(vm_type="vz", **fields), Mac(macos, arch)))
    assert len(said) == len(expected)
    assert all(part in text for part, text in zip(expected, said, strict=True))


@pytest.mark.parametrize(("fields", "expected"), [
    ({}, ""), ({"cpus": 9}, "`cpus: 9`"), ({"memory": "3MiB"}, "3 MiB"), ({"memory": "17GiB"}, "17408 MiB"),
])
def test_limits_of_the_framework(tmp_path: Path, fields: dict[str, object], expected: str) -> None:
    limits, wanted = rules.Limits((1, 8), (4 << 20, 16 << 30)), describe(make(tmp_path, **fields))
    if not expected:
        rules.require_within(wanted, limits)
        return
    with pytest.raises(DriverError, match=expected):
        rules.require_within(wanted, limits)


_LEASES = """\
{
	name=lima-one
	ip_address=192.168.64.5
	hw_address=1,52:55:55:a:0:c
	identifier=1,52:55:55:a:0:c
	lease=0x65f00001
}
{
	name=other
	ip_address=192.168.64.6
	hw_address=1,52:55:55:a:0:c
	lease=0x65f00002
}
{
	name=lima-two
	ip_address=192.168.64.7
	hw_address=ff,f1:f5:dd:7f:0:2
	lease=0x5
}
"""


@pytest.mark.parametrize(("text", "mac", "name", "expected"), [
    (_LEASES, "52:55:55:0a:00:0C", "lima-one", "192.168.64.6"),
    (_LEASES, "52:55:55:01:02:03", "lima-two", "192.168.64.7"),
    (_LEASES, "52:55:55:01:02:03", "lima-three", ""),
    ("", "52:55:55:01:02:03", "lima-one", ""),
    ("{\n\tip_address\n}\n\0garbage=", "52:55:55:01:02:03", "lima-one", ""),
])
def test_addresses_in_the_lease_file(text: str, mac: str, name: str, expected: str) -> None:
    assert leases.address(text, mac, name) == expected
