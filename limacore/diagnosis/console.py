"""What consoles say when a boot does not get through, from the firmware to the login prompt. Data."""

from __future__ import annotations

from limacore.diagnosis.rule import Rule
from limacore.model.finding import Severity

_LOOK = "look at its console: key c in the dashboard"
_ANEW = "fetch the image anew: {program} prune, then {program} factory-reset {name}"
_OTHER_FIRMWARE = "the image may be for another firmware: try `firmware.legacyBIOS` true, or false, in lima.yaml"

_PANIC = r"(?<!end )Kernel panic - not syncing: "

_FIRMWARE = (
    Rule(id="boot-no-device", keys=(b"No bootable device", b"No bootable option", b"Boot failed: "),
         pattern=r"No bootable (?:device|option).*|Boot failed: (?:not a bootable disk|could not read the boot disk).*",
         what="the firmware found no disk to boot from", fix=_OTHER_FIRMWARE,
         why="the disk is empty, or it has no boot loader for this firmware"),
    Rule(id="boot-wrong-arch", keys=(b"BdsDxe: failed to load Boot",),
         pattern=r"BdsDxe: failed to load .*: Unsupported",
         what="the firmware cannot run the boot loader of the disk", covers=("boot-uefi-failed", "boot-uefi-shell"),
         why="it is made for another processor",
         fix="give an image for `arch` of lima.yaml, or set `arch` to that of the image"),
    Rule(id="boot-uefi-failed", keys=(b"BdsDxe: failed to load Boot", b"BdsDxe: failed to start Boot"),
         pattern=r"BdsDxe: failed to (?:load|start) Boot.*", until=("kernel", "init", "login"),
         what="the firmware found no boot loader on the disk", fix=_OTHER_FIRMWARE, covers=("boot-uefi-shell",),
         why="the disk is empty, or it boots by BIOS only"),
    Rule(id="boot-uefi-shell", keys=(b"UEFI Interactive Shell",), pattern=r"UEFI Interactive Shell.*",
         what="the firmware ended in its own shell", fix=_OTHER_FIRMWARE,
         why="no boot loader was found, or it gave up"),
    Rule(id="boot-grub-rescue", keys=(), last=True, pattern=r"^grub rescue>",
         what="the boot loader cannot find its own files", covers=("boot-grub",),
         why="the partition that they are on is gone, or was never written", fix=_ANEW),
    Rule(id="boot-grub", keys=(), last=True, pattern=r"^grub>", what="the boot loader found nothing to boot",
         why="its configuration is missing: the image is probably damaged or was not written to its end", fix=_ANEW),
)

_KERNEL = (
    Rule(id="boot-panic-root", keys=(b"Unable to mount root fs",),
         pattern=_PANIC + r"VFS: Unable to mount root fs on (?P<root>\S+)",
         what="the kernel cannot mount its root file system ({root})", covers=("boot-panic",), until=("login",),
         why="`root=` names a device that is not there, or the kernel lacks the driver for it",
         fix="see `kernel.cmdline` and `initrd` of the image in lima.yaml"),
    Rule(id="boot-panic-no-init", keys=(b"No working init found",), pattern=_PANIC + "No working init found.*",
         what="the kernel found no program to begin with", covers=("boot-panic", "boot-panic-init"), until=("login",),
         why="`/init` is missing or is for another processor (error -8)",
         fix="kernel, initrd and disk of the image must belong together: see `images` in lima.yaml"),
    Rule(id="boot-panic-init", keys=(b"Attempted to kill init!",), pattern=_PANIC + r"Attempted to kill init!.*",
         what="the first process of the guest ended, so its kernel gave up", covers=("boot-panic",), until=("login",),
         alive=True, fix=_LOOK,
         why="init or the script of the initial RAM disk failed: the lines before it say of what"),
    Rule(id="guest-no-memory-left", keys=(b"System is deadlocked on memory", b"Out of memory and no killable"),
         pattern=r"(?:System is deadlocked on memory|Out of memory and no killable).*", covers=("boot-panic",),
         what="the guest has too little memory to run", until=("login",), alive=True,
         fix="give it more: {program} edit --memory=GIB {name}"),
    Rule(id="boot-panic", keys=(b"Kernel panic - not syncing",), pattern=_PANIC + r"(?P<why>.*)",
         what="the guest's kernel gave up: {why}", until=("login",), alive=True,
         why="the lines before it say why; kernel and root file system that do not belong together do this",
         fix="start it anew: {program} stop -f {name} && {program} start {name}"),
    Rule(id="guest-disk-errors", keys=(b"I/O error, dev ",), pattern=r"I/O error, dev (?P<disk>(?:vd|sd|nvme|xvd)\w*)",
         what="the guest cannot use its disk {disk}", until=(), alive=True,
         why="the file of the disk is damaged, or the file system that it lies on is full",
         fix="see whether this computer's disk is full; then: {program} doctor {name}"),
    Rule(id="boot-unpack-failed", keys=(b"Initramfs unpacking failed",), pattern=r"Initramfs unpacking failed: .*",
         what="the initial RAM disk is damaged", covers=("boot-panic-root", "boot-panic"), until=("login",), fix=_ANEW),
)

_ROOT = (
    Rule(id="boot-root-missing",
         keys=(b"does not exist", b"Unable to find root device", b"can't find root", b"no root file system on",
               b"dracut-initqueue timeout", b"Gave up waiting for root"),
         pattern=r"ALERT! +\S+ does not exist.*|Unable to find root device.*|can't find root.*"
                 r"|no root file system on \S+|dracut-initqueue.*timeout.*|Gave up waiting for root.*",
         what="the guest did not find its root file system", covers=("boot-initramfs-shell", "boot-emergency"),
         why="`root=` of the kernel's command line names what is not on the disk",
         fix="see `kernel.cmdline` and the image in lima.yaml"),
    Rule(id="boot-fsck", keys=(b"UNEXPECTED INCONSISTENCY", b"requires a manual fsck"),
         pattern=r".*(?:UNEXPECTED INCONSISTENCY|requires a manual fsck).*",
         what="a file system of the guest is damaged and must be repaired by hand",
         covers=("boot-initramfs-shell", "boot-emergency"),
         why="the machine was cut off while it wrote",
         fix="run `fsck -y DEVICE` on its console: key c in the dashboard"),
    Rule(id="boot-initramfs-shell", keys=(), last=True, pattern=r"^\(initramfs\)|^dracut:/#|^:/#",
         what="the guest waits in the shell of its initial RAM disk", fix=_LOOK,
         why="what it needed to go on was not there: the lines before it say what"),
)

_SYSTEM = (
    Rule(id="boot-mount-failed", keys=(b"Failed to mount ", b"Dependency failed for "),
         pattern=r"(?:Failed to mount|Dependency failed for) (?:\S+ - )?(?P<place>/\S*?)\.?$",
         what="a file system of the guest could not be mounted: {place}", covers=("boot-emergency",),
         until=("firmware", "kernel"), why="a line of /etc/fstab names what is not there",
         fix="log in on its console (key c in the dashboard) and mend /etc/fstab, or add `nofail` there"),
    Rule(id="boot-emergency", keys=(b"in emergency mode", b"Entering emergency mode", b"in rescue mode"),
         pattern=r"You are in (?:emergency|rescue) mode.*|Entering emergency mode.*",
         what="the guest is in emergency mode", fix=_LOOK,
         why="something that it cannot do without failed to start; often a mount"),
    Rule(id="boot-ssh-failed", keys=(b"Failed to start ", b"no hostkeys available"),
         pattern=r"Failed to start (?:\S+ - )?(?:sshd?\.service|ssh\.socket|OpenBSD Secure Shell|OpenSSH).*"
                 r"|no hostkeys available.*",
         what="the ssh server of the guest did not start", until=("firmware", "kernel"),
         fix="see why on its console (key c in the dashboard): journalctl -u ssh"),
    Rule(id="boot-no-address",
         keys=(b"No DHCPOFFERS received", b"no lease, ", b"Failed to start ", b"| False |", b"timed out"),
         pattern=r"No DHCPOFFERS received.*|udhcpc: no lease.*|dhcpcd.*timed out.*"
                 r"|Failed to start (?:\S+ - )?"
                 r"(?:Wait for Network|Raise network interfaces|systemd-networkd|network(?:ing|d)|Network Config).*"
                 r"|ci-info: \| +(?:eth|en)\w+ +\| +False",
         what="the guest got no network address", until=("firmware", "kernel"),
         why="its network card is not configured, or nobody answered its DHCP request; so ssh cannot reach it",
         fix="see `networks` in lima.yaml and the network configuration of the image"),
    Rule(id="boot-cloud-init", until=("firmware", "kernel"), severity=Severity.WARNING,
         keys=(b"Traceback (most recent", b"[WARNING]: ", b"[ERROR]: ", b"[CRITICAL]: ", b"Failed to start "),
         pattern=r"cloud-init\[\d+\]: .*(?:\[(?:ERROR|CRITICAL|WARNING)\]: .*(?:[Ff]ailed|Traceback|[Ii]nvalid|error).*"
                 r"|Traceback \(most recent call last\).*)|Failed to start (?:\S+ - )?.*cloud-(?:init|config|final).*",
         what="cloud-init, or a script that it ran, failed in the guest",
         why="users, keys and mounts may not be set up",
         fix="{program} shell {name} sudo cat /var/log/cloud-init.log; without ssh: its console"),
)

_GUEST = (
    Rule(id="guest-disk-full", keys=(b"No space left on device",), pattern=r".*No space left on device.*",
         what="a disk of the guest is full", until=("firmware", "kernel"), severity=Severity.WARNING,
         fix="make it larger: {program} edit --disk=SIZE {name}, then start it"),
    Rule(id="guest-out-of-memory", keys=(b"Out of memory: Killed process",),
         pattern=r"Out of memory: Killed process .*",
         what="the guest ran out of memory", until=("firmware", "kernel"), severity=Severity.WARNING,
         why="its kernel ended a program to go on", fix="give it more: {program} edit --memory=GIB {name}"),
)

RULES = (*_FIRMWARE, *_KERNEL, *_ROOT, *_SYSTEM, *_GUEST)
