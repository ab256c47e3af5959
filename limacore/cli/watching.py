"""watch: events of instances as they happen; screenshot: a picture of a guest's display."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from limacore import hostlink
from limacore.base import notice
from limacore.base.files import write_atomic
from limacore.base.goquote import quoted, ticked
from limacore.base.jsonlines import Tail
from limacore.base.log import parse_time
from limacore.base.picture import FORMATS
from limacore.cli import streams
from limacore.cli.context import Context
from limacore.cli.eventtext import sentences
from limacore.cli.output import LEVELS, visible
from limacore.cli.tree import Call
from limacore.errors import LimaError, NotFoundError, StateError, UsageError
from limacore.lifecycle.guard import configured, word
from limacore.lifecycle.relay import relay
from limacore.model.event import Event
from limacore.paths import HomePaths, InstancePaths
from limacore.store.scan import inspect, instance_names

_PAUSE = 0.05
_LOOK = 1.0
"""Seconds between looks for new instances."""
_STAMP = "%Y-%m-%d %H:%M:%S"


def watch(ctx: Context, call: Call) -> None:
    """Show events until interrupted."""
    if not call["verbose"]:
        ctx.log.level = max(ctx.log.level, "warning", key=LEVELS.index)
    _Watch(ctx, call).run()


class _Watch:
    def __init__(self, ctx: Context, call: Call) -> None:
        self._ctx = ctx
        self._json, self._history, self._verbose = call["json"], call["history"], call["verbose"]
        self._names: tuple[str, ...] = tuple(dict.fromkeys(call.args))
        self._watched: dict[str, _Logs] = {}

    def run(self) -> None:
        for name in self._names or existing(self._ctx.home):
            self._begin(name)
        _tell("Watching for events...")
        if not self._watched and not self._names:
            _tell("No instances found")
        looked = time.monotonic()
        while self._watched or not self._names:
            if not self._names and time.monotonic() - looked > _LOOK:
                self._look()
                looked = time.monotonic()
            for name, logs in list(self._watched.items()):
                self._show(name, logs)
            time.sleep(_PAUSE)
        raise NotFoundError("nothing is left to watch", hint=f"see `{notice.program()} list`")

    def _begin(self, name: str) -> None:
        try:
            paths = configured(self._ctx.home, name)
        except LimaError as error:
            self._ctx.log("warning", f"Failed to inspect instance {ticked(name)}", error=error.message)
        else:
            self._watched[name] = _Logs(paths, from_end=not self._history, verbose=self._verbose)

    def _look(self) -> None:
        found = existing(self._ctx.home)
        for name in set(self._watched) - set(found):
            del self._watched[name]
        for name in found:
            if name not in self._watched:
                _tell(f"New instance detected: {visible(name)}")
                self._watched[name] = _Logs(self._ctx.home.instance(name), from_end=False, verbose=self._verbose)

    def _show(self, name: str, logs: _Logs) -> None:
        for line in logs.told():
            relay(line)
        for raw in logs.events.read():
            try:
                event = msgspec.json.decode(raw, type=Event)
                lines = self._lines(name, event, raw)
            except (msgspec.DecodeError, ValueError) as error:
                self._ctx.log("warning", f"Watcher for instance {ticked(name)} stopped", error=str(error))
                logs.stop()
                if self._names:
                    del self._watched[name]
                return
            self._ctx.out("".join(f"{line}\n" for line in lines))

    def _lines(self, name: str, event: Event, raw: bytes) -> list[str]:
        if self._json:
            ours = event.status.step or event.status.script or event.status.agent or event.status.machine
            if ours and notice.program() == "limactl":
                return []  # it has no such events
            return [f'{{"instance":"{name}","event":{raw.decode()}}}']
        stamp = time.strftime(_STAMP, time.localtime(parse_time(event.time)))
        return [f"{stamp} {name} | {visible(each, '')}" for each in sentences(event.status)]


class _Logs:
    """What the host agent of one instance writes."""

    def __init__(self, paths: InstancePaths, *, from_end: bool, verbose: bool) -> None:
        self.events = Tail(paths.ha_stdout, from_end=from_end)
        self._messages = Tail(paths.ha_stderr, from_end=from_end) if verbose else None

    def told(self) -> Iterator[hostlink.LogLine]:
        return map(hostlink.parse_log, self._messages.read() if self._messages else ())

    def stop(self) -> None:
        """Read nothing more of them."""
        self.events, self._messages = Tail(Path(os.devnull)), None


def existing(home: HomePaths) -> list[str]:
    """Names of the instances that have a lima.yaml."""
    return [name for name in instance_names(home) if os.path.lexists(home.home / name / "lima.yaml")]


def _tell(text: str) -> None:
    streams.tell(f"{time.strftime(_STAMP)} {text}\n")


def screenshot(ctx: Context, call: Call) -> None:
    """Save a picture of the guest's display."""
    name = call.args[0]
    paths = configured(ctx.home, name)
    instance = inspect(ctx.home, name)
    if word(instance) != "Running":
        raise StateError(f"instance {quoted(name)} is not running (status: {word(instance)})")
    target = Path(call["output"] or f"{name}-screenshot.png")
    kind = target.suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise UsageError(f"unsupported output extension {quoted(target.suffix)}: must be .png or .bmp")
    data = ctx.run(hostlink.screenshot(paths, kind))
    write_atomic(target, data)
    ctx.log("info", f"Screenshot saved to {quoted(str(target))} ({len(data)} bytes)")
