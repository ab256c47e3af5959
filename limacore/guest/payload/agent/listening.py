"""All listening sockets, by sock_diag or else by /proc."""

import _socket as socket
import errno
from _struct import pack

from .files import read_text
from .netlink import TCP, UDP, address, diag_dump


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


def gone(stopped):
    """Those of the TCP sockets that stopped to listen whose address no other one listens on."""
    try:
        return set(stopped).difference(*(diag_dump(TCP, family) for family in set(stopped.values())))
    except OSError:
        return set()  # the next dump finds out
