"""Questions to the kernel over netlink: which sockets are open, which addresses there are."""

import _socket as socket
from _struct import pack, unpack_from

TCP, UDP = socket.IPPROTO_TCP, socket.IPPROTO_UDP
TCP_LISTEN, UNCONNECTED = 10, 7
LINK_SCOPE = 253  # this and above: only between neighbours, or of the machine to itself


def address(family, raw):
    """An address as text; IPv4 inside IPv6 is IPv4."""
    if family == socket.AF_INET6 and raw[:12] == b"\0" * 10 + b"\xff\xff":
        family, raw = socket.AF_INET, raw[12:]
    return socket.inet_ntop(family, raw[:4] if family == socket.AF_INET else raw[:16])


def netlink_messages(data):
    """(type, body) of each message in a datagram."""
    position = 0
    while position + 16 <= len(data):
        length, kind = unpack_from("=IH", data, position)
        if length < 16:
            return
        yield kind, data[position + 16:position + length]
        position += (length + 3) & ~3


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


def diag_socket(protocol, body):
    """(protocol, ip, port) of a `struct inet_diag_msg`."""
    port = unpack_from(">H", body, 4)[0]
    return ("tcp" if protocol == TCP else "udp", address(body[0], body[8:24]), port)


def destroy_watch(tcp_too):
    """A netlink socket with one message per closed UDP (and TCP) socket; None where the kernel has none."""
    try:
        watch = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, 4)
        watch.bind((0, 0b1111 if tcp_too else 0b1010))
        return watch
    except OSError:
        return None


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
