"""Where the host, users and boot.sh come in: unix sockets, vsock, a fifo, the virtio port."""

import _socket as socket
import fcntl
import os
import sys

from .files import read_text


def unix_server(path, owner):
    """A listening socket for its owner only."""
    if os.path.lexists(path):
        os.unlink(path)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    before = os.umask(0o177)
    server.bind(path)
    os.umask(before)
    if owner:
        os.chown(path, owner, -1)
    server.listen(8)
    return server


def vsock_server(port):
    """A listening socket for hypervisors without a virtio port; None where the kernel has none."""
    if not hasattr(socket, "AF_VSOCK"):
        return None
    try:
        server = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        server.bind((socket.VMADDR_CID_ANY, port))
    except OSError as error:
        print("no vsock: %s" % error, file=sys.stderr)
        return None
    server.listen(8)
    return server


def poke_fifo(path):
    """boot.sh pokes it after each line of progress: a file cannot be polled, and looking again and again costs."""
    if os.path.lexists(path):
        os.unlink(path)
    os.mkfifo(path, 0o600)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)


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


def virtio_file(device):
    """The open device, with SIGIO when a host program comes.

    While none is connected poll() would return at once for ever; the signal costs nothing until then.
    """
    fd = os.open(device, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.fcntl(fd, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_ASYNC)
    return fd
