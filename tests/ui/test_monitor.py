"""What holds the loop up is found, named and shown; a busy world is driven under it."""

from __future__ import annotations

import asyncio
import time

import pytest

from limacore.drivers.demo import DemoEngine
from limatui.monitor import Monitor, line, watching
from tests.ui.board import NOW, playing
from tests.ui.flood import flooding


async def test_a_stall_is_named() -> None:
    async def spinning() -> None:
        end = time.thread_time() + 0.03
        while time.thread_time() < end:
            pass

    told: list[str] = []
    with watching(Monitor(lambda stall: told.append(line(stall)))) as monitor:
        await asyncio.create_task(spinning(), name="the spinner")
        await asyncio.sleep(0)
    assert monitor.worst is not None and monitor.worst.what.startswith("the spinner (") and monitor.worst.busy >= 0.03
    assert all(each.seconds > 0.016 for each in monitor.stalls)
    assert len(told) == len(monitor.stalls) and "ms of them ours) in the spinner" in "".join(told)
    await asyncio.sleep(0)  # the step in which the monitor ended is still counted
    count = monitor.callbacks
    await asyncio.sleep(0)
    assert monitor.callbacks == count, "afterwards nothing is timed"


async def test_the_dashboard_shows_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMATUI_MONITOR", "1")
    async with playing() as board:
        end = time.thread_time() + 0.08

        def spin() -> None:
            while time.thread_time() < end:
                pass

        asyncio.get_running_loop().call_soon(spin)
        await board.until(lambda: "the loop was held up" in board.toasts and "ms of them ours" in board.toasts)


async def test_a_flood_is_survived(capsys: pytest.CaptureFixture[str]) -> None:
    """A thousand machines that change, a log and a console that flood; the worst stall is printed, not judged."""
    engine = DemoEngine(1000, frozen=NOW)
    with watching(Monitor()) as monitor:
        async with playing(engine=engine) as board, flooding(engine, "default"):
            for keys in (("j", "j", "k", "k"), ("2",), ("3",), ("o", "o", "G", "g"), ("1",)):
                await board.press(*keys)
                for _ in range(3):
                    await engine.advance(1.0)
                    await board.pilot.pause(0.05)
            await board.press("O", "g", "j")
            assert board.main.table.index == 1 and "of 1000 running" in board.text
    with capsys.disabled():
        print(f"\nworst of {monitor.callbacks} callbacks, {len(monitor.stalls)} over a frame:")
        for stall in sorted(monitor.stalls, key=lambda each: -each.busy)[:8]:
            print(" ", line(stall))
