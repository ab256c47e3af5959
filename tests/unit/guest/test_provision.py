"""Scripts of `provision` as a guest runs them: their begin, their end, and what a failed one said, for the host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from limacore.base import yamlio
from limacore.guest import cidata
from limacore.guest.seed import Seed
from limacore.model.config import Config, Provision
from tests.unit.guest import agentmodule
from tests.unit.guest.test_payload import SHELLS, boot, config

Shell = tuple[str, ...]
in_every_shell = pytest.mark.parametrize("shell", SHELLS, ids=" ".join)


def told(progress: str, folder: Path) -> dict[str, dict[str, Any]]:
    """The ends of scripts, by name, that the guest agent makes of the notes of a boot."""
    agent = agentmodule.module(folder)
    (folder / "lima-boot-progress").write_text(progress)
    return {each["name"]: each for each in agent.Boot(str(folder)).news() if each["state"] == "end"}


def user_data(config: Config) -> str:
    seed = Seed(config=config, name="one", directory="/l/one", public_keys=(), iid="iid-1")
    return cidata.files(seed, {})["user-data"].decode()


def early(config: Config) -> str:
    """What cloud-init makes of `bootcmd`: one script; without our first command, which renames network cards."""
    return "\n".join(yamlio.load(user_data(config))["bootcmd"][1:])


@in_every_shell
def test_the_last_words_of_a_failed_script_are_told(shell: Shell, tmp_path: Path) -> None:
    scripts = (Provision(script="#!/bin/sh\necho fine\n"),
               Provision(script="#!/bin/sh\nseq 1 50\nprintf 'no \"space\"\\tleft' >&2\nexit 9\n"))
    code, found = boot(shell, tmp_path, config(*scripts))
    assert code == 1
    ends = told(found["lima-boot-progress"], tmp_path)
    good, bad = (ends[f"provision.system/{number:08}"] for number in (0, 1))
    assert (good["exit_code"], good["output"]) == (0, "")
    lines = bad["output"].splitlines()
    assert (bad["exit_code"], len(lines), lines[-2:]) == (9, 20, ["50", 'no "space"\tleft'])
    assert "fine" not in bad["output"]


@in_every_shell
def test_a_failed_dependency_leaves_out_our_own_packages(shell: Shell, tmp_path: Path) -> None:
    scripts = (Provision(mode="dependency", script="#!/bin/sh\necho none such\nexit 4\n"),
               Provision(mode="dependency", script="#!/bin/sh\necho second >/etc/given\n"))
    code, found = boot(shell, tmp_path, config(*scripts))
    ends = told(found["lima-boot-progress"], tmp_path)
    assert (code, ends["provision.dependency/00000000"]["output"]) == (1, "none such")
    assert "boot.Linux/30-install-packages.sh" not in ends and found["/etc/given"] == ""
    assert ends["boot.Linux/35-setup-packages.sh"]["exit_code"] == 0
    code, found = boot(shell, tmp_path / "other", config(scripts[1]))
    ends = told(found["lima-boot-progress"], tmp_path)
    assert (code, found["/etc/given"]) == (0, "second\n")
    names = list(ends)
    assert names[names.index("provision.dependency/00000000"):][:3] == [
        "provision.dependency/00000000", "provision.dependency/00000001", "boot.Linux/30-install-packages.sh"]


@in_every_shell
def test_scripts_before_the_boot_are_told_with_it(shell: Shell, tmp_path: Path) -> None:
    scripts = config(Provision(mode="boot", script='echo "$PARAM_q"; cat <<X\nin here\nX\nexit 3 # at once'),
                     Provision(mode="boot", script="#!/bin/sh\necho second >/etc/given\n"), param={"q": 'a "b" $c'})
    (tmp_path / "early").write_text(early(scripts))
    before = f"code=0; {' '.join(shell)} {tmp_path}/early || code=$?; test $code = 3"
    code, found = boot(shell, tmp_path, scripts, before)
    assert (code, found["/etc/given"]) == (0, "second\n"), found["out"]
    ends = told(found["lima-boot-progress"], tmp_path)
    assert list(ends)[:2] == ["provision.boot/00000000", "provision.boot/00000001"]
    assert ends["provision.boot/00000000"]["output"] == 'a "b" $c\nin here'
    assert [each["exit_code"] for each in ends.values()][:2] == [3, 0]


def test_a_guest_without_such_scripts_is_told_nothing_of_them() -> None:
    assert early(config()) == ""
    assert "lima_" not in user_data(config())


@in_every_shell
def test_a_file_is_edited_by_the_host_while_the_boot_waits(shell: Shell, tmp_path: Path) -> None:
    """The part of the host is played by a process that answers when the step has begun."""
    answer = ("( until grep -q provision.yq/00000000 /run/lima-boot-progress 2>/dev/null; do sleep 0.05; done;"
              " mkdir -p /run/lima-yq; printf '{}' >/run/lima-yq/new; mv /run/lima-yq/new /run/lima-yq/00000000 ) &")
    edits = config(Provision(mode="yq", path="/etc/a.yaml", expression=".a = 1"))
    code, found = boot(shell, tmp_path, edits, answer.format("0\\nedited /etc/a.yaml\\n"))
    assert (code, "edited /etc/a.yaml" in found["out"]) == (0, True), found["out"]
    code, found = boot(shell, tmp_path, edits, answer.format("1\\nbad expression\\n"))
    assert code == 1
    assert told(found["lima-boot-progress"], tmp_path)["provision.yq/00000000"]["output"] == "bad expression"


def test_a_plain_guest_does_not_wait_for_a_host_that_does_not_hear(tmp_path: Path) -> None:
    edits = config(Provision(mode="yq", path="/etc/a.yaml", expression=".a = 1"), plain=True)
    code, found = boot(SHELLS[0], tmp_path, edits)
    assert code == 1 and "mode yq does not work in plain mode" in found["out"]
    assert found["lima-boot-done"] == "iid-1\n"
