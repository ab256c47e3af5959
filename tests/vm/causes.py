"""Boots that fail, each by really breaking something: `python -m tests.vm.causes FOLDER [NAME ...]` records their logs.

The logs of tests/unit/diagnosis/logs were made by it. It needs the images of template:tiny and template:build-debian-12
in the cache, and GRUB's tools (grub-common, grub-efi-amd64-bin, grub-pc-bin, mtools) for the boot loaders."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

from limacore.config import edit
from limacore.diagnosis.console import RULES
from limacore.paths import cache_dir
from tests.vm.conftest import Cli, processes_of

LIMIT = 240.0
"""Seconds that a boot may take to come to its end."""
_TCG = ("-machine", "q35,vmport=off", "-accel", "tcg", "-cpu", "max", "-m", "512", "-display", "none", "-no-reboot",
        "-nic", "none")
_AARCH64 = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 2, 183, 1) + bytes(4096)
"""The head of a program for another processor."""
Make = Callable[[Path], Path]
CAUSES: dict[str, Make] = {}


def cause(make: Make) -> Make:
    """A function that breaks something below a folder and returns the log that came of it."""
    CAUSES[make.__name__.replace("_", "-")] = make
    return make


def boot(folder: Path, *options: object, until: str, kvm: bool = False) -> Path:
    """Run QEMU until its console or its stderr says `until`, and a moment longer; the console's log."""
    log, errors = folder / "serial.log", folder / "qemu.stderr.log"
    argv = ["qemu-system-x86_64", *(() if kvm else _TCG), "-serial", f"file:{log}", *map(str, options)]
    with errors.open("wb") as stderr, subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=stderr) as process:
        said = _said(log, until, process)
        time.sleep(1 if said else 0)
        process.kill()
    return log


def _said(log: Path, until: str, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline and process.poll() is None:
        if log.exists() and re.search(until.encode(), log.read_bytes()):
            return True
        time.sleep(0.1)
    return False


def tiny(part: str) -> Path:
    """A part of the tiny image in the cache: `kernel`, `initrd`, `image`."""
    return next(iter(sorted(cache_dir().glob(f"build/tiny-*/{part}"))))


def empty(folder: Path, size: int = 64 << 20) -> Path:
    """A disk of nothing."""
    disk = folder / "empty.raw"
    with disk.open("wb") as file:
        file.truncate(size)
    return disk


def drive(disk: Path) -> tuple[str, ...]:
    """A disk to boot from."""
    return ("-drive", f"file={disk},format=raw,if=none,id=d", "-device", "virtio-blk-pci,drive=d,bootindex=1")


def with_init(folder: Path, init: bytes) -> Path:
    """An initial RAM disk whose /init is this program."""
    root = folder / "root"
    (root / "dev").mkdir(parents=True, exist_ok=True)
    (root / "init").write_bytes(init)
    (root / "init").chmod(0o755)
    names = "\n".join(str(each.relative_to(root)) for each in root.rglob("*"))
    made = folder / "initrd"
    with made.open("wb") as file:
        subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=root, input=names.encode(), stdout=file, check=True)
    return made


def esp(folder: Path, loader: Path) -> Path:
    """A disk with one EFI boot loader."""
    disk = empty(folder)
    subprocess.run(["mformat", "-i", disk, "-F", "::"], check=True)
    subprocess.run(["mmd", "-i", disk, "::/EFI", "::/EFI/BOOT"], check=True)
    subprocess.run(["mcopy", "-i", disk, loader, "::/EFI/BOOT/BOOTX64.EFI"], check=True)
    return disk


def grub(folder: Path, system: str, *modules: str, prefix: str) -> Path:
    """GRUB for a kind of firmware, with nothing to boot."""
    made, early = folder / f"grub.{system}", folder / "early.cfg"
    early.write_text("serial --unit=0 --speed=115200\nterminal_input serial\nterminal_output serial\n")
    subprocess.run(["grub-mkimage", "-O", system, "-o", made, "-p", prefix, "-c", early, "serial", "terminal", "fat",
                    *modules], check=True)
    return made


@cause
def no_bootable_device(folder: Path) -> Path:
    """SeaBIOS, told to talk on the serial port, and a disk of zeros."""
    return boot(folder, "-machine", "graphics=off", *drive(empty(folder)), until="No bootable device")


@cause
def uefi_nothing_to_boot(folder: Path) -> Path:
    """OVMF and a disk of zeros; it ends in its shell."""
    return boot(folder, "-bios", "/usr/share/qemu/OVMF.fd", *drive(empty(folder)), until="Shell>")


@cause
def uefi_wrong_loader(folder: Path) -> Path:
    """OVMF and a boot loader for another processor."""
    loader = grub(folder, "x86_64-efi", "normal", prefix="/boot/grub")
    image = bytearray(loader.read_bytes())
    header = struct.unpack_from("<I", image, 0x3C)[0]
    struct.pack_into("<H", image, header + 4, 0xAA64)
    loader.write_bytes(image)
    return boot(folder, "-bios", "/usr/share/qemu/OVMF.fd", *drive(esp(folder, loader)), until="Shell>")


@cause
def grub_prompt(folder: Path) -> Path:
    """OVMF, GRUB and no configuration for it."""
    loader = grub(folder, "x86_64-efi", "normal", "configfile", "ls", prefix="/nowhere")
    return boot(folder, "-bios", "/usr/share/qemu/OVMF.fd", *drive(esp(folder, loader)), until="grub>")


@cause
def grub_rescue(folder: Path) -> Path:
    """SeaBIOS and a GRUB whose partition is gone."""
    core = grub(folder, "i386-pc", "biosdisk", "part_msdos", "ext2", prefix="(hd0,msdos1)/boot/grub")
    sector = bytearray(Path("/usr/lib/grub/i386-pc/boot.img").read_bytes())
    disk = empty(folder)
    with disk.open("r+b") as file:
        file.write(sector[:512])
        file.write(core.read_bytes())
    return boot(folder, "-machine", "graphics=off", *drive(disk), until="rescue>")


def _kernel(folder: Path, until: str, append: str, *more: object) -> Path:
    return boot(folder, "-kernel", tiny("kernel"), "-append", f"console=ttyS0 panic=0 {append}", *more, until=until)


@cause
def panic_no_root(folder: Path) -> Path:
    """A kernel, no disk, no initial RAM disk."""
    return _kernel(folder, "end Kernel panic", "root=/dev/vda1")


@cause
def panic_init_ended(folder: Path) -> Path:
    """An /init that ends at once."""
    program = shutil.which("busybox") or "/bin/busybox"
    with tempfile.TemporaryDirectory() as scratch:
        listing = subprocess.run(["cpio", "-idm", "--quiet"], stdin=tiny("initrd").open("rb"), cwd=scratch, check=False)
        busybox = Path(scratch) / "bin/busybox"
        assert busybox.exists(), (program, listing)
        root = folder / "root/bin"
        root.mkdir(parents=True)
        shutil.copy(busybox, root / "busybox")
    initrd = with_init(folder, b"#!/bin/busybox sh\necho init: giving up\nexit 3\n")
    return _kernel(folder, "end Kernel panic", "rdinit=/init", "-initrd", initrd)


@cause
def panic_no_init(folder: Path) -> Path:
    """An /init for another processor: the header of an aarch64 program."""
    return _kernel(folder, "end Kernel panic", "rdinit=/init", "-initrd", with_init(folder, _AARCH64))


@cause
def initrd_damaged(folder: Path) -> Path:
    """An initial RAM disk whose second half is noise."""
    whole, broken = tiny("initrd").read_bytes(), folder / "initrd"
    broken.write_bytes(whole[:len(whole) // 2] + os.urandom(len(whole) // 2))
    return _kernel(folder, "end Kernel panic|no root file system", "root=/dev/vda", "-initrd", broken)


@cause
def memory_too_small(folder: Path) -> Path:
    """A guest with less memory than its initial RAM disk needs when it is unpacked."""
    root = folder / "root"
    root.mkdir()
    (root / "ballast").write_bytes(bytes(300 << 20))
    initrd = with_init(folder, b"#!/none")
    subprocess.run(["gzip", "-1", initrd], check=True)
    return _kernel(folder, "end Kernel panic", "rdinit=/init rootfstype=ramfs", "-m", "256", "-initrd", f"{initrd}.gz")


@cause
def uefi_shell(folder: Path) -> Path:
    """OVMF without any disk."""
    return boot(folder, "-nodefaults", "-bios", "/usr/share/qemu/OVMF.fd", until="Shell>")


@cause
def root_not_found(folder: Path) -> Path:
    """The tiny guest whose disk is named wrong."""
    return _kernel(folder, "no root file system", "root=/dev/vdz", "-initrd", tiny("initrd"))


@cause
def disk_errors(folder: Path) -> Path:
    """A disk that cannot be read."""
    rules = folder / "rules"
    rules.write_text('[inject-error]\nevent = "read_aio"\nerrno = "5"\n')
    broken = f"file=blkdebug:{rules}:{empty(folder)},format=raw,if=virtio"
    return _kernel(folder, "I/O error", "root=/dev/vda", "-initrd", tiny("initrd"), "-drive", broken)


@cause
def wrong_arch_kernel(folder: Path) -> Path:
    """A kernel for aarch64; what counts is QEMU's word."""
    kernel = folder / "kernel"
    kernel.write_bytes(_AARCH64)
    boot(folder, "-kernel", kernel, until="never")
    return folder / "qemu.stderr.log"


@cause
def kvm_unusable(folder: Path) -> Path:
    """/dev/kvm of a computer that lets it be opened and cannot run a guest."""
    boot(folder, "-accel", "kvm", "-cpu", "host", "-display", "none", until="never", kvm=True)
    return folder / "qemu.stderr.log"


@cause
def kvm_denied(folder: Path) -> Path:
    """/dev/kvm as somebody who is not in its group."""
    argv = ["setpriv", "--reuid=65534", "--clear-groups", "qemu-system-x86_64", "-accel", "kvm", "-display", "none"]
    log = folder / "qemu.stderr.log"
    log.write_bytes(subprocess.run(argv, capture_output=True, stdin=subprocess.DEVNULL, check=False, timeout=60).stderr)
    return log


class Broken:
    """An instance `t` of the tiny guest in a home of its own, its names in logs replaced."""

    def __init__(self, home: Path) -> None:
        self.cli = Cli(home)
        self.dir = home / "t"

    def yaml(self, text: str) -> None:
        """Replace or add top-level keys."""
        file = self.dir / "lima.yaml"
        changed = yaml.safe_load(text)
        assert isinstance(changed, dict)
        file.write_text(edit.set_fields(file.read_text(), changed))

    def start(self, seconds: int = 30, **env: str) -> str:
        """Start it; what was said."""
        done = self.cli("start", "t", f"--timeout={seconds}s", check=False, timeout=seconds + 90, **env)
        return done.stderr

    def inside(self, command: str) -> None:
        self.cli("shell", "t", "sudo", "sh", "-c", command, check=False)

    def keep(self, folder: Path, name: str) -> Path:
        text = (self.dir / name).read_bytes().replace(os.fsencode(self.dir), b"@DIR@")
        kept = folder / name
        kept.write_bytes(text)
        return kept


@contextlib.contextmanager
def instance(template: str = "template:tiny", create: bool = True) -> Iterator[Broken]:
    """A stopped instance; what still runs of it at the end is killed."""
    with tempfile.TemporaryDirectory(prefix="l-", dir="/tmp") as home:
        made = Broken(Path(home))
        try:
            if create:
                made.cli("create", "--name=t", template, timeout=900)
            yield made
        finally:
            for pid in processes_of(Path(home)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.5)


@cause
def port_taken(folder: Path) -> Path:
    """The ssh port of lima.yaml is listened on by this process."""
    with instance() as it, socket.create_server(("127.0.0.1", 0)) as taken:
        it.yaml(f"ssh:\n  localPort: {taken.getsockname()[1]}")
        it.start()
        return it.keep(folder, "ha.stderr.log")


@cause
def image_locked(folder: Path) -> Path:
    """Another QEMU holds the disk."""
    with instance() as it:
        holder = subprocess.Popen(["qemu-system-x86_64", *_TCG, "-S", "-drive", f"file={it.dir / 'disk'},if=virtio"])
        time.sleep(2)
        it.start()
        holder.kill()
        holder.wait()
        return it.keep(folder, "ha.stderr.log")


@cause
def backing_missing(folder: Path) -> Path:
    """The base of the disk is gone."""
    with instance() as it:
        (it.dir / "basedisk").unlink()
        it.start()
        return it.keep(folder, "ha.stderr.log")


@cause
def disk_damaged(folder: Path) -> Path:
    """The first sectors of the disk are overwritten with a header that promises too much."""
    with instance() as it:
        with (it.dir / "diffdisk").open("r+b") as file:
            file.seek(4)
            file.write(struct.pack(">I", 99))
        it.start()
        return it.keep(folder, "ha.stderr.log")


@cause
def kernel_missing(folder: Path) -> Path:
    """The kernel's file cannot be read as one."""
    with instance() as it:
        (it.dir / "kernel").unlink()
        (it.dir / "kernel").write_bytes(b"no kernel")
        it.start()
        return it.keep(folder, "ha.stderr.log")


@cause
def cpu_unknown(folder: Path) -> Path:
    """A CPU model that nobody makes."""
    with instance() as it:
        it.yaml("vmOpts:\n  qemu:\n    cpuType:\n      x86_64: NoSuchCPU")
        it.start()
        return it.keep(folder, "ha.stderr.log")


@cause
def memory_short(folder: Path) -> Path:
    """More memory than any computer has."""
    with instance() as it:
        it.yaml("memory: 8TiB")
        it.start()
        return it.keep(folder, "ha.stderr.log")


@cause
def qemu_missing(folder: Path) -> Path:
    """QEMU for the architecture is not installed."""
    with instance() as it:
        it.start(QEMU_SYSTEM_X86_64="/nowhere/qemu-system-x86_64")
        return it.keep(folder, "ha.stderr.log")


@cause
def firmware_missing(folder: Path) -> Path:
    """A guest that wants UEFI on a computer whose firmware is hidden by empty file systems."""
    with instance() as it:
        it.yaml("firmware: {legacyBIOS: false}")
        (it.dir / "kernel").unlink()
        hide = " && ".join(f"mount -t tmpfs none {each}" for each in ("/usr/share/OVMF", "/usr/share/qemu"))
        subprocess.run(["unshare", "-m", "sh", "-c", f"{hide} && {sys.executable} -m limatui start t"], check=False,
                       env=it.cli.env(), stdin=subprocess.DEVNULL, capture_output=True)
        return it.keep(folder, "ha.stderr.log")


@cause
def host_disk_full(folder: Path) -> Path:
    """The disk lies on a file system that fills up while the guest writes; QEMU stops it."""
    with instance() as it, tempfile.TemporaryDirectory(prefix="full-", dir="/tmp") as place:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", place], check=True)
        try:
            disk = Path(place) / "diffdisk"
            subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", (it.dir / "basedisk").resolve(), "-F",
                            "qcow2", disk, "4G"], check=True)
            (it.dir / "diffdisk").unlink()
            (it.dir / "diffdisk").symlink_to(disk)
            it.start(120)
            writer = it.cli.spawn("shell", "t", "sudo", "dd", "if=/dev/urandom", "of=/x", "bs=1M", "count=200")
            _wait(it.dir / "ha.stderr.log", "BLOCK_IO_ERROR")
            kept = it.keep(folder, "ha.stderr.log")
            it.cli("stop", "-f", "t", check=False)
            writer.kill()
        finally:
            subprocess.run(["umount", "-l", place], check=False)
        return kept


@cause
def guest_powers_off(folder: Path) -> Path:
    """The tiny guest powers itself off when it does not find its disk."""
    with instance() as it:
        cmdline = it.dir / "kernel.cmdline"
        cmdline.write_text(cmdline.read_text().replace("/dev/vda", "/dev/vdz"))
        it.start(200)
        return it.keep(folder, "ha.stderr.log")


@cause
def qemu_killed(folder: Path) -> Path:
    """Somebody kills QEMU while the guest boots."""
    with instance() as it:
        starting = it.cli.spawn("start", "t")
        _wait(it.dir / "serial.log", "Linux version")
        os.kill(it.cli.pid("t", "qemu"), signal.SIGKILL)
        starting.communicate(timeout=60)
        return it.keep(folder, "ha.stderr.log")


def _second_start(folder: Path, command: str, log: str = "ha.stderr.log", seconds: int = 45) -> Path:
    with instance() as it:
        it.start(120)
        it.inside(command)
        it.inside("sync")
        it.cli("stop", "t")
        it.start(seconds)
        it.keep(folder, "serial.log")
        return it.keep(folder, log)


@cause
def ssh_refused(folder: Path) -> Path:
    """The guest's ssh server is gone."""
    return _second_start(folder, "mv /usr/sbin/sshd /usr/sbin/sshd.gone")


@cause
def ssh_auth_failed(folder: Path) -> Path:
    """The guest's ssh server looks for keys where none are."""
    text = "AuthorizedKeysFile /nowhere"
    return _second_start(folder, f"echo {text} > /etc/ssh/sshd_config.d/00-none.conf")


@cause
def agent_missing(folder: Path) -> Path:
    """The guest has no Python."""
    return _second_start(folder, "mv /usr/bin/python3 /usr/bin/python3.gone; ls /usr/bin", seconds=100)


@cause
def script_failed(folder: Path) -> Path:
    """A provision script ends with 3."""
    with instance() as it:
        it.yaml("provision:\n- mode: system\n  script: |\n    #!/bin/sh\n    echo no luck\n    exit 3")
        it.start(120)
        return it.keep(folder, "ha.stderr.log")


@cause
def probe_never(folder: Path) -> Path:
    """A probe that never comes true."""
    with instance() as it:
        it.yaml("probes:\n- description: the thing is there\n  script: |\n    #!/bin/bash\n    test -e /thing\n"
                "  hint: make the thing")
        it.start(40)
        return it.keep(folder, "ha.stderr.log")


@cause
def no_network(folder: Path) -> Path:
    """The tiny guest does not ask for an address."""
    return _second_start(folder, "printf '#!/bin/busybox sh\\n' > /usr/lib/tiny/dhcp")


@cause
def panic_by_hand(folder: Path) -> Path:
    """A running guest whose kernel is told to crash."""
    with instance() as it:
        it.start(120)
        it.cli.spawn("shell", "t", "sudo", "sh", "-c", "echo c > /proc/sysrq-trigger")
        _wait(it.dir / "serial.log", "end Kernel panic")
        it.keep(folder, "ha.stderr.log")
        return it.keep(folder, "serial.log")


def _wait(log: Path, text: str, limit: float = 60.0) -> None:
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline and not (log.exists() and re.search(text.encode(), log.read_bytes())):
        time.sleep(0.2)


@cause
def out_of_memory(folder: Path) -> Path:
    """A program of the guest takes more than there is."""
    with instance() as it:
        it.start(120)
        it.inside("python3 -c 'x = [bytes([i]) * (1 << 24) for i in range(1, 65)]'")
        _wait(it.dir / "serial.log", "Out of memory: Killed")
        return it.keep(folder, "serial.log")


@cause
def guest_disk_full(folder: Path) -> Path:
    """A boot script fills a file system and says so on the console."""
    with instance() as it:
        it.yaml("provision:\n- mode: system\n  script: |\n    #!/bin/sh\n    mkdir -p /full\n"
                "    mount -t tmpfs -o size=1m none /full\n    dd if=/dev/zero of=/full/x bs=1M count=2")
        it.start(120)
        return it.keep(folder, "serial.log")


@contextlib.contextmanager
def debian() -> Iterator[Broken]:
    """A Debian instance with a raw disk of its own."""
    with instance("template:build-debian-12") as it:
        base = (it.dir / "basedisk").resolve()
        for name in ("disk", "diffdisk"):
            (it.dir / name).unlink(missing_ok=True)
        subprocess.run(["qemu-img", "convert", "-O", "raw", base, it.dir / "disk"], check=True)
        (it.dir / "disk").chmod(0o600)
        yield it


@contextlib.contextmanager
def mounted(disk: Path) -> Iterator[Path]:
    """The root file system of a raw disk, to be changed."""
    with tempfile.TemporaryDirectory(prefix="root-", dir="/tmp") as place:
        subprocess.run(["mount", "-o", f"loop,offset={root_of(disk)}", disk, place], check=True)
        try:
            yield Path(place)
        finally:
            subprocess.run(["umount", place], check=True)


def root_of(disk: Path) -> int:
    """Where the largest partition begins, in bytes."""
    said = subprocess.run(["sgdisk", "-p", disk], check=True, capture_output=True, text=True).stdout
    rows = [line.split() for line in said.splitlines() if re.match(r" +\d+ +\d+ +\d+ ", line)]
    return max((int(row[2]) - int(row[1]), int(row[1])) for row in rows)[1] * 512


def _debian(folder: Path, breaks: Callable[[Path], object], until: str) -> Path:
    with debian() as it:
        with mounted(it.dir / "disk") as root:
            breaks(root)
        starting = it.cli.spawn("start", "t")
        _wait(it.dir / "serial.log", until, LIMIT)
        time.sleep(2)
        it.cli("stop", "-f", "t", check=False)
        starting.communicate(timeout=60)
        it.keep(folder, "ha.stderr.log")
        return it.keep(folder, "serial.log")


def append(path: Path, text: str) -> None:
    """Add to a file of a guest."""
    path.write_text((path.read_text() if path.exists() else "") + text)


@cause
def emergency_mode(folder: Path) -> Path:
    """A line of /etc/fstab names a disk that is not there."""
    line = "LABEL=gone /data ext4 defaults,x-systemd.device-timeout=5s 0 2\n"
    return _debian(folder, lambda root: append(root / "etc/fstab", line), "mergency mode")


@cause
def initramfs_shell(folder: Path) -> Path:
    """The boot loader names a root file system that is not there."""
    def breaks(root: Path) -> None:
        for config in root.glob("boot/grub/grub.cfg"):
            config.write_text(re.sub(r"root=\S*=\S*", "root=UUID=12345678 rootdelay=2", config.read_text()))
    return _debian(folder, breaks, r"\(initramfs\)")


@cause
def sshd_failed(folder: Path) -> Path:
    """sshd refuses its configuration."""
    return _debian(folder, lambda root: append(root / "etc/ssh/sshd_config.d/00.conf", "NoSuchWord yes\n"),
                   r"Failed to start .{0,20}ssh\.service")


@cause
def cloud_init_failed(folder: Path) -> Path:
    """A module of cloud-init that is broken."""
    def breaks(root: Path) -> None:
        for module in root.glob("usr/lib/python3/dist-packages/cloudinit/config/cc_users_groups.py"):
            append(module, "\n\ndef handle(*words):\n    raise RuntimeError('broken for the log')\n")
    return _debian(folder, breaks, "login:")


@cause
def no_address(folder: Path) -> Path:
    """The guest has no program that asks for an address."""
    return _debian(folder, lambda root: (root / "usr/lib/systemd/systemd-networkd").unlink(missing_ok=True), "login:")


@cause
def fsck_by_hand(folder: Path) -> Path:
    """Two files own one block. What fsck says about it at boot is taken from fsck itself, run here."""
    disk, content, log = empty(folder), folder / "content", folder / "serial.log"
    content.write_bytes(b"A" * 40000)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-O", "^extents,^64bit", disk], check=True)

    def ask(*requests: str) -> str:
        argv = ["debugfs", "-w", "-f", "/dev/stdin", disk]
        return subprocess.run(argv, input="\n".join(requests), check=True, capture_output=True, text=True).stdout

    ask(f"write {content} one", f"write {content} two")
    block = ask("bmap one 0").split()[-1]
    ask(f"set_inode_field two block[0] {block}", "set_super_value state 2")
    fsck = subprocess.run(["fsck.ext4", "-p", disk], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    log.write_bytes(fsck.stdout.replace(os.fsencode(disk), b"/dev/vda1"))
    return log


@cause
def healthy_debian(folder: Path) -> Path:
    """Nothing is wrong."""
    with instance("template:build-debian-12") as it:
        it.start(400)
        it.keep(folder, "ha.stderr.log")
        return it.keep(folder, "serial.log")


@cause
def healthy_tiny(folder: Path) -> Path:
    """Nothing is wrong."""
    with instance() as it:
        it.start(120)
        it.cli("stop", "t")
        it.keep(folder, "ha.stderr.log")
        return it.keep(folder, "serial.log")


def main(argv: list[str]) -> int:
    """Record the named causes, or all."""
    folder = Path(argv[0]).resolve()
    for name in argv[1:] or CAUSES:
        with tempfile.TemporaryDirectory(prefix="cause-", dir="/tmp") as scratch:
            began = time.monotonic()
            try:
                CAUSES[name](Path(scratch))
                for log in (each for each in Path(scratch).glob("*.log") if each.stat().st_size):
                    whole = name.startswith("healthy")
                    kept = log.read_bytes() if whole else trimmed(log.read_bytes())
                    (folder / f"{name}{_ending(log)}").write_bytes(kept)
            except (OSError, subprocess.SubprocessError, AssertionError) as error:
                print(f"{name}: {error!r}")
            print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
    return 0


_TELLING = re.compile(b"|".join(re.escape(key) for rule in RULES for key in rule.keys))


def trimmed(log: bytes) -> bytes:
    """The first lines of a log, those that may tell something, and its end."""
    lines = log.split(b"\n")
    kept = [line for number, line in enumerate(lines)
            if number < 5 or number > len(lines) - 30 or _TELLING.search(line)]
    return b"\n".join(line for line in kept if b'"starting QEMU' not in line)


def _ending(log: Path) -> str:
    return {"serial.log": ".serial.log", "qemu.stderr.log": ".qemu.log"}.get(log.name, ".ha.log")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
