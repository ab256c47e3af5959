"""What each driver adds to a configuration, and which driver is taken where no file names one."""

from __future__ import annotations

from pathlib import Path

import pytest

from limacore.base.host import Host
from limacore.config.load import Loaded, load_layers
from limacore.config.setting import Setting
from limacore.model.config import Rosetta
from limacore.model.network import platform_uuid
from limacore.paths import HomePaths


def load(text: str, home: Path, *, system: str = "linux", arch: str = "x86_64") -> Loaded:
    host = Host(user="jane", uid=1001, home="/home/jane", full_name="Jane", cpus=8, memory=6 << 30, arch=arch,
                os=system, timezone="Europe/Vienna")
    setting = Setting(host=host, name="n", directory=str(home / "n"), yaml_path=str(home / "n/lima.yaml"),
                      lima_home=str(home))
    return load_layers("images: [{location: /srv/i.img}]\n" + text, setting, HomePaths(home))


@pytest.mark.parametrize(("text", "system", "arch", "expected"), [
    ("", "linux", "x86_64", "qemu"), ("", "darwin", "aarch64", "vz"), ("", "windows", "x86_64", "qemu"),
    ("arch: x86_64\n", "darwin", "aarch64", "qemu"), ("vmType: qemu\n", "darwin", "aarch64", "qemu"),
    ("vmType: vz\n", "linux", "x86_64", "vz"), ("vmType: wsl2\n", "linux", "x86_64", "wsl2"),
])
def test_the_driver_where_none_is_named(text: str, system: str, arch: str, expected: str, lima_home: Path) -> None:
    found = load(text, lima_home, system=system, arch=arch)
    assert found.require("n").vm_type == found.filled["vmType"] == expected


ON, OFF = Rosetta(enabled=True, binfmt=True), Rosetta()


@pytest.mark.parametrize(("text", "mount_type", "over_vsock", "rosetta"), [
    ("", "virtiofs", True, OFF),
    ("os: FreeBSD\n", "virtiofs", False, OFF),
    ("mountType: reverse-sshfs\nssh: {overVsock: false}\n", "reverse-sshfs", False, OFF),
    ("vmOpts: {vz: {rosetta: {enabled: true, binfmt: true}}}\n", "virtiofs", True, ON),
    ("rosetta: {enabled: true, binfmt: true}\n", "virtiofs", True, ON),
    ("rosetta: {enabled: true, binfmt: true}\nvmOpts: {vz: {rosetta: {enabled: true}}}\n", "virtiofs", True,
     Rosetta(enabled=True)),
    ("vmOpts: {vz: {rosetta: {enabled: true, binfmt: true}}}\nplain: true\n", "virtiofs", True, OFF),
])
def test_vz(text: str, mount_type: str, over_vsock: bool, rosetta: Rosetta, lima_home: Path) -> None:
    config = load(f"vmType: vz\n{text}", lima_home).require("n")
    assert (config.mount_type, config.ssh.over_vsock) == (mount_type, over_vsock)
    assert config.rosetta == config.vm_opts.vz.rosetta == rosetta
    assert config.vm_opts.vz.disk_image_format == "raw"


def test_vz_keeps_what_is_set_and_other_options(lima_home: Path) -> None:
    text = "vmType: vz\nvmOpts: {vz: {diskImageFormat: asif}, qemu: {minimumVersion: 8.2.1}}\n"
    config = load(text, lima_home).require("n")
    assert (config.vm_opts.vz.disk_image_format, config.vm_opts.qemu.minimum_version) == ("asif", "8.2.1")


@pytest.mark.parametrize(("text", "expected"), [
    ("", "wsl2"), ("mountType: wsl2\n", "wsl2"), ("mountType: 9p\n", "9p"),
])
def test_wsl2(text: str, expected: str, lima_home: Path) -> None:
    assert load(f"vmType: wsl2\n{text}", lima_home).require("n").mount_type == expected


def test_an_external_driver_is_a_driver_that_is_known(
    lima_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    refused = load("vmType: krunkit\n", lima_home)
    assert refused.words == ("vmType `krunkit` is not a registered driver",)
    program = tmp_path / "lima-driver-krunkit"
    program.touch(0o755)
    monkeypatch.setenv("LIMA_DRIVERS_PATH", str(program))
    found = load("vmType: krunkit\n", lima_home).require("n")
    assert (found.vm_type, found.mount_type, found.ssh.over_vsock) == ("krunkit", "virtiofs", False)


def test_krunkit_is_known_on_macos(lima_home: Path) -> None:
    assert load("vmType: krunkit\n", lima_home, system="darwin", arch="aarch64").require("n").vm_type == "krunkit"


@pytest.mark.parametrize(("text", "expected"), [
    ('+-o J314sAP  <class IOPlatformExpertDevice>\n    {\n      "IOPlatformUUID" = "1B2C-3D"\n    }\n', "1B2C-3D"),
    ("", ""), ('"IOPlatformUUID" = ', ""),
])
def test_the_identity_of_a_mac(text: str, expected: str) -> None:
    assert platform_uuid(text) == expected
