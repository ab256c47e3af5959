"""The boot script that turns name questions to the host, with recorders in the places of iptables and nft."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import limacore

SCRIPTS = Path(limacore.__file__).parent / "guest/payload/boot.Linux"
SHELLS = [shell for shell in ("dash", "busybox sh") if shutil.which(shell.split()[0])]


def run(tmp_path: Path, shell: str, tools: dict[str, str], udp: int = 60001) -> str:
    """What the script gave to the tools, as they were called."""
    for name, code in tools.items():
        (tmp_path / name).write_text(f'#!/bin/sh\necho "{name} $*" >>"$LOG"\n{code}\n')
        (tmp_path / name).chmod(0o755)
    (tmp_path / "cat").symlink_to(shutil.which("cat") or "")
    env = {"PATH": str(tmp_path), "LOG": str(tmp_path / "log"), "LIMA_CIDATA_SLIRP_DNS": "192.168.5.3",
           "LIMA_CIDATA_SLIRP_GATEWAY": "192.168.5.2", "LIMA_CIDATA_UDP_DNS_LOCAL_PORT": str(udp),
           "LIMA_CIDATA_TCP_DNS_LOCAL_PORT": str(udp and udp + 1)}
    program, *words = shell.split()
    subprocess.run([shutil.which(program) or program, *words, SCRIPTS / "09-host-dns-setup.sh"], env=env, check=True)
    log = tmp_path / "log"
    return log.read_text() if log.exists() else ""


@pytest.mark.parametrize("shell", SHELLS)
def test_the_rules_of_the_reference_tool(tmp_path: Path, shell: str) -> None:
    absent = 'case "$*" in *-C*) exit 1 ;; esac'
    assert run(tmp_path, shell, {"iptables": absent, "nft": ""}).splitlines() == [
        "iptables -w -t nat -N LIMADNS",
        "iptables -w -t nat -C PREROUTING -j LIMADNS", "iptables -w -t nat -I PREROUTING 1 -j LIMADNS",
        "iptables -w -t nat -C OUTPUT -j LIMADNS", "iptables -w -t nat -I OUTPUT 1 -j LIMADNS",
        "iptables -w -t nat -A LIMADNS -d 192.168.5.3 -p udp --dport 53 -j DNAT --to-destination 192.168.5.2:60001",
        "iptables -w -t nat -A LIMADNS -d 192.168.5.3 -p tcp --dport 53 -j DNAT --to-destination 192.168.5.2:60002",
    ]


@pytest.mark.parametrize("shell", SHELLS)
def test_nft_where_there_is_no_iptables(tmp_path: Path, shell: str) -> None:
    told = run(tmp_path, shell, {"nft": 'cat >>"$LOG"'})
    assert told.startswith("nft -f -\n") and told.count("udp dport 53 dnat to 192.168.5.2:60001") == 2
    assert told.count("tcp dport 53 dnat to 192.168.5.2:60002") == 2


@pytest.mark.parametrize("shell", SHELLS)
def test_switched_off_leaves_no_rule(tmp_path: Path, shell: str) -> None:
    assert "dnat" not in run(tmp_path, shell, {"nft": 'cat >>"$LOG"'}, udp=0)


@pytest.mark.parametrize("shell", SHELLS)
def test_neither_tool_is_no_failure(tmp_path: Path, shell: str) -> None:
    assert run(tmp_path, shell, {}) == ""


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not here")
def test_shellcheck() -> None:
    subprocess.run(["shellcheck", *sorted(SCRIPTS.glob("*host-dns*.sh"))], check=True, env=dict(os.environ))
