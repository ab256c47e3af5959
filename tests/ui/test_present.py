"""What is shown, as pure functions: numbers, meters, rows, header, footer, filter, events, settings."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from limacore.drivers.demo import world
from limacore.model.instance import Fleet, Instance, Status, Step
from limacore.model.job import Job, JobState
from limatui import actions, filter
from limatui.history import History, Past
from limatui.ink import beside, cut, pad, plain, shed, spread, width
from limatui.notices import Notice
from limatui.notices import happened as by_instance
from limatui.present import bootview, keys, layout, meters, overview, rows, words
from limatui.present.header import header
from limatui.settings import file as settings
from limatui.tail import tail

NOW = 1.8e9
FLEET = Fleet("~/.lima", tuple(world.observe(each, Path("/h"), NOW) for each in world.five(NOW)), (), world.host(NOW))
DEFAULT, BUILD, K8S, CI_ARM, OLD = FLEET.instances


def happened(before: Fleet, after: Fleet, now: float) -> list[Notice]:
    return [*chain(*by_instance(before, after, now))]


def test_numbers_with_units() -> None:
    gib = 1 << 30
    assert words.size(41 * gib) == ("41", "GiB") and words.size(0) == ("0", "B")
    assert words.size(int(1023.5 * (1 << 20))) == ("1", "GiB")
    assert words.part_of(int(1.2 * gib), 4 * gib) == "1.2/4 GiB"
    assert words.part_of(int(3.1 * gib), 100 * gib, short=True) == "3.1/100G"
    assert [words.rate(each) for each in (1.2e6, 240e3, 0)] == [("1.2", "MB/s"), ("240", "KB/s"), ("0", "B/s")]


@pytest.mark.parametrize(("seconds", "text"), [
    (0, "0s"), (41, "41s"), (75, "1m15s"), (8042, "2h14m"), (90000, "1d1h"), (6 * 86400 + 9000, "6d"), (-5, "0s")])
def test_durations(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


@given(st.floats(-1, 2), st.integers(1, 60))
def test_a_meter_fills_its_cells(fraction: float, cells: int) -> None:
    line = meters.meter(fraction, cells)
    assert width(line) == cells
    assert (line[0][0] == "") == (fraction <= 0), "something is never shown as nothing"


@given(st.lists(st.floats(0, 400), max_size=300), st.integers(1, 80), st.integers(1, 6))
def test_graphs_fill_their_area(samples: list[float], cells: int, high: int) -> None:
    lines = meters.graph(samples, cells, high, 100.0)
    assert len(lines) == high and all(len(text) == cells for text, _ in lines)
    assert len(meters.spark(samples, cells)) == cells


def test_a_graph_grows_from_the_bottom() -> None:
    top, bottom = meters.graph([100, 50], 1, 2)
    assert (top[0], bottom[0]) == ("⡇", "⣿")
    assert meters.ceiling([3, 9]) == 10 and meters.ceiling([]) == 10 and meters.ceiling([60]) == 100


@given(st.text(), st.text(), st.integers(0, 100))
def test_lines_keep_their_width(left: str, right: str, cells: int) -> None:
    one, two = ((left, "dim"),), ((right, ""),)
    assert width(spread(one, two, cells)) == cells
    assert width(cut(one, cells)) <= cells and width(shed((*one, *two), cells)) <= cells
    assert width(pad(one, cells)) == cells


def test_two_blocks_beside_each_other_do_not_touch() -> None:
    (line,) = beside([(("x" * 50, ""),)], [(("right", ""),)], 20)
    assert plain(line).index("right") == 20 and plain(line)[18:20] == "  "


@pytest.mark.parametrize("cells", [40, 60, 80, 87, 100, 120, 200, 300])
def test_rows_fit_and_share_their_columns(cells: int) -> None:
    chosen = rows.columns(cells, [each.name for each in FLEET.instances])
    assert rows.total(chosen) <= cells
    head = plain(rows.head(chosen))
    for each in FLEET.instances:
        line = plain(rows.row(chosen, rows.Row(each, (5.0,) * 8, NOW), cursor=False))
        assert each.name in line
        assert line.index(rows.LOOKS[each.status][0]) == head.index("STATUS")


def test_a_long_name_gets_room_or_is_cut() -> None:
    long = replace(DEFAULT, name="n" * 76)
    for cells in (80, 120):
        chosen = rows.columns(cells, [long.name])
        line = rows.row(chosen, rows.Row(long, (), NOW), cursor=True)
        assert width(line) <= cells and "…" in plain(line)


def test_cells() -> None:
    text = {each.name: plain(rows.row(rows.columns(120), rows.Row(each, (), NOW), cursor=False))
            for each in FLEET.instances}
    assert "default ◆ !" in text["default"] and "3.1/100 GiB" in text["default"] and "2h14m" in text["default"]
    assert "◐ Starting cloud-init" in text["build"]
    assert "%" not in text["k8s"] and "12/100 GiB" in text["k8s"]
    assert "‖ Paused host disk full" in text["ci-arm"] and "▲ Orphan no host agent" in text["old"]


def test_header_sheds_what_matters_least() -> None:
    running = Job(1, "start", "build", progress=0.62)
    assert "⟳ start build 62%" in plain(header(FLEET, (), (running,), 120, "~/.lima"))
    for cells in (30, 50, 80, 120, 200):
        line = header(FLEET, (), (running,), cells, "~/.lima")
        assert width(line) == cells and "of 5 running" in plain(line)
    assert "looking" in plain(header(Fleet(""), (), (), 80))


def test_footer_keeps_the_palette_and_drops_the_impossible_first() -> None:
    for cells in (30, 60, 80, 120, 200):
        line = plain(keys.footer(keys.list_keys(DEFAULT), cells))
        assert len(line) == cells and ": palette" in line and "? help" in line
    assert "s start" not in plain(keys.footer(keys.list_keys(DEFAULT), 80))
    assert "s start" in plain(keys.footer(keys.list_keys(DEFAULT), 120))


def test_a_click_finds_its_key() -> None:
    entries = keys.list_keys(K8S)
    line = plain(keys.footer(entries, 120))
    for entry in keys.arrange(entries, 110):
        found = keys.key_at(entries, 120, line.index(f"{entry.key} {entry.label}"))
        assert found == entry


def test_keys_are_unique_and_every_action_has_a_deed() -> None:
    from limatui.verbs.deeds import DEEDS

    pressed = [key for action in actions.ACTIONS for key in action.key.split(",") if key]
    assert len(pressed) == len(set(pressed))
    assert set(DEEDS) == set(actions.BY_ID)


@pytest.mark.parametrize(("action", "possible"), [
    ("start", {"k8s", "old"}), ("stop", {"default", "build", "ci-arm"}), ("restart", {"default", "ci-arm"}),
    ("insist", {"default", "build", "ci-arm", "old"}), ("shell", {"default"}), ("delete", {"k8s"}),
    ("protect", {"default", "build", "k8s", "ci-arm", "old"})])
def test_reasons(action: str, possible: set[str]) -> None:
    found = {each.name for each in FLEET.instances if not actions.BY_ID[action].reason(each)}
    assert found == possible
    assert actions.BY_ID[action].reason(None)


def test_commands() -> None:
    assert actions.BY_ID["protect"].command(DEFAULT) == "limatui unprotect default"
    assert actions.BY_ID["protect"].command(K8S) == "limatui protect k8s"
    assert actions.BY_ID["insist"].command(OLD) == "limatui stop -f old"


@pytest.mark.parametrize(("text", "names"), [
    ("", {"default", "build", "k8s", "ci-arm", "old"}), ("ci", {"ci-arm"}), ("!ci", {"default", "build", "k8s", "old"}),
    ("status:run", {"default"}), ("!status:running status:stopped", {"k8s"}), ("arch:aarch", {"ci-arm"}),
    ("^b", {"build"}), ("(", set()), ("protected:yes", {"default", "ci-arm"}), ("nofield:x", set()), ("!", set())])
def test_filter(text: str, names: set[str]) -> None:
    test = filter.parse(text)
    assert {each.name for each in FLEET.instances if test(each)} == names


@given(st.text())
def test_no_filter_breaks(text: str) -> None:
    filter.parse(text)(DEFAULT)


def test_events() -> None:
    def after(**changes: object) -> Fleet:
        return replace(FLEET, instances=(replace(DEFAULT, **changes), *FLEET.instances[1:]))

    assert [each.text for each in happened(FLEET, after(status=Status.STOPPED), NOW)] == ["has stopped"]
    (paused,) = happened(FLEET, after(status=Status.PAUSED, phase="io error"), NOW)
    assert (paused.text, paused.mark) == ("is paused: io error", "bad")
    assert [each.text for each in happened(FLEET, after(errors=(*DEFAULT.errors, "new")), NOW)] == ["new"]
    (gone,) = happened(FLEET, replace(FLEET, instances=FLEET.instances[1:]), NOW)
    assert (gone.name, gone.text) == ("default", "was deleted")
    assert not happened(FLEET, FLEET, NOW)


def test_losses_of_a_running_machine_are_events() -> None:
    def texts(before: Instance, after: Instance) -> list[str]:
        fleets = [replace(FLEET, instances=(each,)) for each in (before, after)]
        return [each.text for each in happened(fleets[0], fleets[1], NOW)]

    failed = replace(DEFAULT.forwards[0], state="failed", error="taken")
    assert texts(DEFAULT, replace(DEFAULT, forwards=(failed,))) == [
        "cannot forward 0.0.0.0:80 to 127.0.0.1:8080: taken"]
    lost = replace(DEFAULT, mounts=(replace(DEFAULT.mounts[0], mounted=False, error="gone"), *DEFAULT.mounts[1:]))
    assert texts(DEFAULT, lost) == ["lost its mount /home/ada: gone"]
    assert texts(lost, DEFAULT) == ["/home/ada is mounted again"]
    assert texts(DEFAULT, replace(DEFAULT, agent="silent")) == ["its guest agent went silent"]
    assert texts(replace(DEFAULT, status=Status.STARTING), lost) == ["is ready"], "a boot is no loss"


def test_a_host_that_fills_up_is_an_event() -> None:
    full = replace(FLEET, host=replace(FLEET.host, disk_free=1 << 30))
    (notice,) = happened(FLEET, full, NOW)
    assert (notice.name, notice.mark) == ("this host", "bad") and "1.0 GiB of disk left" in notice.text
    assert not happened(full, full, NOW) and not happened(full, FLEET, NOW)


def test_boot_steps_and_serial() -> None:
    lines = [plain(each) for each in bootview.boot(BUILD, NOW, ("one", "two", "three"), 80, 13)]
    assert lines[0].strip().startswith("build  starting  41 s")
    assert any("✓" in line and "kernel" in line for line in lines)
    assert len(lines) <= 13 and lines[-1].strip() == "three"


@pytest.mark.parametrize("instance", FLEET.instances, ids=lambda each: str(each.name))
@pytest.mark.parametrize(("cells", "high"), [(30, 6), (78, 12), (118, 22), (110, 50)])
def test_an_overview_fits_its_area(instance: Instance, cells: int, high: int) -> None:
    lines = overview.overview(instance, Past((3.0,) * 200, (2.0,) * 9), NOW, cells, high)
    assert len(lines) <= high
    if cells >= 78:
        assert all(width(line) <= cells for line in overview.wide(instance, Past((3.0,) * 300), NOW, cells)[:8])


def test_scripts_of_the_user_stand_below_the_scripts() -> None:
    told = (Step("scripts", "done", "1 failed", 3.0), Step("script 00000000 (boot)", "done", "", 1.0),
            Step("script 00000012 (system)", "failed", "exit code 5: no space", 2.0), Step("script", "active"))
    lines = bootview.steps(told, 100)
    text = [plain(line) for line in lines]
    assert "· 0 boot " in text[1] and "· 12 system exit code 5: no space" in text[2] and "◐  script" in text[3]
    assert len({width(line) for line in lines}) == 1


@pytest.mark.parametrize(("word", "sign"), [("answering", "● answering"), ("over ssh", "● over ssh"),
                                            ("silent", "▲ silent")])
def test_how_the_guest_is_heard(word: str, sign: str) -> None:
    text = "\n".join(plain(line) for line in overview.identity(Instance("a", "/a", agent=word), 0.0))
    assert sign in text


def test_findings_tell_the_repair() -> None:
    text = "\n".join(plain(each) for each in overview.findings(OLD))
    assert "2 findings" in text and "ha.pid names process 951" in text and "X ends what is left" in text
    assert not overview.findings(K8S)


def test_inside_and_outside_are_told_apart() -> None:
    text = "\n".join(plain(each) for each in overview.overview(DEFAULT, Past((3.0,) * 200, (2.0,) * 9), NOW, 118, 24))
    assert "of 2 cores outside" in text and "% inside   load 0.0" in text and "GiB inside   host" in text
    assert "192.168.5.15   eth0, 2 more" in text
    assert "127.0.0.1:8080 ← 0.0.0.0:80" in text and "0.0.0.0:22" not in text and "and 2 more   6 shows them" in text
    assert "/home/ada/src → /src  writable  the SFTP server ended" in text


def test_a_pause_stands_over_everything() -> None:
    lines = [plain(each) for each in overview.overview(CI_ARM, Past(), NOW, 118, 20)]
    assert lines[0].strip().startswith("‖ paused   host disk full") and len(lines) <= 20
    assert plain(overview.wide(replace(CI_ARM, phase="", errors=()), Past(), NOW, 110)[0]).endswith("goes on meanwhile")
    assert not overview.banner(DEFAULT, 80)


def test_modes() -> None:
    assert [layout.mode(*size) for size in ((80, 24), (120, 36), (200, 60), (200, 30), (90, 60))] == [
        "narrow", "medium", "wide", "medium", "narrow"]
    assert layout.list_rows("medium", 5, 36) == 6 and layout.list_rows("narrow", 1000, 24) == 7


def test_history_samples_once_a_second_and_forgets() -> None:
    history = History()
    for second in range(5):
        history.add(FLEET, NOW + second)
        history.add(FLEET, NOW + second + 0.25)
    past = history.past("default")
    assert len(past.cpu) == len(past.inside) == len(past.memory) == len(past.transfers) == 5
    assert 0 < past.inside[-1] < past.cpu[-1] and 25 < past.memory[-1] < 35 and history.past("k8s") == Past()
    assert len(history.of("default")) == 5 and len(history.of("default", 2)) == 2 and not history.of("k8s")
    history.add(replace(FLEET, instances=()), NOW + 9)
    assert not history.of("default") and len(history.host()) == 6


def test_tail_reads_the_end(tmp_path: Path) -> None:
    log = tmp_path / "serial.log"
    assert tail(log, 3) == ()
    log.write_bytes(b"x" * 40000 + b"\r\nlast but one\r\n\r\n\x1b[31mlast\x1b[0m\r\n\xff\xfe\r\n")
    assert tail(log, 3) == ("last but one", "last", "\ufffd\ufffd")


def test_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("TERM", "xterm-256color")
    assert settings.load() == settings.Settings()
    settings.save("theme", "light")
    assert settings.load().theme == "light"
    for broken in ("theme = ", "theme = 3", "\x00"):
        assert settings.parse(broken).theme == "dark" and len(settings.parse(broken).problems) == 1


def test_a_failed_job_is_shown_with_its_error() -> None:
    from limatui.present.work import job, job_details

    failed = Job(1, "start", "x", "limatui start x", JobState.FAILED, error="no space", hint="free some")
    assert "✗ start x   no space" in plain(job(failed, 60)) and "   no space" in plain(job(failed, 100))
    assert "free some" in "\n".join(plain(each) for each in job_details(failed, 100))
