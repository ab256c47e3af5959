"""Several logs merged by time, and the times of lines that have none."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limatui.logs.clock import CHUNK, Clock, Stamp, stamp
from limatui.logs.reading import Reading
from limatui.logs.sift import Wanted
from limatui.widgets.logs.file import LineAt, LogBytes
from tests.ui.logs_at import settled, source, texts, window

NOON = 1_795_176_000.0
"""2026-11-20 12:00:00 UTC."""


def json_line(seconds: float, text: str) -> bytes:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOON + seconds))
    return f'{{"level":"info","msg":"{text}","time":"{stamp}"}}\n'.encode()


@pytest.mark.parametrize(("line", "found"), [
    (b'{"level":"info","time":"2026-11-20T12:00:01Z","msg":"x"}', Stamp(NOON + 1)),
    (b'{"msg":"\\"time\\":\\"2020\\"","time":"2026-11-20T14:00:01.5+02:00"}', Stamp(NOON + 1.5)),
    (b"2026-11-20 12:00:01,250+00:00 - util.py[DEBUG]: x", Stamp(NOON + 1.25)),
    (b"[    3.141593] usb 1-1: new", Stamp(3.141593, since_boot=True)),
    (b"\x1b[0m[12345.678901] x", Stamp(12345.678901, since_boot=True)),
    (b"login: ", None), (b"2026-99-99 12:00:00 x", None), (b"", None), (b"[  OK  ] Started", None),
])
def test_the_time_in_a_line(line: bytes, found: Stamp | None) -> None:
    seen = stamp(line)
    assert (seen is None) == (found is None)
    assert seen is None or found is None or (abs(seen.seconds - found.seconds) < 1e-6, seen.since_boot) == (
        True, found.since_boot)


def clock(path: Path, began: float = 0.0) -> tuple[Clock, LogBytes]:
    file = LogBytes(path)
    file.refresh()
    return Clock(file, began), file


def test_a_serial_log_is_placed_by_the_start_of_its_machine(tmp_path: Path) -> None:
    path = tmp_path / "serial.log"
    path.write_bytes(b"SeaBIOS\n[    2.500000] Linux\nno time here\n")
    seen, file = clock(path, NOON)
    lines = [file.line(at) for at in (0, 8, 29)]
    assert [seen.of(line) for line in lines] == [(NOON, True), (NOON + 2.5, True), (NOON + 2.5, True)]
    file.__exit__()


def test_an_earlier_boot_is_placed_by_when_it_was_last_written(tmp_path: Path) -> None:
    path = tmp_path / "serial.1.log"
    path.write_bytes(b"SeaBIOS\n[    2.500000] Linux\n[   10.000000] down\n")
    os.utime(path, (NOON, NOON))
    seen, file = clock(path)
    assert seen.of(file.line(0)) == (NOON - 10, True)
    assert seen.of(file.line(8)) == (NOON - 7.5, True)
    file.__exit__()


def test_where_a_guest_boots_again_its_clock_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "serial.log"
    first = b"[    0.000000] Linux version 6.1\n[    5.000000] reboot: Restarting system\n"
    path.write_bytes(first)
    seen, file = clock(path, NOON)
    assert seen.of(file.line(34)) == (NOON + 5, True)
    with path.open("ab") as log:
        log.write(b"SeaBIOS\n[    0.000000] Linux version 6.1\n[    2.000000] up: Linux version 6.1\nlogin\n")
    file.refresh()
    lines, at = [], len(first)
    while at < file.size:
        lines.append(file.line(at))
        at = lines[-1].end
    assert [seen.of(line)[0] - NOON for line in lines] == [5, 5, 7, 7]
    assert seen.of(file.line(34)) == (NOON + 5, True)
    file.__exit__()


def test_what_is_seen_arriving_was_written_then(tmp_path: Path) -> None:
    path = tmp_path / "serial.log"
    path.write_bytes(b"[    2.500000] Linux\nprompt\n[    2.600000] later\n")
    seen, file = clock(path, NOON)
    seen.arrived(21, NOON + 60)
    seen.arrived(28, NOON + 61)
    assert [seen.of(file.line(at)) for at in (0, 21, 28)] == [(NOON + 2.5, True), (NOON + 60, True), (NOON + 61, True)]
    for _ in range(10_000):
        seen.arrived(100, NOON + 62)
    assert len(seen._times) < 5000, "what is remembered has a bound"
    file.__exit__()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 40_000)), max_size=8))
def test_a_line_without_a_time_has_that_of_the_last_one_before_it(
    tmp_path_factory: pytest.TempPathFactory, parts: list[tuple[bool, int]],
) -> None:
    path = tmp_path_factory.mktemp("x") / "log"
    path.write_bytes(b"".join((b"[%5d.000000] " % number if timed else b"") + b"x" * size + b"\n"
                              for number, (timed, size) in enumerate(parts)))
    seen, file = clock(path, NOON)
    last, last_at, at = 0.0, 0, 0
    for number, (timed, _) in enumerate(parts):
        line = file.line(at)
        if timed:
            last, last_at = float(number), at
        near = at - last_at < CHUNK
        assert seen.of(line) == (NOON + last, True) or not near
        at = line.end
    file.__exit__()


def test_a_time_that_is_written_later_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"[    1.000000] a\nb\n")
    seen, file = clock(path, NOON)
    assert seen.of(file.line(17)) == (NOON + 1, True)
    with path.open("ab") as log:
        log.write(b"[    2.000000] c\nd\n")
    file.refresh()
    assert seen.of(file.line(36)) == (NOON + 2, True)
    file.__exit__()


def logs(home: Path) -> Reading:
    (home / "agent.log").write_bytes(b"".join(json_line(at, f"agent {at}") for at in range(0, 20, 2)))
    (home / "serial.log").write_bytes(b"".join(b"[%5d.500000] kernel %d\nmore\n" % (at, at) for at in range(12)))
    (home / "empty.log").write_bytes(b"")
    return Reading([source(home / "agent.log", json=True), source(home / "serial.log", began=NOON),
                    source(home / "empty.log")], timed=True)


def words(lines: tuple[LineAt, ...]) -> list[str]:
    return [f"{'s' if line.track else 'a'}{line.time - NOON:g}" for line in lines]


def test_lines_of_several_logs_stand_in_the_order_of_their_times(tmp_path: Path) -> None:
    reading = logs(tmp_path)
    page, _ = settled(reading, 100)
    assert words(page.lines)[:8] == ["a0", "s0.5", "s0.5", "s1.5", "s1.5", "a2", "s2.5", "s2.5"]
    assert (len(page.lines), page.at_end, words(page.lines)[-1]) == (34, True, "a18")
    times = [line.time for line in page.lines]
    assert times == sorted(times)
    last, _ = settled(reading, 5)
    assert last.lines == page.lines[-5:]
    up, _ = settled(reading, 5, lambda reading: reading.window.move(-7))
    assert (up.lines, up.at_end) == (page.lines[-12:-7], False)
    down, _ = settled(reading, 5, lambda reading: reading.window.move(4))
    assert down.lines == page.lines[-8:-3]
    first, _ = settled(reading, 5, lambda reading: reading.window.start())
    assert first.lines == page.lines[:5]
    reading.close()


def test_filter_level_and_following_in_merged_logs(tmp_path: Path) -> None:
    reading = logs(tmp_path)
    page, _ = settled(reading, 100, lambda reading: reading.choose(Wanted("!more & !agent 1")))
    assert page.passed == (17, False)
    assert words(page.lines)[:4] == ["a0", "s0.5", "s1.5", "a2"]
    with (tmp_path / "serial.log").open("ab") as file:
        file.write(b"[   99.000000] the newest\n")
    page, _ = settled(reading, 100)
    assert page.lines[-1].data.endswith(b"newest"), "what arrives is newest, whatever its clock says"
    assert abs(page.lines[-1].time - time.time()) < 60
    (tmp_path / "serial.log").write_bytes(b"another boot\n")
    page, _ = settled(reading, 100)
    assert (page.at_end, [line.data for line in page.lines if line.track]) == (True, [b"another boot"])
    reading.close()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(0, 9), max_size=12).map(sorted), min_size=1, max_size=4), st.integers(1, 6))
def test_up_and_down_agree_in_merged_logs(
    tmp_path_factory: pytest.TempPathFactory, logs: list[list[int]], height: int,
) -> None:
    home = tmp_path_factory.mktemp("x")
    for number, seconds in enumerate(logs):
        (home / f"{number}.log").write_bytes(b"".join(json_line(at, f"{number} {at}") for at in seconds))
    seen = window(*(source(home / f"{number}.log", json=True) for number in range(len(logs))))
    everything = seen.page(100).lines
    assert len(everything) == sum(map(len, logs))
    for back in range(len(everything) - height):
        seen.end()
        seen.page(height)
        seen.move(-back)
        start = max(0, len(everything) - height - back)
        assert texts(seen.page(height).lines) == texts(everything[start : start + height])
    for line in everything:
        assert seen.forward(seen.place_of(line), 1)[0] == [line]
    seen.close()
