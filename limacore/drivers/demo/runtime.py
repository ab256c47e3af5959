"""Ports, mounts and boots of demo machines; refusals read as those of the real engine."""

from __future__ import annotations

from msgspec.structs import replace

from limacore.base import notice
from limacore.drivers.demo import links
from limacore.drivers.demo.base import DemoWorld
from limacore.drivers.demo.world import Machine
from limacore.errors import StateError
from limacore.jobs import Update
from limacore.model.boot import Boot
from limacore.model.instance import Forward, Status
from limacore.model.job import Progress
from limacore.model.probe import Probe

_MOUNT_SECONDS = 1.0


class DemoRuntime(DemoWorld):
    """What a running machine is asked to change."""

    def add_forward(self, name: str, guest: str, host: str = "", *, protocol: str = "tcp") -> int:
        """Forward one more port."""
        async def work(update: Update) -> None:
            inside = guest if ":" in guest else f"127.0.0.1:{guest}"
            place = host if ":" in host else f"127.0.0.1:{host or inside.rpartition(':')[2]}"
            known = self._running(name).forwards
            if any(each.host == place and each.state == "forwarding" for each in known):
                raise StateError("the forward could not be changed",
                                 detail=f"port {place.rpartition(':')[2]} of this computer is in use by ssh (pid 4212)")
            kept = tuple(each for each in known if each.host != place)
            self._change(name, forwards=(*kept, Forward(protocol, inside, place, rule="by hand")))
            notice.info(f"{protocol} {inside} (guest), {place} (host): forwarding")
        words = " ".join(word for word in (name, guest, host) if word)
        flag = "" if protocol == "tcp" else f" --proto {protocol}"
        return self._jobs.submit("forward add", name, f"limatui forward add{flag} {words}", work)

    def remove_forward(self, name: str, host: str) -> int:
        """Stop a forward; one that a rule made stays in the list."""
        async def work(update: Update) -> None:
            known = self._running(name).forwards
            if not any(each.host == host for each in known):
                raise StateError("the forward could not be changed", detail=f"nothing is forwarded to {host}")
            self._change(name, forwards=tuple(
                replace(each, host="", state="not-forwarding", error="", rule="stopped by hand")
                if each.host == host else each for each in known if each.host != host or each.rule != "by hand"))
        return self._jobs.submit("forward remove", name, f"limatui forward remove {name} {host}", work)

    async def probe_forwards(self, name: str) -> tuple[Probe, ...]:
        """Knock at every forward."""
        machine = self._get(name)
        if machine.status is not Status.RUNNING:
            return ()
        return tuple(links.probed(each) for each in machine.forwards if each.state == "forwarding")

    def remount(self, name: str, mount_point: str) -> int:
        """Mount a directory again; it works this time."""
        async def work(update: Update) -> None:
            machine, began = self._running(name), self.now()
            update(Progress("mount", mount_point))
            await self._pause(began + _MOUNT_SECONDS)
            self._change(name, mounts=tuple(replace(each, mounted=True, error="") if each.mount_point == mount_point
                                            else each for each in machine.mounts))
        return self._jobs.submit("remount", name, f"limatui remount {name} {mount_point}", work)

    async def boots(self, name: str) -> tuple[Boot, ...]:
        """The last boots, newest first."""
        self._get(name)
        return self._boots.get(name, ())

    def _running(self, name: str) -> Machine:
        machine = self._get(name)
        if machine.status is not Status.RUNNING:
            raise StateError(f"the host agent of `{name}` does not answer")
        return machine
