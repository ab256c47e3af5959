"""What a user does to an instance, as jobs: each returns the id of its job at once.

What does it is imported when somebody asks: the first picture waits for the engine's imports."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

from msgspec.structs import replace

from limacore.base import notice
from limacore.base.units import format_size, parse_size
from limacore.engine.desk import Desk
from limacore.jobs import Update
from limacore.model.event import BOOT_STEPS, Event
from limacore.model.job import Progress
from limacore.paths import HomePaths

_PLAN = tuple(step for step in BOOT_STEPS if step != "ready")


class Verbs(Desk):
    """Start, stop, pause, suspend, make, copy, rename, reset, protect, delete."""

    def start(self, name: str) -> int:
        """Start an instance."""
        return self._submit("start", name, f"limatui start {name}", lambda update: self._start(name, update), _PLAN)

    async def _start(self, name: str, update: Update) -> None:
        from limacore.lifecycle import start

        await start.start(self._home, name, report=update, on_event=lambda event: _step(event, update))

    def stop(self, name: str, *, force: bool = False) -> int:
        """Stop an instance; `force` kills it."""
        command = f"limatui stop {'-f ' if force else ''}{name}"
        async def work(update: Update) -> None:
            from limacore.lifecycle import stop
            from limacore.lifecycle.reconcile import reconcile

            await stop.stop(self._home, name, force=force, report=update)
            await asyncio.to_thread(reconcile, self._home)

        return self._submit("stop", name, command, work)

    def restart(self, name: str) -> int:
        """Stop, then start."""
        async def work(update: Update) -> None:
            from limacore.lifecycle import stop

            await stop.stop(self._home, name, report=update)
            await self._start(name, update)

        return self._submit("restart", name, f"limatui restart {name}", work, ("stop", *_PLAN))

    def pause(self, name: str) -> int:
        """Let a machine stand still."""
        from limacore.lifecycle import power

        return self._submit("pause", name, f"limatui pause {name}", lambda _: power.pause(self._home, name))

    def resume(self, name: str) -> int:
        """Let a paused machine go on."""
        from limacore.lifecycle import power

        return self._submit("resume", name, f"limatui resume {name}", lambda _: power.resume(self._home, name))

    def suspend(self, name: str) -> int:
        """Keep the memory of a machine in its disk, and end it."""
        from limacore.lifecycle import power

        return self._submit("suspend", name, f"limatui suspend {name}",
                            lambda update: power.suspend(self._home, name, report=update))

    def set_memory(self, name: str, size: str) -> int:
        """Let a running guest use so much memory."""
        async def work(update: Update) -> None:
            from limacore.lifecycle import power

            now, most = await power.memory(self._home, name, parse_size(size))
            notice.info(f"The guest has {format_size(now)} of {format_size(most)}")

        return self._submit("memory", name, f"limatui memory set {name} {size}", work)

    def create(self, name: str, template: str, *, start: bool = True, cpus: int | None = None,
               memory: str | None = None, disk: str | None = None, changes: Mapping[str, object] | None = None,
               text: str | None = None) -> int:
        """Create an instance from a template, or from `text` in its place, and start it unless told otherwise."""
        wanted = {"cpus": cpus, "memory": memory, "disk": disk}
        plain = {key: value for key, value in wanted.items() if value is not None}
        locator = template if ":" in template or "/" in template else f"template:{template}"
        flags = (*(f" --{key}={_flag(value)}" for key, value in plain.items()),
                 *(f" --set '.{path} = {json.dumps(value)}'" for path, value in (changes or {}).items()))

        async def work(update: Update) -> None:
            from limacore.config import edit
            from limacore.lifecycle import create

            whole = await asyncio.to_thread(_embedded, self._home, locator, text)
            whole = edit.set_fields(whole, {**plain, **(changes or {})})
            await create.create_from_text(self._home, name, whole, report=update, source=locator)
            self._poke.set()
            if start:
                await self._start(name, update)

        command = f"limatui {'start' if start else 'create'} --name={name}{''.join(flags)} {locator}"
        return self._submit("create", name, command, work, _PLAN if start else _PLAN[:2])

    def clone(self, name: str, new: str) -> int:
        """Copy a stopped instance."""
        from limacore.lifecycle import clone

        return self._submit("clone", name, f"limatui clone {name} {new}",
                            lambda update: clone.clone(self._home, name, new, report=update))

    def rename(self, name: str, new: str) -> int:
        """Give a stopped instance another name."""
        from limacore.lifecycle import clone

        return self._submit("rename", name, f"limatui rename {name} {new}",
                            lambda update: clone.rename(self._home, name, new, report=update))

    def factory_reset(self, name: str) -> int:
        """Bring an instance back to what it was when it was made."""
        from limacore.lifecycle import reset

        return self._submit("factory-reset", name, f"limatui factory-reset {name}",
                            lambda update: reset.factory_reset(self._home, name, report=update))

    def delete(self, name: str, *, force: bool = False) -> int:
        """Delete an instance; `force` also when it runs."""
        command = f"limatui delete {'-f ' if force else ''}{name}"
        async def work(update: Update) -> None:
            from limacore.lifecycle import remove
            from limacore.lifecycle.reconcile import reconcile

            await remove.delete(self._home, name, force=force, report=update)
            await asyncio.to_thread(reconcile, self._home)

        return self._submit("delete", name, command, work)

    def protect(self, name: str, on: bool) -> int:
        """Set or lift the protection against removal."""
        from limacore.lifecycle import change

        verb, act = ("protect", change.protect) if on else ("unprotect", change.unprotect)
        return self._submit(verb, name, f"limatui {verb} {name}", lambda _: asyncio.to_thread(act, self._home, name))


def _embedded(home: HomePaths, locator: str, text: str | None) -> str:
    """A template with its bases merged in; `text` takes the place of its own."""
    from limacore.templates import embed

    template = embed.opened(locator, home)
    return embed.embed(template if text is None else replace(template, text=text), home, tell=True)


def _flag(value: object) -> str:
    """The command line counts sizes in GiB."""
    return f"{parse_size(value) / 2**30:g}" if isinstance(value, str) else str(value)


def _step(event: Event, update: Update) -> None:
    step = event.status.step
    if step and step.state == "active" and step.name in (*BOOT_STEPS, "ansible"):
        update(Progress(step.name, step.detail))
