"""Starting and ending the process of a user-v2 network; any number of commands may want either at once."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from ipaddress import IPv4Network

import msgspec

from limacore.base.files import locked, mkdir_failed, write_atomic
from limacore.base.proc import identity
from limacore.errors import HostError, StateError
from limacore.network import client
from limacore.paths import NetworkPaths, check_network_sockets

UP_TIME, DOWN_TIME = 30.0, 5.0
"""Seconds until a network must be there, and in which it must end; both take 0.3 on an idle computer."""

_PAUSE = 0.02


def argv(paths: NetworkPaths, subnet: IPv4Network, leases: Mapping[str, str]) -> list[str]:
    """The command line, after the program that of the reference tool."""
    given = ",".join(f"{address}={mac}" for address, mac in leases.items())
    return [
        sys.executable, "-P", "-m", "limacore.network", "-p", str(paths.pid), "-e", str(paths.endpoint_sock),
        "--listen-qemu", str(paths.qemu_sock), "--listen", str(paths.fd_sock), "--subnet", str(subnet),
        *(["--leases", given] if given else []),
    ]  # fmt: skip


def running(paths: NetworkPaths) -> int:
    """The process of a network, ours or the reference tool's; 0 when there is none."""
    try:
        pid = int(paths.pid.read_text())
    except (OSError, ValueError):
        return 0
    process = identity(pid)
    # A pid file may name a stranger after a reboot. Where command lines are hidden the file is all there is.
    return pid if process and (str(paths.pid) in process.argv or not process.argv) else 0


def start(paths: NetworkPaths, subnet: IPv4Network) -> None:
    """Make sure that a network runs, and return when machines can be plugged in; raises HostError, StateError."""
    check_network_sockets(paths)
    try:
        paths.dir.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        raise mkdir_failed(paths.dir, error) from error
    with locked(paths.dir):
        if not running(paths):
            _remove_stale(paths)
            _wait_up(paths, _spawn(paths, subnet))


def _spawn(paths: NetworkPaths, subnet: IPv4Network) -> subprocess.Popen[bytes]:
    with paths.stdout.open("wb") as out, paths.stderr.open("wb") as err:
        process = subprocess.Popen(argv(paths, subnet, saved_leases(paths)), stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=err, cwd="/", start_new_session=True)
    # Whoever starts a process must collect it; a dashboard lives longer than the network.
    threading.Thread(target=process.wait, daemon=True, name=f"reap {process.pid}").start()
    return process


def _wait_up(paths: NetworkPaths, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + UP_TIME
    while not paths.fd_sock.exists():
        if process.poll() is not None:
            raise HostError(f"the network `{paths.name}` cannot be started", detail=_last_words(paths),
                            hint=f"see {paths.stderr}")
        if time.monotonic() > deadline:
            process.kill()
            raise StateError(f"the network `{paths.name}` did not come up within {UP_TIME:.0f} s",
                             hint=f"see {paths.stderr}")
        time.sleep(_PAUSE)


def _last_words(paths: NetworkPaths) -> str:
    with contextlib.suppress(OSError):
        return next(iter(paths.stderr.read_text(errors="replace").splitlines()[-1:]), "")
    return ""


def saved_leases(paths: NetworkPaths) -> dict[str, str]:
    """Which addresses were given when the network ended; nothing where that cannot be read."""
    with contextlib.suppress(OSError, msgspec.DecodeError):
        return msgspec.json.decode(paths.leases.read_bytes(), type=dict[str, str])
    return {}


def stop(paths: NetworkPaths) -> None:
    """Make sure that a network does not run; its leases are kept for the next time."""
    if not paths.pid.exists():
        return
    with locked(paths.dir):
        pid = running(paths)
        if pid:
            _save_leases(paths)
            _end(pid)
        _remove_stale(paths)


def _save_leases(paths: NetworkPaths) -> None:
    with contextlib.suppress(OSError, TimeoutError, StateError):
        write_atomic(paths.leases, msgspec.json.encode(client.leases_now(paths.endpoint_sock)))


def _end(pid: int) -> None:
    deadline = time.monotonic() + DOWN_TIME
    number = signal.SIGINT
    while identity(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        while identity(pid) and time.monotonic() < deadline:
            time.sleep(_PAUSE)
        number, deadline = signal.SIGKILL, time.monotonic() + DOWN_TIME


def _remove_stale(paths: NetworkPaths) -> None:
    for path in (paths.pid, paths.endpoint_sock, paths.qemu_sock, paths.fd_sock):
        path.unlink(missing_ok=True)
