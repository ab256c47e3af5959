"""Turning into another program: its exit status is ours, and nothing stands between it and the terminal."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from limacore.base.proc import missing_program
from limacore.errors import HostError


def become(argv: Sequence[str], environ: Mapping[str, str] | None = None) -> NoReturn:
    """Run a program in place of this one; raises HostError when it cannot be run."""
    sys.stdout.flush()
    sys.stderr.flush()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and a program that we become would do so, too
    try:
        os.execvpe(argv[0], list(argv), os.environ if environ is None else environ)
    except FileNotFoundError as error:
        raise missing_program(argv[0]) from error
    except OSError as error:
        raise HostError(f"cannot run `{argv[0]}`", detail=error.strerror or str(error)) from error
