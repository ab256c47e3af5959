"""Small files and pipes, read and written whole."""

import os


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
