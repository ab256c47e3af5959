"""Reading and listing a reverse-sshfs mount: our confined SFTP server against OpenSSH's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from measure import LIMATUI, interleave, tell

SIZE = 32 << 20
FILES = 500


def inside(script: str) -> float:
    """Seconds of a script in the guest, with its caches dropped before; those of an empty one are taken off."""
    def run(text: str) -> float:
        begun = time.perf_counter()
        subprocess.run([LIMATUI, "shell", "--workdir=/", "t", "sh", "-c", text], check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - begun

    run("sudo sh -c 'echo 3 >/proc/sys/vm/drop_caches' || :")
    return max(run(script) - run("true"), 1e-4)


def prepare(folder: Path) -> None:
    (folder / "load").write_bytes(os.urandom(SIZE))
    (folder / "many").mkdir()
    for number in range(FILES):
        (folder / "many" / f"file-{number}").write_bytes(b"x" * 100)


if __name__ == "__main__":
    home, shared = (Path(tempfile.mkdtemp(prefix="b-", dir="/tmp")) for _ in range(2))
    os.environ["LIMA_HOME"] = str(home)
    prepare(shared)
    (link := shared.with_name(f"{shared.name}-o")).mkdir()
    subprocess.run(["cp", "-a", f"{shared}/.", str(link)], check=True)
    mounts = [{"location": str(shared), "sshfs": {"sftpDriver": "builtin"}},
              {"location": str(link), "sshfs": {"sftpDriver": "openssh-sftp-server"}}]
    try:
        subprocess.run([LIMATUI, "create", "--name=t", "--set", f".mounts = {json.dumps(mounts)}", "template:tiny"],
                       check=True, stderr=subprocess.DEVNULL)
        subprocess.run([LIMATUI, "start", "t"], check=True, stderr=subprocess.DEVNULL)
        reads = interleave(5, limatui=lambda: inside(f"cat {shared}/load >/dev/null"),
                           sftp_server=lambda: inside(f"cat {link}/load >/dev/null"))
        lists = interleave(5, limatui=lambda: inside(f"cat {shared}/many/* >/dev/null"),
                           sftp_server=lambda: inside(f"cat {link}/many/* >/dev/null"))
    finally:
        subprocess.run([LIMATUI, "delete", "-f", "t"], stderr=subprocess.DEVNULL)
        for folder in (home, shared, link):
            shutil.rmtree(folder, ignore_errors=True)
    tell(f"{SIZE >> 20} MiB read from a mount", reads, "sftp_server", "s", 1)
    tell(f"{FILES} files read from a mount", lists, "sftp_server", "s", 1)
