"""How mounts are made and recognised: commands for guest and host, the mount table, the order."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from limacore.model.config import Mount, Sshfs
from limacore.mounts import plan
from limacore.mounts.plan import Entry

READ = Mount(location="/home/u", mount_point="/home/u")
WRITE = Mount(location="/tmp/lima", mount_point="/mnt/shared dir", writable=True)


def test_commands_are_those_of_the_reference(golden: Path) -> None:
    """The recorded processes: `… 127.0.0.1 -- sshfs ":/tmp/lima" "/mnt/shared dir" -o slave -o allow_other`."""
    recorded = (golden / "runtime/mounts/reverse-sshfs.host-processes.txt").read_text().replace("@HOME@", "/home/u")
    theirs = [shlex.split(line.partition(" -- ")[2]) for line in recorded.splitlines() if " -- " in line]
    assert [shlex.split(plan.sshfs(mount)) for mount in (READ, WRITE)] == theirs


def test_options_and_names_that_a_shell_would_read() -> None:
    mount = Mount(location="/a $(b) 'c'", mount_point='/x "y" `z`', sshfs=Sshfs(cache=False, follow_symlinks=True))
    words = shlex.split(plan.sshfs(mount, "nonempty"))
    assert words == ["sshfs", ":/a $(b) 'c'", '/x "y" `z`', "-o", "slave", "-o", "ro", "-o",
                     "allow_other,cache=no,follow_symlinks,nonempty"]
    said = subprocess.run(["sh", "-c", "sshfs() { printf '%s|' \"$@\"; }\n" + plan.sshfs(mount)], capture_output=True,
                          text=True, check=True).stdout
    assert said.startswith(":/a $(b) 'c'|/x \"y\" `z`|-o|")


@pytest.mark.parametrize("driver", ["", "builtin"])
def test_our_server_is_the_default(driver: str) -> None:
    mount = Mount(location="/tmp/lima", mount_point="/m", sshfs=Sshfs(sftp_driver=driver))
    assert plan.server(mount) == [sys.executable, "-P", "-m", "limacore.mounts.sftp", "/tmp/lima", "--read-only"]


def test_the_server_of_openssh_when_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mount = Mount(location="/a%b", mount_point="/m", sshfs=Sshfs(sftp_driver="openssh-sftp-server"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(plan, "_SFTP_SERVERS", ())
    with pytest.raises(FileNotFoundError, match="not installed"):
        plan.server(mount)
    program = tmp_path / "sftp-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert plan.server(mount) == [str(program), "-e", "-d", "/a%%b", "-R"]


def test_the_table_of_recordings(golden: Path) -> None:
    text = (golden / "runtime/mounts/reverse-sshfs.guest-mounts.txt").read_text().replace("@HOME@", "/home/u")
    entries = plan.table(text)
    assert entries[1] == Entry(":/tmp/lima", "/mnt/shared dir", "fuse.sshfs",
                               ("rw", "nosuid", "nodev", "relatime", "user_id=1001", "group_id=1001", "allow_other"))
    assert plan.find(entries, WRITE, "reverse-sshfs") == entries[1]
    assert plan.find(entries, WRITE, "9p") is None
    assert plan.find(entries, Mount(mount_point="/mnt"), "reverse-sshfs") is None


@pytest.mark.parametrize("path", ["/a b", "/a\tb", "/a\\b", "/a#b", "/grüße 日本", "/a\\040b"])
def test_paths_in_the_table_there_and_back(path: str) -> None:
    assert plan.table(f"x {plan.escaped(path)} 9p rw 0 0\n")[0].mount_point == path


def test_nested_mounts_wait_for_what_is_below_them() -> None:
    points = ["/a", "/b", "/a/x", "/c", "/b/y", "/"]
    mounts = [Mount(location=point, mount_point=point) for point in points]
    found = [[mount.mount_point for mount in wave] for wave in plan.waves(mounts)]
    assert found == [["/a", "/b"], ["/a/x", "/c", "/b/y"], ["/"]]


@pytest.mark.parametrize("shell", ["sh", "bash", "busybox sh"])
def test_scripts_run_in_every_shell(shell: str, tmp_path: Path) -> None:
    point = tmp_path / "a 'b' $c"
    mount = Mount(location="/x", mount_point=str(point))
    words = shell.split()
    try:
        subprocess.run([*words, "-c", "true"], check=True)
    except FileNotFoundError:
        pytest.skip(f"no {shell} here")
    never = Mount(location="/x", mount_point="/proc/never")
    made = subprocess.run(words, input=plan.prepare([never, mount]), text=True, check=True, capture_output=True)
    assert point.is_dir() and list(plan.unprepared(made.stdout, [never, mount])) == [never]
    shown = subprocess.run(words, input=plan.shown([mount], 0), text=True, check=True, capture_output=True)
    assert shown.stdout == Path("/proc/mounts").read_text() and not shown.stderr
