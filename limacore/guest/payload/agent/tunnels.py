"""Connections whose frames are datagrams, and the sockets of their flows."""

import _socket as socket
import os
import select
from _struct import pack, unpack_from

from .link import MAX_PENDING, Link


class Tunnel:
    """A connection whose frames are datagrams: the host's clients of UDP ports in here, each a flow with a socket.

    A frame is kind, number of the flow, size, and so many bytes. The first that we send says that we are there."""

    HEADER = ">BIH"
    HEADER_SIZE = 7
    HERE, OPEN, DATA, CLOSE = range(4)
    missed = False
    MOST_FLOWS = 4096

    def __init__(self, fd):
        self.fd = fd
        self.incoming = b""
        self.outgoing = pack(self.HEADER, self.HERE, 0, 0)
        self.flows = {}  # number: socket
        self.numbers = {}  # file descriptor: number

    def frames(self, data):
        """(kind, flow, payload) of each frame that is complete now."""
        self.incoming += data
        at = 0
        while len(self.incoming) - at >= self.HEADER_SIZE:
            kind, flow, size = unpack_from(self.HEADER, self.incoming, at)
            if len(self.incoming) - at < self.HEADER_SIZE + size:
                break
            at += self.HEADER_SIZE + size
            yield kind, flow, self.incoming[at - size:at]
        self.incoming = self.incoming[at:]

    def open(self, flow, where):
        """A socket for a new flow to `IP PORT`; None when that is not possible."""
        if flow in self.flows or len(self.flows) >= self.MOST_FLOWS:
            return None
        sock = None
        try:
            ip, _, port = where.decode().partition(" ")
            family = socket.AF_INET6 if ":" in ip else socket.AF_INET
            sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
            sock.connect((ip, int(port)))
        except (OSError, ValueError, OverflowError):
            if sock is not None:
                sock.close()
            return None
        self.flows[flow], self.numbers[sock.fileno()] = sock, flow
        return sock.fileno()

    def close(self, flow):
        """End a flow; its file descriptor, None when there is none."""
        sock = self.flows.pop(flow, None)
        if sock is None:
            return None
        fd = sock.fileno()
        del self.numbers[fd]
        sock.close()
        return fd

    def put(self, flow, data):
        try:
            self.flows[flow].send(data)
        except (KeyError, OSError):
            pass  # nobody listens: a datagram may be lost

    def take(self, fd):
        """Datagrams of a flow that have come, as frames; what the host does not read in time is lost."""
        flow = self.numbers[fd]
        try:
            while len(self.outgoing) < MAX_PENDING:
                data = self.flows[flow].recv(65535)
                self.outgoing += pack(self.HEADER, self.DATA, flow, len(data)) + data
            while True:
                self.flows[flow].recv(65535)
        except OSError:
            pass

    flush = Link.flush


class Tunnels:
    """All tunnels and their flows in the poll() of the agent."""

    def __init__(self, poll):
        self.poll = poll
        self.by_fd = {}  # a tunnel by its own file descriptor, and by that of each of its flows

    def connections(self):
        return [tunnel for fd, tunnel in self.by_fd.items() if fd == tunnel.fd]

    def accept(self, server):
        try:
            fd, _ = server._accept()
        except OSError:
            return
        os.set_blocking(fd, False)
        self.watch(fd, Tunnel(fd))

    def watch(self, fd, tunnel):
        self.by_fd[fd] = tunnel
        self.poll.register(fd, select.POLLIN)

    def event(self, fd):
        """Something has come on a tunnel or on one of its flows."""
        tunnel = self.by_fd[fd]
        if fd != tunnel.fd:
            tunnel.take(fd)
            return
        try:
            data = os.read(fd, 1 << 18)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self.drop(tunnel)
            return
        for frame in tunnel.frames(data):
            self.on_frame(tunnel, *frame)

    def on_frame(self, tunnel, kind, flow, payload):
        if kind == tunnel.OPEN:
            fd = tunnel.open(flow, payload)
            if fd is not None:
                self.watch(fd, tunnel)
        elif kind == tunnel.DATA:
            tunnel.put(flow, payload)
        elif kind == tunnel.CLOSE:
            self.end_flow(tunnel, flow)

    def end_flow(self, tunnel, flow):
        sock = tunnel.flows.get(flow)
        if sock is not None:
            self.poll.unregister(sock.fileno())
            del self.by_fd[tunnel.close(flow)]

    def drop(self, tunnel):
        for flow in list(tunnel.flows):
            self.end_flow(tunnel, flow)
        self.poll.unregister(tunnel.fd)
        del self.by_fd[tunnel.fd]
        os.close(tunnel.fd)
