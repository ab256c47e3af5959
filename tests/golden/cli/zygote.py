"""Runs command lines in forks of one process that has everything imported: a step costs 20 ms in place of 200.

Takes requests over a socket: JSON, and the three standard descriptors. Answers with the pid, then the exit status.
"""

from __future__ import annotations

import array
import fcntl
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import sys
import termios
import time
from typing import Any

NOBODY = 65534


def _preload() -> None:
    import limacore.cli
    import limatui.__main__  # noqa: F401

    for module in pkgutil.iter_modules(limacore.cli.__path__):
        try:
            importlib.import_module(f"limacore.cli.{module.name}")
        except ImportError:
            pass  # told by the step that needs it


def _child(request: dict[str, Any], fds: list[int]) -> None:
    os.setsid()
    if request["terminal"]:
        fcntl.ioctl(fds[request["terminal_fd"]], termios.TIOCSCTTY, 0)
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
    os.closerange(3, 256)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    os.chdir(request["cwd"])
    sys.stdin = os.fdopen(0, encoding="utf-8", errors="surrogateescape")
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", errors="surrogateescape")
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1)
    sys.argv = request["argv"]
    os._exit(_run())


def _run() -> int:
    import traceback

    from limatui.__main__ import main

    try:
        code = main()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
        return 130
    except Exception:  # noqa: BLE001 (whatever it is, the test has to see it)
        traceback.print_exc()
        code = 99
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            pass
    return code


def main(fd: int) -> None:
    """Serve until the other side closes."""
    os.umask(0o022)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    _preload()
    gc.freeze()
    link = socket.socket(fileno=fd)
    while True:
        request, fds = _receive(link)
        if request is None:
            return
        pid = os.fork()
        if not pid:
            _child(request, fds)
        for each in fds:
            os.close(each)
        link.sendall(json.dumps(pid).encode() + b"\n")
        status = os.waitpid(pid, 0)[1]
        code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        link.sendall(json.dumps(code).encode() + b"\n")


def _receive(link: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    data, ancillary, *_ = link.recvmsg(1 << 20, socket.CMSG_SPACE(16))
    fds = array.array("i")
    for level, kind, payload in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(payload)
    if not data:
        return None, []
    while not data.endswith(b"\n"):
        data += link.recv(1 << 20)
    return json.loads(data), list(fds)


if __name__ == "__main__":
    main(int(sys.argv[1]))
