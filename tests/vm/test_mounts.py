"""Directories of the host in a real guest: read, written, kept through reboots and lost connections, and confined."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from limacore import hostlink
from limacore.model.mount import MountState
from limacore.paths import HomePaths
from tests.vm.conftest import Cli, left_behind, processes_of, until

ODD = "gr\u00fc\u00dfe \u65e5\u672c"


@pytest.fixture
def shared(lima_home: Path) -> Iterator[Path]:
    """Two directories on the host: `read` and one with an odd name, and a secret beside them."""
    folder = lima_home.with_name(lima_home.name + "-shared")
    for name in ("read", f"wr ite {ODD}"):
        (folder / name / "sub").mkdir(parents=True)
    (folder / "secret").write_text("secret\n")
    (folder / "read" / f"file {ODD}").write_text("hello\n")
    (folder / "read" / "up").symlink_to("../secret")
    (folder / "read" / "out").symlink_to("..")
    yield folder
    shutil.rmtree(folder)


def create(cli: Cli, shared: Path, more: str = "") -> None:
    """The instance `t` with both mounts."""
    mounts = [{"location": f"{shared}/read"},
              {"location": f"{shared}/wr ite {ODD}", "mountPoint": f"/mnt/wr ite {ODD}", "writable": True}]
    change = f".mounts = {json.dumps(mounts, ensure_ascii=False)}{more}"
    cli("create", "--name=t", "template:tiny", "--set", change, timeout=900)


@pytest.fixture
def mounted(cli: Cli, shared: Path) -> Cli:
    """The running instance."""
    create(cli, shared)
    cli("start", "t")
    return cli


def sh(cli: Cli, script: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
    return cli("shell", "--workdir=/", "t", "sh", "-c", script, check=check)


def states(cli: Cli) -> tuple[MountState, ...]:
    return asyncio.run(hostlink.status(HomePaths(cli.home).instance("t"))).mounts


def servers(cli: Cli, shared: Path) -> list[int]:
    return [pid for pid, words in processes_of(shared).items() if "limacore.mounts.sftp" in words]


def all_back(cli: Cli, seconds: float = 60) -> None:
    until(lambda: all(state.mounted for state in states(cli)), "both mounts are there again", seconds)


def log(cli: Cli) -> str:
    lines = (cli.home / "t" / "ha.stderr.log").read_text().splitlines()
    return "\n".join(json.loads(line)["msg"] for line in lines)


def test_read_only_and_writable_with_odd_names(mounted: Cli, shared: Path) -> None:
    said = log(mounted)
    assert f"Mounting `{shared}/read` on `{shared}/read`" in said and "essential requirement 4 of 4" in said
    assert "not set up" not in said
    read, write = f"{shared}/read", f"/mnt/wr ite {ODD}"
    assert sh(mounted, f"cat '{read}/file {ODD}'; ls '{read}'").stdout == f"hello\nfile {ODD}\nout\nsub\nup\n"
    assert "Read-only" in sh(mounted, f"touch {read}/new", check=False).stderr
    with pytest.raises(AssertionError):
        sh(mounted, f"cat {read}/up || cat {read}/out/secret || cat {read}/../secret")
    sh(mounted, f"cd '{write}' && echo new >'{ODD}' && mkdir d && mv '{ODD}' 'd/{ODD}' && chmod 640 'd/{ODD}' && "
                f"ln -s d l && cat 'l/{ODD}' && sudo sh -c 'echo root >r' && head -c 5000000 /dev/urandom >big && "
                "sha256sum big >sum")
    host = shared / f"wr ite {ODD}"
    assert (host / "d" / ODD).read_text() == "new\n" and (host / "d" / ODD).stat().st_mode & 0o777 == 0o640
    assert (host / "r").read_text() == "root\n"
    subprocess.run(["sha256sum", "-c", "sum"], cwd=host, check=True, stdout=subprocess.DEVNULL)
    (host / "from-host").write_text("host\n")
    assert sh(mounted, f"cat '{write}/from-host'").stdout == "host\n"
    assert [(each.mounted, each.writable, each.type) for each in states(mounted)] == [
        (True, False, "reverse-sshfs"), (True, True, "reverse-sshfs")]
    mounted("stop", "t")
    assert f"Unmounting `{shared}/read`" in log(mounted)
    assert not servers(mounted, shared) and not left_behind(mounted.home)


def test_mounted_again_after_every_loss(mounted: Cli, shared: Path) -> None:
    first = servers(mounted, shared)
    master = next(pid for pid, words in processes_of(mounted.home).items() if "-N -T" in words)
    os.kill(master, signal.SIGKILL)
    began = time.monotonic()
    until(lambda: not all(state.mounted for state in states(mounted)), "the loss is known", 30)
    all_back(mounted)
    print(f"again after the master died: {time.monotonic() - began:.1f} s")
    second = servers(mounted, shared)
    assert len(second) == 2 and not set(first) & set(second)
    os.kill(second[0], signal.SIGKILL)
    until(lambda: "ended and is made again" in log(mounted), "the server's end is known", 30)
    all_back(mounted)
    sh(mounted, f"cat '{shared}/read/file {ODD}' && touch '/mnt/wr ite {ODD}/x'")
    boot = sh(mounted, "cat /proc/sys/kernel/random/boot_id").stdout
    sh(mounted, "sudo reboot", check=False)
    until(lambda: "the guest boots again" in log(mounted), "the reboot is seen", 60)
    all_back(mounted, 180)
    assert sh(mounted, f"cat /proc/sys/kernel/random/boot_id '{shared}/read/file {ODD}'").stdout not in (boot, "")
    sh(mounted, f"fusermount3 -u {shared}/read")
    until(lambda: states(mounted)[0].error == "it was unmounted in the guest", "the unmount is known", 30)
    time.sleep(3)
    assert not states(mounted)[0].mounted and len(servers(mounted, shared)) == 1


def test_a_mount_that_cannot_be_made_degrades_the_start(cli: Cli, shared: Path) -> None:
    create(cli, shared, ' | .mounts[0].mountPoint = "/proc/no"')
    started = cli("start", "t", check=False, timeout=180)
    assert f"failed to mount `{shared}/read` on `/proc/no`" in started.stdout + started.stderr
    assert [each.mounted for each in states(cli)] == [False, True]


def test_changes_on_the_host_wake_watchers_in_the_guest(cli: Cli, shared: Path) -> None:
    create(cli, shared, " | .mountInotify = true")
    cli("start", "t")
    point, program = f"/mnt/wr ite {ODD}", (
        "import ctypes, os, sys; libc = ctypes.CDLL(None); fd = libc.inotify_init();"
        "libc.inotify_add_watch(fd, os.fsencode(sys.argv[1]), 4); print('ready', flush=True);"
        "print(os.read(fd, 4096)[16:].rstrip(b'\\0').decode())")
    watcher = cli.spawn("shell", "--workdir=/", "t", "python3", "-c", program, point)
    assert watcher.stdout and watcher.stdout.readline() == "ready\n"
    began = time.monotonic()
    (shared / f"wr ite {ODD}" / ODD).write_text("new\n")
    assert watcher.stdout.readline() == f"{ODD}\n"
    print(f"a change was told in {1000 * (time.monotonic() - began):.0f} ms")
    watcher.wait(30)


@pytest.mark.skipif(not Path("/usr/share/qemu/vhost-user").is_dir(), reason="no virtiofsd here")
@pytest.mark.skipif(os.geteuid() != 0, reason="the virtiofsd of QEMU 7 needs root")
def test_virtiofs(cli: Cli, shared: Path) -> None:
    create(cli, shared, ' | .mountType = "virtiofs"')
    (shared / f"wr ite {ODD}").chmod(0o777)
    cli("start", "t")
    assert [(each.mounted, each.writable, each.type) for each in states(cli)] == [
        (True, False, "virtiofs"), (True, True, "virtiofs")]
    assert sh(cli, f"cat '{shared}/read/file {ODD}'; echo new >'/mnt/wr ite {ODD}/n'").stdout == "hello\n"
    assert (shared / f"wr ite {ODD}" / "n").read_text() == "new\n"
    assert "Read-only" in sh(cli, f"touch {shared}/read/new", check=False).stderr
    cli("stop", "t")
    assert not left_behind(cli.home)
