"""Options and ssh.config against what the reference tool wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from limacore.errors import ConfigError
from limacore.model.config import Config, Ssh, User
from limacore.paths import HomePaths
from limacore.ssh.options import (
    SshProgram,
    arguments,
    command_words,
    config_text,
    cpu_has_aes,
    detect,
    dot_ssh_identities,
    options,
    parse_version,
)

MODERN = SshProgram((9, 2, 1))
ALL_FORWARDS = Ssh(forward_agent=True, forward_x11=True, forward_x11_trusted=True)


@pytest.mark.parametrize(("case", "config", "identities"), [
    ("default", Config(user=User(name="u")), ()),
    ("dotted", Config(user=User(name="u")), ()),
    ("load-dotssh", Config(user=User(name="u")), ("k1",)),
    ("user-admin", Config(user=User(name="admin")), ()),
    ("user-overrides", Config(user=User(name="guesty"), ssh=ALL_FORWARDS), ()),
])
def test_ssh_config_is_the_recorded_one(golden: Path, monkeypatch: pytest.MonkeyPatch, case: str, config: Config,
                                        identities: tuple[str, ...]) -> None:
    monkeypatch.setenv("HOME", "/h")
    recorded = (golden / "runtime" / "ssh" / f"{case}.ssh.config").read_text()
    name = recorded.split('ControlPath "@LIMA_HOME@/', 1)[1].split("/")[0]
    home = HomePaths(Path("/lima"))
    found = options(home, home.instance(name), config, MODERN, identities)
    text = config_text(name, found, 4711)
    assert text == recorded.replace("@LIMA_HOME@", "/lima").replace("@HOME@", "/h").replace("@SSHPORT@", "4711")


@pytest.mark.parametrize(("program", "cipher", "gssapi"), [
    (SshProgram((8, 0, 9)), None, True),
    (SshProgram((8, 1, 0)), '"^aes128-gcm@openssh.com,aes256-gcm@openssh.com"', True),
    (SshProgram((9, 2, 1), gssapi=False, aes=False), '"^chacha20-poly1305@openssh.com"', False),
])
def test_what_the_program_can_do(program: SshProgram, cipher: str | None, gssapi: bool) -> None:
    home = HomePaths(Path("/lima"))
    found = dict(option.split("=", 1) for option in options(home, home.instance("i"), Config(), program))
    assert found.get("Ciphers") == cipher and ("GSSAPIAuthentication" in found) == gssapi


@pytest.mark.parametrize(("banner", "version"), [
    ("OpenSSH_8.4p1 Ubuntu", (8, 4, 1)), ("OpenSSH_7.0, LibreSSL", (7, 0, 0)),
    ("OpenSSH_for_Windows_9.5p2", (9, 5, 2)), ("dropbear", (0, 0, 0)),
])
def test_versions(banner: str, version: tuple[int, int, int]) -> None:
    assert parse_version(banner) == version


async def test_detects_the_real_program() -> None:
    found = await detect()
    assert found.version > (6, 0, 0) and found.gssapi


def test_line_breaks_are_refused() -> None:
    home = HomePaths(Path("/lima"))
    with pytest.raises(ConfigError):
        options(home, home.instance("i"), Config(user=User(name="u\nProxyCommand=evil")), MODERN)


def test_options_as_words() -> None:
    assert arguments(("A=b", "C=d")) == ["-o", "A=b", "-o", "C=d"]


@pytest.mark.parametrize(("value", "words"), [
    ("", ("/usr/bin/env",)), ("sh -x 'a b'", ("/usr/bin/env", "-x", "a b")), ("/no/ssh -v", ("/no/ssh", "-v")),
    ("sh 'unterminated", ("/usr/bin/env",)),
])
def test_the_variable_names_the_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str,
                                        words: tuple[str, ...]) -> None:
    for name in ("ssh", "sh"):
        (tmp_path / name).symlink_to("/usr/bin/env")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("SSH", value)
    found = command_words()
    assert (str(Path(found[0]).resolve()), *found[1:]) == (str(Path(words[0]).resolve()), *words[1:])


def test_identities_need_their_private_half(tmp_path: Path) -> None:
    for name in ("a", "a.pub", "b.pub"):
        (tmp_path / name).touch()
    assert dot_ssh_identities(tmp_path) == ("a",)


def test_aes(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("processor : 0\nflags\t\t: fpu aes sse\n")
    (tmp_path / "without").write_text("processor : 0\nflags\t\t: fpu aesx\n")
    assert cpu_has_aes(tmp_path / "cpuinfo") and not cpu_has_aes(tmp_path / "without")
