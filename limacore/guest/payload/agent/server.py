"""The one loop over links, tunnels, ports, boot progress and timers."""

import _signal as signal
import _socket as socket
import os
import select
import time

from .boot import Boot
from .doors import find_virtio_port, poke_fifo, unix_server, virtio_file, vsock_server
from .files import read_all, read_text
from .link import MAX_LINE, Link
from .metrics import Cpu, metrics
from .orders import power_off, set_clock, touch
from .ports import Ports, port_messages
from .tunnels import Tunnels

VERSION = 1
PORT_NAME = "io.lima-vm.guest_agent.0"


class Agent:
    """Joins links, ports, boot progress and timers in one poll()."""

    PORT_PAUSE, LONGEST_PORT_PAUSE = 0.1, 60.0

    def __init__(self, run="/run", virtio_port=PORT_NAME, socket_owner=0, vsock_port=0):
        self.run_dir, self.virtio_name, self.socket_owner = run, virtio_port, socket_owner
        self.vsock_port, self.vsock_server = vsock_port, None
        self.poll = select.poll()
        self.virtio = None
        self.connected = False  # a host program holds the other end of the virtio port
        self.port_pause = self.PORT_PAUSE
        self.clients = {}
        self.tunnels = Tunnels(self.poll)
        self.boot = Boot(run)
        self.ports = Ports()
        self.cpu = Cpu()
        self.interval = 0.0
        self.metrics_due = None
        self.port_due = None
        self.stopping = False

    # Start and end

    def open(self):
        self.wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_write)
        for number in (signal.SIGIO, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.on_signal)
        self.poll.register(self.wake_read, select.POLLIN)
        self.listen()
        self.listen_vsock()
        self.open_virtio()

    def on_signal(self, number, _frame):
        if number in (signal.SIGTERM, signal.SIGINT):
            self.stopping = True

    def listen(self):
        self.socket_path = os.path.join(self.run_dir, "lima-guestagent.sock")
        self.tunnel_path = os.path.join(self.run_dir, "lima-guestagent.tunnel")
        self.server = unix_server(self.socket_path, self.socket_owner)
        self.tunnel_server = unix_server(self.tunnel_path, self.socket_owner)
        self.fifo = poke_fifo(os.path.join(self.run_dir, "lima-guestagent.fifo"))
        for each in (self.server, self.tunnel_server, self.fifo):
            self.poll.register(each, select.POLLIN)

    def listen_vsock(self):
        self.vsock_server = vsock_server(self.vsock_port) if self.vsock_port else None
        if self.vsock_server is not None:
            self.poll.register(self.vsock_server, select.POLLIN)

    def open_virtio(self):
        device = find_virtio_port(self.virtio_name) if self.virtio_name else None
        if device is None:
            self.port_due = time.monotonic() + self.port_pause if self.virtio_name else None
            self.port_pause = min(self.port_pause * 2, self.LONGEST_PORT_PAUSE)
            return
        self.port_due = None
        self.virtio = Link(virtio_file(device))
        self.check_virtio()

    def close(self):
        self.ports.stop()
        os.unlink(self.socket_path)
        os.unlink(self.tunnel_path)

    # Links

    def check_virtio(self):
        """Find out whether a host program is there; greet a new one."""
        if self.virtio is None or self.connected:
            return
        probe = select.poll()
        probe.register(self.virtio.fd, select.POLLIN)
        self.connected = not any(event & select.POLLHUP for _, event in probe.poll(0))
        if self.connected:
            self.virtio.reset()
            self.poll.register(self.virtio.fd, select.POLLIN)
            self.greet(self.virtio)

    def links(self):
        both = [self.virtio] if self.connected else []
        return both + list(self.clients.values())

    def broadcast(self, messages):
        for link in self.links():
            link.send_all(messages)

    def greet(self, link):
        """Everything that a newcomer must know."""
        for message in self.boot.news():
            for other in self.links():
                if other is not link:
                    other.send(message)
        link.send(self.hello())
        link.send_all(self.boot.messages)
        if self.ports.source:
            link.send_all(self.all_ports())

    def hello(self):
        key = "LIMA_CIDATA_IID="
        seed = read_text(os.environ.get("LIMA_CIDATA_MNT", "/mnt/lima-cidata") + "/lima.env")
        iid = [line[len(key):] for line in seed.splitlines() if line.startswith(key)]
        return {
            "type": "hello", "version": VERSION, "iid": iid[0] if iid else "",
            "boot_id": read_text("/proc/sys/kernel/random/boot_id").strip(), "kernel": os.uname().release,
            "hostname": os.uname().nodename, "uptime": float(read_text("/proc/uptime").split()[0]),
            "port_source": self.ports.source,
        }

    def all_ports(self):
        return port_messages(self.ports.known, [], full=True)

    def on_link(self, link, event):
        if event & select.POLLIN:
            try:
                data = os.read(link.fd, MAX_LINE)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                data = b""
            if data:
                for line in link.lines(data):
                    self.on_line(link, line)
                return
        if event & (select.POLLIN | select.POLLHUP | select.POLLERR | select.POLLNVAL):
            self.drop(link)

    def drop(self, link):
        self.poll.unregister(link.fd)
        if link is self.virtio:
            self.connected = False
            link.reset()
            self.check_virtio()
        else:
            del self.clients[link.fd]
            os.close(link.fd)
        if not self.links():
            self.set_interval(0.0)

    def accept(self, server):
        try:
            fd, peer = server._accept()
        except OSError:
            return
        if server is self.vsock_server and peer[0] != socket.VMADDR_CID_HOST:
            os.close(fd)  # other guests, and programs of this one
            return
        os.set_blocking(fd, False)
        link = self.clients[fd] = Link(fd)
        self.poll.register(fd, select.POLLIN)
        self.greet(link)

    # Messages of the host

    def on_line(self, link, line):
        import json  # 20 ms: after the greeting has gone out

        try:
            if line is None:
                raise ValueError("a line of more than %d bytes" % MAX_LINE)
            message = json.loads(line.decode())
            self.on_message(link, message)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            note = "refused a message: %s" % str(error)[:200]
            link.send({"type": "note", "level": "warning", "message": note})

    def on_message(self, link, message):
        kind = message["type"]
        if kind == "ask" and message["what"] == "hello":
            self.greet(link)
        elif kind == "ask" and message["what"] == "ports":
            self.ports.refresh()
            link.send_all(self.all_ports())
        elif kind == "ask" and message["what"] == "metrics":
            link.send(metrics(self.cpu))
        elif kind == "set-clock":
            link.send(set_clock(float(message["time"])))
        elif kind == "set-interval":
            self.set_interval(float(message["metrics"]))
        elif kind == "touch":
            touch(str(message["path"]), float(message["time"]))
        elif kind == "power-off":
            power_off(bool(message.get("reboot", False)))
        else:
            raise ValueError("unknown message %r" % kind)

    def set_interval(self, seconds):
        self.interval = max(seconds, 0.2) if seconds > 0 else 0.0
        self.metrics_due = time.monotonic() + self.interval if self.interval else None

    # The loop

    def run(self):
        self.open()
        self.flush()  # the greeting goes out before anything slow
        before = set()
        self.ports.start()
        for fd in self.ports.files():
            self.poll.register(fd, select.POLLIN)
        self.broadcast([self.hello()])
        self.tell_ports(before, full=True)
        while not self.stopping:
            self.flush()
            for fd, event in self.poll.poll(self.timeout()):
                self.on_event(fd, event)
            self.on_time()
        self.flush()
        self.close()

    def timeout(self):
        """Milliseconds until something is due, None for never."""
        times = [due for due in (self.metrics_due, self.port_due, self.ports.due) if due is not None]
        if not times:
            return None
        return max(0, int((min(times) - time.monotonic()) * 1000) + 1)

    def on_event(self, fd, event):
        if fd == self.wake_read:
            read_all(fd)
            self.check_virtio()
        elif fd == self.fifo:
            read_all(fd)
            self.broadcast(self.boot.news())
        elif fd == self.server.fileno():
            self.accept(self.server)
        elif self.vsock_server is not None and fd == self.vsock_server.fileno():
            self.accept(self.vsock_server)
        elif fd == self.tunnel_server.fileno():
            self.tunnels.accept(self.tunnel_server)
        elif fd in self.tunnels.by_fd:
            self.tunnels.event(fd)
        elif self.virtio is not None and fd == self.virtio.fd:
            self.on_link(self.virtio, event)
        elif fd in self.clients:
            self.on_link(self.clients[fd], event)
        elif fd in self.ports.files():
            before = set(self.ports.known)
            if self.ports.event(fd):
                self.tell_ports(before)
                self.flush()  # before a dump that is due

    def on_time(self):
        now = time.monotonic()
        if self.port_due is not None and now >= self.port_due:
            self.open_virtio()
        if self.ports.due is not None and now >= self.ports.due:
            before = set(self.ports.known)
            if self.ports.refresh():
                self.tell_ports(before)
        if self.metrics_due is not None and now >= self.metrics_due:
            self.metrics_due = now + self.interval
            self.broadcast([metrics(self.cpu)])

    def tell_ports(self, before, full=False):
        now = self.ports.known
        if full:
            self.broadcast(self.all_ports())
        elif now != before:
            self.broadcast(port_messages(now - before, before - now))

    def flush(self):
        tunnels = [(tunnel, self.tunnels.drop) for tunnel in self.tunnels.connections()]
        for each, drop in [(link, self.drop) for link in self.links()] + tunnels:
            if not each.flush():
                drop(each)
                continue
            if each.missed and not each.outgoing:  # changes of ports were dropped: tell all once more
                each.missed = False
                each.send_all(self.all_ports())
            wanted = select.POLLIN | (select.POLLOUT if each.outgoing else 0)
            self.poll.modify(each.fd, wanted)
