"""What ties a demo machine to this computer: its ports, its directories, its addresses; and how its boots went."""

from __future__ import annotations

from limacore.drivers.demo import boot
from limacore.model.boot import Boot
from limacore.model.instance import Forward, Step
from limacore.model.mount import MountState
from limacore.model.probe import Probe

PORTS = (
    Forward("tcp", "0.0.0.0:80", "127.0.0.1:8080", rule="portForwards[0]"),
    Forward("tcp", "127.0.0.1:5432", "127.0.0.1:5432", "failed", "taken: postgres 812", "default"),
    Forward("tcp", "127.0.0.1:3000", "127.0.0.1:3000", rule="default"),
    Forward("tcp", "0.0.0.0:22", state="not-forwarding", rule="the port of ssh"),
    Forward("udp", "127.0.0.53:53", state="not-forwarding", rule="portForwards[1]"),
    Forward("tcp", "127.0.0.1:9229", "127.0.0.1:9229", rule="by hand"),
)
MOUNTS = (
    MountState("/home/ada", "/home/ada", "reverse-sshfs", mounted=True),
    MountState("/tmp/lima", "/tmp/lima", "reverse-sshfs", writable=True, mounted=True),
    MountState("/home/ada/src", "/src", "reverse-sshfs", writable=True,
               error="the SFTP server ended (255): Permission denied"),
)
ADDRESSES = ("eth0 192.168.5.15", "eth0 fec0::5055:55ff:fe1f:8a2c", "docker0 172.17.0.1")
_DAY = 86400.0
_RATES = (1.0, 1.04, 0.97, 1.31, 1.02, 0.99, 1.08, 0.95, 1.0, 1.12, 1.05)
"""How long a boot took against the plan: the same for every demo."""
_SCRIPTS = (("provision.system/00000000", 0.31), ("provision.user/00000001", 0.22))


def probed(forward: Forward) -> Probe:
    """What a knock at a forward finds: nobody listens behind the one that was made by hand."""
    if forward.protocol != "tcp":
        return Probe(forward.protocol, forward.host, "no probe")
    return Probe(forward.protocol, forward.host, "closes" if forward.rule == "by hand" else "answers", 0.0012)


def mounted(kind: str) -> tuple[MountState, ...]:
    """Every directory, well."""
    return tuple(MountState(each.location, each.mount_point, kind, each.writable, True) for each in MOUNTS)


def finished(at: float, scale: float) -> Boot:
    """A boot that took `scale` times as long as the plan."""
    steps = tuple(step for step in boot.steps(boot.total(scale), scale) if step.name != "ready")
    scripts = tuple(Step(name, "done", "exit code 0", seconds * scale) for name, seconds in _SCRIPTS)
    return Boot(at, boot.total(scale), (*steps, *scripts), "tcg")


def first_boots(now: float) -> dict[str, tuple[Boot, ...]]:
    """The boots of the machines that are there from the beginning, newest first."""
    return {
        "default": tuple(finished(now - 8042 - number * _DAY * 0.7, 0.645 * rate)
                         for number, rate in enumerate(_RATES)),
        "build": tuple(finished(now - _DAY * number, 3 * rate) for number, rate in enumerate(_RATES[1:5], 1)),
        "k8s": (finished(now - 3 * _DAY, 1.4),),
    }
