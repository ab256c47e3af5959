"""`template url`, programs `limactl-url-*`, the search path of templates, against recordings of the reference tool."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import GOLDEN
from tests.golden.cli.match import differences
from tests.golden.cli.sandbox import Runner, Sandbox

URLS = GOLDEN / "config" / "url" / "url.tsv"
PLUGINS = sorted((GOLDEN / "config" / "url-plugin").glob("[0-9]*"))
DIFFERENT = {
    "006-empty-output": "a program that answers nothing is told as the culprit",
}
pytestmark = pytest.mark.skipif(not PLUGINS, reason="recordings of the reference tool are not here")
_NETWORK = "dial tcp"


def _urls() -> list[tuple[str, int, str, str]]:
    lines = URLS.read_text().splitlines()[1:] if URLS.exists() else []
    rows = (line.split("\t") for line in lines)
    return [(locator, int(rc), json.loads(out), json.loads(err)) for locator, rc, out, err in rows]


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    runner = Runner()
    yield runner
    runner.close()


@pytest.fixture
def box(runner: Runner) -> Iterator[Sandbox]:
    box = Sandbox(runner)
    yield box
    box.close()


@pytest.mark.parametrize(("locator", "rc", "stdout", "stderr"), _urls())
def test_urls(locator: str, rc: int, stdout: str, stderr: str, box: Sandbox) -> None:
    if _NETWORK in stderr:
        pytest.skip("asks a server on the network; tests/unit/templates/test_web.py has one")
    if locator.startswith("fedora-rawhide:"):
        pytest.skip("the program for that scheme comes with us; where this was recorded it was missing")
    step = {"argv": ["limactl", "template", "url", locator], "rc": rc, "stdout": stdout, "stderr": stderr}
    assert not list(differences(box, step, box.run(step)))


@pytest.mark.parametrize("case", PLUGINS, ids=[case.name for case in PLUGINS])
def test_plugins(case: Path, box: Sandbox) -> None:
    for folder, target in (("files", "@WORK@"), ("_templates", "@LIMA_HOME@/_templates")):
        for file in (each for each in (case / folder).rglob("*") if each.is_file()):
            text = file.read_text().replace("@CWD@", "@WORK@")
            mode = "0755" if text.startswith("#!") else "0644"
            box.op({"op": "write", "path": f"{target}/{file.relative_to(case / folder)}", "text": text, "mode": mode})
    step = json.loads((case / "run.json").read_text().replace("@CWD@", "@WORK@"))
    step["env"]["PATH"] = "@WORK@/bin:@BIN@:/usr/local/bin:/usr/bin:/bin"
    found = [f"{aspect}: {how}" for aspect, how in differences(box, step, box.run(step))]
    assert bool(found) == (case.name in DIFFERENT), found
