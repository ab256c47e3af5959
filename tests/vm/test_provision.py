"""Entries of `provision` in a real guest, each mode; playbooks by the real ansible-playbook, whose failure is that of
start."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from limacore import hostlink
from limacore.paths import InstancePaths
from tests.vm.conftest import BOOT_LIMIT, Cli, check_clock

BIN = Path(sys.executable).parent
YAML = """\
base: template:tiny
param: {{word: hello}}
provision:
- mode: boot
  script: echo "$PARAM_word" >/run/early
- mode: boot
  script: |
    echo not on this machine
    exit 4
- mode: dependency
  script: "#!/bin/sh\\ncat /run/early >/run/dependency"
- mode: data
  path: /etc/a/settings.json
  content: '{{"kept": [1]}}'
- mode: yq
  path: /etc/a/settings.json
  expression: .word = "{{{{.Param.word}}}}"
  permissions: "600"
- mode: yq
  path: "{{{{.Home}}}}/new/conf.yaml"
  owner: "{{{{.User}}}}"
  expression: .made.of = "nothing"
- mode: yq
  path: /etc/a/settings.json
  expression: .a.b.c[
- script: "test {{{{.Param.word}}}} = hello"
- script: |
    #!/bin/sh
    grep -q hello /etc/a/settings.json && echo the last word >&2
    exit 3
- mode: user
  script: "#!/bin/sh\\ntouch ~/user"
- mode: ansible
  playbook: {playbook}
"""
PLAY = """\
- hosts: lima
  gather_facts: false
  tasks:
  - ansible.builtin.raw: "echo {{ lookup('env', 'PARAM_word') }} {{ inventory_hostname }} > /tmp/raw"
  - ansible.builtin.copy: {content: by python, dest: /tmp/module}
    vars: {ansible_python_interpreter: /usr/bin/python3}
"""
FAILING = "- hosts: lima\n  gather_facts: false\n  tasks:\n  - ansible.builtin.raw: exit 3\n"

pytestmark = pytest.mark.skipif(not (BIN / "ansible-playbook").exists(), reason="ansible-core is not installed")


def test_scripts_are_told_and_playbooks_run_after_the_guest_is_ready(cli: Cli) -> None:
    playbook, template = cli.home / "play.yaml", cli.home / "p.yaml"
    playbook.write_text(PLAY)
    template.write_text(YAML.format(playbook=playbook))
    path = f"{BIN}:{os.environ['PATH']}"
    cli("create", "--name=p", str(template), timeout=900)
    started = cli("start", "--strict", "p", check=False, timeout=2 * BOOT_LIMIT, PATH=path)
    assert started.returncode == 1
    assert "of instance `p` failed: provision.boot/00000001, provision.yq/00000006, provision.system/00000008" in (
        started.stderr)
    assert "PLAY RECAP" in started.stdout
    assert f'Waiting for ansible playbook \\"{playbook}\\"' in started.stderr
    assert cli("shell", "p", "cat", "/tmp/raw", "/tmp/module", "/run/dependency").stdout == "hello p\nby pythonhello\n"
    _scripts(cli)
    check_clock(cli, "p")
    cli("stop", "p")
    playbook.write_text(FAILING)
    cli("edit", "p", "--set", ".plain = true")
    failed = cli("start", "p", check=False, timeout=2 * BOOT_LIMIT, PATH=path)
    assert failed.returncode == 2
    assert f"ansible playbook `{playbook}` failed" in failed.stderr
    assert cli.state("p") == "Running"
    _plain(cli)
    cli("stop", "p")


def _plain(cli: Cli) -> None:
    """A plain boot of the same guest: no agent, no boot scripts but for the login; what needs them is left out."""
    status = asyncio.run(hostlink.status(InstancePaths(cli.home / "p")))
    assert (status.phase, status.agent, status.errors, status.forwards) == ("running", "", (), ())
    look = "cat /run/early; ls /run/dependency /run/lima-ssh-ready; grep -c boot.Linux /run/lima-boot-progress"
    assert cli("shell", "p", "sh", "-c", look, check=False).stdout.split() == ["hello", "0"]
    assert "provision.system/00000008" in cli("shell", "p", "cat", "/run/lima-boot-progress").stdout


def _scripts(cli: Cli) -> None:
    """What each of them did, and what the host was told of it."""
    files = "sudo cat /etc/a/settings.json; cat ~/new/conf.yaml; ls ~/user; sudo stat -c %a,%U /etc/a/settings.json"
    assert cli("shell", "p", "sh", "-c", files).stdout.split() == [
        "{", '"kept":', "[", "1", "],", '"word":', '"hello"', "}", "made:", "of:", "nothing",
        cli("shell", "p", "sh", "-c", "echo ~/user").stdout.strip(), "600,root"]
    status = asyncio.run(hostlink.status(InstancePaths(cli.home / "p")))
    steps = {step.name.removeprefix("script "): step for step in status.steps if step.name.startswith("script ")}
    assert list(steps) == [
        "00000000 (boot)", "00000001 (boot)", "00000002 (dependency)", "00000003 (data)", "00000004 (yq)",
        "00000005 (yq)", "00000006 (yq)", "00000007 (system)", "00000008 (system)", "00000009 (user)"]
    failed = {name: step.detail for name, step in steps.items() if step.state == "failed"}
    assert failed.pop("00000006 (yq)").startswith("exit code 1: ")
    assert failed == {"00000001 (boot)": "exit code 4: not on this machine",
                      "00000008 (system)": "exit code 3: the last word"}
    assert {step.state for name, step in steps.items() if step.name not in failed} == {"done", "failed"}
