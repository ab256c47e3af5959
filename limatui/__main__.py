"""`limatui` opens the dashboard; `limatui VERB …` is the command line of the engine.

Ordered by cost: nothing that a command line does not need is imported before it is known what was asked.
"""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False  # `typing` itself would cost more than an answer to `--version`
if TYPE_CHECKING:
    from limatui.api import EngineApi

_SWITCH = 0.001
"""Seconds that a thread of the engine may keep the interpreter while a key waits; Python's own 5 ms are felt."""
USAGE = "usage: limatui [--demo [N]]   the dashboard\n       limatui VERB …         see `limatui --help`\n"


def main(argv: list[str] | None = None) -> int:
    """The exit code: 0, or 2 when it was not called in a way that works."""
    words = sys.argv[1:] if argv is None else argv
    if sys.stdin is None or sys.stdout is None or sys.stderr is None:
        from limacore.cli import streams

        streams.open_missing()
    if not os.environ.get("HOME", "-"):
        del os.environ["HOME"]  # else `~` would be the root, or where we are
    try:
        return _answer(words)
    except KeyboardInterrupt:
        import signal

        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)  # whoever waits for us is to see why we ended
        return 130


def _answer(words: list[str]) -> int:
    program = os.path.basename(sys.argv[0]).removesuffix(".exe")  # noqa: PTH119 (pathlib costs more than the answer)
    if program == "lima" or program.endswith(".lima") or program.partition(".")[0] == "yq":
        from limacore.cli.wrappers import main as wrapper

        return wrapper(program, words)
    program = "limactl" if program == "limactl" else "limatui"
    quick(words, program)
    if program == "limactl" or (words and words[0] != "--demo"):
        from limacore.cli import main as verbs

        return verbs(words, program)
    return dashboard(words)


def quick(words: list[str], program: str) -> None:
    """Answer `--version` at once, and `list` and `shell` where an index knows the answer; does not come back then."""
    if words in (["--version"], ["-v"]):
        from limacore.base import version

        try:
            os.write(1, f"{version.line(program)}\n".encode())
        except OSError:
            os._exit(1)
        os._exit(0)
    if words and words[0] in ("list", "ls"):
        from limacore.cli import quick

        try:
            code = quick.answer(words)
        except OSError as error:
            sys.stderr.write(f"{error.filename}: {str(error.strerror).lower()}\n")
            os._exit(1)
        if code is not None:
            os._exit(code)  # all is written; tearing the interpreter down costs a quarter of the whole answer
    if words and words[0] == "shell":
        from limacore.cli import quickshell

        command = quickshell.argv(words, program)
        if command:
            os.execvp(command[0], command)


def demo_count(words: list[str]) -> int | None:
    """How many machines `--demo [N]` asks for; None when it is no number from 0 to 1000."""
    if len(words) == 1:
        return 5
    return int(words[1]) if len(words) == 2 and words[1].isdecimal() and int(words[1]) <= 1000 else None


def dashboard(words: list[str]) -> int:
    """Open the dashboard over the engine, or over the demo."""
    count = demo_count(words) if words else 0
    if count is None:
        sys.stderr.write(f"limatui: --demo takes a number up to 1000\n{USAGE}")
        return 2
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        sys.stderr.write("limatui: the dashboard needs a terminal; without one use `limatui list` and other verbs\n")
        return 2
    if os.environ.get("TERM") == "dumb":
        sys.stderr.write("limatui: TERM=dumb: a terminal that cannot move its cursor shows no dashboard; "
                         "use `limatui list` and other verbs, or set TERM\n")
        return 2
    for stale in ("COLUMNS", "LINES"):  # where exported, they are believed more than the terminal and do not follow it
        os.environ.pop(stale, None)
    gc.disable()  # collecting while hundreds of modules are imported costs 10 ms and frees nothing
    code = _run(count if words else None)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # tearing the interpreter down costs 30 ms more


def _run(demo: int | None) -> int:
    engine = _engine(demo)
    from limatui.lean import import_textual

    import_textual()
    from limatui.app import Dashboard
    from limatui.host.driver import TerminalDriver
    from limatui.settings import viewfile
    from limatui.settings.file import load

    view = viewfile.load() if demo is None else None
    app = Dashboard(engine, settings=load(), driver_class=TerminalDriver, view=view)
    app.alone = True
    sys.setswitchinterval(_SWITCH)
    gc.freeze()
    gc.enable()
    app.run()
    return app.return_code or 0


def _engine(demo: int | None) -> EngineApi:
    if demo is not None:
        from limacore.drivers.demo import DemoEngine

        return DemoEngine(demo)
    from limacore.engine import Engine

    engine = Engine()
    engine.look_ahead()
    return engine


if __name__ == "__main__":
    sys.exit(main())
