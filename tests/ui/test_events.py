"""What others did is told at once and listed afterwards."""

from __future__ import annotations

from limacore.model.instance import Status
from limatui.screens.events import EventsScreen
from tests.ui.board import playing


async def test_what_happens_elsewhere_is_told_and_listed() -> None:
    async with playing() as board:
        mounts = board.engine._get("default").mounts
        board.engine._change("k8s", status=Status.STARTING, started_at=board.engine.now())
        board.engine._change("default", mounts=(*mounts[1:],), status=Status.PAUSED, phase="host disk full")
        await board.until(lambda: "default is paused: host disk full" in board.toasts and "k8s starts" in board.toasts)
        board.engine._change("default", mounts=mounts, status=Status.RUNNING)
        await board.later(1)
        lost = tuple(type(each)(each.location, each.mount_point, each.type, error="gone") for each in mounts)
        board.engine._change("default", mounts=lost)
        await board.until(lambda: "lost its mount /tmp/lima: gone" in board.toasts)
        await board.press("E")
        await board.until(lambda: isinstance(board.app.screen, EventsScreen) and "is paused" in board.text)
        assert "k8s" in board.text and "only warnings" in board.footer
        await board.press("w")
        assert "k8s         starts" not in board.text and "is paused: host disk full" in board.text
        await board.press("y")
        await board.until(lambda: board.app.clipboard.startswith("default "))


async def test_an_event_leads_to_its_instance() -> None:
    async with playing() as board:
        board.engine._change("old", status=Status.STOPPED)
        await board.until(lambda: "old has stopped" in board.toasts)
        await board.press("E", "enter")
        await board.until(lambda: board.main.table.cursor == "old" and board.app.screen is board.main)


async def test_it_fits_a_small_screen() -> None:
    async with playing((40, 12)) as board:
        await board.press("E")
        await board.until(lambda: isinstance(board.app.screen, EventsScreen) and "port 5432" in board.text)
        assert all(len(line) <= 40 for line in board.text.splitlines())
