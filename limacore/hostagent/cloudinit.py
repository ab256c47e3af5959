"""The progress of cloud-init in the guest, line by line as events, for who asked for it with `--progress`."""

from __future__ import annotations

import asyncio
import shlex
import socket
from collections.abc import Callable

from limacore.base.jsonlines import LineSplitter
from limacore.model.event import CloudInitProgress
from limacore.ssh.master import Master
from limacore.ssh.mux import MuxError

TIME = 600.0
"""Seconds after which nothing more is told of a guest that never finishes."""

_REST = 5.0
_LONGEST = 4096
_MOST_LINES = 5000
"""What is told of one boot."""

# Where cloud-init is one long service its journal is followed, else its log from the end of the run before this boot.
_FOLLOW = """\
if systemctl is-enabled -q cloud-init-main.service 2>/dev/null; then
    echo journal
    exec sudo -n journalctl -u cloud-init-main.service -b -n all -o cat -f
fi
log=/var/log/cloud-init-output.log
if ! sudo -n test -e $log; then
    echo none
    exit
fi
ends=$(sudo -n grep -n -i "cloud-init.*finished" $log | cut -d: -f1)
set -- 0 0 $ends
[ ! -e /run/cloud-init/result.json ] || [ $# -lt 3 ] || set -- $(printf "%s " "$@" | sed "s/[0-9]* *$//")
while [ $# -gt 1 ]; do shift; done
echo file
exec sudo -n tail -n +$(($1 + 1)) -f $log
"""

Tell = Callable[[CloudInitProgress], None]
GOOD = "Cloud-init monitoring completed successfully"


def is_end(source: str, line: str, begun: bool) -> bool:
    """Whether a line of the journal or the log is cloud-init's last; `begun` once the journal told of the service."""
    low = line.lower()
    if source == "journal":
        return begun and low.startswith("cloud-init-main.service: consumed")
    return "cloud-init" in low and "finished" in low


class Follower:
    """Follows over one connection after another; what was told is not told again."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._told = 0
        self._active = False
        self.done = False

    async def follow(self, master: Master) -> None:
        """Until cloud-init has finished; the end of the connection ends it before."""
        if self.done:
            return
        if not self._active:
            self._active = True
            self._tell(CloudInitProgress(active=True))
        try:
            async with asyncio.timeout(TIME):
                why = await self._lines(master)
        except TimeoutError:
            why = f"cloud-init has not finished within {TIME:.0f} s"
        except MuxError:
            return  # the next connection goes on
        if why:
            self.done = True
            self._tell(CloudInitProgress(why, completed=True))

    async def _lines(self, master: Master) -> str:
        ours, theirs = socket.socketpair()
        with theirs:
            task = asyncio.create_task(master.stream(f"/bin/sh -c {shlex.quote(_FOLLOW)}", theirs.fileno()))
            reader, writer = await asyncio.open_unix_connection(sock=ours)
            reading = asyncio.create_task(self._read(reader))
            try:
                await asyncio.wait({task, reading}, return_when=asyncio.FIRST_COMPLETED)
                theirs.close()  # so that what is left to read has an end
                await asyncio.wait({reading}, timeout=_REST)
                return reading.result() if reading.done() else ""
            finally:
                reading.cancel()
                task.cancel()
                writer.close()
                await asyncio.gather(task, reading, return_exceptions=True)

    async def _read(self, reader: asyncio.StreamReader) -> str:
        splitter = LineSplitter(_LONGEST)
        source, begun, seen = "", False, 0
        while data := await reader.read(1 << 16):
            for raw in splitter.feed(data):
                line = raw.decode(errors="replace").strip()
                if not source:
                    source = line
                    if source == "none":
                        return "There is no cloud-init in this guest"
                    continue
                begun = begun or line.lower().startswith("started cloud-init-main.service")
                seen += 1
                end = is_end(source, line, begun)
                if line and self._told < seen <= _MOST_LINES:
                    self._tell(CloudInitProgress(line, completed=end, active=not end))
                self._told = max(self._told, seen)
                if end:
                    return GOOD
        return ""
