"""The scripts that run inside guests: linted, and really run, in a namespace of their own."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from limacore.guest import agentfile, cidata
from limacore.guest.seed import Seed
from limacore.model.config import Config, Provision, User

PAYLOAD = Path(cidata.__file__).parent / "payload"
BOOT = sorted([PAYLOAD / "agent.sh", PAYLOAD / "boot.sh", *PAYLOAD.glob("boot.*/*.sh"),
               *PAYLOAD.glob("drivers/*/boot.*/*.sh")])
TINY = sorted(path for path in (PAYLOAD / "tiny").rglob("*") if path.is_file() and path.read_bytes()[:2] == b"#!")
SHELLS = [shell for shell in (("dash",), ("busybox", "ash"), ("bash", "--posix")) if shutil.which(shell[0])]
STAGE = """
set -e
mount -t tmpfs run /run
mount -t tmpfs etc /etc
printf 'root:x:0:0::/root:/bin/sh\\n' >/etc/passwd
printf 'root:x:0:\\n' >/etc/group
printf '127.0.0.1 localhost\\n9.9.9.9 host.lima.internal\\n' >/etc/hosts
printf 'LANG=C\\n#LIMA-START\\nOLD=1\\n#LIMA-END\\n' >/etc/environment
{before}
code=0
"$@" >/run/out 2>&1 || code=$?
cd /run
for file in out lima-boot-done lima-boot-progress lima-ssh-ready /etc/hosts /etc/environment /etc/given; do
    printf '=== %s\\n' "$file"
    cat "$file" 2>/dev/null || true
done
exit "$code"
"""


def test_the_agent_is_python_3_6() -> None:
    ast.parse(agentfile.content(), feature_version=(3, 6))


def test_the_parts_of_the_agent_import_what_they_use_and_all_are_joined() -> None:
    for argv, text in ((("--select=E,F,I", "--line-length=120", agentfile.PARTS), b""),
                       (("--select=F821", "-"), agentfile.content())):
        done = subprocess.run((sys.executable, "-m", "ruff", "check", "--isolated", *argv), input=text,
                              capture_output=True)
        assert done.returncode == 0, done.stdout.decode()
    assert {path.stem for path in agentfile.PARTS.glob("*.py")} == {"head", *agentfile.ORDER}
    assert b"from ." not in agentfile.content()


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
def test_the_scripts_are_clean() -> None:
    # 2154: udhcpc gives its variables by the environment; 2013: words are meant, not lines.
    for options, scripts in (((), BOOT), (("-s", "sh", "-e", "SC2154,SC2013"), TINY)):
        done = subprocess.run(["shellcheck", *options, *map(str, scripts)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def boot(shell: tuple[str, ...], tmp_path: Path, config: Config, before: str = "") -> tuple[int, dict[str, str]]:
    """Run boot.sh as a guest would, with /run and /etc of its own; exit code and the files it wrote."""
    seed = Seed(config=config, name="one", directory="/l/one", public_keys=(), iid="iid-1")
    for name, content in cidata.files(seed, {}).items():
        path = tmp_path / "cidata" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o755)
    unshare = ["unshare", "--mount", *(["--map-root-user"] if os.geteuid() else [])]
    done = subprocess.run([*unshare, "sh", "-c", STAGE.format(before=before), "sh", *shell,
                           str(tmp_path / "cidata" / "boot.sh")], capture_output=True, text=True,
                          env={**os.environ, "LIMA_CIDATA_MNT": str(tmp_path / "cidata"), "LIMA_BOOT_LOG": "/run/out"},
                          timeout=60)
    if "unshare" in done.stderr:
        pytest.skip(f"no namespaces here: {done.stderr.strip()}")
    parts = [part.partition("\n") for part in done.stdout.split("=== ")[1:]]
    return done.returncode, {name: content for name, _, content in parts}


def config(*provision: Provision, **more: Any) -> Config:
    """A guest that installs nothing on the computer that the test runs on."""
    nothing = Provision(mode="dependency", script="#!/bin/sh\n", skip_default_dependency_resolution=True)
    return Config(user=User(name="root", uid=0, home="/root"), guest_install_prefix="/run/prefix",
                  provision=(*provision, nothing), **more)


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_a_boot_leaves_its_marks(shell: tuple[str, ...], tmp_path: Path) -> None:
    code, found = boot(shell, tmp_path, config(env={"A": "b c"}))
    assert code == 0, found
    assert found["lima-boot-done"] == "iid-1\n"
    assert found["lima-ssh-ready"] == "iid-1\n"
    assert found["/etc/hosts"] == "127.0.0.1 localhost\n192.168.5.2 host.lima.internal\n"
    assert found["/etc/environment"] == "LANG=C\n#LIMA-START\nA=b c\n#LIMA-END\n"
    progress = [line.split() for line in found["lima-boot-progress"].splitlines()]
    assert [words[0] for words in progress] == ["start", "end"] * (len(progress) // 2)
    assert {words[2] for words in progress if words[0] == "end"} == {"0"}


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_a_failing_script_is_told_and_the_rest_still_runs(shell: tuple[str, ...], tmp_path: Path) -> None:
    scripts = (Provision(script="#!/bin/sh\nexit 3\n"),
               Provision(script='#!/bin/sh\necho "$PARAM_q|$LIMA_CIDATA_NAME|$E" >/etc/given\n'))
    code, found = boot(shell, tmp_path, config(*scripts, param={"q": 'a "b" $c'}, env={"E": "e"}))
    assert code == 1
    assert found["/etc/given"] == 'a "b" $c|one|e\n'
    assert "WARNING: Failed to execute" in found["out"]
    assert found["lima-boot-done"] == "iid-1\n"
    assert any(line.endswith(" 3 provision.system/00000000") for line in found["lima-boot-progress"].splitlines())


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_a_data_file_gets_its_place_and_mode(shell: tuple[str, ...], tmp_path: Path) -> None:
    given = Provision(mode="data", path="/etc/given", content="text", permissions="600", owner="root:root")
    kept = Provision(mode="data", path="/etc/hosts.kept", content="new", overwrite=False)
    check = Provision(script="#!/bin/sh\n[ \"$(stat -c %a /etc/given)\" = 600 ] && grep -q old /etc/hosts.kept\n")
    code, found = boot(shell, tmp_path, config(given, kept, check), "echo old >/etc/hosts.kept")
    assert (code, found["/etc/given"]) == (0, "text"), found["out"]


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_a_data_file_that_cannot_be_placed_ends_the_boot(shell: tuple[str, ...], tmp_path: Path) -> None:
    bad = Provision(mode="data", path="/proc/nothing/here", content="text", owner="root:root")
    code, found = boot(shell, tmp_path, config(bad))
    assert code != 0
    assert found["lima-boot-done"] == ""


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_a_script_can_ask_for_a_reboot_first(shell: tuple[str, ...], tmp_path: Path) -> None:
    asks = Provision(script='#!/bin/sh\ntouch "$LIMA_REBOOT_REQUIRED"\n')
    code, found = boot(shell, tmp_path, config(asks))
    assert (code, found["lima-boot-done"]) == (0, "")


def test_a_plain_guest_runs_only_the_scripts_that_a_login_needs(tmp_path: Path) -> None:
    code, found = boot(SHELLS[0], tmp_path, config(plain=True))
    assert (code, found["lima-boot-done"]) == (0, "iid-1\n")
    assert "boot.essential.Linux/" in found["lima-boot-progress"]
    assert "boot.Linux/" not in found["lima-boot-progress"]
