"""What the doctor finds about the computer and the home, each thing really caused."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from limacore.base.host import machine
from limacore.health import place, programs, settings
from limacore.model.config import Config, Mount
from limacore.model.finding import Severity
from limacore.paths import HomePaths
from tests.unit.health.conftest import House, only

ROOT = Path(__file__).parents[3]
X86 = pytest.mark.skipif(machine() != "x86_64", reason="the stub is that of x86_64")


def stub(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def empty_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "bin"


def test_missing_programs(empty_path: Path) -> None:
    assert [each.id for each in programs.missing()] == ["ssh-missing", "ssh-keygen-missing", "qemu-img-missing"]
    assert all(each.severity is Severity.ERROR and each.fix for each in programs.missing())
    for name in ("ssh", "ssh-keygen", "qemu-img"):
        stub(empty_path / name, "true")
    assert list(programs.missing()) == []


async def test_missing_qemu(empty_path: Path) -> None:
    found = only([each async for each in programs.qemu(["x86_64"])], "qemu-missing")
    assert found.severity is Severity.ERROR
    assert found.fix


@X86
@pytest.mark.parametrize(("version", "id", "severity"), [
    ("5.2.0", "qemu-old", Severity.WARNING), ("3.1.0", "qemu-unusable", Severity.ERROR),
])
async def test_old_qemu(version: str, id: str, severity: Severity, empty_path: Path) -> None:
    stub(empty_path / "qemu-system-x86_64", f"echo QEMU emulator version {version}")
    found = only([each async for each in programs.qemu(["x86_64"])], id)
    assert (found.severity, version in found.what) == (severity, True)


@X86
async def test_present_qemu_is_no_finding(empty_path: Path) -> None:
    stub(empty_path / "qemu-system-x86_64", "echo QEMU emulator version 9.2.0")
    assert [each async for each in programs.qemu(["x86_64"])] == []


async def test_kvm_device_missing(tmp_path: Path) -> None:
    found = only([each async for each in programs.virtualization(tmp_path / "kvm")], "kvm-unusable")
    assert "does not exist" in found.evidence[0]
    assert "modprobe" in found.fix


@pytest.mark.skipif(os.geteuid() != 0, reason="another user is needed")
def test_kvm_device_of_others_and_home_of_others(tmp_path: Path, lima_home: Path) -> None:
    """As a user who may neither open the device nor write to the home."""
    device = tmp_path / "kvm"
    device.touch(0o600)
    for folder in (tmp_path, *tmp_path.parents[:3], lima_home):
        folder.chmod(folder.stat().st_mode | 0o055)
    script = (
        "import asyncio, sys; from pathlib import Path\n"
        "from limacore.health import place, programs; from limacore.paths import HomePaths\n"
        "async def main():\n"
        "    found = [each async for each in programs.virtualization(Path(sys.argv[1]))]\n"
        "    for each in [*found, *place.place(HomePaths(Path(sys.argv[2])))]: print(each.id, each.fix, sep='|')\n"
        "asyncio.run(main())\n"
    )
    argv = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-c", script]
    done = subprocess.run([*argv, device, lima_home], capture_output=True, text=True, cwd=ROOT,
                          env={**os.environ, "HOME": "/nonexistent"})
    if "ermission denied" in done.stderr and "Traceback" not in done.stderr:
        pytest.skip("that user may not run this Python")
    assert "kvm-unusable|sudo usermod -aG root $USER, then log in anew\n" in done.stdout, done.stderr
    assert "home-not-writable|" in done.stdout


def test_sftp_server_is_missed_only_by_mounts(empty_path: Path) -> None:
    config = Config(mounts=(Mount(location="/tmp"),), mount_type="reverse-sshfs")
    only(programs.sftp_server([config], ["/none"]), "sftp-server-missing")
    assert list(programs.sftp_server([config], ["/bin/sh"])) == []
    assert list(programs.sftp_server([Config()], ["/none"])) == []


@X86
def test_firmware_missing(empty_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub(empty_path / "qemu-system-riscv64", "true")
    monkeypatch.setattr(programs.firmware, "_SYSTEM", {"riscv64": ("/none/code.fd",)})
    found = only(programs.uefi([Config(arch="riscv64")]), "firmware-missing")
    assert "qemu-efi-riscv64" in found.fix
    assert list(programs.uefi([Config(arch="s390x")])) == []


def test_home_on_a_network(house: House) -> None:
    mounts = f"/dev/sda / ext4 rw 0 0\nserver:/x {house.paths.home.parent} nfs4 rw 0 0\n"
    assert "nfs4" in only(place.place(house.paths, mounts), "home-on-network").evidence[0]
    assert list(place.place(house.paths, "/dev/sda / ext4 rw 0 0\n")) == []
    assert place.file_system(Path("/a b/c"), "/dev/sda / ext4 rw 0 0\nx:/ /a\\040b nfs rw 0 0\n") == "nfs"


def test_home_with_a_long_name(tmp_path: Path) -> None:
    home = tmp_path / ("x" * 100)
    home.mkdir()
    assert only(place.place(HomePaths(home)), "home-too-long").severity is Severity.ERROR


def test_scarce_space(house: House, tmp_path: Path) -> None:
    found = list(place.space(house.paths, tmp_path / "cache", scarce=1 << 60))
    assert [each.id for each in found] == ["space-home", "space-cache"]
    assert {each.severity for each in place.space(house.paths, tmp_path, 1 << 60, 1 << 59)} == {Severity.ERROR}
    assert list(place.space(house.paths, tmp_path, scarce=1)) == []


def test_open_home_and_key(house: House) -> None:
    house.paths.config.mkdir(mode=0o700)
    key = house.paths.private_key
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    assert list(place.permissions(house.paths)) == []
    house.paths.home.chmod(0o777)
    key.chmod(0o644)
    house.paths.public_key.unlink()
    found = list(place.permissions(house.paths))
    assert [each.id for each in found] == ["home-writable-by-others", "key-readable-by-others", "public-key-missing"]
    assert all(each.repairable for each in found)


def test_stages_that_nobody_holds(house: House) -> None:
    stage = house.paths.home / ".create-a-1"
    stage.mkdir()
    assert only(place.left_over(house.paths), "stage-left").paths == (str(stage),)
    with place.locked(stage):
        assert list(place.left_over(house.paths)) == []


def test_unfinished_downloads(tmp_path: Path) -> None:
    entry = tmp_path / "download/by-url-sha256" / ("0" * 64)
    entry.mkdir(parents=True)
    for name in ("data", "data.part", "url"):
        (entry / name).write_text("x")
    assert list(place.downloads(tmp_path)) == [], "one that may be going on"
    old = time.time() - 10 * 86400
    os.utime(entry / "data.part", (old, old))
    assert only(place.downloads(tmp_path), "download-left").paths == (str(entry / "data.part"),)


def test_clock_that_went_back(house: House) -> None:
    paths = house.add()
    paths.ha_stdout.touch()
    assert list(place.clock(house.paths, time.time())) == []
    assert "24 h" in only(place.clock(house.paths, time.time() - 86400), "clock-behind").evidence[0]


@pytest.mark.parametrize("text", ["a: [", "- x\n", "\x00"])
def test_unusable_networks(text: str, house: House) -> None:
    house.paths.config.mkdir()
    assert list(settings.networks(house.paths)) == []
    house.paths.networks_yaml.write_text(text)
    assert only(settings.networks(house.paths), "networks-unusable").severity is Severity.ERROR


def test_usable_networks(house: House) -> None:
    house.paths.config.mkdir()
    for text in ("", "# nothing\n", "networks: {}\n"):
        house.paths.networks_yaml.write_text(text)
        assert list(settings.networks(house.paths)) == []


def test_bad_default_and_override(house: House) -> None:
    house.paths.config.mkdir()
    house.paths.default_yaml.write_text("cpus: many\n")
    house.paths.override_yaml.write_text("a: [")
    found = list(settings.layers(house.paths))
    assert {each.id for each in found} == {"default-yaml", "override-yaml"}
    assert Severity.ERROR in {each.severity for each in found}


def test_autostart_of_nothing_and_by_nothing(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    units = tmp_path / "systemd/user"
    units.mkdir(parents=True)
    text = f'Environment="LIMA_HOME={house.paths.home}"\nExecStart="/no where/limactl" start %i --foreground\n'
    for name in ("a", "gone"):
        (units / f"lima-vm@{name}.service").write_text(text)
    (units / "lima-vm@else.service").write_text(text.replace(str(house.paths.home), "/else"))
    house.add("a")
    found = list(settings.autostart(house.paths))
    assert [(each.id, each.subject) for each in found] == [
        ("autostart-program", "instance a"), ("autostart-of-nothing", "home")]
    assert "`/no where/limactl`" in found[0].evidence[0]
