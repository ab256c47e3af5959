"""The kernel's trace events of sockets that begin or stop to listen."""

import _socket as socket
import os

from .files import read_all, write_text


class Trace:
    """A private tracefs instance that speaks up when a TCP socket begins or stops to listen, or UDP binds."""

    ROOT = "/sys/kernel/tracing"

    def __init__(self, name="lima-guestagent"):
        self.folder = os.path.join(self.ROOT, "instances", name)
        if not os.path.isdir(os.path.join(self.ROOT, "instances")):
            os.spawnvp(os.P_WAIT, "mount", ["mount", "-t", "tracefs", "tracefs", self.ROOT])
        self.remove()
        os.mkdir(self.folder)
        try:
            self.watches_udp = self.enable()
            self.fd = os.open(os.path.join(self.folder, "trace_pipe"), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            self.remove()
            raise

    def enable(self):
        """Switch the events on; True when UDP is among them."""
        self.put("events/sock/inet_sock_set_state/filter", "newstate == 10 || oldstate == 10")
        for name, value in (("buffer_size_kb", "64"), ("buffer_percent", "0")):
            try:
                self.put(name, value)
            except OSError:
                pass  # an old kernel without that setting
        self.put("events/sock/inet_sock_set_state/enable", "1")
        try:
            if not os.path.isdir(os.path.join(self.folder, "events/lima/udp_bind")):
                write_text(os.path.join(self.ROOT, "kprobe_events"), "p:lima/udp_bind udp_lib_get_port\n")
            self.put("events/lima/udp_bind/enable", "1")
        except OSError:
            return False  # no kprobes here: UDP is found by dumps
        return True

    def put(self, name, value):
        write_text(os.path.join(self.folder, name), value)

    def read(self):
        """What everything in the pipe tells, see `trace_events`."""
        return trace_events(read_all(self.fd))

    def remove(self):
        """Take the instance away; it costs memory for as long as it exists."""
        if getattr(self, "fd", None) is not None:
            os.close(self.fd)
            self.fd = None
        try:
            os.rmdir(self.folder)
        except OSError:
            pass


def trace_events(data):
    """Of lines of a trace pipe: TCP sockets that began to listen, those that stopped to with their family, whether all
    must be looked at, whether UDP was bound. By hand, because the first `re` costs an emulated guest 15 ms."""
    began, stopped = set(), {}
    unclear = b" EVENTS]" in data  # a line that says how many were lost
    for line in data.splitlines():
        words = dict(word.split(b"=", 1) for word in line.split() if b"=" in word)
        if b"newstate" not in words:
            continue
        port, six = int(words.get(b"sport", b"0")), words.get(b"saddrv6", b"").decode()
        mapped = six.startswith("::ffff:") and "." in six
        each = ("tcp", words.get(b"saddr", b"").decode() if mapped else six, port)
        began.discard(each)
        if not port or not six:  # a listen() that chooses the port itself, later
            unclear = True
        elif words[b"newstate"] == b"TCP_LISTEN":
            began.add(each)
        else:
            stopped[each] = socket.AF_INET6 if words.get(b"family") == b"AF_INET6" else socket.AF_INET
    return began, stopped, unclear, b"udp_bind" in data
