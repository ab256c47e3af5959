"""The user's pager over the dashboard, in a real terminal."""

from __future__ import annotations

from pathlib import Path

from tests.ui.terminal import terminal

_PAGER = """\
for last; do :; done
{ echo "$last"; grep -ac LOGEND "$last"; } >> "$0.seen"
printf 'PAGER IS OPEN'
read answer
"""


def test_the_pager_has_the_terminal_and_gives_it_back(tmp_path: Path) -> None:
    script = tmp_path / "pager"
    script.write_text(_PAGER)
    story = str(Path(__file__).with_name("hostile_fleet.py"))
    with terminal(story, environ={"PAGER": f"sh {script}"}) as screen:
        screen.until(lambda text: "EVILMARKUP" in text)
        screen.press(b"3", "LOGEND")
        screen.press(b"\r", "& filter")
        screen.press(b"p", "PAGER IS OPEN")
        screen.press(b"\n", "& filter", gone="PAGER IS OPEN")
        screen.press(b"&", "text or /regex/")
        screen.press(b"LOGEND\r", "1 line")
        screen.press(b"p", "PAGER IS OPEN")
        screen.press(b"\n", "& filter", gone="PAGER IS OPEN")
        screen.press(b"\x1b", "& filter", gone="1 line")
        screen.write(b"qq")
        assert screen.ended() == 0
    log, first, copy, second = Path(f"{script}.seen").read_text().split()
    assert (Path(log).name, first, second) == ("serial.log", "1", "1")
    assert not Path(copy).parent.exists(), "the copy of what passes goes with the pager"
