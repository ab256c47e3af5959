"""The boot that every demo machine goes through: steps by the second and what its serial port says."""

from __future__ import annotations

from msgspec import Struct

from limacore.model.instance import Step


class Stage(Struct, frozen=True):
    """A step of the boot: how long it takes (seconds at scale 1), its detail, and the lines on the console."""

    name: str
    seconds: float
    detail: str
    lines: tuple[str, ...] = ()
    phase: str = ""


STAGES = (
    Stage("image", 0.0, "debian-13, cached"),
    Stage("disk", 0.1, "20 GiB on basedisk"),
    Stage("firmware", 1.3, "OVMF", ("UEFI Interactive Shell v2.2", "BdsDxe: loading Boot0002 \"debian\"")),
    Stage("kernel", 3.06, "6.12.48, first line", (
        "[    0.000000] Linux version 6.12.48+deb13-cloud-amd64 (debian-kernel@lists.debian.org)",
        "[    0.000000] Command line: root=LABEL=rootfs ro console=ttyS0,115200",
        "[    0.214902] Memory: 3982124K/4193784K available",
        "[    0.480113] smpboot: Allowing 2 CPUs, 0 hotplug CPUs",
        "[    1.870311] virtio_blk virtio1: [vda] 209715200 512-byte logical blocks (107 GB/100 GiB)",
        "[    2.441008] EXT4-fs (vda1): mounted filesystem with ordered data mode",
    )),
    Stage("init", 10.4, "cloud-init: users_groups", (
        "[    3.902771] systemd[1]: Hostname set to <lima-{name}>.",
        "[   12.118440] systemd[1]: Reached target network-online.target.",
        "[   24.812003] systemd[1]: Reached target cloud-config.target.",
        "[   25.104118] cloud-init[412]: Cloud-init v. 25.1 running 'modules:config'",
        "[   27.731905] cloud-init[412]: Generating locales (this might take a while)...",
        "[   30.220117] cloud-init[412]: Cloud-init v. 25.1 finished. Up 30.22 seconds",
    ), "cloud-init"),
    Stage("ssh", 1.0, "banner, key accepted", ("[   31.002215] systemd[1]: Started ssh.service.",)),
    Stage("agent", 0.4, "on the virtio port", ("[   31.610942] systemd[1]: Started lima-guestagent.service.",)),
    Stage("scripts", 1.1, "4 to run", ("[   32.118220] lima: boot scripts have finished",)),
    Stage("ready", 0.0, ""),
)


def total(scale: float = 1.0) -> float:
    """Seconds until ready."""
    return sum(stage.seconds for stage in STAGES) * scale


def _spans(scale: float) -> list[tuple[Stage, float, float]]:
    spans, begin = [], 0.0
    for stage in STAGES:
        spans.append((stage, begin, begin + stage.seconds * scale))
        begin += stage.seconds * scale
    return spans


def steps(elapsed: float, scale: float = 1.0) -> tuple[Step, ...]:
    """The steps as they stand `elapsed` seconds after the start."""
    return tuple(_step(stage, begin, end, elapsed) for stage, begin, end in _spans(scale))


def _step(stage: Stage, begin: float, end: float, elapsed: float) -> Step:
    if elapsed >= end:
        return Step(stage.name, "done", stage.detail, end - begin)
    if elapsed >= begin:
        return Step(stage.name, "active", stage.detail, elapsed - begin)
    return Step(stage.name, "pending", stage.detail if stage.name == "scripts" else "")


def phase(elapsed: float, scale: float = 1.0) -> str:
    """What the boot is at, in a word."""
    current = next((stage for stage, begin, end in _spans(scale) if begin <= elapsed < end), STAGES[-1])
    return current.phase or current.name


def serial(name: str, since: float, until: float, scale: float = 1.0) -> str:
    """What the console printed after `since` and up to `until` seconds of a boot."""
    said = []
    for stage, begin, end in _spans(scale):
        for number, text in enumerate(stage.lines):
            moment = begin + (end - begin) * (number + 1) / (len(stage.lines) + 1)
            if since < moment <= until:
                said.append(text.format(name=name) + "\r\n")
    if since < total(scale) <= until:
        said.append(f"\r\nDebian GNU/Linux 13 lima-{name} ttyS0\r\n\r\n"
                    f"lima-{name} login: dev (automatic login)\r\n\r\n")
    return "".join(said)
