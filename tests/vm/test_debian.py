"""The full Debian guest as a distribution's image would run: UEFI, GRUB, cloud-init, systemd, our boot scripts."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.server
import io
import json
import os
import shutil
import subprocess
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from limacore.model.event import CloudInitProgress, Event
from tests.vm.conftest import Cli, left_behind

pytestmark = [
    pytest.mark.skipif(not shutil.which("qemu-system-x86_64"), reason="QEMU is not installed"),
    pytest.mark.skipif(bool(os.environ.get("CI")) and os.environ.get("LIMATUI_SLOW") != "1",
                       reason="takes four to eight minutes: in CI with LIMATUI_SLOW=1 only"),
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
containerd:
  system: true
  user: true
  archives:
  - {{location: "{archive}", arch: x86_64, digest: "{digest}"}}
provision:
- mode: boot
  script: echo "$PARAM_word" >/run/early
- mode: dependency
  skipDefaultDependencyResolution: true # what rootless containers need is not in the image, nor maybe to be had
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
    echo what went wrong >&2
    exit 5
- mode: user
  script: |
    #!/bin/bash
    systemctl --user show --property=Version >~/manager
    echo "$USER $PARAM_word $XDG_RUNTIME_DIR" >~/user
- mode: yq
  path: /etc/a/b.yaml
  expression: .user = "{{{{.User}}}}"
"""
UNIT = """\
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/bin/{name}
[Install]
WantedBy=multi-user.target
"""
SETUP = """\
#!/bin/sh
set -eu
echo "$XDG_RUNTIME_DIR $*" >>~/setup
[ "$1" != install ] || { mkdir -p ~/.config/systemd/user && touch ~/.config/systemd/user/containerd.service; }
"""
PARTS = ("containerd", "buildkit", "stargz-snapshotter")


def certificate(folder: Path) -> str:
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-subj", "/CN=test of limatui", "-keyout", folder / "key", "-out", folder / "ca.pem"],
                   check=True, capture_output=True)  # fmt: skip
    return "".join(f"    {line}\n" for line in (folder / "ca.pem").read_text().splitlines())


def archive(path: Path) -> str:
    """An archive in the layout of nerdctl-full, of programs that only note their call; its digest."""
    note = '#!/bin/sh\necho "$*" >>/run/called.${0##*/}\n'
    files = {f"bin/{name}": note for name in ("nerdctl", *PARTS)}
    files |= {f"lib/systemd/system/{name}.service": UNIT.format(name=name) for name in PARTS}
    with tarfile.open(path, "w:gz") as tar:
        for name, text in {**files, "bin/containerd-rootless-setuptool.sh": SETUP}.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(text), 0o755, 1700000000
            tar.addfile(entry, io.BytesIO(text.encode()))
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a server of the files in a folder."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Guest:
    def __init__(self, cli: Cli) -> None:
        self.cli = cli

    def __call__(self, command: str) -> str:
        return self.cli("shell", "--workdir=/", "d", "bash", "-c", command, timeout=300).stdout

    def start(self, *argv: str) -> tuple[float, str]:
        begin = time.monotonic()
        done = self.cli("start", "--tty=false", "--timeout=15m", *argv, timeout=1000)
        assert "READY (1 of 7 provision scripts failed)." in done.stderr, done.stderr
        assert "provision.system/00000004` of the guest ended with code 5: what went wrong" in done.stderr
        return time.monotonic() - begin, done.stderr


def test_a_full_guest(cli: Cli, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    template = tmp_path / "d.yaml"
    digest = archive(tmp_path / "nerdctl-full.tar.gz")
    cli("disk", "create", "data", "--size=1GiB")
    with served(tmp_path) as address:
        template.write_text(TEMPLATE.format(certificate=certificate(tmp_path), digest=digest,
                                            archive=f"{address}/nerdctl-full.tar.gz"))
        cli("create", "--tty=false", "--name=d", str(template), timeout=1200)  # the image is built here, once
    guest = Guest(cli)
    first, said = guest.start("--progress", "d")
    _progress(cli, said)
    _firmware_and_disks(guest)
    _cloud_init(guest, (tmp_path / "ca.pem").read_text().splitlines()[1])
    _user_and_scripts(guest)
    _later_packages(guest)
    _containers(guest)
    shell = time.monotonic()
    guest("true")
    shell = time.monotonic() - shell
    cli("stop", "d", timeout=300)
    _share_by_ninep(cli, tmp_path / "shared")
    second, _ = guest.start("d")
    _containers(guest)
    _ninep(guest, tmp_path / "shared")
    assert guest("cat /mnt/lima-data/kept; sudo cat /root/count; sudo cloud-init schema --system").splitlines() == [
        "mine", "1", "Valid cloud-config: system userdata"]
    cli("stop", "d", timeout=300)
    with capsys.disabled():
        print(f"\nfirst boot {first:.0f} s, later boot {second:.0f} s, shell {shell:.1f} s")
    assert not left_behind(cli.home)


def _share_by_ninep(cli: Cli, shared: Path) -> None:
    """Two directories for the next boot."""
    for name in ("read", "write"):
        (shared / name).mkdir(parents=True)
        (shared / name / "grüße").write_text("hello\n")
    (shared / "write").chmod(0o777)
    mounts = [{"location": f"{shared}/read", "mountPoint": "/mnt/read"},
              {"location": f"{shared}/write", "mountPoint": "/mnt/wr ite", "writable": True}]
    cli("edit", "--tty=false", "d", "--set", f'.mountType = "9p" | .mounts = {json.dumps(mounts)}')


def _ninep(guest: Guest, shared: Path) -> None:
    assert guest("findmnt -nro FSTYPE /mnt/read; findmnt -nro FSTYPE '/mnt/wr ite'").split() == ["9p", "9p"]
    assert guest("cat /mnt/read/grüße; echo new >'/mnt/wr ite/n'; touch /mnt/read/n 2>&1 || :").splitlines() == [
        "hello", "touch: cannot touch '/mnt/read/n': Read-only file system"]
    assert (shared / "write" / "n").read_text() == "new\n"
    refused = guest.cli("suspend", "d", check=False)
    assert refused.returncode and "9p" in refused.stderr


def _progress(cli: Cli, said: str) -> None:
    """What cloud-init printed: on the screen, and as events in the form of the reference tool."""
    assert "Cloud-init provisioning started..." in said and "[cloud-init] Cloud-init v." in said
    assert "Cloud-init progress monitoring done." in said
    lines = (cli.home / "d/ha.stdout.log").read_bytes().splitlines()
    told = [progress for line in lines
            if (progress := msgspec.json.decode(line, type=Event).status.cloud_init_progress)]
    assert told[0] == CloudInitProgress(active=True)
    assert any("running 'modules:final'" in each.log_line and each.active for each in told)
    assert told[-1] == CloudInitProgress("Cloud-init monitoring completed successfully", completed=True)


def _containers(guest: Guest) -> None:
    """containerd for the system and for the user, set up at the first boot only."""
    assert guest(f"systemctl is-active {' '.join(PARTS)}; systemctl is-enabled {' '.join(PARTS)}").split() == [
        *["active"] * 3, *["enabled"] * 3]
    assert guest("command -v nerdctl; sudo cat /run/called.containerd").split() == ["/usr/local/bin/nerdctl"]
    runtime = f"/run/user/{guest('id -u').strip()}"
    assert guest("cat ~/setup").splitlines() == [
        f"{runtime} install", f"{runtime} install-buildkit-containerd", f"{runtime} install-stargz"]
    assert guest("grep -c proxy_plugins /etc/containerd/config.toml ~/.config/containerd/config.toml | cut -d: -f2"
                 ).split() == ["2", "3"]  # fmt: skip


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
    assert guest("cat /etc/a/b.yaml") == f"user: {guest('id -un').strip()}\n"
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
