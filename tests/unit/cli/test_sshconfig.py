"""show-ssh against what the reference tool printed; the tunnel's refusals."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from limacore.cli.sshconfig import FORMATS
from limacore.model.config import Config, Ssh, User
from limacore.paths import HomePaths
from limacore.ssh.options import SshProgram, at, options

ALL_FORWARDS = Ssh(forward_agent=True, forward_x11=True, forward_x11_trusted=True)


@pytest.mark.parametrize("style", ["cmd", "args", "options", "config"])
@pytest.mark.parametrize(("case", "config", "identities"), [
    ("default", Config(user=User(name="u")), ()),
    ("dotted", Config(user=User(name="u")), ()),
    ("load-dotssh", Config(user=User(name="u")), ("k1",)),
    ("user-overrides", Config(user=User(name="guesty"), ssh=ALL_FORWARDS), ()),
])
def test_every_format_is_as_recorded(golden: Path, monkeypatch: pytest.MonkeyPatch, style: str, case: str,
                                     config: Config, identities: tuple[str, ...]) -> None:
    monkeypatch.setenv("HOME", "/h")
    recorded = (golden / "runtime/ssh" / f"{case}.show-ssh-{style}.txt").read_text()
    name = (golden / "runtime/ssh" / f"{case}.ssh.config").read_text().split('ControlPath "@LIMA_HOME@/', 1)[1]
    name = name.split("/")[0]
    home = HomePaths(Path("/lima"))
    found = options(home, home.instance(name), config, SshProgram((9, 2, 1)), identities)
    text = FORMATS[style](name, (*found, *at(4711)))
    assert text == recorded.replace("@LIMA_HOME@", "/lima").replace("@HOME@", "/h").replace("@SSHPORT@", "4711")


@pytest.mark.parametrize(("words", "message"), [
    (["tunnel", "--type=http", "a"], "unknown tunnel type: `http`"),
    (["tunnel", "--socks-port=-1", "a"], "invalid socks port -1"),
    (["tunnel", "a"], "instance `a` does not exist"),
    (["show-ssh", "a"], "instance `a` does not exist"),
    (["show-ssh", "broken"], "instance `broken` has no configuration"),
])
def test_refusals(lima_home: Path, words: list[str], message: str) -> None:
    (lima_home / "broken").mkdir()
    (lima_home / "broken/lima.yaml").write_text("a: [")
    done = subprocess.run([sys.executable, "-m", "limatui", *words], env={**os.environ, "LIMA_HOME": str(lima_home)},
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and message in done.stderr and "Traceback" not in done.stderr and not done.stdout
