"""Processes that end well, badly, late and never."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from limacore.base import proc
from limacore.errors import HostError

FOREVER = ("sh", "-c", "echo ready; exec sleep 1000")


def gone(pid: int) -> bool:
    return proc.identity(pid) is None


async def until_gone(pid: int) -> None:
    """For a process that is not our child: nobody tells us of its end."""
    while not gone(pid):  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def test_a_result_carries_code_and_output() -> None:
    assert await proc.run(["sh", "-c", "cat; echo oops >&2; exit 3"], timeout=20, input=b"hello") == proc.Result(
        3, "hello", "oops")


async def test_a_signal_is_a_negative_code() -> None:
    assert (await proc.run(["sh", "-c", "kill -9 $$"], timeout=20)).code == -signal.SIGKILL


async def test_a_missing_program_names_its_package() -> None:
    with pytest.raises(HostError, match="qemu-img` is not installed") as caught:
        await proc.run(["/nowhere/qemu-img"])
    assert "install" in caught.value.hint


async def test_a_missing_directory_is_not_blamed_on_the_program(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="no such directory"):
        await proc.run(["true"], cwd=tmp_path / "nowhere")


async def test_a_file_that_cannot_be_run(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="cannot run") as caught:
        await proc.run([str(tmp_path)])
    assert "denied" in str(caught.value)


async def test_a_time_out_ends_the_whole_group(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    hang = f"sleep 1000 & echo $! $$ > {pids}; wait"
    with pytest.raises(HostError, match=r"did not finish within 2 seconds"):
        await proc.run(["sh", "-c", hang], timeout=2)
    assert all(gone(int(pid)) for pid in pids.read_text().split())


async def test_output_beyond_the_limit_is_dropped_and_does_not_block() -> None:
    result = await proc.run(["head", "-c", "3000000", "/dev/zero"], timeout=30, limit=1000)
    assert result.code == 0 and len(result.stdout) == 1000


async def test_input_that_nobody_reads_is_no_error() -> None:
    assert (await proc.run(["true"], timeout=20, input=b"x" * 1_000_000)).code == 0


async def test_leaving_the_context_ends_and_reaps() -> None:
    async with proc.spawn(FOREVER, grace=5) as process:
        assert process.code is None and os.getsid(process.pid) == process.pid
    assert process.code == -signal.SIGTERM and gone(process.pid)


async def test_a_process_that_ignores_the_request_is_killed() -> None:
    told = asyncio.Event()
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('x', flush=True); time.sleep(1000)"
    async with proc.spawn([sys.executable, "-c", deaf], stdout=lambda line: told.set(), grace=0.1) as process:
        await told.wait()
    assert process.code == -signal.SIGKILL


async def test_an_error_inside_the_context_ends_the_process_too() -> None:
    with pytest.raises(ZeroDivisionError):
        async with proc.spawn(FOREVER) as process:
            raise ZeroDivisionError
    assert gone(process.pid)


async def test_cancelled_twice_still_leaves_no_process() -> None:
    inside = asyncio.Event()
    seen: list[int] = []

    async def work() -> None:
        deaf = ("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1000; done")
        async with proc.spawn(deaf, stdout=lambda line: inside.set(), grace=60) as process:
            seen.append(process.pid)
            await asyncio.Event().wait()

    task = asyncio.ensure_future(work())
    await inside.wait()
    task.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert gone(seen[0])


async def test_children_that_outlive_their_parent_end_with_the_context(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    async with proc.spawn(["sh", "-c", f"sleep 1000 & echo $! > {note}"]) as process:
        assert await process.wait() == 0
        child = int(note.read_text())
        assert not gone(child)
    await until_gone(child)


async def test_lines_are_bounded_and_the_tail_is_kept() -> None:
    seen: list[str] = []
    flood = ("import sys; say = sys.stderr.write; say('x' * 10_000 + '\\n'); "
             "[say(f'{n}\\r\\n') for n in range(99)]; say('end')")
    async with proc.spawn([sys.executable, "-c", flood], stderr=seen.append) as process:
        assert await process.wait() == 0
    assert [len(line) for line in seen[:3]] == [4096, 4096, 1808]
    assert seen[3:] == [*map(str, range(99)), "end"]
    assert process.stderr_tail.splitlines() == seen[-proc.TAIL_LINES:]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")
async def test_a_helper_dies_with_its_parent() -> None:
    script = ("import asyncio, os; from limacore.base import proc\n"
              "async def main():\n"
              "    async with proc.spawn(['sleep', '1000'], die_with_parent=True) as process:\n"
              "        while 'sleep' != proc.identity(process.pid).argv[0]: await asyncio.sleep(0.01)\n"
              "        print(process.pid, flush=True); await asyncio.sleep(1000)\n"
              "asyncio.run(main())")
    said: asyncio.Queue[str] = asyncio.Queue()
    async with proc.spawn([sys.executable, "-c", script], stdout=said.put_nowait) as parent:
        helper = int(await said.get())
        os.kill(parent.pid, signal.SIGKILL)
        await parent.wait()
        await until_gone(helper)


def test_an_identity_is_that_of_one_process() -> None:
    me = proc.identity(os.getpid())
    assert me and me == proc.identity(os.getpid())
    assert me.argv and abs(time.time() - proc.started_at(me)) < 24 * 3600
    assert proc.identity(1) != me


@pytest.mark.parametrize("pid", [0, -1, 1 << 22])
def test_nobody_has_no_identity(pid: int) -> None:
    assert proc.identity(pid) is None


def test_an_unreaped_process_has_ended() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert gone(pid)
    os.waitpid(pid, 0)
