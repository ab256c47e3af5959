"""`python -m limacore.hostagent`: runs one instance until it ends. Started by clients, never by people."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import resource
import sys
import traceback
from pathlib import Path

from limacore.base import http1
from limacore.base.log import JsonLog, capture_libraries
from limacore.drivers.catalog import driver
from limacore.errors import LimaError, ResumeError
from limacore.hostagent import api, pidfile
from limacore.hostagent.agent import Agent
from limacore.hostagent.emit import Emitter
from limacore.hostagent.power import Power
from limacore.hostagent.setup import Prepared, forget_suspended, prepare
from limacore.paths import HomePaths, InstancePaths


def arguments(argv: list[str]) -> argparse.Namespace:
    """The command line, which is the reference tool's; what needs no guest agent binary is taken and not used."""
    parser = argparse.ArgumentParser(prog="limacore.hostagent", allow_abbrev=False)
    parser.add_argument("-p", "--pidfile", type=Path)
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--run-gui", action="store_true")
    parser.add_argument("--guestagent")
    parser.add_argument("--nerdctl-archive", type=Path)
    parser.add_argument("--progress", action="store_true")
    parser.add_argument("--debug", action="store_true")
    parser.add_argument("instance")
    return parser.parse_args(argv)


async def run(args: argparse.Namespace, log: JsonLog) -> None:
    """Everything from the preparation of one boot to the last event; raises LimaError."""
    home = HomePaths()
    paths = home.instance(args.instance)
    power = Power(log)
    power.listen()
    emit = Emitter()
    prepared = await _prepared(args, paths, home, log)
    try:
        await _attend(args, prepared, power, emit, log)
    except ResumeError as error:
        await forget_suspended(paths, home, prepared.spec.config, str(error), log)
        await _attend(args, await _prepared(args, paths, home, log), power, emit, log)


async def _prepared(args: argparse.Namespace, paths: InstancePaths, home: HomePaths, log: JsonLog) -> Prepared:
    return await prepare(paths, home, log, debug=args.debug, progress=args.progress, nerdctl=args.nerdctl_archive)


async def _attend(args: argparse.Namespace, prepared: Prepared, power: Power, emit: Emitter, log: JsonLog) -> None:
    agent = Agent(prepared, driver(prepared.spec.config.vm_type), power, emit, log)
    answers = api.handler(agent.info, agent.status, agent.pixels, agent.forwarder, agent.mounting, agent.steering)
    with contextlib.closing(prepared.resolver) if prepared.resolver else contextlib.nullcontext():
        async with http1.serve(args.socket, answers):
            log("info", f"hostagent socket created at {args.socket}")
            await agent.run()


def main(argv: list[str]) -> int:
    """Run and return the exit code; every failure ends as one fatal log line."""
    args = arguments(argv)
    log = JsonLog(least="trace" if args.debug else "debug")
    capture_libraries(log)
    _many_files()
    try:
        with pidfile.owned(args.pidfile) if args.pidfile else contextlib.nullcontext():
            asyncio.run(run(args, log))
    except LimaError as error:
        log("fatal", error.message, error=error.detail, hint=error.hint)
        return 1
    except asyncio.CancelledError:
        log("fatal", "interrupted before the machine was launched")
        return 1
    except Exception as error:  # noqa: BLE001 - the outermost boundary: the log is all that remains of this process
        log("fatal", f"internal error: {error!r}", trace=traceback.format_exc())
        return 2
    return 0


def _many_files() -> None:
    """Forwards need descriptors; the soft limit is often 1024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
