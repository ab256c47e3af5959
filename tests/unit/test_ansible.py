"""Ansible: our inventories as the real ansible-core reads them, and playbooks run by it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from limacore import ansible
from limacore.errors import HostError
from limacore.model.config import Config, Provision
from limacore.model.event import ScriptEvent
from limacore.paths import InstancePaths

BIN = Path(sys.executable).parent

pytestmark = pytest.mark.skipif(not (BIN / "ansible-playbook").exists(), reason="ansible-core is not installed")

LOCAL = """\
- hosts: lima
  vars: {ansible_connection: local, ansible_python_interpreter: "{{ ansible_playbook_python }}"}
  gather_facts: false
  tasks:
  - ansible.builtin.copy:
      dest: "{{ playbook_dir }}/seen"
      content: "{{ inventory_hostname }} {{ ansible_host }} {{ lookup('env', 'PARAM_word') }}"
"""
FAILING = "- hosts: lima\n  connection: local\n  gather_facts: false\n  tasks:\n  - ansible.builtin.fail: {msg: nope}\n"


@pytest.fixture(autouse=True)
def _ansible_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{BIN}:{os.environ['PATH']}")
    monkeypatch.setenv("ANSIBLE_NOCOLOR", "1")


@pytest.fixture
def paths(lima_home: Path) -> InstancePaths:
    made = InstancePaths(lima_home / "dev.v2")
    made.dir.mkdir()
    return made


def config(*playbooks: Path, **param: str) -> Config:
    return Config(provision=tuple(Provision(mode="ansible", playbook=str(each)) for each in playbooks), param=param)


def read_by_ansible(source: Path) -> dict[str, Any]:
    argv = ["ansible-inventory", "-i", str(source), "--list"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_inventory_file_is_that_of_limactl(paths: InstancePaths) -> None:
    assert ansible.inventory_text(paths) == (
        "lima:\n  hosts:\n    dev.v2:\n      ansible_connection: ssh\n      ansible_host: lima-dev-v2\n"
        f"      ansible_ssh_common_args: -F {paths.dir}/ssh.config\n")


@pytest.mark.parametrize("name", ["1", "on", "1e3", "a b"])
def test_inventory_file_keeps_any_name_a_text(name: str, tmp_path: Path) -> None:
    (tmp_path / "inventory.yaml").write_text(ansible.inventory_text(InstancePaths(tmp_path / name)))
    assert list(read_by_ansible(tmp_path / "inventory.yaml")["_meta"]["hostvars"]) == [name]


async def test_playbooks_run_with_the_parameters(paths: InstancePaths, tmp_path: Path) -> None:
    playbook, lines = tmp_path / "play.yaml", list[str]()
    playbook.write_text(LOCAL)
    await ansible.run_playbooks(paths, config(playbook, word="two words"), output=lines.append)
    assert (tmp_path / "seen").read_text() == "dev.v2 lima-dev-v2 two words"
    assert any("PLAY RECAP" in line for line in lines)
    assert paths.ansible_inventory.stat().st_mode & 0o777 == 0o644


async def test_failing_playbook_gives_its_exit_code_and_ends_the_row(paths: InstancePaths, tmp_path: Path) -> None:
    bad, good = tmp_path / "bad.yaml", tmp_path / "good.yaml"
    bad.write_text(FAILING)
    good.write_text(LOCAL)
    told: list[ScriptEvent] = []
    with pytest.raises(ansible.PlaybookError) as caught:
        await ansible.run_playbooks(paths, config(bad, good, word="x"), output=lambda line: None, told=told.append)
    assert caught.value.exit_code == 2
    assert not (tmp_path / "seen").exists()
    assert [(each.provision, each.exit_code) for each in told] == [("00000000 (ansible)", None),
                                                                  ("00000000 (ansible)", 2)]
    assert told[1].seconds > 0


async def test_nothing_is_written_without_playbooks(paths: InstancePaths) -> None:
    await ansible.run_playbooks(paths, Config(provision=(Provision(script="true"), Provision(mode="ansible"))))
    assert list(paths.dir.iterdir()) == []


async def test_missing_playbook_and_missing_ansible_are_told(
    paths: InstancePaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(HostError, match="does not exist"):
        await ansible.run_playbooks(paths, config(tmp_path / "none.yaml"))
    (tmp_path / "play.yaml").write_text(LOCAL)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HostError, match="ansible-playbook"):
        await ansible.run_playbooks(paths, config(tmp_path / "play.yaml"), output=lambda line: None)


@pytest.fixture
def script(lima_home: Path, tmp_path: Path) -> Path:
    """An inventory script as a user writes it, over a home with a stopped instance and a broken one."""
    for name, text in (("good", "images:\n- location: /tmp/none.qcow2\n"), ("bad", "a: [")):
        (lima_home / name).mkdir()
        (lima_home / name / "lima.yaml").write_text(text)
    path = tmp_path / "lima.sh"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m limatui ansible-inventory "$@"\n')
    path.chmod(0o755)
    return path


def test_ansible_accepts_the_dynamic_inventory(script: Path, lima_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    seen = read_by_ansible(script)
    assert seen["lima"]["hosts"] == ["bad", "good"]
    assert "hosts" not in seen.get("lima_running", {})
    good = seen["_meta"]["hostvars"]["good"]
    assert good["ansible_ssh_common_args"] == f"-F {lima_home}/good/ssh.config"
    assert (good["ansible_host"], good["lima_status"], good["lima_vm_type"]) == ("lima-good", "Stopped", "qemu")
    assert seen["_meta"]["hostvars"]["bad"]["lima_status"] == "Broken"


def test_one_host(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    done = subprocess.run([script, "--host", "good"], capture_output=True, text=True)
    assert json.loads(done.stdout)["ansible_connection"] == "ssh", done.stderr
    wrong = subprocess.run([script, "--host", "none"], capture_output=True, text=True)
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "Traceback" not in wrong.stderr
    assert shutil.which("ansible")
