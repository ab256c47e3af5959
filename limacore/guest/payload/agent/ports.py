"""What listens in this guest, kept up to date, and the messages that tell it."""

import time
from _struct import unpack_from

from .listening import dump, gone
from .netlink import destroy_watch, netlink_messages
from .trace import Trace

PORTS_PER_LINE = 600


class Ports:
    """What listens in this guest: events make it prompt, a dump is the truth."""

    FIRST_PAUSE, LONGEST_PAUSE, CONFIRM, SETTLE = 3.0, 48.0, 0.5, 0.15

    def __init__(self):
        self.known = set()
        self.source = ""
        self.trace = None
        self.destroyed = None
        self.pause = self.FIRST_PAUSE
        self.due = 0.0  # monotonic time of the next dump, None for never

    def start(self):
        """Begin to watch; takes what the kernel offers."""
        try:
            self.trace = Trace()
        except OSError:
            self.trace = None
        self.destroyed = destroy_watch(tcp_too=self.trace is None)
        self.refresh()
        if self.trace is not None:
            self.source = "tracefs"

    def files(self):
        """File descriptors to poll."""
        both = (self.trace and self.trace.fd, self.destroyed and self.destroyed.fileno())
        return [fd for fd in both if fd is not None]

    def refresh(self):
        """Dump now; returns whether anything differs."""
        found, source = dump()
        if self.trace is None:
            self.source = source
        changed, self.known = found != self.known, found
        self.pause = self.FIRST_PAUSE if changed else min(self.pause * 2, self.LONGEST_PAUSE)
        everything_tells = self.trace is not None and self.trace.watches_udp and self.destroyed is not None
        self.due = None if everything_tells else time.monotonic() + self.pause
        return changed

    def event(self, fd):
        """Something happened on one of `files`: look now or soon; returns whether anything differs."""
        if self.destroyed is not None and fd == self.destroyed.fileno():
            return self.closed_one_of_ours() and self.refresh()
        began, stopped, unclear, udp = self.trace.read()
        if udp:  # every name that is looked up binds UDP for a moment
            self.look_in(self.SETTLE)
        if not (began or stopped or unclear):
            return False
        before = self.known
        if unclear:
            self.refresh()
        # A dump of everything takes an emulated guest 10 ms and more: it comes after the news.
        self.known = (self.known - gone(stopped)) | began
        self.look_in(self.CONFIRM)
        return self.known != before

    def look_in(self, seconds):
        """Dump in so many seconds, or sooner if that is planned."""
        due = time.monotonic() + seconds
        self.due = due if self.due is None else min(self.due, due)

    def closed_one_of_ours(self):
        ports = {port for _, _, port in self.known}
        ours = False
        try:
            while True:
                for _, body in netlink_messages(self.destroyed.recv(1 << 16)):
                    ours = ours or (len(body) > 6 and unpack_from(">H", body, 4)[0] in ports)
        except BlockingIOError:
            return ours
        except OSError:
            return True  # ENOBUFS: events were lost

    def stop(self):
        if self.trace is not None:
            self.trace.remove()


def port_messages(added, removed, full=False):
    """Ports as messages, each with at most as many as one line holds."""
    parts = [(key, each) for key, ports in (("removed", removed), ("added", added)) for each in sorted(ports)]
    pieces = [parts[at:at + PORTS_PER_LINE] for at in range(0, len(parts), PORTS_PER_LINE)] or [[]]
    return [{"type": "ports", "full": full and piece is pieces[0], "more": piece is not pieces[-1],
             "added": port_list(piece, "added"), "removed": port_list(piece, "removed")} for piece in pieces]


def port_list(parts, wanted):
    return [{"protocol": protocol, "ip": ip, "port": port} for key, (protocol, ip, port) in parts if key == wanted]
