"""The jobs screen: bytes, rate and time left, the log, the error with its hint, again and cancel."""

from __future__ import annotations

import pytest

from limacore.model.instance import Step
from limacore.model.job import Job, JobState, LogLine
from limatui.ink import plain
from limatui.present.work import job, job_details, left, log, moved
from limatui.screens.jobs import JobsScreen
from tests.ui.board import playing

MIB = 1 << 20
LOADING = Job(1, "create", "web", "limatui start --name=web template:docker", detail="image downloading ubuntu",
              progress=0.5, seconds=8.0, steps=(Step("image", "active", "downloading", 8.0),), done=306 * MIB,
              total=612 * MIB, rate=38e6, eta=8.4)


async def test_a_download_with_its_rate_and_log() -> None:
    async with playing() as board:
        board.engine.create("web", "docker")
        await board.until(lambda: board.app.jobs and board.app.jobs[0].total, "it begins")
        await board.later(4)
        await board.press("J")
        await board.until(lambda: "145/612 MiB  38 MB/s" in board.text and "13 s left" in board.text, "the rate")
        assert "Attempting to download the image arch=x86_64" in board.text
        assert "ubuntu-26.04-server-cloudimg-amd64.img" in board.text, "a long URL is to be read to its end"
        assert "$ limatui start --name=web template:docker" in board.text
        await board.later(15)
        await board.until(lambda: "Downloaded the image from" in board.text)
        assert "Starting the instance \"web\"" in board.text and "ubuntu-26.04, downloaded" in board.text


async def test_cancel_then_again_goes_on_from_the_beginning() -> None:
    async with playing() as board:
        board.engine.create("web", "docker")
        await board.later(2)
        await board.press("J", "x")
        await board.until(lambda: board.app.jobs[0].state is JobState.CANCELLED)
        assert board.app.fleet.get("web") is None
        await board.press("x", "a")
        await board.until(lambda: len(board.app.jobs) == 2 and board.app.jobs[0].state is JobState.RUNNING)
        assert board.app.jobs[0].title == "create web"
        await board.later(1)
        assert "2 in this session" in board.text


async def test_a_failure_says_why_and_what_now() -> None:
    async with playing() as board:
        board.engine.clone("default", "other")
        await board.until(lambda: board.app.jobs)
        await board.press("J")
        await board.until(lambda: "cannot clone a running instance" in board.text)
        assert "`limatui stop default` first" in board.text and "a again" in board.footer
        assert "$ limatui clone default other" in board.text


async def test_the_log_scrolls() -> None:
    async with playing((80, 24)) as board:
        lines = tuple(LogLine(0.0, "info", f"line {number}") for number in range(100))
        await board.press("J")
        board.app.jobs = (Job(1, "start", "x", state=JobState.DONE, log=lines),)
        await board.until(lambda: "line 99" in board.text)
        await board.press("left_square_bracket", "left_square_bracket")
        assert "line 97" in board.text and "line 98" not in board.text and "log, 2 more" in board.text
        await board.press(*["right_square_bracket"] * 3)
        assert "line 99" in board.text
        await board.press(*["left_square_bracket"] * 120)
        assert "line 0" in board.text


async def test_many_jobs_leave_room_for_the_chosen_one() -> None:
    async with playing((80, 24)) as board:
        board.app.jobs = tuple(Job(number, "stop", f"vm-{number}", "cmd", state=JobState.DONE)
                               for number in range(60, 0, -1))
        await board.press("J")
        await board.until(lambda: "vm-60" in board.text and "$ cmd" in board.text)
        await board.press("G")
        assert "vm-1 " in board.text and "vm-60" not in board.text
        screen = board.app.screen
        assert isinstance(screen, JobsScreen) and screen.list.current is not None and screen.list.current.id == 1


def test_lines_of_a_download() -> None:
    text = plain(job(LOADING, 116))
    assert "38 MB/s  8 s left" in text and len(text) == 116
    assert "8 s left" in plain(job(LOADING, 60)) and "MB/s" not in plain(job(LOADING, 60))
    assert plain(moved(LOADING, 116)).split() [-8:] == ["50%", "306/612", "MiB", "38", "MB/s", "8", "s", "left"]
    unknown = Job(1, "create", "web", progress=None, done=5 * MIB, rate=1e6)
    assert plain(moved(unknown, 100)) == "5 MiB   1.0 MB/s"
    assert not moved(Job(1, "stop", "a"), 100) and not moved(Job(1, "a", "b", state=JobState.DONE, progress=1.0), 80)


@pytest.mark.parametrize(("seconds", "words"), [
    (0.4, "0 s left"), (99, "99 s left"), (150, "2 min left"), (3600, "60 min left"), (7300, "2h01m left"),
])
def test_time_left(seconds: float, words: str) -> None:
    assert left(seconds) == words


def test_long_errors_are_wrapped_and_logs_are_marked() -> None:
    failed = Job(1, "create", "web", "cmd", JobState.FAILED, error="word " * 40, hint="do " * 40)
    lines = job_details(failed, 60)
    assert all(len(plain(each)) <= 60 for each in lines) and sum("word" in plain(each) for each in lines) > 2
    warned = log(Job(1, "a", "b", log=(LogLine(0.0, "warning", "x" * 100), LogLine(0.0, "info", ""))), 40)
    assert [len(plain(each)) for each in warned] == [40, 40, 40, 20, 10] and warned[3][1][1] == "warn"
