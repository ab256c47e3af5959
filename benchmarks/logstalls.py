"""What the log pane holds the event loop up for: beside a log that grows by 100,000 lines a second, and over one of
gigabytes that is searched and filtered, against the same pane over a small log that rests.

Goal: nothing of ours keeps the loop for more than 16 ms. An argument says how many GB.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

# In the place of this directory: its copy.py would be taken for the module of that name.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.logview import NEEDLE, generate  # noqa: E402
from limatui.monitor import Monitor, line, watching  # noqa: E402
from limatui.screens.logs import LogsPane  # noqa: E402
from tests.ui.pane_app import FileEngine, PaneApp  # noqa: E402

WRITER = """
import sys, time
line, path = b"line %07d of a flood, with a word that some lines have: %s\\r\\n", sys.argv[1]
with open(path, "ab", 0) as file:
    began, number = time.monotonic(), 0
    while True:
        words = (b"alpha", b"beta", b"error", b"gamma")
        file.write(b"".join(line % (at, words[at % 4]) for at in range(number, number + 2000)))
        number += 2000
        time.sleep(max(0, began + number / 100_000 - time.monotonic()))
"""
REGEX = r"/beta|line \d*77 /"


def home(root: Path, gigabytes: int) -> Path:
    """A machine with a small log; `ha.stderr.log` has gigabytes."""
    (root / "default").mkdir(parents=True)
    (root / "default" / "serial.log").write_bytes(b"line of a log that rests\r\n" * 1000)
    if gigabytes:
        generate(root / "default" / "ha.stderr.log", gigabytes)
    return root


async def measured(root: Path, keys: tuple[tuple[str, ...], ...], settled: Callable[[LogsPane], bool]) -> Monitor:
    """Press these keys with a second between, wait until nothing is counted, and see what held the loop up."""
    pane = LogsPane("default")
    app = PaneApp(pane, FileEngine(root))
    async with app.run_test(size=(120, 36)) as pilot:
        pane.view.focus()
        await pilot.pause(1.0)
        gc.freeze()  # as the dashboard does
        with watching(Monitor()) as monitor:
            for some in keys:
                await pilot.press(*some)
                await pilot.pause(1.0)
            while not settled(pane):
                await pilot.pause(0.1)
    return monitor


def counted(pane: LogsPane) -> bool:
    """Whether search and filter have seen everything."""
    passed = pane.view.page.passed
    return not pane.view.found.counting and not (passed and passed.counting)


async def flooded(root: Path, keys: tuple[tuple[str, ...], ...]) -> Monitor:
    """The same while another process writes."""
    writer = await asyncio.create_subprocess_exec(sys.executable, "-c", WRITER, root / "default" / "serial.log")
    try:
        return await measured(root, keys, lambda pane: True)
    finally:
        writer.kill()
        await writer.wait()


def tell(title: str, monitor: Monitor) -> float:
    """The worst of a run; milliseconds of ours."""
    worst = monitor.worst
    print(f"{title:26} {monitor.callbacks:7} callbacks, {len(monitor.stalls):3} over a frame; "
          f"the worst: {line(worst) if worst else 'none'}")
    return worst.busy * 1000 if worst else 0.0


def main(gigabytes: int = 1) -> int:
    """Print the stalls of each; 1 when one of ours is over a frame."""
    walk = (("k", "k", "pageup"), ("g",), ("pagedown", "j"), ("w",), ("w", "G"))
    ask = (("ampersand", *REGEX, "enter"), ("escape", "slash", *"error", "enter"), ("n", "n", "N"), ("G",), ("escape",))
    big = (("right_square_bracket",), ("slash", *NEEDLE, "enter"), ("ampersand", *"/10 of/", "enter"), ("g",), ("L",))
    run: Callable[[Awaitable[Monitor]], Monitor] = asyncio.run  # type: ignore[assignment]
    with tempfile.TemporaryDirectory(prefix="limatui-bench-") as directory:
        rest, flood, many = (Path(directory) / name for name in ("rest", "flood", "many"))
        base = tell("a small log that rests", run(measured(home(rest, 0), walk + ask, counted)))
        ours = [tell("100,000 lines a second", run(flooded(home(flood, 0), walk + ask)))]
        ours.append(tell(f"{gigabytes} GB counted", run(measured(home(many, gigabytes), big, counted))))
    print(f"worst of ours {max(ours):.0f} ms, at rest {base:.0f} ms; goal <= {max(16, base):.0f}")
    return int(max(ours) > max(16, base))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
