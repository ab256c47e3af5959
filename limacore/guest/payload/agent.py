#!/usr/bin/python3
"""The guest agent: tells the host what happens inside, over one JSON line per message.

One file, the standard library of Python 3.6 and nothing else; limacore carries it as data and never imports it.
Links: the virtio serial port (there before any network) and a unix socket for the user. One thread, one poll();
while nothing happens it does not wake up. The messages are described in limacore/model/guest.py.
"""
# The modules beneath `socket`, `signal` and friends, and `json` and `re` only where they are needed: an emulated guest
# starts the agent in half the time (0.34 s of CPU became 0.16 s), and the host waits for it.
import _signal as signal
import _socket as socket
import errno
import fcntl
import os
import select
import sys
import time
from _struct import pack, unpack_from

VERSION = 1
MAX_LINE = 65536
MAX_PENDING = 4 << 20  # bytes that a host which does not read may leave waiting
PORT_NAME = "io.lima-vm.guest_agent.0"
TCP, UDP = socket.IPPROTO_TCP, socket.IPPROTO_UDP
TCP_LISTEN, UNCONNECTED = 10, 7
CLOCK_STEP_MS = 100.0
MOST_ADDRESSES = 16
LINK_SCOPE = 253  # this and above: only between neighbours, or of the machine to itself
PORTS_PER_LINE = 600


def read_text(path):
    """Content of a small file, empty when it cannot be read."""
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def read_all(fd):
    """Everything that a non-blocking file holds now."""
    data = b""
    try:
        while True:
            block = os.read(fd, 65536)
            data += block
            if not block:
                return data
    except OSError:
        return data


def write_text(path, text):
    """Write to a file that exists, such as those of tracefs; raises OSError."""
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def encode(value):
    """JSON text of what our messages are made of."""
    if isinstance(value, dict):
        return "{%s}" % ",".join("%s:%s" % (quoted(key), encode(each)) for key, each in value.items())
    if isinstance(value, (list, tuple)):
        return "[%s]" % ",".join(encode(each) for each in value)
    if isinstance(value, str):
        return quoted(value)
    return repr(value).lower()  # numbers, True and False


def quoted(text):
    """A JSON string, in ASCII but for what UTF-8 can carry."""
    plain = text.encode("utf-8", "replace").decode()
    return '"%s"' % "".join(ESCAPES.get(each, each) for each in plain)


ESCAPES = {chr(code): "\\u%04x" % code for code in (*range(32), 34, 92, 127)}


class Link:
    """One connection to a host program: bytes in, messages out; never trusts the length of a line."""

    def __init__(self, fd):
        self.fd = fd
        self.incoming = b""
        self.outgoing = b""
        self.skipping = False
        self.missed = False

    def lines(self, data):
        """Complete lines of what has arrived; None stands for one that was too long."""
        *whole, self.incoming = (self.incoming + data).split(b"\n")
        for line in whole:
            if self.skipping or len(line) > MAX_LINE:
                self.skipping = False
                yield None
            elif line:
                yield line
        if len(self.incoming) > MAX_LINE:
            self.incoming, self.skipping = b"", True

    def send(self, message):
        """Queue a message; what the other side does not take in time is dropped, never waited for."""
        line = encode(message).encode() + b"\n"
        if len(line) <= MAX_LINE and len(self.outgoing) + len(line) <= MAX_PENDING:
            self.outgoing += line
        else:
            self.missed = True

    def send_all(self, messages):
        for message in messages:
            self.send(message)

    def flush(self):
        """Write what the other side takes now; False when it is gone."""
        try:
            while self.outgoing:
                self.outgoing = self.outgoing[os.write(self.fd, self.outgoing):]
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            return False
        return True

    def reset(self):
        """Forget half lines: the other side is a new one."""
        self.incoming, self.outgoing, self.skipping = b"", b"", False


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


# --- Listening sockets --------------------------------------------------------------------------------------------


def address(family, raw):
    """An address as text; IPv4 inside IPv6 is IPv4."""
    if family == socket.AF_INET6 and raw[:12] == b"\0" * 10 + b"\xff\xff":
        family, raw = socket.AF_INET, raw[12:]
    return socket.inet_ntop(family, raw[:4] if family == socket.AF_INET else raw[:16])


def diag_dump(protocol, family):
    """Open sockets of the kernel's sock_diag as (protocol, ip, port); raises OSError where it has none."""
    state = TCP_LISTEN if protocol == TCP else UNCONNECTED
    request = pack("=BBBBI48x", family, protocol, 0, 0, 1 << state)
    header = pack("=IHHII", 16 + len(request), 20, 0x301, 1, 0)  # SOCK_DIAG_BY_FAMILY, request | dump
    found = set()
    diag = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 4)
    try:
        diag.settimeout(5)
        diag.send(header + request)
        while True:
            for kind, body in netlink_messages(diag.recv(1 << 18)):
                if kind == 3:  # NLMSG_DONE
                    return found
                if kind == 2:  # NLMSG_ERROR
                    raise OSError(-unpack_from("=i", body)[0], "sock_diag")
                found.add(diag_socket(protocol, body))
    finally:
        diag.close()


def netlink_messages(data):
    """(type, body) of each message in a datagram."""
    position = 0
    while position + 16 <= len(data):
        length, kind = unpack_from("=IH", data, position)
        if length < 16:
            return
        yield kind, data[position + 16:position + length]
        position += (length + 3) & ~3


def diag_socket(protocol, body):
    """(protocol, ip, port) of a `struct inet_diag_msg`."""
    port = unpack_from(">H", body, 4)[0]
    return ("tcp" if protocol == TCP else "udp", address(body[0], body[8:24]), port)


def proc_dump():
    """The same from /proc/net, for kernels without sock_diag."""
    found = set()
    for name, state in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
        for line in read_text("/proc/net/" + name).splitlines()[1:]:
            fields = line.split()
            if len(fields) > 3 and fields[3] == state:
                where, _, port = fields[1].partition(":")
                words = [pack("=I", int(where[i:i + 8], 16)) for i in range(0, len(where), 8)]
                family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
                found.add((name[:3], address(family, b"".join(words)), int(port, 16)))
    return found


def dump():
    """(set of listening sockets, source of this knowledge)."""
    try:
        found = set()
        for protocol in (TCP, UDP):
            for family in (socket.AF_INET, socket.AF_INET6):
                try:
                    found |= diag_dump(protocol, family)
                except OSError as error:
                    if not (family == socket.AF_INET6 and error.errno == errno.ENOENT):
                        raise
        return {each for each in found if each[2]}, "sock_diag"
    except OSError:
        return {each for each in proc_dump() if each[2]}, "proc"


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


def destroy_watch(tcp_too):
    """A netlink socket with one message per closed UDP (and TCP) socket; None where the kernel has none."""
    try:
        watch = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, 4)
        watch.bind((0, 0b1111 if tcp_too else 0b1010))
        return watch
    except OSError:
        return None


def gone(stopped):
    """Those of the TCP sockets that stopped to listen whose address no other one listens on."""
    try:
        return set(stopped).difference(*(diag_dump(TCP, family) for family in set(stopped.values())))
    except OSError:
        return set()  # the next dump finds out


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


# --- Facts about this machine -------------------------------------------------------------------------------------


class Cpu:
    """Share of the CPUs in use since the last question."""

    def __init__(self):
        self.last = self.read()

    def read(self):
        fields = [int(word) for word in read_text("/proc/stat").split("\n", 1)[0].split()[1:9]]
        return (sum(fields), fields[3] + fields[4]) if len(fields) > 4 else (0, 0)

    def percent(self):
        """0 to 100, of all CPUs together."""
        before, self.last = self.last, self.read()
        total, idle = self.last[0] - before[0], self.last[1] - before[1]
        return 100.0 * (total - idle) / total if total > 0 else 0.0


def metrics(cpu):
    """Load, CPU, memory and root file system."""
    memory = dict(line.split(":", 1) for line in read_text("/proc/meminfo").splitlines() if ":" in line)
    total, free = (int(memory.get(key, "0").split()[0]) * 1024 for key in ("MemTotal", "MemAvailable"))
    disk = os.statvfs("/")
    return {
        "type": "metrics", "load": os.getloadavg()[0], "cpu_percent": round(cpu.percent(), 1),
        "memory_total": total, "memory_used": total - free, "disk_total": disk.f_blocks * disk.f_frsize,
        "disk_used": (disk.f_blocks - disk.f_bfree) * disk.f_frsize, "addresses": addresses()[:MOST_ADDRESSES],
    }


def addresses():
    """`eth0 192.168.5.15` for every address that others can use, in the kernel's order; empty where it tells none."""
    found = []
    route = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
    try:
        route.settimeout(5)
        route.send(pack("=IHHII8x", 24, 22, 0x301, 1, 0))  # RTM_GETADDR, request | dump
        while True:
            for kind, body in netlink_messages(route.recv(1 << 18)):
                if kind != 20:  # RTM_NEWADDR; the dump ends with another kind
                    return found
                family, _length, _flags, scope, index = unpack_from("=BBBBI", body)
                if scope < LINK_SCOPE and family in (socket.AF_INET, socket.AF_INET6):
                    found.append("%s %s" % (socket.if_indextoname(index), own_address(family, body)))
    except OSError:
        return found
    finally:
        route.close()


def own_address(family, body):
    """The address in the attributes of a `struct ifaddrmsg`: IFA_LOCAL, else IFA_ADDRESS."""
    position, told = 8, {}
    while position + 4 <= len(body):
        length, kind = unpack_from("=HH", body, position)
        if length < 4:
            break
        told[kind] = body[position + 4:position + length]
        position += (length + 3) & ~3
    return address(family, told.get(2, told.get(1, b"\0" * 16)))


def set_clock(host_time):
    """Step the clock when it is off; tells how far it was."""
    skew = (time.time() - host_time) * 1000.0
    answer = {"type": "clock", "skew_ms": round(skew, 3), "adjusted": False, "error": ""}
    if abs(skew) > CLOCK_STEP_MS:
        try:
            time.clock_settime(time.CLOCK_REALTIME, host_time)
            answer["adjusted"] = True
        except OSError as error:
            answer["error"] = str(error)
    return answer


def touch(path, modified):
    """Wake those who watch a file of a mount: the host changed it, which the guest's kernel cannot know."""
    try:
        os.utime(path, (modified, modified))
    except OSError:
        pass  # gone again, or not (yet) seen through the mount


def power_off(reboot):
    """Ask the init system for an ordered end."""
    verb = "reboot" if reboot else "poweroff"
    if os.path.isdir("/run/systemd/system"):
        os.spawnvp(os.P_WAIT, "systemctl", ["systemctl", "--no-block", verb])
    else:
        os.spawnvp(os.P_WAIT, verb, [verb])


class Boot:
    """What boot.sh writes about its scripts, and the mark that it has finished."""

    MOST_LINES, LONGEST_LINE = 20, 500

    def __init__(self, run):
        self.progress = os.path.join(run, "lima-boot-progress")
        self.done = os.path.join(run, "lima-boot-done")
        self.messages = []
        self.offset = 0
        self.begun = {}
        self.output = []
        self.ready = ""

    def news(self):
        """Messages since the last call; a file that shrank is that of a new run of boot.sh."""
        fresh = []
        try:
            with open(self.progress, "rb") as file:
                if os.fstat(file.fileno()).st_size < self.offset:
                    self.offset, self.messages, self.output, self.ready = 0, [], [], ""
                file.seek(self.offset)
                data = file.read()
        except OSError:
            data = b""
        whole = data[:data.rfind(b"\n") + 1]
        self.offset += len(whole)
        fresh += [message for message in map(self.message, whole.splitlines()) if message]
        iid = read_text(self.done).strip()
        if iid and iid != self.ready:
            fresh.append({"type": "boot", "state": "ready", "iid": iid})
        self.ready = iid
        self.messages += fresh
        return fresh

    def message(self, line):
        """The message for a line such as `start 3.42 NAME` or `end 3.50 0 NAME`; times are seconds of uptime.

        A script that failed has lines `out TEXT` before its end: the last that it printed."""
        words = line.decode(errors="replace").split(" ")
        if words[0] == "out":
            self.output = (self.output + [line.decode(errors="replace")[4:][:self.LONGEST_LINE]])[-self.MOST_LINES:]
            return None
        try:
            if words[0] == "start":
                name = " ".join(words[2:])
                self.begun[name] = float(words[1])
                return {"type": "boot", "state": "start", "name": name}
            name = " ".join(words[3:])
            seconds = float(words[1]) - self.begun.get(name, float(words[1]))
            output, self.output = "\n".join(self.output), []
            return {"type": "boot", "state": "end", "name": name, "exit_code": int(words[2]),
                    "seconds": round(seconds, 2), "output": output}
        except (ValueError, IndexError):
            return None


# --- The agent ----------------------------------------------------------------------------------------------------


def find_virtio_port(name):
    """The device of a virtio serial port; udev's links in /dev/virtio-ports are not everywhere."""
    try:
        ports = os.listdir("/sys/class/virtio-ports")
    except OSError:
        return None
    for port in ports:
        if read_text("/sys/class/virtio-ports/%s/name" % port).strip() == name:
            return "/dev/" + port
    return None


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
        self.tunnels = {}  # of the connection and of every flow: file descriptor: tunnel
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
        self.open_fifo()
        self.open_virtio()

    def on_signal(self, number, _frame):
        if number in (signal.SIGTERM, signal.SIGINT):
            self.stopping = True

    def listen(self):
        self.socket_path = os.path.join(self.run_dir, "lima-guestagent.sock")
        self.tunnel_path = os.path.join(self.run_dir, "lima-guestagent.tunnel")
        self.server, self.tunnel_server = self.serve(self.socket_path), self.serve(self.tunnel_path)

    def listen_vsock(self):
        """For hypervisors without a virtio port."""
        if not self.vsock_port or not hasattr(socket, "AF_VSOCK"):
            return
        try:
            server = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
            server.bind((socket.VMADDR_CID_ANY, self.vsock_port))
        except OSError as error:
            print("no vsock: %s" % error, file=sys.stderr)
            return
        server.listen(8)
        self.vsock_server = server
        self.poll.register(server, select.POLLIN)

    def serve(self, path):
        if os.path.lexists(path):
            os.unlink(path)
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        before = os.umask(0o177)
        server.bind(path)
        os.umask(before)
        if self.socket_owner:
            os.chown(path, self.socket_owner, -1)
        server.listen(8)
        self.poll.register(server, select.POLLIN)
        return server

    def open_fifo(self):
        # boot.sh pokes it after each line of progress: a file cannot be polled, and looking again and again costs.
        path = os.path.join(self.run_dir, "lima-guestagent.fifo")
        if os.path.lexists(path):
            os.unlink(path)
        os.mkfifo(path, 0o600)
        self.fifo = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self.poll.register(self.fifo, select.POLLIN)

    def open_virtio(self):
        device = find_virtio_port(self.virtio_name) if self.virtio_name else None
        if device is None:
            self.port_due = time.monotonic() + self.port_pause if self.virtio_name else None
            self.port_pause = min(self.port_pause * 2, self.LONGEST_PORT_PAUSE)
            return
        self.port_due = None
        fd = os.open(device, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        # While no host program is connected poll() would return at once for ever; the kernel's SIGIO tells when
        # one comes, and costs nothing until then.
        fcntl.fcntl(fd, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_ASYNC)
        self.virtio = Link(fd)
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

    # Tunnels

    def accept_tunnel(self):
        try:
            fd, _ = self.tunnel_server._accept()
        except OSError:
            return
        os.set_blocking(fd, False)
        self.tunnels[fd] = Tunnel(fd)
        self.poll.register(fd, select.POLLIN)

    def on_tunnel(self, tunnel, fd, event):
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
            self.drop_tunnel(tunnel)
            return
        for kind, flow, payload in tunnel.frames(data):
            if kind == tunnel.OPEN:
                self.watch_flow(tunnel, tunnel.open(flow, payload))
            elif kind == tunnel.DATA:
                tunnel.put(flow, payload)
            elif kind == tunnel.CLOSE:
                self.end_flow(tunnel, flow)

    def watch_flow(self, tunnel, fd):
        if fd is not None:
            self.tunnels[fd] = tunnel
            self.poll.register(fd, select.POLLIN)

    def end_flow(self, tunnel, flow):
        sock = tunnel.flows.get(flow)
        if sock is not None:
            self.poll.unregister(sock.fileno())
            del self.tunnels[tunnel.close(flow)]

    def drop_tunnel(self, tunnel):
        for flow in list(tunnel.flows):
            self.end_flow(tunnel, flow)
        self.poll.unregister(tunnel.fd)
        del self.tunnels[tunnel.fd]
        os.close(tunnel.fd)

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
            self.accept_tunnel()
        elif fd in self.tunnels:
            self.on_tunnel(self.tunnels[fd], fd, event)
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
        tunnels = [tunnel for fd, tunnel in list(self.tunnels.items()) if fd == tunnel.fd]
        for each, drop in [(link, self.drop) for link in self.links()] + [(one, self.drop_tunnel) for one in tunnels]:
            if not each.flush():
                drop(each)
                continue
            if each.missed and not each.outgoing:  # changes of ports were dropped: tell all once more
                each.missed = False
                each.send_all(self.all_ports())
            wanted = select.POLLIN | (select.POLLOUT if each.outgoing else 0)
            self.poll.modify(each.fd, wanted)


def port_messages(added, removed, full=False):
    """Ports as messages, each with at most as many as one line holds."""
    parts = [(key, each) for key, ports in (("removed", removed), ("added", added)) for each in sorted(ports)]
    pieces = [parts[at:at + PORTS_PER_LINE] for at in range(0, len(parts), PORTS_PER_LINE)] or [[]]
    return [{"type": "ports", "full": full and piece is pieces[0], "more": piece is not pieces[-1],
             "added": port_list(piece, "added"), "removed": port_list(piece, "removed")} for piece in pieces]


def port_list(parts, wanted):
    return [{"protocol": protocol, "ip": ip, "port": port} for key, (protocol, ip, port) in parts if key == wanted]


def options(words):
    """Keyword arguments from `daemon --name value ...`; options of other agents are accepted and ignored."""
    known = {"--run": ("run", str), "--virtio-port": ("virtio_port", str), "--socket-owner": ("socket_owner", int),
             "--vsock-port": ("vsock_port", int)}
    flat = [part for word in words for part in word.split("=", 1)]
    return {known[name][0]: known[name][1](value) for name, value in zip(flat, flat[1:]) if name in known}


def main(words):
    """Run as `daemon`; the only command there is."""
    if words[1:2] != ["daemon"]:
        sys.exit("usage: lima-guestagent daemon [--socket-owner UID] [--virtio-port NAME] [--run DIR]")
    try:
        os.nice(-10)  # news of a port overtakes the server that it belongs to: 2 ms on one emulated CPU instead of 5
    except OSError:
        pass  # not root: a test
    Agent(**options(words[2:])).run()


if __name__ == "__main__":
    main(sys.argv)
