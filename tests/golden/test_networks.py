"""networks.yaml and `network`, against recordings of the reference tool."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from limacore.base import yamlio
from tests.conftest import GOLDEN
from tests.golden.cli.match import differences
from tests.golden.cli.sandbox import Runner, Sandbox

CASES = sorted((GOLDEN / "config" / "networks").glob("[0-9]*"))
DIFFERENT = {
    "011-bad-name[1].stdout": "a gateway without a netmask is shown alone, not as <nil>",
    "013-type-error": "what stands in a YAML error comes from a library",
    "035-create-bad-name[0].stderr": "a name that is no identifier is refused as such",
}
_FILL = "--fill"
"""Its outcome depends on the host; `tests/unit/config/test_golden.py` compares that."""


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    runner = Runner()
    yield runner
    runner.close()


@pytest.mark.skipif(not CASES, reason="recordings of the reference tool are not here")
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_networks(case: Path, runner: Runner) -> None:
    box = Sandbox(runner)
    try:
        for name, target in (("networks.yaml", "@LIMA_HOME@/_config/networks.yaml"), ("net.yaml", "@WORK@/net.yaml")):
            if (case / name).exists():
                box.op({"op": "write", "path": target, "text": (case / name).read_text()})
        wrong = [text for text in _differences(case, box)
                 if not any(text.startswith(known) for known in DIFFERENT)]
        assert not wrong, "\n" + "\n".join(wrong)
        if (case / "networks.after.yaml").exists():
            after = Path(box.expand("@LIMA_HOME@/_config/networks.yaml")).read_text()
            expected = (case / "networks.after.yaml").read_text()
            assert yamlio.load(after) == yamlio.load(expected)
            assert re.findall("#.*", after) == re.findall("#.*", expected)
    finally:
        box.close()


def _differences(case: Path, box: Sandbox) -> Iterator[str]:
    steps: list[dict[str, Any]] = json.loads((case / "runs.json").read_text())
    for number, step in enumerate(steps):
        if _FILL in step["argv"]:
            continue
        for aspect, how in differences(box, step, box.run(step)):
            yield f"{case.name}[{number}].{aspect} {' '.join(step['argv'])}: {how}"
