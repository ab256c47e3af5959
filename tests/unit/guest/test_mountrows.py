"""Mounts that the guest makes itself: rows for cloud-init and lines for the boot script."""

from __future__ import annotations

from limacore.guest import mountrows
from limacore.model.config import Config, Mount, NineP

BLANK = Mount(location="/tmp/lima", mount_point="/mnt/with blank", writable=True)
PLAIN = Mount(location="/home/alice", mount_point="/home/alice", ninep=NineP(msize="512KiB", cache="loose"))


def test_a_blank_is_for_the_boot_script_only() -> None:
    config = Config(mount_type="9p", mounts=(PLAIN, BLANK))
    options = "trans=virtio,version=9p2000.L,msize=524288,cache=loose"
    assert mountrows.section(config) == (
        f'mounts:\n- [lima-37f3810809d0851e, /home/alice, 9p, "ro,{options},nofail", "0", "0"]\n')
    assert mountrows.lines(config) == (
        f"lima-37f3810809d0851e 9p ro,{options} /home/alice\n"
        "lima-19892164751bfff0 9p rw,trans=virtio,version=9p2000.L,msize=131072,cache=mmap /mnt/with blank\n")


def test_nothing_where_others_mount() -> None:
    for config in (Config(mount_type="reverse-sshfs", mounts=(PLAIN,)), Config(mount_type="9p"),
                   Config(mount_type="virtiofs", mounts=(PLAIN,), plain=True)):
        assert mountrows.section(config) == mountrows.lines(config) == ""
