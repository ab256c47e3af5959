"""One recorded case: its empty home, its setup, its steps, and what came out of them."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import pty
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import tty
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from tests.golden.cli.zygote import NOBODY
from tests.instances import named

ROOT = Path(__file__).parents[3]
WRAPPERS = ("docker.lima", "podman.lima", "kubectl.lima", "apptainer.lima", "nerdctl.lima")
QUIET = 0.6


class Runner:
    """The process that runs command lines, for a whole session of tests."""

    def __init__(self) -> None:
        self.link, other = socket.socketpair()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.golden.cli.zygote", str(other.fileno())], cwd=ROOT, pass_fds=[other.fileno()])
        other.close()

    def start(self, request: dict[str, Any], fds: list[int]) -> int:
        data = json.dumps(request).encode() + b"\n"
        socket.send_fds(self.link, [data], fds)
        return int(json.loads(self._line()))

    def status(self) -> int:
        return int(json.loads(self._line()))

    def _line(self) -> bytes:
        data = b""
        while not data.endswith(b"\n"):
            part = self.link.recv(1)
            if not part:
                raise RuntimeError("the process that runs command lines has gone")
            data += part
        return data

    def close(self) -> None:
        self.link.close()
        self.process.wait(10)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(True)

    def do_HEAD(self) -> None:
        self._answer(False)

    def _answer(self, body: bool) -> None:
        box: Sandbox = self.server.box  # type: ignore[attr-defined]
        box.requests.append(f"{self.command} {self.path}")
        route = box.routes.get(self.path)
        if route is not None and not body:
            route = {**route, **route.get("head", {})}
        data = b"no such page\n" if route is None else self._body(box, route)
        self.send_response(404 if route is None else route.get("status", 200))
        for key, value in (route or {}).get("headers", {}).items():
            self.send_header(key, box.expand(value))
        self.send_header("Content-Length", str(len(data) + (route or {}).get("missing_bytes", 0)))
        self.send_header("Connection", "close")
        self.end_headers()
        if body:
            self.wfile.write(data)
        self.close_connection = True

    def _body(self, box: Sandbox, route: dict[str, Any]) -> bytes:
        if "file" in route:
            return Path(box.expand(route["file"])).read_bytes()
        return box.expand(route.get("text", "")).encode()

    def log_message(self, *args: object) -> None:
        pass


class Sandbox:
    """An empty home below /tmp; `close` removes it and ends what was started."""

    def __init__(self, runner: Runner, *, strangers: bool = False) -> None:
        self.runner = runner
        self.strangers = strangers  # whether live pids are those of programs that have nothing to do with instances
        self.home = Path(tempfile.mkdtemp(prefix="g-", dir="/tmp"))
        self.work = self.home / "work"
        self.work.mkdir()
        self.bin = Path(tempfile.mkdtemp(prefix="g-bin-", dir="/tmp"))
        self.routes: dict[str, Any] = {}
        self.requests: list[str] = []
        self.sleepers: list[subprocess.Popen[bytes]] = []
        self.server: ThreadingHTTPServer | None = None
        self._programs()
        self._own(self.home)

    def _programs(self) -> None:
        self.bin.chmod(0o755)
        program = self.bin / "limactl"
        program.write_text(f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n"
                           "from limatui.__main__ import main\nsys.exit(main())\n")
        program.chmod(0o755)
        for name in ("lima", *WRAPPERS):
            (self.bin / name).symlink_to("limactl")

    def _own(self, path: Path) -> None:
        if os.geteuid() == 0:
            for each in (path, *path.rglob("*")):
                os.lchown(each, NOBODY, NOBODY)

    def close(self) -> None:
        for sleeper in self.sleepers:
            sleeper.kill()
            sleeper.wait()
        if self.server:
            self.server.shutdown()
            self.server.server_close()
        for folder in (self.home, self.bin):
            for each in folder.rglob("*"):
                if each.is_dir() and not each.is_symlink():
                    each.chmod(0o700)
            shutil.rmtree(folder, ignore_errors=True)

    def expand(self, text: str) -> str:
        """Placeholders whose value is known."""
        known = {"@HOME@": self.home, "@LIMA_HOME@": self.home / ".lima", "@WORK@": self.work, "@BIN@": self.bin,
                 "@CACHE@": self.home / ".cache/lima", "@CONFIG@": self.home / ".config", "@WRAPPERS@": self.bin,
                 "@PREFIX@": self.bin.parent / "share/lima"}
        if self.server:
            known["@HTTP@"] = f"http://127.0.0.1:{self.server.server_port}"
        for key, value in known.items():
            text = text.replace(key, str(value))
        while "@SHA256(" in text:
            head, _, rest = text.partition("@SHA256(")
            url, _, tail = rest.partition(")@")
            text = head + hashlib.sha256(url.encode()).hexdigest() + tail
        return text

    def op(self, op: dict[str, Any]) -> None:
        """One operation of a setup."""
        getattr(self, f"_{op['op']}")(op)

    def _path(self, op: dict[str, Any]) -> Path:
        path = Path(self.expand(op["path"]))
        made = [each for each in path.parents if not each.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        for each in made:
            self._own(each)
        return path

    def _write(self, op: dict[str, Any]) -> None:
        path = self._path(op)
        path.unlink(missing_ok=True)
        path.write_bytes(self.expand(op["text"]).encode("utf-8", "surrogateescape"))
        path.chmod(int(op.get("mode", "0644"), 8))
        self._own(path)

    def _mkdir(self, op: dict[str, Any]) -> None:
        path = self._path(op)
        path.mkdir(exist_ok=True)
        self._own(path)
        path.chmod(int(op.get("mode", "0755"), 8))

    def _symlink(self, op: dict[str, Any]) -> None:
        path = self._path(op)
        path.symlink_to(self.expand(op["target"]))
        if os.geteuid() == 0:
            os.lchown(path, NOBODY, NOBODY)

    def _chmod(self, op: dict[str, Any]) -> None:
        self._path(op).chmod(int(op["mode"], 8))

    def _rm(self, op: dict[str, Any]) -> None:
        path = self._path(op)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def _image(self, op: dict[str, Any]) -> None:
        path = self._path(op)
        subprocess.run(["qemu-img", "create", "-q", "-f", op["format"], path, op["size"]], check=True)
        self._own(path)

    def _run(self, op: dict[str, Any]) -> None:
        subprocess.run([self.expand(word) for word in op["argv"]], cwd=self.work, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._own(self.work)

    def _wait_gone(self, op: dict[str, Any]) -> None:
        deadline = time.monotonic() + 60
        while Path(self.expand(op["path"])).exists() and time.monotonic() < deadline:
            time.sleep(0.05)

    def _livepid(self, op: dict[str, Any]) -> None:
        user = {"user": NOBODY, "group": NOBODY} if os.geteuid() == 0 else {}
        # Named after the instance: a live pid of some other program is no evidence for us.
        words = ["sleep" if self.strangers else self.expand(op["path"]), "600"]
        sleeper = subprocess.Popen(words, executable="sleep", **user)  # type: ignore[call-overload]
        self.sleepers.append(sleeper)
        named(sleeper, words[0])
        threading.Thread(target=sleeper.wait, daemon=True).start()
        self._write({"path": op["path"], "text": f"{sleeper.pid}\n"})

    def _http(self, op: dict[str, Any]) -> None:
        if self.server is None:
            self.server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
            self.server.box = self  # type: ignore[attr-defined]
            threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.routes = op["routes"]

    def run(self, step: dict[str, Any]) -> dict[str, Any]:
        """Run one step; returns rc, stdout, stderr and the requests that the server saw."""
        self.requests.clear()
        argv = [self.expand(word) for word in step["argv"]]
        path = f"{self.bin}:/usr/local/bin:/usr/bin:/bin"
        environment = {
            "HOME": str(self.home), "USER": "u", "LOGNAME": "u", "SHELL": "/bin/bash", "LANG": "C.UTF-8",
            "TERM": "xterm-256color", "TZ": "UTC", "PATH": path, "LIMA_HOME": str(self.home / ".lima"),
        }  # fmt: skip
        for key, value in step.get("env", {}).items():
            if value is None:
                environment.pop(key, None)
            else:
                environment[key] = self.expand(value)
        argv[0] = str(self.bin / argv[0])
        got = _Run(self, step, argv, environment).result()
        got["http"] = list(self.requests)
        return got


class _Run:
    def __init__(self, box: Sandbox, step: dict[str, Any], argv: list[str], environment: dict[str, str]) -> None:
        self.box, self.step = box, step
        self.terminal = step.get("pty", {}).get("streams", [])
        self.output: dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}
        self.request = {"argv": argv, "env": environment, "cwd": box.expand(step.get("cwd", str(box.work))),
                        "terminal": bool(self.terminal),
                        "terminal_fd": ["stdin", "stdout", "stderr"].index(self.terminal[0]) if self.terminal else 0}

    def result(self) -> dict[str, Any]:
        master, readers, fds = self._streams()
        pid = self.box.runner.start(self.request, fds)
        for fd in set(fds):
            os.close(fd)
        stop = self.step.get("interrupt_after")
        timer = threading.Timer(stop, os.kill, (pid, signal.SIGINT)) if stop else None
        if timer:
            timer.start()
        self._collect(readers, master, list(self.step.get("pty", {}).get("keys", [])))
        code = self.box.runner.status()
        if timer:
            timer.cancel()
        for fd in readers:
            os.close(fd)
        texts = {key: bytes(data).decode("utf-8", "backslashreplace") for key, data in self.output.items()}
        return {"rc": code, **texts}

    def _streams(self) -> tuple[int, dict[int, str], list[int]]:
        readers: dict[int, str] = {}
        fds: dict[str, int] = {}
        master = -1
        if self.terminal:
            master, slave = pty.openpty()
            tty.setraw(slave)
            size = self.step["pty"]
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size.get("rows", 24), size["cols"], 0, 0))
            readers[master] = "stdout" if "stdout" in self.terminal else "stderr"
            fds |= dict.fromkeys(self.terminal, slave)
        for name in ("stdout", "stderr"):
            if name not in fds:
                reader, fds[name] = os.pipe()
                readers[reader] = name
        if "stdin" not in fds:
            fds["stdin"] = self._stdin()
        return master, readers, [fds["stdin"], fds["stdout"], fds["stderr"]]

    def _stdin(self) -> int:
        if "stdin" not in self.step:
            return os.open(os.devnull, os.O_RDONLY)
        fd = os.memfd_create("stdin")
        os.write(fd, self.box.expand(self.step["stdin"]).encode())
        os.lseek(fd, 0, os.SEEK_SET)
        return fd

    def _collect(self, readers: dict[int, str], master: int, keys: list[str]) -> None:
        open_ones = set(readers)
        deadline = time.monotonic() + 60
        while open_ones and time.monotonic() < deadline:
            ready = select.select(list(open_ones), [], [], QUIET if keys else 5)[0]
            if not ready and keys:
                os.write(master, keys.pop(0).encode())
            for fd in ready:
                try:
                    data = os.read(fd, 1 << 16)
                except OSError as error:
                    if error.errno != errno.EIO:
                        raise
                    data = b""
                self.output[readers[fd]] += data
                if not data:
                    open_ones.discard(fd)


def entry(path: Path) -> dict[str, Any]:
    """What a recorded tree says of one path."""
    found: dict[str, Any] = {"mode": f"{path.lstat().st_mode & 0o7777:04o}"}
    if path.is_symlink():
        return {"type": "link", "target": str(path.readlink())}
    found["type"] = "dir" if path.is_dir() else "file" if path.is_file() else "other"
    return found


def disk_info(path: Path) -> dict[str, Any]:
    """Format and virtual size of a disk image."""
    out = subprocess.run(["qemu-img", "info", "-U", "--output=json", path], capture_output=True, check=False).stdout
    data = json.loads(out or b"{}")
    return {"format": data.get("format"), "virtual_size": data.get("virtual-size")}


def load_yaml(path: Path) -> Any:
    """A YAML file."""
    return yaml.safe_load(path.read_text())
