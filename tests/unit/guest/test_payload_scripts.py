"""Single boot scripts in every shell that guests have, among programs that only note how they were called."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from limacore.guest import cidata

PAYLOAD = Path(cidata.__file__).parent / "payload"
SHELLS = [shell for shell in (("dash",), ("busybox", "ash"), ("bash", "--posix")) if shutil.which(shell[0])]
REAL = ("cat", "chmod", "chown", "cut", "dirname", "echo", "env", "find", "grep", "head", "id", "ln", "ls", "mkdir",
        "mv", "printf", "readlink", "rm", "sed", "sh", "sort", "stat", "tail", "touch", "tr", "uname")  # fmt: skip
STAGE = """
set -e
mount -t tmpfs run /run
mount -t tmpfs etc /etc
printf 'root:x:0:0::/root:/bin/sh\\n' >/etc/passwd
printf 'root:x:0:\\n' >/etc/group
{before}
code=0
PATH=$TOOLS "$@" >/run/out 2>&1 || code=$?
{after}
echo "exit $code"
cat /run/out
"""
BASE = {
    "LIMA_CIDATA_USER": "root", "LIMA_CIDATA_UID": "0", "LIMA_CIDATA_NAME": "default", "LIMA_CIDATA_HOME": "/run/home",
    "LIMA_CIDATA_MOUNTTYPE": "reverse-sshfs", "LIMA_CIDATA_MOUNTS": "1", "LIMA_CIDATA_CONTAINERD_USER": "",
    "LIMA_CIDATA_CONTAINERD_SYSTEM": "", "LIMA_CIDATA_UDP_DNS_LOCAL_PORT": "0", "LIMA_CIDATA_DISKS": "0",
}  # fmt: skip


class Guest:
    """A place with /run and /etc of its own, and stubs beside the few real programs."""

    def __init__(self, folder: Path, shell: tuple[str, ...]) -> None:
        self.folder, self.shell = folder, shell
        self.tools, self.calls = folder / "tools", folder / "calls"
        self.tools.mkdir()
        (folder / "cidata").mkdir()
        for name in REAL:
            if found := shutil.which(name):
                (self.tools / name).symlink_to(found)

    def stub(self, name: str, script: str = "") -> None:
        path = self.tools / name
        path.unlink(missing_ok=True)
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>{self.calls}\n{script}\n')
        path.chmod(0o755)

    def program(self, name: str) -> None:
        """A stub in the form of an ELF file, by the real `echo` under another name."""
        shutil.copyfile(shutil.which("echo") or "/bin/echo", self.tools / name)
        (self.tools / name).chmod(0o755)

    def run(self, script: str, before: str = "", after: str = "", **more: str) -> tuple[str, list[str]]:
        """What was printed, begun by the exit status, and the noted calls."""
        shell = shutil.which(self.shell[0]) or ""
        unshare = ["unshare", "--mount", *(["--map-root-user"] if os.geteuid() else [])]
        env: Mapping[str, str] = {**os.environ, **BASE, "LIMA_CIDATA_MNT": str(self.folder / "cidata"),
                                  "TOOLS": str(self.tools), **more}
        stage = STAGE.format(before=before, after=after)
        done = subprocess.run([*unshare, "sh", "-c", stage, "sh", shell, *self.shell[1:], str(PAYLOAD / script)],
                              capture_output=True, text=True, env=env, timeout=60)
        if "unshare" in done.stderr:
            pytest.skip(f"no namespaces here: {done.stderr.strip()}")
        assert not done.stderr, done.stderr
        return done.stdout, self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture(params=SHELLS, ids=" ".join)
def guest(request: pytest.FixtureRequest, tmp_path: Path) -> Guest:
    return Guest(tmp_path, request.param)


INSTALL = "boot.Linux/30-install-packages.sh"
EL = "printf 'ID=\"{id}\"\\nPLATFORM_ID=\"platform:el9\"\\n' >/etc/os-release; mkdir /etc/yum.repos.d;" \
     " echo 'enabled=1' >/etc/yum.repos.d/epel.repo"


@pytest.mark.parametrize(("managers", "before", "calls"), [
    (("dnf", "yum"), "echo ID=fedora >/etc/os-release",
     ["dnf install -y --setopt=install_weak_deps=False fuse-sshfs rsync"]),
    (("dnf", "yum"), EL.format(id="rocky"),
     ["dnf install -y epel-release", "dnf install -y --enablerepo=*epel* fuse-sshfs rsync"]),
    (("dnf", "rpm"), EL.format(id="ol"),
     ["rpm -E %rhel", "dnf install -y oracle-epel-release-el", "dnf install -y --enablerepo=*epel* fuse-sshfs rsync"]),
    (("yum",), EL.format(id="centos"),
     ["yum install -y epel-release", "yum install -y --enablerepo=*epel* fuse-sshfs rsync"]),
    (("zypper", "apt-get"), "", ["zypper --non-interactive install -y --no-recommends sshfs rsync"]),
    (("pacman",), "", ["pacman -Sy --noconfirm sshfs rsync"]),
    (("apk",), "", ["apk add --update sshfs rsync"]),
], ids=["fedora", "rocky", "oracle", "centos 7", "suse", "arch", "alpine"])  # fmt: skip
def test_each_family_installs_what_is_missing(
    guest: Guest, managers: tuple[str, ...], before: str, calls: list[str]
) -> None:
    for manager in managers:
        guest.stub(manager)
    out, found = guest.run(INSTALL, before)
    assert out.startswith("exit 0"), out
    assert found == calls


def test_debian_is_known_by_a_program_and_not_by_a_name(guest: Guest) -> None:
    guest.program("apt-get")
    out, _ = guest.run(INSTALL, LIMA_CIDATA_CONTAINERD_USER="1")
    assert out.splitlines() == ["exit 0", "update", "install -y --no-upgrade --no-install-recommends -q sshfs iptables"
                                " uidmap fuse3 dbus-user-session rsync"]


def test_nothing_is_installed_where_nothing_is_missing_or_nobody_can(guest: Guest) -> None:
    out, _ = guest.run(INSTALL)
    assert out.startswith("exit 1\nno known package manager: cannot install sshfs rsync"), out
    for name in ("sshfs", "rsync"):
        guest.stub(name)
    assert guest.run(INSTALL) == ("exit 0\n", [])


def test_a_user_may_have_said_that_all_is_there(guest: Guest) -> None:
    guest.stub("apk")
    assert guest.run(INSTALL, LIMA_CIDATA_SKIP_DEFAULT_DEPENDENCY_RESOLUTION="1") == ("exit 0\n", [])


AGENT = "boot.Linux/25-guestagent-base.sh"
SYSTEMD = "mkdir -p /run/systemd/system /etc/systemd/system"
PREFIX = {"LIMA_CIDATA_GUEST_INSTALL_PREFIX": "/run/prefix", "LIMA_CIDATA_MOUNTS": "0"}


def agent(guest: Guest) -> None:
    for name in ("cmp", "cp", "mountpoint"):
        if not (guest.tools / name).exists():
            (guest.tools / name).symlink_to(shutil.which(name) or "/bin/false")
    (guest.folder / "cidata/lima-guestagent").write_text("#!/usr/bin/env python3\n")


def test_the_agent_is_a_unit_of_systemd_without_reading_all_units_anew(guest: Guest) -> None:
    agent(guest)
    guest.stub("systemctl")
    out, calls = guest.run(AGENT, SYSTEMD, "cat /etc/systemd/system/lima-guestagent.service", **PREFIX)
    assert "ExecStart=/run/prefix/bin/lima-guestagent daemon --socket-owner 0\n" in out
    assert calls == ["systemctl --quiet --no-reload enable lima-guestagent.service",
                     "systemctl restart lima-guestagent.service"]
    old = f"{SYSTEMD}; echo old >/etc/systemd/system/lima-guestagent.service"
    assert guest.run(AGENT, old, **PREFIX)[1][2:] == ["systemctl daemon-reload", *calls]


def test_the_agent_is_a_service_of_openrc(guest: Guest) -> None:
    agent(guest)
    guest.stub("rc-update")
    guest.stub("rc-service")
    out, calls = guest.run(AGENT, "mkdir /etc/init.d", "cat /etc/init.d/lima-guestagent; ls -l /etc/init.d", **PREFIX)
    assert 'command_args="daemon --socket-owner 0"\n' in out and "-rwxr-xr-x" in out
    assert calls == ["rc-update add lima-guestagent default", "rc-service lima-guestagent restart"]


DISKS = "boot.Linux/05-lima-disks.sh"
DISK = {"LIMA_CIDATA_DISKS": "1", "LIMA_CIDATA_DISK_0_NAME": "data", "LIMA_CIDATA_DISK_0_DEVICE": "vdx",
        "LIMA_CIDATA_DISK_0_FORMAT": "true", "LIMA_CIDATA_DISK_0_FSTYPE": "", "LIMA_CIDATA_DISK_0_FSARGS": "-i 2048"}


def test_a_new_disk_is_made_and_mounted_and_an_old_one_kept(guest: Guest) -> None:
    place = str(guest.folder / "lima-data")
    for name in ("udevadm", "mount", "mountpoint", "mkdir"):
        guest.stub(name, "exit 1" if name == "mountpoint" else "")
    guest.stub("blkid", "[ ! -e /run/made ] || echo /dev/vdx1")
    guest.stub("sfdisk", "cat >/dev/null")
    guest.stub("mkfs.ext4", ": >/run/made")
    out, calls = guest.run(DISKS, **DISK)
    assert out == "exit 0\n", (out, place)
    assert [each for each in calls if not each.startswith(("blkid", "udevadm"))] == [
        "sfdisk --quiet /dev/vdx", "mkfs.ext4 -L lima-data -i 2048 /dev/vdx1", "mkdir -p /mnt/lima-data",
        "mountpoint -q /mnt/lima-data", "mount /dev/vdx1 /mnt/lima-data"]
    _, calls = guest.run(DISKS, ": >/run/made", **DISK)
    assert sum(each.startswith(("sfdisk", "mkfs")) for each in calls) == 2, "made once more"


def test_a_disk_that_is_not_to_be_formatted_is_told_of(guest: Guest) -> None:
    guest.stub("blkid")
    out, calls = guest.run(DISKS, **{**DISK, "LIMA_CIDATA_DISK_0_FORMAT": "false"})
    assert out == "exit 0\n/dev/vdx has no file system labelled lima-data\n"
    assert {each.split()[0] for each in calls} == {"blkid"}


def test_swap_is_made_and_used(guest: Guest) -> None:
    guest.stub("blkid", "[ ! -e /run/made ] || echo /dev/vdx1")
    guest.stub("sfdisk", "cat >/dev/null")
    guest.stub("mkswap", ": >/run/made")
    guest.stub("swapon")
    _, calls = guest.run(DISKS, **{**DISK, "LIMA_CIDATA_DISK_0_FSTYPE": "swap", "LIMA_CIDATA_DISK_0_FSARGS": ""})
    assert [each for each in calls if "blkid" not in each] == [
        "sfdisk --quiet /dev/vdx", "mkswap -L lima-data /dev/vdx1", "swapon /dev/vdx1"]


ALPINE = ("echo {release} >/etc/alpine-release; mkdir -p /etc/apk /etc/ssh; printf 'root:!:1\\n' >/etc/shadow;"
          " printf 'https://m.example/alpine/v3.21/main\\n' >/etc/apk/repositories;"
          " printf '#UsePAM no\\nAllowTcpForwarding no\\n' >/etc/ssh/sshd_config")  # fmt: skip


@pytest.mark.parametrize(("release", "repositories"), [
    ("3.21.2", ["https://m.example/alpine/v3.21/main", "https://m.example/alpine/v3.21/community"]),
    ("3.24.0_alpha20260101", ["https://m.example/alpine/v3.21/main", "https://m.example/alpine/edge/main",
                              "https://m.example/alpine/edge/community"]),
])  # fmt: skip
def test_alpine_is_made_fit_for_a_login(guest: Guest, release: str, repositories: list[str]) -> None:
    guest.stub("apk")
    guest.stub("rc-service")
    out, calls = guest.run("boot.essential.Linux/10-alpine-prep.sh", ALPINE.format(release=release),
                           "cat /etc/apk/repositories /etc/shadow /etc/ssh/sshd_config >>/run/out")
    assert out.splitlines() == ["exit 0", *repositories, "root:*:1", "#UsePAM no", "AllowTcpForwarding yes"]
    assert calls == ["apk add --no-progress sudo", "rc-service --ifstarted sshd reload"]


def test_other_guests_are_none_of_alpine(guest: Guest) -> None:
    for script in sorted((PAYLOAD / "boot.essential.Linux").glob("*alpine*.sh")):
        assert guest.run(f"boot.essential.Linux/{script.name}") == ("exit 0\n", [])


COLORTERM = "boot.Linux/11-colorterm-environment.sh"


@pytest.mark.parametrize(("given", "wanted"), [
    ("Include /etc/ssh/sshd_config.d/*.conf\n", "Include /etc/ssh/sshd_config.d/*.conf\nAcceptEnv COLORTERM\n"),
    ("AcceptEnv LANG LC_*\n", "AcceptEnv LANG LC_* COLORTERM\n"),
    ("AcceptEnv COLORTERM\n", "AcceptEnv COLORTERM\n"),
    ("Port 22\n", "Port 22\nAcceptEnv COLORTERM\n"),
])  # fmt: skip
def test_sshd_takes_the_kind_of_terminal(guest: Guest, given: str, wanted: str) -> None:
    before = f"mkdir -p /etc/ssh; printf '{given}' >/etc/ssh/sshd_config"
    out, _ = guest.run(COLORTERM, before.replace("\n", "\\n"),
                       "cat /etc/ssh/sshd_config /etc/ssh/sshd_config.d/* >>/run/out 2>/dev/null || true")
    assert out == f"exit 0\n{wanted}"


def test_the_user_of_rootless_containers_is_prepared_once(guest: Guest) -> None:
    before = f"{SYSTEMD}; mkdir /run/home; echo root:100000:65536 >/etc/subuid"
    show = "cat /etc/subuid /etc/subgid"
    out, _ = guest.run("boot.Linux/23-user-ids.sh", before, show)
    assert out.splitlines()[:2] == ["root:524288:1073741824"] * 2
    above = {"LIMA_CIDATA_UID": "600000"}
    assert "root:600001:1073741824" in guest.run("boot.Linux/23-user-ids.sh", before, show, **above)[0]
    script = "boot.Linux/21-user-path.sh"
    out, _ = guest.run(script, before, f"sh {PAYLOAD / script}; cat /run/home/.profile")
    assert out.count("# Lima BEGIN") == out.count("# Lima END") == 1 and "SNAPSHOTTER" not in out
    guest.stub("systemctl")
    guest.stub("loginctl")
    out, calls = guest.run("boot.Linux/27-user-manager.sh", before, "sleep 0.2; cat /etc/systemd/system/user@*/*")
    assert "Delegate=yes" in out
    assert sorted(calls) == ["loginctl enable-linger root", "systemctl daemon-reload"]


def test_an_old_kernel_mounts_overlays_of_users_by_a_program(guest: Guest) -> None:
    guest.stub("uname", "echo 5.10.0-8-amd64")
    out, _ = guest.run("boot.Linux/21-user-path.sh", f"{SYSTEMD}; mkdir /run/home", "cat /run/home/.profile")
    assert "export CONTAINERD_SNAPSHOTTER=fuse-overlayfs\n# Lima END" in out


def test_the_prompt_of_the_first_instance_is_lime_once(guest: Guest) -> None:
    prompt = r"PS1='\[\033[01;32m\]\u@\h\[\033[00m\]$ '"
    (guest.folder / "bashrc").write_text(prompt + "\n")
    script = "boot.Linux/08-shell-prompt.sh"
    out, _ = guest.run(script, f"mkdir /run/home; cat {guest.folder}/bashrc >/run/home/.bashrc",
                       f"sh {PAYLOAD / script}; cat /run/home/.bashrc")
    assert out.splitlines()[:2] == [r"PS1='\[\033[38;5;10m\]\u@\h\[\033[00m\]$ '", "# lima prompt"]
