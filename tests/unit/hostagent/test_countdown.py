"""A guest that does not shut down: how long it still has is said, and then it is ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from limacore.hostagent import power
from tests.unit.hostagent.stub import StubGuest, home, running


async def test_the_time_that_is_left_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(power, "GRACE", 3.0)
    monkeypatch.setattr(power, "PRESS_AGAIN", 1.0)
    guest = StubGuest(home(tmp_path), with_agent=False)
    async with running(guest) as found:
        await found.until(lambda: any(each.status.ssh_local_port for each in found.events()))
        guest.machine.obeys = False
        found.agent.power.signalled(2)
        await found.until(lambda: any(each.status.exiting for each in found.events()))
        steps = [each.status.step for each in found.events() if each.status.step and each.status.step.name == "stop"]
    assert [step.detail for step in steps if step.state == "active"] == [
        "asking the guest", "asking the guest, by force in 2 s", "asking the guest, by force in 1 s", "by force"]
    assert steps[-1].state == "done"
    assert guest.machine.presses >= 2
