"""Actions as calls of the engine; each returns the id of its job."""

from __future__ import annotations

from collections.abc import Callable

from limacore.model.instance import Instance, Status
from limatui.api import EngineApi
from limatui.messages import CreateWanted

VERBS: dict[str, Callable[[EngineApi, Instance, str], int]] = {
    "start": lambda engine, each, _: engine.start(each.name),
    "stop": lambda engine, each, _: engine.stop(each.name),
    "insist": lambda engine, each, _: engine.stop(each.name, force=True),
    "restart": lambda engine, each, _: engine.restart(each.name),
    "pause": lambda engine, each, _: (engine.resume if each.status is Status.PAUSED else engine.pause)(each.name),
    "suspend": lambda engine, each, _: engine.suspend(each.name),
    "memory": lambda engine, each, size: engine.set_memory(each.name, size),
    "protect": lambda engine, each, _: engine.protect(each.name, not each.protected),
    "clone": lambda engine, each, new: engine.clone(each.name, new),
    "rename": lambda engine, each, new: engine.rename(each.name, new),
    "snapshot": lambda engine, each, tag: engine.create_snapshot(each.name, tag),
    "reset": lambda engine, each, _: engine.factory_reset(each.name),
    "delete": lambda engine, each, _: engine.delete(each.name, force=each.status is not Status.STOPPED),
}
"""By the id of the action; the last argument is what the user typed."""


def create(engine: EngineApi, wish: CreateWanted) -> int:
    """A new instance as the form asked for it."""
    return engine.create(wish.name, wish.template, start=wish.start, cpus=wish.cpus, memory=wish.memory,
                         disk=wish.disk, changes=wish.changes or None, text=wish.text)
