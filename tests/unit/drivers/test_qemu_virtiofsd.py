"""Virtiofs servers: found by their descriptions, started one for each mount, refused with a reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from limacore.drivers.base import MachineSpec
from limacore.drivers.qemu import virtiofsd
from limacore.errors import DriverError
from limacore.model.config import Config, Mount
from limacore.paths import HomePaths

_FAKE = """#!/bin/sh
[ "$1" != --version ] || { echo "VERSION"; exit CODE; }
echo "$0 $*" >>"LOG"
[ "$1" = --socket-path ] && python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$2"
sleep 60
"""


def program(folder: Path, name: str, version: str = "virtiofsd 1.10.0", code: int = 0) -> Path:
    path = folder / name
    path.write_text(_FAKE.replace("VERSION", version).replace("CODE", str(code)).replace("LOG", str(folder / "log")))
    path.chmod(0o755)
    return path


def describe(home: Path, name: str, **fields: str) -> None:
    folder = home / ".local/share/qemu/vhost-user"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(fields))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    real = virtiofsd.folders
    monkeypatch.setattr(virtiofsd, "folders", lambda qemu, home: real(qemu, home)[:2])  # not those of this computer
    return tmp_path


def silent(_level: str, _message: str) -> None:
    pass


async def test_the_first_that_runs(home: Path) -> None:
    describe(home, "10-gpu.json", type="gpu", binary="/x")
    describe(home, "20-broken.json", type="fs", binary=str(program(home, "broken", code=1)))
    describe(home, "30-gone.json", type="fs", binary="/nowhere/virtiofsd")
    describe(home, "40-good.json", type="fs", binary=str(program(home, "good")))
    (home / ".local/share/qemu/vhost-user/05-bad.json").write_text("{")
    said: list[str] = []
    found = await virtiofsd.locate(Path("/q/bin/qemu"), home, lambda level, text: said.append(f"{level} {text}"))
    assert found == virtiofsd.Program(str(home / "good"))
    assert [line.split(" --version")[0] for line in said] == [
        f"warning Failed to run {home}/broken", "warning Failed to run /nowhere/virtiofsd"]


async def test_none_is_said(home: Path) -> None:
    with pytest.raises(DriverError, match="failed to locate virtiofsd"):
        await virtiofsd.locate(Path("/q/bin/qemu"), home, silent)


def test_command_lines() -> None:
    socket = Path("/l/t/virtiofsd-0.sock")
    assert virtiofsd.Program("/v").argv(socket, "/a,b") == ["/v", "--socket-path", str(socket), "--shared-dir", "/a,b"]
    assert virtiofsd.Program("/v", of_qemu=True).argv(socket, "/a,b") == [
        "/v", f"--socket-path={socket}", "-o", "source=/a\\,b"]


async def test_one_for_each_mount_and_none_afterwards(home: Path) -> None:
    describe(home, "good.json", type="fs", binary=str(program(home, "good")))
    spec = _spec(home)
    async with virtiofsd.serving(spec, "/q/bin/qemu", silent):
        assert (home / "log").read_text().splitlines() == [
            f"{home}/good --socket-path {spec.paths.dir}/virtiofsd-{number}.sock --shared-dir {where}"
            for number, where in enumerate(("/home", "/tmp"))]
    assert not list(spec.paths.dir.iterdir())


async def test_one_that_ends_is_said_with_its_words(home: Path) -> None:
    program(home, "bad").write_text("#!/bin/sh\n[ $1 != --version ] || exit 0\necho no >&2; exit 3\n")
    describe(home, "bad.json", type="fs", binary=str(home / "bad"))
    with pytest.raises(DriverError, match="did not open its socket") as caught:
        async with virtiofsd.serving(_spec(home), "/q/bin/qemu", silent):
            pass
    assert caught.value.detail == "no"


def _spec(home: Path) -> MachineSpec:
    paths = HomePaths(home / "l").instance("t")
    paths.dir.mkdir(parents=True)
    mounts = (Mount(location="/home", mount_point="/home"), Mount(location="/tmp", mount_point="/m", writable=True))
    return MachineSpec("t", paths, HomePaths(home / "l"), Config(mount_type="virtiofs", mounts=mounts), 1)
