"""Our configuration against recordings of the reference program."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from limacore.base import yamlio
from limacore.base.host import Host
from limacore.base.units import parse_size
from limacore.config.load import Loaded, load_layers
from limacore.config.setting import Setting
from limacore.config.written import written
from limacore.errors import LimaError, UsageError
from limacore.paths import HomePaths
from limacore.templates import embed

GOLDEN = Path(__file__).parents[4] / "shared" / "golden" / "config"
pytestmark = pytest.mark.skipif(not GOLDEN.is_dir(), reason="no recordings of the reference program here")

NOT_YET = {
    "fill/101-template-functions-ok": "printf, range, with, slice and html are not part of our template language",
    "fill/102-template-escapes": "braces inside a string of an action",
    "fill/075-env-special-text": "the recording holds control characters and is itself no YAML",
    "fill/136-provision-script-forms": "the recording holds control characters and is itself no YAML",
}
OURS = {
    "validate/078-user-root": "a guest user root is refused at once, not when the seed is written",
    "validate/089-minver-v-prefix-too-new": "a leading v does not switch the check off",
    "fill/207-bom": "a byte order mark is skipped",
    "validate/242-bom": "a byte order mark is skipped",
    "validate/117-provision-file-empty-script": "an empty script is replaced by its file",
    "validate/118-provision-file-empty-content": "an empty content is replaced by its file",
    "validate/128-probe-file-empty-script": "an empty script is replaced by its file",
    "validate/119-probe-file-and-null-script": "files of probes are read in",
    "validate/127-probe-file": "files of probes are read in",
}
"""Cases where we differ on purpose."""


def _cases(kind: str) -> list[Any]:
    return [_case(path) for path in sorted(GOLDEN.glob(f"{kind}/[0-9]*"))]


def _case(path: Path) -> Any:
    name = f"{path.parent.name}/{path.name}"
    reason = NOT_YET.get(name) or OURS.get(name)
    marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
    return pytest.param(path, id=path.name, marks=marks)


class Stage:
    """A home and a working directory like those of the recording."""

    def __init__(self, root: Path, case: Path) -> None:
        self.case, self.home_dir, self.cwd = case, root / "hA", root / "w"
        (self.home_dir / "_config").mkdir(parents=True)
        self.cwd.mkdir()
        for file in case.iterdir():
            target = self.cwd
            if file.name in ("default.yaml", "override.yaml", "base.yaml"):
                target = self.home_dir / "_config"
            (target / file.name).write_bytes(self._expand(file.read_bytes()))
        self.home = HomePaths(self.home_dir)

    def _expand(self, raw: bytes) -> bytes:
        for name, path in (("@HOME@", self.home_dir.parent), ("@LIMA_HOME@", self.home_dir), ("@CWD@", self.cwd)):
            raw = raw.replace(name.encode(), str(path).encode())
        return raw

    def expected(self, name: str) -> str:
        text = self._expand((self.case / name).read_bytes()).decode()
        return re.sub(r"@MAC\([^)]*\)@", "52:55:55:00:00:00", text)

    def setting(self) -> Setting:
        env = self.case / "env.json"
        extra = json.loads(env.read_text()) if env.exists() else {}
        host = Host(user="u", uid=1001, home=str(self.home_dir.parent), full_name="", cpus=2, memory=16 << 30,
                    arch="x86_64", os="linux", timezone="Etc/UTC", temp_dir=extra.get("TMPDIR", "/tmp"))
        return Setting(host=host, name="hA", directory=str(self.home_dir), yaml_path=str(self.home_dir / "input.yaml"),
                       lima_home=str(self.home_dir), over_vsock=extra.get("LIMA_SSH_OVER_VSOCK", ""))

    def load(self, *, with_base: bool) -> Loaded:
        text = embed.read(str(self.cwd / "input.yaml"), self.home, with_base=with_base)
        return load_layers(text, self.setting(), self.home)


@pytest.fixture
def stage(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    case: Path = request.param
    made = Stage(tmp_path, case)
    monkeypatch.chdir(made.cwd)
    yield made


@pytest.mark.parametrize("stage", _cases("fill"), indirect=True)
def test_fill(stage: Stage) -> None:
    try:
        loaded = stage.load(with_base=True)
    except LimaError:
        assert (stage.case / "rc").exists()
        return
    if (stage.case / "rc").exists():
        assert loaded.config is None
        return
    expected = yamlio.load(stage.expected("expected.yaml"))
    filled = written(loaded.filled)
    if not loaded.chosen_driver:
        filled.pop("vmType")
    assert _comparable(filled) == _comparable(expected)


def _comparable(value: dict[str, object]) -> dict[str, object]:
    """Derived hardware addresses depend on the machine of the recording."""
    networks = value.get("networks")
    for network in networks if isinstance(networks, list) else ():
        if str(network.get("macAddress")).startswith("52:55:55"):
            network["macAddress"] = "derived"
    return value


@pytest.mark.parametrize("stage", _cases("validate"), indirect=True)
def test_validate(stage: Stage) -> None:
    try:
        errors = [each.message for each in stage.load(with_base=False).errors]
    except LimaError as error:
        errors = [str(error)]
    fails = (stage.case / "rc").read_text().strip() != "0"
    assert bool(errors) == fails, errors


def _sizes() -> list[tuple[str, str, str]]:
    path = GOLDEN / "size" / "size.tsv"
    lines = path.read_text().splitlines()[1:] if path.exists() else []
    return [(source, listed, error) for source, _, listed, error in (line.split("\t") for line in lines)]


@pytest.mark.parametrize(("source", "listed", "error"), _sizes())
def test_size(source: str, listed: str, error: str, tmp_path: Path) -> None:
    stage_text = f"images: [{{location: /a}}]\ndisk: {ast.literal_eval(source)}\n"
    host = Host(user="u", uid=1001, home="/h", full_name="", cpus=2, memory=16 << 30, arch="x86_64", os="linux",
                timezone="")
    setting = Setting(host=host, name="n", directory="/d", yaml_path="/d/lima.yaml", lima_home="/")
    loaded = load_layers(stage_text, setting, HomePaths(tmp_path))
    wanted = listed.split()[0]
    if error or wanted.startswith("-"):  # the reference wraps around beyond 63 bits
        assert loaded.errors
        with pytest.raises(UsageError):
            parse_size(loaded.filled["disk"])
        return
    assert not loaded.errors
    assert parse_size(loaded.filled["disk"]) == (0 if wanted == "None" else int(wanted))
