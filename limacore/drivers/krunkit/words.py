"""The command line of krunkit, and what it cannot run. Nothing is run.

Not run on macOS: tested on the command line, and with a program in the place of krunkit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from limacore.base.version import older_than
from limacore.drivers import mac as mac_rules
from limacore.drivers.base import MachineSpec
from limacore.drivers.mac import Mac
from limacore.drivers.vz.plan import AGENT_PORT, Card, Description, FrameSocket, Nat, StreamSocket
from limacore.errors import DriverError
from limacore.model.config import Config

OLDEST = "1.2.1"
_MIB = 1 << 20
_VERSION = re.compile(r"\d+\.\d+\.\d+")


def argv(program: str, spec: MachineSpec, wanted: Description, frames: Mapping[int, int]) -> list[str]:
    """The whole command line; `frames` has the descriptor of each card that needs one, by its index."""
    paths = spec.paths
    main, *more = [disk.path for disk in wanted.disks if disk.path not in (paths.iso, paths.cidata)]
    devices = [
        f"virtio-blk,path={main},format=raw", f"virtio-blk,path={paths.cidata}",
        f"virtio-vsock,port={AGENT_PORT},socketURL={paths.ga_sock},connect",
        *(f"virtio-blk,path={path},format=raw" for path in more),
        *(f"virtio-fs,sharedDir={share.path},mountTag={share.tag}" for share in wanted.shares),
        *(_card(card, frames.get(index)) for index, card in enumerate(wanted.cards)),
    ]
    return [
        program, "--memory", str(wanted.memory // _MIB), "--cpus", str(wanted.cpus),
        "--device", f"virtio-serial,logFilePath={paths.serial_log}",
        "--krun-log-level", "3", "--restful-uri", "none://",
        *(word for device in devices for word in ("--device", device)),
        *(["--nested"] if wanted.nested else []),
    ]


def _card(card: Card, fd: int | None) -> str:
    if isinstance(card.to, StreamSocket):
        return f"virtio-net,type=unixstream,path={card.to.path},mac={card.mac}"
    return f"virtio-net,type=unixgram,fd={fd},mac={card.mac}"


def require(config: Config, wanted: Description, mac: Mac) -> None:
    """Raise DriverError with every reason for which the machine cannot run."""
    mac_rules.require(config, refusals(config, wanted, mac))


def refusals(config: Config, wanted: Description, mac: Mac) -> Iterator[str]:
    """One sentence for each thing that is not possible."""
    yield from mac_rules.refusals(config, mac)
    if not isinstance(wanted.cards[0].to, FrameSocket) or any(isinstance(card.to, Nat) for card in wanted.cards):
        yield "krunkit has no network of its own: list `lima: user-v2` in `networks`, and no `vzNAT`"


def require_version(printed: str) -> None:
    """Raise DriverError unless `krunkit --version` told a version that is new enough."""
    found = _VERSION.search(printed)
    if found is None or older_than(found.group(), OLDEST):
        raise DriverError(f"krunkit {OLDEST} or newer is needed", hint="upgrade it",
                          detail=f"`krunkit --version` says `{printed.strip()}`")
