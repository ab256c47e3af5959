"""The doctor's screen: what is wrong, what shows it, and a repair that says first what it would do."""

from __future__ import annotations

from msgspec.structs import replace

from limacore.errors import HostError
from limacore.model.finding import Finding, Severity
from limacore.model.instance import Instance, Status
from limatui.ink import plain
from limatui.present import bootview, overview
from limatui.present.doctor import command_of, details, line, question, remedy, summary
from limatui.present.status import has_degraded
from limatui.screens.doctor import DoctorScreen
from limatui.widgets.ask import Ask
from tests.ui.board import NOW, playing

PANIC = Finding(id="boot-panic", severity=Severity.ERROR, subject="instance k8s", what="the guest's kernel gave up",
                evidence=("serial.log:339: Kernel panic - not syncing: Oops",), why="who knows", fix="start it anew")
STALE = Finding(id="pid-stale", severity=Severity.WARNING, subject="instance old", what="`ha.pid` is of nobody",
                evidence=("one", "two"), fix="rm x", repairable=True, paths=("x", "y"))
LEFT = Finding(id="stage-left", severity=Severity.NOTE, subject="home", what="half a thing", repairable=True,
               paths=("z",))
ORPHAN = Finding(id="orphan-vm", severity=Severity.ERROR, subject="instance old", what="no agent")


async def test_i_on_an_instance_shows_what_is_wrong_and_f_says_first_what_it_would_do() -> None:
    async with playing() as board:
        await board.press("G", "i")
        await board.until(lambda: "its machine runs without a host agent" in board.text)
        assert "doctor  old" in board.text and "1 error" in board.text and "1 warning" in board.text
        assert "QEMU (pid 977) runs" in board.text and "limatui stop -f old" in board.text
        await board.press("j", "f")
        assert "would remove" in board.text and "old/ha.pid" in board.text and "limatui doctor --fix old" in board.text
        await board.press("escape")
        assert "is of a process that is gone" in board.text, "nothing was done"
        await board.press("f", "y")
        await board.until(lambda: "is of a process that is gone" not in board.text, "it is repaired")
        assert board.app.last_command == "limatui doctor --fix old"
        await board.press("f")
        assert "end what is left of old" in board.text and "limatui stop -f old" in board.text
        await board.press("y")
        await board.later(5)
        await board.until(lambda: "nothing is wrong" in board.text, "the orphan is gone")
        assert board.one("old").status is Status.STOPPED
        await board.press("i")
        assert board.app.screen is board.main


async def test_the_demo_says_of_a_machine_what_its_panes_say() -> None:
    async with playing() as board:
        await board.press("i")
        await board.until(lambda: "127.0.0.1:5432 of the guest is not forwarded" in board.text)
        assert "taken: postgres 812" in board.text and "/home/ada/src is not mounted at /src" in board.text


async def test_everything_is_examined_from_anywhere() -> None:
    async with playing() as board:
        await board.press("H")
        await board.until(lambda: "KVM cannot be used" in board.text)
        assert "this computer and everything on it" in board.text and "instance ci-arm" in board.text
        await board.press("f")
        assert "nothing that a key can do" in board.toasts
        await board.press("y")
        await board.until(lambda: "usermod" in board.app.clipboard, "the advice is copied")
        await board.press("escape", "j", "j", "i")
        await board.until(lambda: "nothing is wrong" in board.text)
        await board.press("h")
        await board.until(lambda: "KVM cannot be used" in board.text, "from one to all")


async def test_from_a_finding_to_the_logs_of_its_instance() -> None:
    async with playing() as board:
        await board.press("H")
        await board.until(lambda: "instance ci-arm" in board.text)
        await board.press("l")
        assert isinstance(board.app.screen, DoctorScreen), "the host has no logs"
        await board.press("j", "j", "j", "j", "l")
        await board.until(lambda: board.app.screen is board.main and board.main.table.cursor == "ci-arm")
        await board.until(lambda: board.main.zoomed, "its logs are open")


async def test_keys_of_the_footer_can_be_clicked() -> None:
    async with playing(size=(80, 24)) as board:
        await board.press("G", "i")
        await board.until(lambda: "without a host agent" in board.text)
        await board.pilot.click("Footer", offset=(board.footer.index("f end it"), 0))
        await board.until(lambda: isinstance(board.app.screen, Ask), "the question")


async def test_a_doctor_that_cannot_look_says_why() -> None:
    async with playing() as board:
        async def broken(name: str = "") -> tuple[Finding, ...]:
            raise HostError("the home cannot be read", hint="become its owner")

        board.engine.findings = broken  # type: ignore[method-assign]
        await board.press("i")
        await board.until(lambda: "the home cannot be read" in board.text and "become its owner" in board.text)


async def test_words_of_guests_are_harmless_and_a_repair_gets_the_real_ones() -> None:
    async with playing() as board:
        nasty = replace(STALE, what="\x1b]52;c;eA==\x07bad", paths=("/a\x1b[31m",))

        async def found(name: str = "") -> tuple[Finding, ...]:
            return (nasty,)

        asked: list[Finding] = []
        board.engine.findings = found  # type: ignore[method-assign]
        board.engine.repair = lambda name, finding: asked.append(finding) or 0  # type: ignore[method-assign,func-returns-value]
        await board.press("i")
        await board.until(lambda: "bad" in board.text)
        assert "\x1b" not in board.text
        await board.press("f", "y")
        await board.until(lambda: asked == [nasty])


def test_lines() -> None:
    assert "instance old" in plain(line(STALE, 80, subject=True)) and "f ▲" in plain(line(STALE, 80, subject=True))
    assert "instance" not in plain(line(PANIC, 80, subject=False))
    assert "ha.pid is" in plain(line(STALE, 80, subject=False))
    text = "\n".join(plain(each) for each in details(STALE, 60))
    assert text.count("seen") == 1 and "two" in text and "limatui doctor --fix old" in text
    assert plain(summary((PANIC, STALE, STALE))).split() == ["✗", "1", "error", "▲", "2", "warnings"]


def test_remedies() -> None:
    assert remedy(PANIC) is None and command_of(PANIC) == "start it anew"
    assert command_of(STALE) == "limatui doctor --fix old" and command_of(LEFT) == "limatui doctor --fix"
    known = remedy(ORPHAN)
    assert known is not None and known.action == "insist" and known.command == "limatui stop -f old"
    assert "end what is left of old" in "\n".join(plain(each) for each in question(ORPHAN, known, (), 60))


def test_a_start_that_hangs_or_failed_shows_cause_line_and_fix() -> None:
    stopped = Instance("k8s", "/k8s", Status.STOPPED, findings=(PANIC, STALE))
    assert has_degraded(stopped) and not has_degraded(replace(stopped, findings=()))
    for text in (overview.findings(stopped),
                 bootview.boot(replace(stopped, status=Status.STARTING), NOW, (), 80, 30)):
        words = "\n".join(plain(each) for each in text)
        assert "▲ 2 findings: the guest's kernel gave up" in words
        assert "serial.log:339: Kernel panic" in words and "fix  start it anew" in words and "i tells more" in words
