"""Playbooks of lima.yaml: the real ansible-playbook reaches the real guest, and its failure is the failure of start."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.vm.conftest import BOOT_LIMIT, Cli

BIN = Path(sys.executable).parent
YAML = """\
base: template:tiny
param: {{word: hello}}
provision:
- script: "test {{{{.Param.word}}}} = hello"
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


def test_playbooks_run_after_the_guest_is_ready(cli: Cli) -> None:
    playbook, template = cli.home / "play.yaml", cli.home / "p.yaml"
    playbook.write_text(PLAY)
    template.write_text(YAML.format(playbook=playbook))
    path = f"{BIN}:{os.environ['PATH']}"
    cli("create", "--name=p", str(template), timeout=900)
    started = cli("start", "p", timeout=2 * BOOT_LIMIT, PATH=path)
    assert "PLAY RECAP" in started.stdout
    assert f'Waiting for ansible playbook \\"{playbook}\\"' in started.stderr
    assert cli("shell", "p", "cat", "/tmp/raw", "/tmp/module").stdout == "hello p\nby python"
    cli("stop", "p")
    playbook.write_text(FAILING)
    failed = cli("start", "p", check=False, timeout=2 * BOOT_LIMIT, PATH=path)
    assert failed.returncode == 2
    assert f"ansible playbook `{playbook}` failed" in failed.stderr
    assert cli.state("p") == "Running"
    cli("stop", "p")
