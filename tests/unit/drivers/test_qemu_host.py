"""What is found out about the host: QEMU itself, its version and CPUs, firmware, leftovers of earlier boots."""

from __future__ import annotations

import os
import shutil
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from limacore.base import proc
from limacore.drivers import catalog
from limacore.drivers.qemu import firmware, leftovers, probe
from limacore.errors import DriverError, HostError, StateError
from limacore.model.config import Config, Firmware
from limacore.paths import InstancePaths

QEMU = shutil.which("qemu-system-x86_64") or ""
needs_qemu = pytest.mark.skipif(not QEMU, reason="QEMU is not installed")


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(("text", "version"), [
    ("QEMU emulator version 8.0.0 (v8.0.0)\nCopyright", (8, 0, 0)),
    ("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)", (7, 2, 22)),
    ("something else", (0, 0, 0)),
])
def test_versions(text: str, version: tuple[int, int, int]) -> None:
    assert probe.parse_version(text) == version


def test_old_versions_warn_or_are_refused() -> None:
    assert probe.check_version((7, 2, 0)) == ""
    assert "6.2.0" in probe.check_version((4, 1, 0))
    assert "could not" in probe.check_version((0, 0, 0))
    with pytest.raises(DriverError, match=r"QEMU 3\.9\.0 is too old, 4\.0\.0 or later required"):
        probe.check_version((3, 9, 0))
    with pytest.raises(DriverError, match=r"template requires `99\.0\.0`"):
        probe.check_version((7, 2, 22), "99.0.0")


def test_a_missing_qemu_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QEMU_SYSTEM_X86_64", "/nowhere/qemu-system-x86_64 -s")
    with pytest.raises(HostError, match="qemu-system-x86_64` is not installed") as caught:
        probe.program("x86_64")
    assert "install" in caught.value.hint


def test_the_environment_names_another_qemu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mine = script(tmp_path / "my qemu", "exit 0")
    monkeypatch.setenv("QEMU_SYSTEM_X86_64", f"'{mine}' -trace 'a b'")
    assert probe.program("x86_64") == (str(mine), "-trace", "a b")


@needs_qemu
async def test_features_are_asked_once_per_binary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    asked = tmp_path / "asked"
    mine = script(tmp_path / "qemu", f'echo . >> {asked}; exec {QEMU} "$@"')
    first = await probe.features(str(mine), "x86_64")
    count = len(asked.read_text().splitlines())
    assert first.version >= (4, 0, 0) and "tcg" in first.accels and "max" in first.cpus and "user" in first.netdevs
    assert await probe.features(str(mine), "x86_64") == first
    assert len(asked.read_text().splitlines()) == count
    script(mine, f'echo . >> {asked}; exec {QEMU} "$@" # updated')
    assert (await probe.features(str(mine), "x86_64")).stamp != first.stamp
    assert len(asked.read_text().splitlines()) == 2 * count


@needs_qemu
async def test_a_broken_cache_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = await probe.features(QEMU, "x86_64")
    [cache] = (tmp_path / "limatui").glob("qemu-*.json")
    cache.write_bytes(b"\0garbage")
    assert await probe.features(QEMU, "x86_64") == first


def test_unknown_cpus_are_refused() -> None:
    probe.check_cpu("Haswell-v4,-tsx", "x86 Haswell-v4", "q")
    probe.check_cpu("max", "", "q")
    with pytest.raises(DriverError, match="cpu `NoSuchCPU` is not supported by q"):
        probe.check_cpu("NoSuchCPU", "x86 Haswell-v4", "q")


def test_firmware_of_the_instance_comes_first_then_the_users(tmp_path: Path) -> None:
    paths, binary = InstancePaths(tmp_path / "i"), tmp_path / "prefix/bin/qemu"
    paths.dir.mkdir()
    near = tmp_path / "prefix/share/qemu/edk2-aarch64-code.fd"
    own = tmp_path / "home/.local/share/qemu/edk2-aarch64-code.fd"
    for path in (near, own, paths.efi_code):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    config = Config(arch="aarch64", firmware=Firmware(legacy_bios=True))  # which aarch64 does not have
    for expected in (paths.efi_code, own, near):
        assert firmware.choose(paths, config, binary, tmp_path / "home") == str(expected)
        expected.unlink()


def test_machines_without_uefi() -> None:
    paths = InstancePaths(Path("/nowhere"))
    for config in (Config(arch="s390x"), Config(arch="ppc64le"), Config(firmware=Firmware(legacy_bios=True))):
        assert firmware.choose(paths, config, Path("/q"), Path("/h")) == ""


def test_missing_firmware_names_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firmware, "_SYSTEM", {"x86_64": ()})
    with pytest.raises(DriverError, match="could not find firmware for `x86_64`") as caught:
        firmware.choose(InstancePaths(tmp_path), Config(), tmp_path / "bin/qemu", tmp_path)
    assert "ovmf" in caught.value.hint and "legacyBIOS" in caught.value.hint


def test_serial_logs_of_five_earlier_boots_are_kept(tmp_path: Path) -> None:
    paths = InstancePaths(tmp_path)
    for boot in range(8):
        with leftovers.tidy(paths):
            paths.serial_log.write_text(f"boot {boot}")
            paths.serial("serialv", "log").write_text(f"v {boot}")
    assert paths.serial_log.read_text() == "boot 7"
    assert [paths.earlier(paths.serial_log, age).read_text() for age in range(1, 6)] == [
        "boot 6", "boot 5", "boot 4", "boot 3", "boot 2"]
    assert paths.earlier(paths.serial("serialv", "log"), 5).read_text() == "v 2"
    assert len(list(tmp_path.iterdir())) == 12


def test_sockets_and_pid_file_go_before_and_after(tmp_path: Path) -> None:
    paths = InstancePaths(tmp_path)
    names = ("serial.sock", "serialp.sock", "serialv.sock", "qmp.sock", "qmp-events.sock", "ga.sock", "qemu.pid",
             "swtpm.sock", "virtiofsd-0.sock")
    kept = tmp_path / "ssh.sock"
    kept.touch()
    for name in names:
        (tmp_path / name).touch()
    with leftovers.tidy(paths):
        assert list(tmp_path.iterdir()) == [kept]
        for name in names:
            (tmp_path / name).touch()
    assert list(tmp_path.iterdir()) == [kept]


async def test_a_running_qemu_of_the_instance_is_left_alone(tmp_path: Path) -> None:
    paths = InstancePaths(tmp_path)
    argv = ["sh", "-c", "read x", "-pidfile", str(paths.driver_pid())]
    async with proc.spawn(argv, stdin=PIPE, grace=0) as other:
        paths.driver_pid().write_text(f"{other.pid}\n")
        with pytest.raises(StateError, match=f"pid {other.pid}"):
            leftovers.refuse_running(paths)
    leftovers.refuse_running(paths)


async def test_a_qemu_that_got_in_between_keeps_its_files(tmp_path: Path) -> None:
    paths = InstancePaths(tmp_path)
    argv = ["sh", "-c", "read x", "-pidfile", str(paths.driver_pid())]
    async with proc.spawn(argv, stdin=PIPE, grace=0) as other:
        with leftovers.tidy(paths):
            paths.driver_pid().write_text(f"{other.pid}\n")
            paths.qmp_sock.touch()
        assert paths.qmp_sock.exists() and paths.driver_pid().exists()


def test_a_pid_file_that_names_somebody_else_is_stale(tmp_path: Path) -> None:
    paths = InstancePaths(tmp_path)
    for text in (str(os.getpid()), "", "x", "-1"):
        paths.driver_pid().write_text(text)
        leftovers.refuse_running(paths)


@pytest.mark.parametrize("vm_type", ["vz", "wsl2", "krunkit", "warp"])
def test_other_drivers_are_refused_with_a_way_out(vm_type: str) -> None:
    with pytest.raises(DriverError, match=vm_type) as caught:
        catalog.driver(vm_type)
    assert "vmType: qemu" in caught.value.hint


def test_the_qemu_driver_is_the_default() -> None:
    assert catalog.driver("").name == catalog.driver("qemu").name == "qemu"


@pytest.mark.parametrize(("system", "expected"), [
    ("linux", ("qemu",)), ("darwin", ("qemu", "vz")), ("windows", ("qemu", "wsl2")), ("freebsd14", ("qemu",)),
])
def test_each_system_has_its_drivers(system: str, expected: tuple[str, ...]) -> None:
    assert catalog.available(system) == expected
    assert tuple(catalog.driver(name, system).name for name in expected) == expected
    for name in {"vz", "wsl2"} - set(expected):
        with pytest.raises(DriverError, match=f"vmType `{name}` is not available on this system"):
            catalog.driver(name, system)


def test_an_external_driver_is_named_in_the_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMA_DRIVERS_PATH", str(tmp_path))
    for name in ("krunkit", "qemu"):
        (tmp_path / f"lima-driver-{name}").write_text("")
        (tmp_path / f"lima-driver-{name}").chmod(0o755)
    with pytest.raises(DriverError) as caught:
        catalog.driver("krunkit")
    assert caught.value.detail == (f"found external driver `krunkit` at `{tmp_path}/lima-driver-krunkit`; external "
                                   "drivers speak gRPC, which limatui does not: use limactl for it")
    assert catalog.driver("qemu").name == "qemu"
    assert catalog.names() == ("qemu", "krunkit")
