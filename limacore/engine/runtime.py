"""What a running machine is asked to change: its forwards and its mounts; and how its boots went."""

from __future__ import annotations

import asyncio
from shlex import quote

from limacore.base import notice
from limacore.engine.desk import Desk
from limacore.errors import LimaError
from limacore.jobs import Update
from limacore.lifecycle.guard import existing
from limacore.model.boot import Boot
from limacore.model.job import Progress
from limacore.model.probe import Probe


class Runtime(Desk):
    """Asks host agents; raises LimaError."""

    def add_forward(self, name: str, guest: str, host: str = "", *, protocol: str = "tcp") -> int:
        """Forward one more port or socket until the instance stops."""
        async def work(update: Update) -> None:
            from limacore import hostlink
            from limacore.forward import byhand

            made = byhand.parse(protocol, guest, host)
            state = await hostlink.add_forward(existing(self._home, name), protocol, str(made.guest), str(made.host))
            notice.info(f"{state.protocol} {state.guest} (guest), {state.host} (host): {state.state}")

        flag = " --reverse" if protocol == "reverse" else "" if protocol == "tcp" else f" --proto {protocol}"
        words = " ".join(quote(word) for word in (name, guest, host) if word)
        return self._submit("forward add", name, f"limatui forward add{flag} {words}", work)

    def remove_forward(self, name: str, host: str) -> int:
        """Stop a forward, named by its place on this computer."""
        from limacore import hostlink

        return self._submit("forward remove", name, f"limatui forward remove {name} {quote(host)}",
                            lambda update: hostlink.remove_forward(existing(self._home, name), host))

    async def probe_forwards(self, name: str) -> tuple[Probe, ...]:
        """Knock at the host side of every forward of an instance."""
        from limacore import hostlink
        from limacore.forward.probe import probe_all

        try:
            found = (await hostlink.status(existing(self._home, name))).forwards
        except LimaError:
            return ()
        return await probe_all(found)

    def remount(self, name: str, mount_point: str) -> int:
        """Unmount a directory in the guest and mount it again."""
        async def work(update: Update) -> None:
            from limacore import hostlink

            update(Progress("mount", mount_point))
            state = await hostlink.remount(existing(self._home, name), mount_point)
            notice.info(f"`{state.location}` is mounted on `{state.mount_point}`")

        return self._submit("remount", name, f"limatui remount {name} {quote(mount_point)}", work)

    async def boots(self, name: str) -> tuple[Boot, ...]:
        """The last boots that became ready, newest first."""
        from limacore.store import boots

        return await asyncio.to_thread(boots.read, existing(self._home, name))
