"""A whole boot in each family of distributions: every script in every shell, among programs that note their calls."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from msgspec import Struct

from limacore.guest import cidata
from limacore.guest.seed import Seed
from limacore.model.config import Config, Mount, User
from tests.unit.guest.test_payload_scripts import PAYLOAD, Guest

SHELLS = [shell for shell in (("dash",), ("busybox", "ash")) if shutil.which(shell[0])]
REAL = ("cmp", "cp", "tee", "sleep", "mktemp", "readlink", "basename", "awk", "wc", "expr", "busybox")
EVERYWHERE = ("modprobe", "mountpoint", "chpasswd", "usermod", "sysctl", "udevadm", "reboot")
MORE = {"systemd": ("systemctl", "loginctl", "resolvectl", "timedatectl"), "openrc": ("rc-service", "rc-update")}
INSTALLED = """
for word in "$@"; do
    case $word in
    sshfs | fuse-sshfs) program=sshfs ;;
    rsync | iptables | sudo) program=$word ;;
    *) continue ;;
    esac
    {
        echo '#!/bin/sh'
        echo "echo $program \\$* >>CALLS"
        echo 'case $* in *" -L "* | *" -C "*) exit 1 ;; esac'
    } >TOOLS/$program
    chmod 755 TOOLS/$program
done
"""
"""What a package manager does besides noting its call: the program is there afterwards."""


class Family(Struct, frozen=True):
    """A family: its manager, its init, how it is made up, and how it installs."""

    name: str
    managers: tuple[str, ...]
    calls: tuple[str, ...]
    before: str = ""
    init: str = "systemd"


EL = "printf 'ID=\"{id}\"\\n' >/etc/os-release; mkdir /etc/yum.repos.d; echo enabled=1 >/etc/yum.repos.d/epel.repo"
ALPINE = ("echo 3.21.2 >/etc/alpine-release; mkdir -p /run/openrc /etc/apk /etc/ssh /etc/init.d; : >/etc/init.d/acpid;"
          " printf 'root:!:1\\n' >/etc/shadow; printf '#AllowTcpForwarding no\\n' >/etc/ssh/sshd_config;"
          " : >/etc/apk/repositories")
APT = "install -y --no-upgrade --no-install-recommends -q"
DNF = "dnf install -y --setopt=install_weak_deps=False"
UPGRADED = ("dnf needs-restarting --help", "dnf needs-restarting --reboothint")
ZYPPER = "zypper --non-interactive install -y --no-recommends"
FAMILIES = (
    # apt-get must be a program, so here it is one, which prints its words: SUSE has a script of that name.
    Family("debian", (), ("update", f"{APT} sshfs rsync", "update", f"{APT} iptables")),
    Family("fedora", ("dnf", "yum"), (*UPGRADED, f"{DNF} fuse-sshfs rsync", f"{DNF} iptables"),
           "echo ID=fedora >/etc/os-release"),
    Family("rocky", ("dnf",), (*UPGRADED, "dnf install -y epel-release",
                               "dnf install -y --enablerepo=*epel* fuse-sshfs rsync", f"{DNF} iptables"),
           EL.format(id="rocky")),
    Family("centos 7", ("yum",), ("yum install -y epel-release", "yum install -y --enablerepo=*epel* fuse-sshfs rsync",
                                  "yum install -y iptables"), EL.format(id="centos")),
    Family("suse", ("zypper",), (f"{ZYPPER} sshfs rsync", f"{ZYPPER} iptables")),
    Family("arch", ("pacman",), ("pacman -Sy --noconfirm sshfs rsync", "pacman -Sy --noconfirm iptables")),
    Family("alpine", ("apk",), ("apk add --no-progress sudo", "apk add --update sshfs rsync",
                                "apk add --update iptables"), ALPINE, "openrc"),
)  # fmt: skip
BY_INIT = {
    "systemd": (
        "sysctl --quiet --load=/etc/sysctl.d/99-lima.conf", "systemctl daemon-reload", "loginctl enable-linger root",
        "systemctl --quiet --no-reload enable lima-guestagent.service", "systemctl restart lima-guestagent.service",
    ),
    "openrc": (
        "rc-service --ifstarted sshd reload", "rc-update -q add acpid default", "rc-service --ifstopped acpid start",
        "rc-service --ifstarted sshd reload", "rc-update add lima-guestagent default",
        "rc-service lima-guestagent restart",
    ),
}
NAMES = (
    "iptables -w -t nat -L LIMADNS", "iptables -w -t nat -N LIMADNS", "iptables -w -t nat -C PREROUTING -j LIMADNS",
    "iptables -w -t nat -I PREROUTING 1 -j LIMADNS", "iptables -w -t nat -C OUTPUT -j LIMADNS",
    "iptables -w -t nat -I OUTPUT 1 -j LIMADNS",
    "iptables -w -t nat -A LIMADNS -d 192.168.5.3 -p udp --dport 53 -j DNAT --to-destination 192.168.5.2:5",
    "iptables -w -t nat -A LIMADNS -d 192.168.5.3 -p tcp --dport 53 -j DNAT --to-destination 192.168.5.2:6",
)
"""Where iptables had to be installed first, the rules for names come after."""
UNTOLD = ("modprobe", "mountpoint", "date", "timedatectl")
"""What does not depend on the family but on this computer, or goes on in the background."""


def place(family: Family, folder: Path, shell: tuple[str, ...]) -> Guest:
    guest = Guest(folder, shell)
    for name in REAL:
        if (found := shutil.which(name)) and not (guest.tools / name).exists():
            (guest.tools / name).symlink_to(found)
    for name in (*EVERYWHERE, *MORE[family.init]):
        guest.stub(name, "exit 1" if name == "mountpoint" else "")
    guest.stub("timedatectl", "echo yes")
    # Never the real one: a machine without a clock of its own is given the time.
    guest.stub("date", f'case $* in *-s*) ;; *) exec {shutil.which("date")} "$@" ;; esac')
    if not family.managers:
        guest.program("apt-get")
    for name in family.managers:
        guest.stub(name, INSTALLED.replace("CALLS", str(guest.calls)).replace("TOOLS", str(guest.tools)))
    return guest


def boot(family: Family, guest: Guest) -> tuple[str, list[str]]:
    """What the boot printed, begun by its notes and its exit code, and the calls."""
    config = Config(user=User(name="root", uid=0, home="/run/home"), guest_install_prefix="/run/prefix",
                    mount_type="reverse-sshfs", mounts=(Mount(location="/x", mount_point="/run/x"),),
                    upgrade_packages=True)
    seed = Seed(config=config, name="default", directory="/l/one", public_keys=(), iid="iid-1", udp_dns_port=5,
                tcp_dns_port=6)
    for name, content in cidata.files(seed, {}).items():
        path = guest.folder / "cidata" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o755)
    init = "mkdir -p /run/systemd/system /etc/systemd/system;" if family.init == "systemd" else ""
    before = f"mkdir -p /run/home; {init} printf '127.0.0.1 localhost\\n' >/etc/hosts; {family.before or ':'}"
    # The agent's unit is written as a part of the background, which is waited for.
    after = f"until grep -q daemon-reload {guest.calls}; do sleep 0.05; done;" if init else ""
    out, _ = guest.run(str(guest.folder / "cidata/boot.sh"), before, f"{after} cat /run/lima-boot-progress",
                       LIMA_BOOT_LOG="/run/out")
    return out, guest.calls.read_text().splitlines()


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_boot(family: Family, shell: tuple[str, ...], tmp_path: Path) -> None:
    out, calls = boot(family, place(family, tmp_path, shell))
    scripts = sorted(path.name for path in PAYLOAD.glob("boot.*Linux/*.sh"))
    ends = [line.split() for line in out.splitlines() if line.startswith("end ")]
    assert sorted(words[3].rpartition("/")[2] for words in ends) == scripts
    assert [words for words in ends if words[2] != "0"] == [], out
    assert "\nexit 0\n" in out and "not found" not in out, out
    installed = [line for line in (calls if family.managers else out.splitlines())
                 if line.startswith(family.managers or ("update", "install"))]
    assert installed == list(family.calls)
    rest = [call for call in calls if not call.startswith((*UNTOLD, *family.managers))]
    assert sorted(rest) == sorted((*BY_INIT[family.init], *(NAMES if family.managers else ())))
