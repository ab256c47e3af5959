"""The full Debian guest as a distribution's image would run: UEFI, GRUB, cloud-init, systemd, our boot scripts."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.vm.conftest import Cli, left_behind

pytestmark = [
    pytest.mark.skipif(not shutil.which("qemu-system-x86_64"), reason="QEMU is not installed"),
    pytest.mark.timeout(1800),
]
TEMPLATE = """\
base: [template:build-debian-12]
timezone: Asia/Tokyo
param: {{word: 'a "b" $c'}}
env: {{GIVEN: "yes it is"}}
additionalDisks: [data]
caCerts:
  certs:
  - |
{certificate}
provision:
- mode: boot
  script: echo "$PARAM_word" >/run/early
- mode: dependency
  script: |
    #!/bin/sh
    command -v sshfs >/run/dependency
- mode: data
  path: /etc/a/b.conf
  content: "for {{{{.User}}}} of {{{{.Name}}}}"
  owner: "{{{{.User}}}}:{{{{.User}}}}"
  permissions: "640"
- mode: system
  script: |
    #!/bin/bash
    echo "$PARAM_word $GIVEN" >/root/system
- mode: system
  script: |
    #!/bin/sh
    exit 5
- mode: user
  script: |
    #!/bin/bash
    systemctl --user show --property=Version >~/manager
    echo "$USER $PARAM_word $XDG_RUNTIME_DIR" >~/user
"""


def certificate(folder: Path) -> str:
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-subj", "/CN=test of limatui", "-keyout", folder / "key", "-out", folder / "ca.pem"],
                   check=True, capture_output=True)  # fmt: skip
    return "".join(f"    {line}\n" for line in (folder / "ca.pem").read_text().splitlines())


class Guest:
    def __init__(self, cli: Cli) -> None:
        self.cli = cli

    def __call__(self, command: str) -> str:
        return self.cli("shell", "--workdir=/", "d", "bash", "-c", command, timeout=300).stdout

    def start(self, *argv: str) -> float:
        begin = time.monotonic()
        done = self.cli("start", "--tty=false", "--timeout=15m", *argv, timeout=1000)
        assert "READY" in done.stderr, done.stderr
        return time.monotonic() - begin


def test_a_full_guest(cli: Cli, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    template = tmp_path / "d.yaml"
    template.write_text(TEMPLATE.format(certificate=certificate(tmp_path)))
    cli("disk", "create", "data", "--size=1GiB")
    cli("create", "--tty=false", "--name=d", str(template), timeout=1200)  # the image is built here, once
    guest = Guest(cli)
    first = guest.start("d")
    _firmware_and_disks(guest)
    _cloud_init(guest, (tmp_path / "ca.pem").read_text().splitlines()[1])
    _user_and_scripts(guest)
    _later_packages(guest)
    shell = time.monotonic()
    guest("true")
    shell = time.monotonic() - shell
    cli("stop", "d", timeout=300)
    second = guest.start("d")
    assert guest("cat /mnt/lima-data/kept; sudo cat /root/count; sudo cloud-init schema --system").splitlines() == [
        "mine", "1", "Valid cloud-config: system userdata"]
    cli("stop", "d", timeout=300)
    with capsys.disabled():
        print(f"\nfirst boot {first:.0f} s, later boot {second:.0f} s, shell {shell:.1f} s")
    assert not left_behind(cli.home)


def _firmware_and_disks(guest: Guest) -> None:
    assert guest("ls -d /sys/firmware/efi/efivars") != ""
    assert guest("sudo ls -R /boot/efi | grep -i -c grubx64.efi") == "1\n"
    assert "No errors detected" in guest("sudo sfdisk --verify /dev/vda")
    guest("sudo umount /boot/efi; sudo fsck.vfat -n /dev/vda15")
    assert int(guest("df --output=size -m / | tail -1")) > 7000, "the root file system did not grow"
    assert guest("findmnt -no FSTYPE,LABEL /mnt/lima-data; sudo sh -c 'echo mine >/mnt/lima-data/kept'").split() == [
        "ext4", "lima-data"]
    assert guest("sudo sh -c 'echo 1 >>/root/count'") == ""


def _cloud_init(guest: Guest, trusted: str) -> None:
    assert guest("cloud-init status --wait >/dev/null; sudo cloud-init schema --system 2>&1") == (
        "Valid cloud-config: system userdata\n")
    # The provisioning script that fails on purpose is all that there is to complain of.
    assert guest("sudo grep -h -e WARNING -e ERROR /var/log/cloud-init.log | grep -v -e per-boot || :") == ""
    assert guest("systemctl list-units --failed --no-legend | grep -v cloud-final || :") == ""
    assert guest("cat /etc/timezone; hostname; date +%Z").split() == ["Asia/Tokyo", "lima-d", "JST"]
    assert guest(f"grep -c -F {trusted} /etc/ssl/certs/ca-certificates.crt") == "1\n"
    assert guest("ip -o -4 addr show dev eth0; ip route; resolvectl dns eth0").count("192.168.5.") >= 3
    assert guest("getent hosts host.lima.internal").split()[0] == "192.168.5.2"


def _user_and_scripts(guest: Guest) -> None:
    assert guest("sudo -n id -u; id -nG; echo $HOME; echo $GIVEN").split()[0] == "0"
    assert guest("sudo cat /run/early /root/system; cat ~/user; cat /run/dependency; echo $GIVEN").splitlines() == [
        'a "b" $c', 'a "b" $c yes it is', f'{guest("id -un").strip()} a "b" $c /run/user/{guest("id -u").strip()}',
        "/usr/bin/sshfs", "yes it is"]
    assert guest("grep -c Version ~/manager") == "1\n"
    assert guest("sudo cat /etc/a/b.conf; stat -c %a /etc/a/b.conf").splitlines()[0].endswith(" of d640")
    assert guest("systemctl is-active lima-guestagent; systemctl is-enabled lima-guestagent").split() == [
        "active", "enabled"]
    failed = [line for line in guest("cat /run/lima-boot-progress").splitlines()
              if line.startswith("end") and line.split()[2] != "0"]
    assert [line.split()[2:] for line in failed] == [["5", "provision.system/00000004"]]
    assert guest("loginctl show-user $USER --property=Linger; grep -h $USER /etc/subuid") != ""
    assert guest("sysctl -n net.ipv4.ip_unprivileged_port_start") == "0\n"


def _later_packages(guest: Guest) -> None:
    assert guest("grep -h -c ^URIs /etc/apt/sources.list.d/*") != ""
    assert guest("sudo dpkg --audit; ls /etc/apt/apt.conf.d/99mmdebstrap 2>/dev/null || echo none") == "none\n"
