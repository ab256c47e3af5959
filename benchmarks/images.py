"""Images: one-pass check and decompression, qcow2 to raw, and the memory that preparing a 1 GB image takes."""

from __future__ import annotations

import hashlib
import http.server
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

from measure import interleave, tell

from limacore.images import qcow2, unpack
from limacore.images.digest import Hashing

ROUNDS = 3
_SIZE = 256 << 20
_LARGE = 1 << 30
_PREPARE = """
import asyncio, sys, time
from pathlib import Path
from limacore.config.load import load_text
from limacore.images.prepare import prepare
from limacore.paths import HomePaths, InstancePaths
paths = InstancePaths(Path(sys.argv[1]))
text = f"disk: 2GiB\\nimages: [{{location: '{sys.argv[2]}', digest: '{sys.argv[3]}'}}]\\ncontainerd: {{user: false}}\\n"
config = load_text(text, paths.lima_yaml, HomePaths(paths.dir.parent)).require("t")
def peak():  # ru_maxrss would count what the process was before it became this program
    return next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
before, begun = peak(), time.perf_counter()
asyncio.run(prepare(paths, config, lambda _: None))
print(time.perf_counter() - begun, before, peak())
"""


def sample(path: Path, size: int) -> None:
    """Programs and libraries of this computer, `size` bytes of them, the same again where they do not suffice."""
    subprocess.run(f"tar cf - /usr/lib /usr/bin /usr/share 2>/dev/null | head -c {_SIZE} > {path}", shell=True)
    whole = path.read_bytes()
    with path.open("wb") as file:
        while file.tell() < size:
            file.write(whole[: size - file.tell()])


def shell(command: str) -> float:
    begun = time.perf_counter()
    subprocess.run(command, shell=True, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def one_pass(source: Path, kind: str, digest: str, out: Path) -> float:
    begun = time.perf_counter()
    unpack.unpack(source, out, kind, Hashing(digest), threading.Event(), lambda _: None)
    return time.perf_counter() - begun


def decompression(folder: Path, plain: Path, kind: str, program: str, pack: str) -> None:
    """Ours checks the digest of what is packed, the pipe that of what comes out: each reads its own bytes once."""
    packed, out = folder / f"i.{kind}", folder / "o"
    shell(f"{pack} {plain} > {packed}")
    digest = f"sha256:{hashlib.sha256(packed.read_bytes()).hexdigest()}"
    results = interleave(
        ROUNDS, one_pass=lambda: one_pass(packed, kind, digest, out),
        program_and_sum=lambda: shell(f"{program} -dc {packed} | tee {out} | sha256sum"),
        program_alone=lambda: shell(f"{program} -dc {packed} > {out}"),
    )
    tell(f"{kind}: {_SIZE >> 20} MiB out, digest checked", results, "program_alone")
    packed.unlink()


def conversion(folder: Path, plain: Path) -> None:
    image, out = folder / "q", folder / "o"
    shell(f"qemu-img convert -c -O qcow2 {plain} {image}")

    def ours() -> float:
        begun = time.perf_counter()
        qcow2.to_raw(image, out, threading.Event())
        return time.perf_counter() - begun

    results = interleave(ROUNDS, limatui=ours,
                         qemu_img=lambda: shell(f"qemu-img convert -m 16 -W -O raw {image} {out}"))
    shell(f"qemu-img compare -f raw -F raw {plain} {out}")
    tell("qcow2, zlib, to raw", results, "qemu_img")


def memory(folder: Path) -> None:
    """Download, check, decompress and lay out an image of 1 GB, in a process of its own."""
    sample(folder / "l", _LARGE)
    shell(f"zstd -q -1 --rm {folder}/l -o {folder}/l.zst")
    digest = f"sha256:{hashlib.sha256((folder / 'l.zst').read_bytes()).hexdigest()}"
    handler = partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (folder / "t").mkdir()
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "LIMA_HOME": str(folder)}
    argv = [sys.executable, "-c", _PREPARE, str(folder / "t"), f"http://127.0.0.1:{server.server_port}/l.zst", digest]
    done = subprocess.run(argv, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    server.shutdown()
    seconds, before, peak = (float(word) for word in done.stdout.split())
    print(f"a 1 GB image, downloaded and prepared: {seconds:.1f} s, at most {peak / 1024:.0f} MiB of memory "
          f"({before / 1024:.0f} before; goal < 100)")


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    place = Path(tempfile.mkdtemp(prefix="images-", dir="/tmp"))
    try:
        sample(place / "plain", _SIZE)
        decompression(place, place / "plain", "zst", "zstd", "zstd -q -3 -c")
        decompression(place, place / "plain", "gz", "gzip", "gzip -1 -c")
        conversion(place, place / "plain")
        (place / "plain").unlink()
        memory(place)
    finally:
        shutil.rmtree(place)
