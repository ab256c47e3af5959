"""The image cache: what is there, who uses it, and what pruning takes is said before."""

from __future__ import annotations

import pytest

from limacore.errors import HostError
from limacore.model.cache import CacheEntry
from limatui.ink import plain
from limatui.present.cache import details, file_name, freed, goes, line, question, summary, titles, used_by
from limatui.screens.cache import CacheScreen
from limatui.widgets.ask import Ask
from tests.ui.board import NOW, playing

MIB = 1 << 20
USED = CacheEntry("k1", "https://h/a/debian.qcow2?x=1", "/c/k1/data", 300 * MIB, NOW - 86400.0, "sha512:ab",
                  used_by=("default", "build", "template:a", "template:b"))
IDLE = CacheEntry("k2", "https://h/old.img", "/c/k2/data", 100 * MIB, NOW - 40 * 86400.0)
PART = CacheEntry("k3", "", "/c/k3/data.part", 50 * MIB, partial=True)


async def test_prune_says_what_goes_and_takes_only_that() -> None:
    async with playing() as board:
        await board.press("I")
        await board.until(lambda: "6 downloads" in board.text)
        assert "433 MiB used by nothing" in board.text and "p prune 433 MiB" in board.footer
        assert "◐ partial" in board.text and "✓ sha512" in board.text
        await board.press("p")
        assert "Prune the cache? 433 MiB are given back" in board.text
        assert "debian-12-genericcloud" in board.text and "limatui prune --keep-referred" in board.text
        assert "ubuntu-24.04-server" not in board.text.split("Prune the cache?")[1].split("limatui prune")[0]
        await board.press("escape", "p", "y")
        await board.until(lambda: "4 downloads" in board.text)
        await board.press("p")
        assert "nothing can go" in board.toasts
        await board.press("P")
        assert "downloaded again" in board.text
        await board.press("y")
        await board.until(lambda: "nothing was downloaded yet" in board.text)
        assert board.app.last_command == "limatui prune"
        await board.press("I")
        assert board.app.screen is board.main


async def test_choose_copy_and_click() -> None:
    async with playing() as board:
        await board.press("I")
        await board.until(lambda: "6 downloads" in board.text)
        await board.press("j", "j")
        await board.until(lambda: "https://cloud-images.ubuntu.com" in board.text, "the one under the cursor")
        await board.press("y")
        await board.until(lambda: board.app.clipboard.startswith("https://cloud-images.ubuntu.com/"))
        at = board.footer.index("p prune")
        await board.pilot.click("Footer", offset=(at, 0))
        await board.until(lambda: isinstance(board.app.screen, Ask), "the question")


async def test_a_download_is_seen_as_it_grows() -> None:
    async with playing() as board:
        board.engine.create("web", "docker")
        await board.later(4)
        await board.press("I")
        await board.until(lambda: "ubuntu-26.04-server" in board.text)
        await board.press("g")
        assert any("ubuntu-26.04-server" in row and "partial" in row for row in board.text.splitlines())


async def test_a_cache_that_cannot_be_read_is_told() -> None:
    async with playing() as board:
        async def broken() -> tuple[CacheEntry, ...]:
            raise HostError("cannot read the cache", hint="look at its permissions")
        board.engine.cache = broken  # type: ignore[method-assign]
        await board.press("I")
        await board.until(lambda: "cannot read the cache" in board.text and "its permissions" in board.text)


async def test_hostile_urls_are_text() -> None:
    async with playing() as board:
        evil = "https://h/\x1b]52;c;AA\x07[@click=app.exit]x[/]\u202e\n.img"
        board.engine._cache = {"k": CacheEntry("k", evil, "/c/\x1b[2J", 1, NOW, "sha256:\x9b2J", used_by=("\x1bEVIL",))}
        await board.press("I")
        await board.until(lambda: "[@click" in board.text)
        await board.press("P")
        assert isinstance(board.app.screen, Ask)
        assert not {"\x1b", "\x9b", "\u202e", "\x07"} & set(board.text)


@pytest.mark.parametrize("size", [(80, 24), (200, 60), (30, 10)])
async def test_it_fits(size: tuple[int, int]) -> None:
    async with playing(size) as board:
        await board.press("I")
        await board.until(lambda: isinstance(board.app.screen, CacheScreen) and board.app.screen.list.items)
        await board.pilot.pause()
        lines = board.text.splitlines()
        assert all(len(text) <= size[0] for text in lines) and "image cache" in lines[0]


def test_sums_and_lines() -> None:
    every = (USED, IDLE, PART)
    assert goes(every, keep_referred=True) == (IDLE, PART)
    assert freed(every, keep_referred=True) == 150 * MIB and freed(every, keep_referred=False) == 450 * MIB
    assert plain(summary(every)) == "3 downloads   450 MiB   150 MiB used by nothing"
    assert file_name(USED.url) == "debian.qcow2" and file_name("https://h/") == "h" and file_name("") == ""
    assert used_by(USED.used_by) == "default, build, template:a +1"
    for width in (60, 80, 118, 200):
        at = plain(titles(width)).index("STATE")
        assert all(len(plain(line(each, NOW, width))) <= width for each in every)
        assert [plain(line(each, NOW, width))[at] for each in every] == ["✓", "·", "◐"]
    assert "300 MiB" in plain(line(USED, NOW, 118)) and "1d" in plain(line(USED, NOW, 118))
    assert "pruning takes it" in "".join(map(plain, details(IDLE, IDLE.path, 118)))
    assert [plain(each).strip() for each in question(every, keep_referred=True)][:2] == [
        "100 MiB  old.img", "50 MiB  k3"]
    many = tuple(CacheEntry(str(number), f"https://h/{number}", "", MIB) for number in range(20))
    assert any("and 8 more" in plain(each) for each in question(many, keep_referred=True))
