"""`python -m limacore.network`: one user-v2 network until it is interrupted. Started by `lifecycle.reconcile`."""

from __future__ import annotations

import argparse
import asyncio
import sys

from limacore.errors import LimaError
from limacore.network import daemon


def options(argv: list[str]) -> daemon.Options:
    """The command line, which is that of the reference tool's `usernet`."""
    parser = argparse.ArgumentParser(prog="limacore.network", allow_abbrev=False)
    parser.add_argument("-p", "--pidfile", default="")
    parser.add_argument("-e", "--endpoint", default="")
    parser.add_argument("--listen-qemu", default="")
    parser.add_argument("--listen", default="")
    parser.add_argument("--subnet", default="192.168.5.0/24")
    parser.add_argument("--mtu", type=int, default=1500)
    parser.add_argument("--leases", default="")
    given = vars(parser.parse_args(argv))
    pairs = (pair.partition("=") for pair in given.pop("leases").split(",") if pair)
    return daemon.Options(**given, leases={address: mac for address, _, mac in pairs})


def main(argv: list[str]) -> int:
    """Run and return the exit code; a failure is one line for the log."""
    try:
        asyncio.run(daemon.run(options(argv)))
    except LimaError as error:
        daemon.log("fatal", str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
