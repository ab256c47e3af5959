"""Every recorded case of the reference's command line, step by step."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import GOLDEN
from tests.golden.cli.different import DIFFERENT
from tests.golden.cli.match import differences
from tests.golden.cli.sandbox import Runner, Sandbox

CASES = sorted((GOLDEN / "cli").glob("[0-9]*.json"))
NOT_YET = frozenset(Path(__file__).with_name("not_yet.txt").read_text().split())


def _step(key: str) -> int:
    return int(key.partition("[")[2].partition("]")[0])


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    runner = Runner()
    yield runner
    runner.close()


@pytest.mark.skipif(not CASES, reason="recordings of the reference tool are not here")
@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_answers_as_recorded(path: Path, runner: Runner) -> None:
    case = json.loads(path.read_text())
    systemd = Path("/run/systemd/system").is_dir()
    if (["no-systemd"] if systemd else ["systemd"]) == case.get("needs"):
        pytest.skip(f"needs {case['needs'][0]}")
    if path.stem == "119-copy-local" and not shutil.which("rsync"):
        pytest.skip("needs rsync")
    box = Sandbox(runner, strangers="not limactl's" in case.get("note", ""))
    seen: dict[str, str] = {}
    try:
        for op in case["setup"]:
            box.op(op)
        for number, step in enumerate(case["steps"]):
            for op in step.get("before", []):
                box.op(op)
            got = box.run(step)
            for aspect, how in differences(box, step, got):
                key = f"{path.stem}[{number}].{aspect}"
                seen[key] = f"{key} {' '.join(step['argv'])}\n      got      {how}"
    finally:
        box.close()
    known = {key for key in (*DIFFERENT, *NOT_YET) if key.startswith(f"{path.stem}[")}
    rest = {key: int(key.partition("[")[2].removesuffix(":]")) for key in known if key.endswith(":]")}
    covered = {key: first for key in seen for first, start in rest.items() if _step(key) >= start}
    wrong = [text for key, text in seen.items() if key not in known and key not in covered]
    needless = known - seen.keys() - set(covered.values())
    wrong += [f"{key} is as recorded now: take it off the list" for key in sorted(needless)]
    assert not wrong, "\n" + "\n".join(wrong)
