"""Actions as calls of the engine; each returns the id of its job."""

from __future__ import annotations

from collections.abc import Callable

from limacore.model.instance import Instance, Status
from limatui.api import EngineApi
from limatui.messages import CreateWanted

VERBS: dict[str, Callable[[EngineApi, Instance], int]] = {
    "start": lambda engine, each: engine.start(each.name),
    "stop": lambda engine, each: engine.stop(each.name),
    "insist": lambda engine, each: engine.stop(each.name, force=True),
    "restart": lambda engine, each: engine.restart(each.name),
    "protect": lambda engine, each: engine.protect(each.name, not each.protected),
    "delete": lambda engine, each: engine.delete(each.name, force=each.status is not Status.STOPPED),
}


def create(engine: EngineApi, wish: CreateWanted) -> int:
    """A new instance as the form asked for it."""
    return engine.create(wish.name, wish.template, start=wish.start, cpus=wish.cpus, memory=wish.memory,
                         disk=wish.disk)
