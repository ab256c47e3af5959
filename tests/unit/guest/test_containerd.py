"""The script that sets containerd up: run in every shell, with a small archive in the layout of nerdctl-full."""

from __future__ import annotations

import io
import shutil
import tarfile
from pathlib import Path

import pytest

from tests.unit.guest.test_payload_scripts import SHELLS, Guest

SCRIPT = "boot.Linux/40-install-containerd.sh"
STUB = '#!/bin/sh\necho "${0##*/} $*" >>{calls}\n'
PROGRAMS = ("nerdctl", "containerd", "buildkitd", "rootlesskit", "containerd-rootless-setuptool.sh")
BASE = {
    "LIMA_CIDATA_GUEST_INSTALL_PREFIX": "/run/prefix", "LIMA_CIDATA_CONTAINERD_ARCHIVE": "nerdctl-full.tgz",
}  # fmt: skip
BOTH = {**BASE, "LIMA_CIDATA_CONTAINERD_USER": "1", "LIMA_CIDATA_CONTAINERD_SYSTEM": "1"}
SYSTEMD = ("mkdir -p /run/systemd/system /run/user/0/systemd /run/home /etc/bash_completion.d;"
           " : >/run/user/0/systemd/private")
SUDO = 'shift 2; while case $1 in *=*) ;; *) false ;; esac; do export "${1?}"; shift; done; exec "$@"'


def archive(path: Path, calls: Path, when: int) -> None:
    """What the project publishes, as far as we look at it: programs that note how they were called."""
    with tarfile.open(path, "w:gz") as tar:
        for name in PROGRAMS:
            data = STUB.replace("{calls}", str(calls)).encode()
            entry = tarfile.TarInfo(f"bin/{name}")
            entry.size, entry.mode, entry.mtime = len(data), 0o755, when
            tar.addfile(entry, io.BytesIO(data))
        unit = tarfile.TarInfo("lib/systemd/system/containerd.service")
        tar.addfile(unit, io.BytesIO(b""))


@pytest.fixture(params=SHELLS, ids=" ".join)
def guest(request: pytest.FixtureRequest, tmp_path: Path) -> Guest:
    found = Guest(tmp_path, request.param)
    for name in ("tar", "gzip", "mktemp", "sleep"):
        (found.tools / name).symlink_to(shutil.which(name) or "/bin/false")
    found.stub("systemctl")
    found.stub("sudo", SUDO)
    archive(found.folder / "cidata/nerdctl-full.tgz", found.calls, 1000)
    return found


def calls_of(found: list[str]) -> list[str]:
    return [each for each in found if not each.startswith("sudo")]


SYSTEM_CALLS = ["systemctl daemon-reload", "systemctl enable --now containerd buildkit stargz-snapshotter"]
USER_CALLS = ["systemctl --user enable --now dbus.socket", "containerd-rootless-setuptool.sh install",
              "containerd-rootless-setuptool.sh install-buildkit-containerd",
              "containerd-rootless-setuptool.sh install-stargz"]


def test_it_is_unpacked_and_set_up_for_both(guest: Guest) -> None:
    show = ("cat /etc/containerd/config.toml /etc/buildkit/buildkitd.toml /run/home/.config/containerd/config.toml"
            " >>/run/out; ls /run/prefix/bin /etc/bash_completion.d >>/run/out")
    out, calls = guest.run(SCRIPT, SYSTEMD, show, **BOTH)
    assert out.startswith("exit 0\n"), out
    assert calls_of(calls) == ["nerdctl completion bash", *SYSTEM_CALLS, *USER_CALLS]
    assert 'address = "/run/containerd-stargz-grpc/containerd-stargz-grpc.sock"' in out
    assert '[proxy_plugins."fuse-overlayfs"]' in out and 'snapshotter = "overlayfs"' in out
    assert all(name in out.split() for name in PROGRAMS)


def test_what_is_there_stays_and_what_is_older_is_replaced(guest: Guest) -> None:
    there = (f"{SYSTEMD}; mkdir -p /run/prefix/bin /etc/containerd; echo mine >/etc/containerd/config.toml;"
             " printf '#!/bin/sh\\n' >/run/prefix/bin/nerdctl; chmod 755 /run/prefix/bin/nerdctl;")
    new = {**BASE, "LIMA_CIDATA_CONTAINERD_SYSTEM": "1"}
    out, calls = guest.run(SCRIPT, f"{there} touch -d @1000 /run/prefix/bin/nerdctl",
                           "cat /etc/containerd/config.toml >>/run/out; ls /run/prefix/bin >>/run/out", **new)
    assert out.splitlines() == ["exit 0", "mine", "nerdctl"]
    assert calls == SYSTEM_CALLS
    out, calls = guest.run(SCRIPT, f"{there} touch -d @999 /run/prefix/bin/nerdctl",
                           "ls /run/prefix/bin >>/run/out", **new)
    assert "rootlesskit" in out
    assert calls[2:] == ["systemctl disable --now containerd buildkit stargz-snapshotter", "nerdctl completion bash",
                         *SYSTEM_CALLS]


def test_a_user_that_has_it_is_left_alone(guest: Guest) -> None:
    unit = "mkdir -p /run/home/.config/systemd/user; : >/run/home/.config/systemd/user/containerd.service"
    out, calls = guest.run(SCRIPT, f"{SYSTEMD}; {unit}", **{**BASE, "LIMA_CIDATA_CONTAINERD_USER": "1"})
    assert (out, calls) == ("exit 0\n", ["nerdctl completion bash"])


def test_where_it_cannot_be(guest: Guest) -> None:
    assert guest.run(SCRIPT) == ("exit 0\n", [])
    out, calls = guest.run(SCRIPT, **BOTH)
    assert (out, calls) == ("exit 1\ncontainerd is set up on systems with systemd only\n", [])
    (guest.folder / "cidata/nerdctl-full.tgz").unlink()
    out, calls = guest.run(SCRIPT, SYSTEMD, **BOTH)
    assert (out, calls) == ("exit 0\nthe archive with containerd could not be had by the host\n", [])


def test_a_setup_that_fails_fails_the_script(guest: Guest) -> None:
    guest.stub("sudo", "case $* in *install-buildkit*) exit 7 ;; esac")
    out, _ = guest.run(SCRIPT, SYSTEMD, **{**BASE, "LIMA_CIDATA_CONTAINERD_USER": "1"})
    assert out.startswith("exit 7"), out
