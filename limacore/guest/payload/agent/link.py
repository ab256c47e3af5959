"""A connection whose lines are messages, and their JSON."""

import os

MAX_LINE = 65536
MAX_PENDING = 4 << 20  # bytes that a host which does not read may leave waiting


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
