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
from limacore.base import yq as expressions
from limacore.base.host import Host
from limacore.base.units import parse_size
from limacore.config.load import Loaded, load_layers
from limacore.config.setting import Setting
from limacore.config.written import to_yaml, written
from limacore.errors import LimaError, UsageError
from limacore.paths import HomePaths
from limacore.templates import embed
from limacore.templates.fill import shown

GOLDEN = Path(__file__).parents[4] / "shared" / "golden" / "config"
pytestmark = pytest.mark.skipif(not GOLDEN.is_dir(), reason="no recordings of the reference program here")

_BOM = "a byte order mark that an editor left is skipped, and hides no field"
_EMPTY = "an empty script or content beside `file` is replaced by the file"
_PROBE = "files of probes are read in, like those of provision"
OURS = {
    "validate/078-user-root": "a guest user root is refused at once, not when the seed is written",
    "validate/089-minver-v-prefix-too-new": "a leading v does not switch the check off",
    "validate/117-provision-file-empty-script": _EMPTY, "validate/118-provision-file-empty-content": _EMPTY,
    "validate/128-probe-file-empty-script": _EMPTY,
    "validate/119-probe-file-and-null-script": _PROBE, "validate/127-probe-file": _PROBE,
    "fill/207-bom": _BOM, "validate/242-bom": _BOM,
}
"""Cases where we differ on purpose."""
OTHER_WORDS = {
    "052-mount-to-tilde": "the reason of `stat` is told where the reference prints `%!w(<nil>)`",
    "045-mount-not-a-directory": "as above",
    "201-param-regex-meta": "a key with signs of regular expressions is looked for as it is written",
    "101-provision-data-no-path": "one mistake does not hide the others",
    "231-syntax-percent": "a directive that nobody knows is passed over, as YAML 1.2 wants it",
    "202-param-playbook-missing": "a missing playbook is told with all other problems",
    "207-audio-interface-hides-others": "one mistake does not hide the others",
}
"""Cases that fail as they should and say more, or say it better."""
OTHER_STYLE = ("075-env-special-text", "136-provision-script-forms")
"""Texts that begin with line breaks, or end with several, or hold a lone carriage return: the same value in quotes."""
LIBRARY = ("failed to unmarshal YAML", "yaml: ", "Get ")
"""How messages begin whose words come from a library."""


def _cases(kind: str) -> list[Any]:
    return [_case(path) for path in sorted(GOLDEN.glob(f"{kind}/[0-9]*"))]


def _case(path: Path) -> Any:
    reason = OURS.get(f"{path.parent.name}/{path.name}")
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
        text = embed.read("input.yaml", self.home, with_base=with_base)
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
    text = stage.expected("expected.yaml")
    filled = written(loaded.filled)
    if not loaded.chosen_driver:
        filled.pop("vmType")
    assert yamlio.load(to_yaml(filled)) == filled
    ours = _one_kind_of_breaks(filled) if stage.case.name in OTHER_STYLE else filled
    assert _comparable(ours) == _comparable(_readable(text))
    if not _UNWRITABLE.search(text) and stage.case.name not in OTHER_STYLE:
        assert to_yaml(filled) == re.sub("52:55:55:.*", "derived", text)


SHARED = GOLDEN / "yq/075-identity/input.yaml"


@pytest.mark.parametrize("stage", [
    _case(path.parent) for path in sorted(GOLDEN.glob("yq/*/query.expected.txt"))
    if (path.parent / "input.yaml").read_bytes() != SHARED.read_bytes()
], indirect=True)
def test_queries_of_a_filled_file(stage: Stage) -> None:
    """tests/golden/test_yq.py has those of the file that most of them share."""
    if stage.case.name == "147-query-with-base":  # what its base.yaml must have been: that file was not recorded
        (stage.home_dir / "_config/base.yaml").write_text("env: {FROM: base}\n")
    values = shown(stage.load(with_base=True))
    found = expressions.print_results(expressions.query((stage.case / "expr.txt").read_text(), values))
    assert found == stage.expected("query.expected.txt")


_UNWRITABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]|\ufffd")


def _readable(text: str) -> Any:
    """What the reference printed; control characters stand in it as they are, where YAML allows none."""
    def shifted(match: re.Match[str]) -> str:
        return chr(0xE000 + ord(match.group()))

    text = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", shifted, text).replace(": ?\n", ': "?"\n')
    return _shifted_back(yamlio.load(text))


def _shifted_back(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shifted_back(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_shifted_back(each) for each in value]
    if isinstance(value, str):
        return re.sub("[\ue000-\ue0ff]", lambda match: chr(ord(match.group()) - 0xE000), value)
    return value


def _one_kind_of_breaks(value: Any) -> Any:
    """The reference writes carriage returns into its blocks, where they read as line breaks."""
    return json.loads(json.dumps(value).replace("\\r\\n", "\\n").replace("\\r", "\\n"))


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
        loaded = stage.load(with_base=False)
        alone = bool(loaded.refusal)
        message = "\n".join(loaded.words)
    except LimaError as error:
        alone, message = True, error.message
    fails = (stage.case / "rc").read_text().strip() != "0"
    assert bool(message) == fails, message
    if fails and stage.case.name not in OTHER_WORDS:
        wanted = _fatal(stage.expected("stderr.txt"))
        given = message if alone else f"failed to validate YAML file `input.yaml`: {message}"
        if wanted.startswith(LIBRARY):
            wanted, given = (each.partition(":")[0] for each in (wanted, given))
        assert given == wanted


def _fatal(log: str) -> str:
    found = re.search(r'level=fatal msg=("(?:[^"\\]|\\.)*")', log)
    assert found, log
    return str(ast.literal_eval(found.group(1)))


def _sizes() -> list[tuple[str, str, str, str]]:
    path = GOLDEN / "size" / "size.tsv"
    lines = path.read_text().splitlines()[1:] if path.exists() else []
    return [(source, filled, listed, error) for source, filled, listed, error in (line.split("\t") for line in lines)]


@pytest.mark.parametrize(("source", "filled", "listed", "error"), _sizes())
def test_size(source: str, filled: str, listed: str, error: str, tmp_path: Path) -> None:
    text = ast.literal_eval(source)
    stage_text = f"images: [{{location: /a}}]\ndisk: {text}\nmemory: {text}\n"
    host = Host(user="u", uid=1001, home="/h", full_name="", cpus=2, memory=16 << 30, arch="x86_64", os="linux",
                timezone="")
    setting = Setting(host=host, name="n", directory="/d", yaml_path="/d/lima.yaml", lima_home="/")
    loaded = load_layers(stage_text, setting, HomePaths(tmp_path))
    assert to_yaml({"disk": loaded.filled["disk"]}) == f"disk: {ast.literal_eval(filled)}\n"
    wanted = listed.split()[0]
    if wanted.startswith("-"):  # the reference wraps around beyond 63 bits
        assert loaded.errors
        with pytest.raises(UsageError):
            parse_size(loaded.filled["disk"])
        return
    assert "\n".join(loaded.words) == (ast.literal_eval(error).partition(": ")[2] if error else "")
    if not error:
        assert parse_size(loaded.filled["disk"]) == (0 if wanted == "None" else int(wanted))
