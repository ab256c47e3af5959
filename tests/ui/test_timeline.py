"""The timeline: this boot against those before, step by step; tabs that fit."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from limacore.drivers.demo import DemoEngine
from limacore.errors import HostError
from limacore.model.boot import Boot
from limacore.model.instance import Instance, Status, Step
from limatui.ink import Line, plain, width
from limatui.present import timeline
from limatui.widgets.tabs import arranged, places, tab_lines
from tests.ui.board import playing

NOW = 1_795_216_442.0
TITLES = ("Overview", "Console", "Logs", "Config", "Disks", "Ports", "Mounts", "Snapshots", "Timeline")


def boot(at: float, kernel: float, script: float = 0.0) -> Boot:
    steps = (Step("kernel", "done", "", kernel), Step("firmware", "done", "", 1.0))
    return Boot(at, kernel + 1.0, (*steps, *((Step("provision/1", "done", "", script),) if script else ())), "tcg")


BEFORE = tuple(boot(NOW - day * 86400, 3.0 + 0.1 * day) for day in range(1, 11))
RUNNING = Instance("a", "/l/a", Status.RUNNING, ready_seconds=9.0)


def text(lines: tuple[Line, ...]) -> str:
    return "\n".join(plain(line).rstrip() for line in lines)


async def test_a_running_machine_and_its_earlier_boots() -> None:
    async with playing() as board:
        await board.press("9")
        await board.until(lambda: "11 BOOTS" in board.text, "the boots")
        assert "ready in 11.2 s" in board.text and "usually" in board.text
        assert "provision.system/00000000" in board.text
        assert "┃" in next(line for line in board.text.splitlines() if "kernel" in line)
        await board.press("tab", "j", "j", "j")
        await board.until(lambda: "ready in" not in board.text, "it scrolls")


async def test_a_boot_that_runs_is_measured_as_it_goes() -> None:
    async with playing() as board:
        await board.press("j", "9")
        await board.until(lambda: "starting for" in board.text and "◐ init" in board.text)
        await board.later(12)
        await board.until(lambda: "ready in" in board.text and "5 BOOTS" in board.text, "it became the newest of them")


async def test_a_machine_that_never_was_up() -> None:
    async with playing() as board:
        await board.press("G", "9")
        await board.until(lambda: "no boot was measured yet" in board.text)


class Unreadable(DemoEngine):
    """Its boots cannot be read."""

    async def boots(self, name: str) -> tuple[Boot, ...]:
        raise HostError("cannot read the boots", hint="look at its permissions")


async def test_boots_that_cannot_be_read_are_not_passed_over_in_silence() -> None:
    async with playing(engine=Unreadable(frozen=NOW)) as board:
        await board.press("9")
        await board.until(lambda: "cannot read the boots" in board.text, "why")
        assert "no boot was measured yet" not in board.text


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60), (40, 12)])
async def test_it_fits(size: tuple[int, int]) -> None:
    async with playing(size) as board:
        await board.press("9")
        await board.until(lambda: "ready in" in board.text)
        assert all(len(line) <= size[0] for line in board.text.splitlines())


def test_which_boot_is_looked_at() -> None:
    assert timeline.this_boot(RUNNING, BEFORE, NOW) == (BEFORE[0], BEFORE[1:])
    starting = replace(RUNNING, status=Status.STARTING, started_at=NOW - 5, steps=(Step("kernel", "active", "", 4.0),))
    now, before = timeline.this_boot(starting, BEFORE, NOW)
    assert now is not None and (now.seconds, len(before)) == (5.0, 10)
    assert timeline.this_boot(RUNNING, (), NOW) == (None, ())
    unseen, _ = timeline.this_boot(replace(RUNNING, steps=(Step("kernel", "done"), Step("ready", "done"))), (), NOW)
    assert unseen is not None and [step.name for step in unseen.steps] == ["kernel"]


def test_slow_steps_are_named() -> None:
    shown = text(timeline.timeline(RUNNING, (boot(NOW, 8.0), *BEFORE), NOW, 110))
    assert shown.startswith("ready in 9.0 s") and "slower than usual" in shown
    assert shown.index("firmware") < shown.index("kernel"), "phases stand in the order of a boot"
    assert "slower" in next(line for line in shown.splitlines() if "kernel" in line)
    assert "slower" not in next(line for line in shown.splitlines() if "firmware" in line)
    assert "11 BOOTS" in shown and shown.count("▸") == 1


def test_scripts_stand_apart_and_a_first_boot_says_so() -> None:
    shown = text(timeline.timeline(RUNNING, (boot(NOW, 3.0, 2.0),), NOW, 110))
    assert "the first boot that was measured" in shown and "BOOTS" not in shown
    assert shown.index("SCRIPTS") < shown.index("provision/1")


@pytest.mark.parametrize(("took", "normal", "verdict"), [
    (10.0, 8.0, "2.0 s slower"), (8.0, 10.0, "2.0 s faster"), (8.2, 8.0, ""), (8.0, None, "")])
def test_verdicts(took: float, normal: float | None, verdict: str) -> None:
    assert timeline.judged(took, normal)[0] == verdict


@pytest.mark.parametrize("cells", [40, 76, 100, 160])
def test_lines_fit_and_a_mark_takes_no_room(cells: int) -> None:
    for line in timeline.timeline(RUNNING, (boot(NOW, 8.0, 3.0), *BEFORE), NOW, cells)[2:]:
        assert width(line) <= cells, plain(line)
    bar = (("━━━━", "number"), ("━━━━", "hairline"))
    assert [plain(timeline.marked(bar, at, 8)) for at in (None, 0.0, 0.5, 2.0)] == [
        "━━━━━━━━", "┃━━━━━━━", "━━━━┃━━━", "━━━━━━━┃"]


@pytest.mark.parametrize("cells", [20, 40, 60, 80, 89, 100, 120, 200])
def test_tabs_fit(cells: int) -> None:
    for active in range(len(TITLES)):
        shown, gap = arranged(TITLES, active, cells)
        assert shown[active] == TITLES[active]
        if cells >= 50:
            assert places(shown, gap)[-1][1] <= cells
            assert plain(tab_lines(TITLES, active, cells)[0]).count(" ") and width(
                tab_lines(TITLES, active, cells)[1]) <= cells + 1
    assert arranged(TITLES, 0, 110)[0] == TITLES
