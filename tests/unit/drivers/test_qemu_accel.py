"""The choice of the accelerator: the decision as a table, the trial with real QEMUs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from limacore.base.host import machine
from limacore.drivers.qemu import accel, probe, trial
from limacore.model.config import Config, QemuOptions, VmOptions

QEMU = shutil.which("qemu-system-x86_64") or ""
needs_qemu = pytest.mark.skipif(not QEMU or machine() != "x86_64", reason="needs QEMU on x86_64")


def config(cpu: str = "", arch: str = "x86_64") -> Config:
    cpus = {arch: cpu} if cpu else {}
    return Config(arch=arch, vm_opts=VmOptions(qemu=QemuOptions(cpu_type=cpus)))


@pytest.mark.parametrize(("ran", "word"), [
    (trial.Trial(0.1), "kvm"),
    (trial.Trial(1.2, emulated=4.0), "kvm"),
    (trial.Trial(2.5, emulated=0.2), "tcg"),
    (trial.Trial(None, "no progress"), "tcg"),
])
def test_kvm_must_have_run_and_not_crawled(ran: trial.Trial, word: str) -> None:
    verdict = accel.judge(ran)
    assert verdict.accel == word
    assert bool(verdict.reason) == (word == "tcg")


@pytest.mark.parametrize(("chosen", "used", "cpu"), [
    ("", "kvm", "host"), ("", "tcg", "max"), ("Nehalem", "kvm", "Nehalem"), ("Haswell,-tsx", "tcg", "Haswell,-tsx"),
    ("host", "tcg", "max"), ("host,-avx", "tcg", "max,-avx"), ("", "hvf", "host"),
])
def test_the_cpu_follows_the_accelerator(chosen: str, used: str, cpu: str) -> None:
    assert accel.cpu_type(config(chosen), used) == cpu


def test_a_deprecated_cpu_type_counts_less() -> None:
    both = Config(cpu_type={"x86_64": "old"}, vm_opts=VmOptions(qemu=QemuOptions(cpu_type={"x86_64": "new"})))
    assert accel.cpu_type(both, "tcg") == "new"
    assert accel.cpu_type(Config(cpu_type={"x86_64": "old"}), "tcg") == "old"


def test_another_architecture_is_emulated() -> None:
    assert "this computer" in accel.obstacle("riscv64")


def test_a_missing_device_is_named(tmp_path: Path) -> None:
    assert "does not exist" in accel.obstacle(machine(), tmp_path / "kvm")


@pytest.mark.skipif(os.getuid() == 0, reason="root may open everything")
def test_a_forbidden_device_names_its_group(tmp_path: Path) -> None:
    device = tmp_path / "kvm"
    device.touch(0o000)
    assert "usermod -aG" in accel.obstacle(machine(), device)


@needs_qemu
async def test_the_trial_guest_runs_on_a_processor_that_works(tmp_path: Path) -> None:
    ran = await trial._boot(QEMU, "tcg", "max", trial.write_boot_disk(tmp_path / "disk"))
    assert ran.seconds is not None


@needs_qemu
async def test_a_guest_that_never_gets_there_fails_the_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = tmp_path / "disk"
    empty.write_bytes(bytes(1 << 20))
    monkeypatch.setattr(trial, "_DEADLINE", 1.0)
    ran = await trial._boot(QEMU, "tcg", "max", empty)
    assert ran.seconds is None and "no progress" in ran.failure


@needs_qemu
async def test_a_qemu_that_dies_in_the_trial_tells_why(tmp_path: Path) -> None:
    ran = await trial._boot(QEMU, "tcg", "NoSuchCPU", trial.write_boot_disk(tmp_path / "disk"))
    assert ran.seconds is None and "NoSuchCPU" in ran.failure


@needs_qemu
async def test_a_verdict_is_remembered_until_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if accel.obstacle("x86_64"):
        pytest.skip("no /dev/kvm to try")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    features = await probe.features(QEMU, "x86_64")
    told: list[str] = []
    first = await accel.decide(config(), QEMU, features, lambda level, text: told.append(level))
    cache = tmp_path / "limatui/accel.json"
    cache.write_text(cache.read_text().replace('"accel":"tcg"', '"accel":"kvm"').replace(first.reason, "planted"))
    planted = await accel.decide(config(), QEMU, features, lambda level, text: told.append(level))
    again = await accel.decide(config(), QEMU, features, lambda level, text: told.append(level), reprobe=True)
    assert planted == (accel.Verdict("kvm", "planted") if first.reason else first)
    assert again == first
    assert told == ["warning"] * (2 if first.accel == "tcg" else 0)


@needs_qemu
async def test_another_qemu_is_tried_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    here = await probe.features(QEMU, "x86_64")
    updated = probe.Features(here.stamp + "1", here.version)
    assert accel._key(here, "x86_64", "host") != accel._key(updated, "x86_64", "host")
    assert accel._key(here, "x86_64", "host") != accel._key(here, "x86_64", "Nehalem")
