"""Lines taken out of a log: files, the pager, the command that does the same."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from limatui.logs.export import everything, save, these
from limatui.logs.sift import EVERYTHING, Wanted
from limatui.logs.window import Page
from limatui.widgets.logs.saving import command, pager
from tests.ui.logs_at import source, window

WHOLE = 1 << 62


def never() -> bool:
    return False


def logs(home: Path) -> list[Path]:
    first, second = home / "serial.log", home / "agent.log"
    first.write_bytes(b"".join(b"line %d\r\n" % number for number in range(30_000)) + b"x" * 100_000 + b"\nhalf")
    second.write_bytes(b'{"level":"error","msg":"x","time":"2026-11-20T12:00:01Z"}\n')
    return [first, second]


def test_a_log_is_saved_byte_by_byte_and_a_filter_by_its_lines(tmp_path: Path) -> None:
    log, _ = logs(tmp_path)
    save(tmp_path / "all", everything([source(log)], EVERYTHING), stopped=never)
    assert (tmp_path / "all").read_bytes() == log.read_bytes()
    written, whole = save(tmp_path / "some", everything([source(log)], Wanted("line 2999")), stopped=never)
    some = (tmp_path / "some").read_bytes()
    assert (some.count(b"\n"), some[:11], written, whole) == (11, b"line 2999\r\n", len(some), True)


def test_the_lines_of_the_page_are_saved_whole(tmp_path: Path) -> None:
    log, _ = logs(tmp_path)
    seen = window(log)
    lines = seen.page(2).lines
    assert lines[0].cut
    save(tmp_path / "page", these([source(log)], lines), stopped=never)
    assert (tmp_path / "page").read_bytes() == b"x" * 100_000 + b"\nhalf\n"
    seen.close()


def test_merged_logs_are_saved_with_their_times_and_names(tmp_path: Path) -> None:
    log, agent = logs(tmp_path)
    sources = [source(log, began=1.0), source(agent, json=True)]
    save(tmp_path / "merged", everything(sources, Wanted("!line")), stopped=never)
    lines = (tmp_path / "merged").read_bytes().splitlines()
    assert len(lines) == 3
    assert lines[-1].endswith(b" agent: " + agent.read_bytes().strip()) and not lines[-1].startswith(b"~")
    assert lines[1].startswith(b"~") and lines[1].endswith(b" serial: half")
    save(tmp_path / "again", everything(sources, EVERYTHING), stopped=never)
    assert (tmp_path / "again").read_bytes().count(b"\n") == 30_003


def test_nothing_is_overwritten_and_nothing_half_stays(tmp_path: Path) -> None:
    log, _ = logs(tmp_path)
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(FileExistsError):
        save(tmp_path / "mine", everything([source(log)], EVERYTHING), stopped=never)
    assert (tmp_path / "mine").read_text() == "mine"
    with pytest.raises(InterruptedError):
        save(tmp_path / "half", everything([source(log)], EVERYTHING), stopped=lambda: True)
    assert not (tmp_path / "half").exists()
    written, whole = save(tmp_path / "first", everything([source(log)], EVERYTHING), stopped=never, most=1000)
    assert (whole, written == (tmp_path / "first").stat().st_size) == (False, True)


def test_the_pager_begins_where_the_window_is(tmp_path: Path) -> None:
    log, _ = logs(tmp_path)
    seen = window(log)
    assert pager({}, log, seen.page(2), lambda _: "/bin/less") == ("less", "+G", str(log))
    seen.start()
    seen.move(5)
    start = seen.page(2).lines[0].start
    assert pager({"PAGER": "less -S"}, log, seen.page(2)) == ("less", "-S", f"+{start}P", str(log))
    assert pager({"PAGER": "bat --plain"}, log, seen.page(2)) == ("bat", "--plain", str(log))
    assert pager({}, log, Page(), lambda name: name if name == "more" else None) == ("more", str(log))
    seen.close()


@pytest.mark.parametrize("text", ["", "line 299", "!line", "Line", "it's"])
def test_the_command_that_is_shown_does_the_same(tmp_path: Path, text: str) -> None:
    log, agent = logs(tmp_path)
    save(tmp_path / "ours", everything([source(log)], Wanted(text)), stopped=never)
    shown = command([source(log)], Wanted(text), (str(tmp_path / "theirs"), "all"))
    subprocess.run(["sh", "-c", shown], check=False)
    ours = (tmp_path / "ours").read_bytes()
    assert (tmp_path / "theirs").read_bytes().rstrip(b"\n") == ours.rstrip(b"\n")
    assert command([source(log), source(agent)], Wanted(text), ("x", "all")) == ""
