"""The command line."""

import os
import sys

from .server import Agent


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
