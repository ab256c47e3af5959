"""What goes wrong on real machines is told truthfully and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.vm.conftest import LIMATUI, Cli, left_behind, processes_of, until


def test_a_killed_host_agent_leaves_an_orphan_that_can_be_recovered(tiny: Cli) -> None:
    tiny("start", "t")
    os.kill(tiny.pid("t", "ha"), signal.SIGKILL)
    until(lambda: tiny.state("t") == "Orphan QEMU", "the orphan is seen", 30)
    entry = tiny.listed("t")
    assert entry["status"] == "Broken"
    assert "Orphan QEMU" in tiny("list").stdout
    assert "stop -f" in tiny("start", "t", check=False).stderr
    tiny("stop", "-f", "t")
    assert not left_behind(tiny.home)
    tiny("start", "t")
    assert tiny.state("t") == "Running"
    tiny("stop", "t")


def test_a_killed_qemu_ends_the_agent_with_the_reason(tiny: Cli) -> None:
    tiny("start", "t")
    agent = tiny.pid("t", "ha")
    os.kill(tiny.pid("t", "qemu"), signal.SIGKILL)
    until(lambda: not Path(f"/proc/{agent}").exists(), "the agent ends", 60)
    assert tiny.state("t") == "Stopped"
    assert "killed" in (tiny.home / "t/ha.stderr.log").read_text().lower()
    assert not left_behind(tiny.home)


def test_poweroff_from_inside_is_a_stop(tiny: Cli) -> None:
    tiny("start", "t")
    tiny("shell", "t", "sudo", "poweroff", check=False)
    until(lambda: tiny.state("t") == "Stopped", "it is stopped", 60)
    until(lambda: not left_behind(tiny.home), "nothing is left", 20)


def test_reboot_from_inside_comes_back_with_ssh_and_agent(tiny: Cli) -> None:
    tiny("start", "t")
    before = tiny("shell", "t", "cat", "/proc/sys/kernel/random/boot_id").stdout
    tiny("shell", "t", "sudo", "reboot", check=False)

    def boot_id() -> str:
        done = tiny("shell", "t", "cat", "/proc/sys/kernel/random/boot_id", check=False, timeout=60)
        return done.stdout if done.returncode == 0 and done.stdout != before else ""

    assert until(boot_id, "a new boot answers") != before
    until(lambda: tiny.state("t") == "Running", "it is running again")
    tiny("stop", "t")
    assert not left_behind(tiny.home)


def test_of_two_starts_at_once_one_wins_and_the_other_says_so(tiny: Cli) -> None:
    first, second = tiny.spawn("start", "t"), tiny.spawn("start", "t")
    texts = [first.communicate(timeout=300)[1], second.communicate(timeout=300)[1]]
    codes = sorted([first.returncode, second.returncode])
    assert codes == [0, 1], texts
    loser = texts[0] if first.returncode else texts[1]
    assert "already starting" in loser or "another command" in loser
    assert len([argv for argv in processes_of(tiny.home).values() if "qemu-system" in argv.split()[0]]) == 1
    tiny("stop", "t")


def test_a_full_disk_on_create_leaves_nothing(cli: Cli) -> None:
    home = cli.home / "full"
    home.mkdir()
    private = "-m" if os.geteuid() == 0 else "-rm"
    if subprocess.run(["unshare", private, "true"], capture_output=True).returncode:
        pytest.skip("mounting a small file system of its own is not allowed here")
    script = f"mount -t tmpfs -o size=3m none {home} && exec {' '.join(LIMATUI)} create --name=t template:tiny"
    check = f"{script}; code=$?; ls -A {home}; exit $code"
    done = subprocess.run(["unshare", private, "sh", "-c", check.replace("exec ", "")], capture_output=True, text=True,
                          timeout=900, env=cli.env(LIMA_HOME=str(home)))
    assert done.returncode == 1
    assert "space" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert set(done.stdout.split()) <= {"_config"}


def test_a_taken_port_is_named(tiny: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        file = tiny.home / "t/lima.yaml"
        file.write_text(file.read_text() + f"\nssh:\n  localPort: {port}\n")
        failed = tiny("start", "t", check=False)
    assert failed.returncode == 1
    assert str(port) in failed.stderr
    assert tiny.state("t") == "Stopped"
    assert not left_behind(tiny.home)


@pytest.mark.parametrize(
    ("name", "word"),
    [("x" * 200, "greater than maximum length"), ("../x", "identifier"), ("a..b", "identifier"), ("a.yaml", "yaml")],
)
def test_bad_names_are_refused(cli: Cli, name: str, word: str) -> None:
    done = cli("create", f"--name={name}", "template:tiny", check=False)
    assert (done.returncode, word in done.stderr) == (1, True), done.stderr
    assert not any(path.name not in ("_config",) for path in cli.home.iterdir())


def test_a_home_too_long_for_sockets(cli: Cli) -> None:
    long = cli.home / ("d" * 90)
    done = cli("create", "--name=t", "template:tiny", check=False, LIMA_HOME=str(long))
    assert done.returncode == 1
    assert "too long" in done.stderr
    assert "LIMA_HOME" in done.stderr


def test_a_broken_lima_yaml_says_where(tiny: Cli) -> None:
    file = tiny.home / "t/lima.yaml"
    good = file.read_text()
    file.write_text(good + "\ncpus: [1\n")
    done = tiny("start", "t", check=False)
    assert done.returncode == 1
    assert "lima.yaml" in done.stderr
    file.write_text(good + "\nmemory: many\n")
    done = tiny("start", "t", check=False)
    assert "memory" in done.stderr
    assert "Broken" in tiny("list").stdout
    file.write_text(good)
    assert tiny.state("t") == "Stopped"


def test_a_wrong_digest_is_refused(cli: Cli, tmp_path: Path) -> None:
    image = tmp_path / "disk.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", image, "8M"], check=True)
    template = cli.home / "bad.yaml"
    template.write_text(f"images:\n- location: {image}\n  arch: x86_64\n  digest: sha256:{'0' * 64}\n")
    done = cli("create", "--name=t", str(template), check=False)
    assert done.returncode == 1
    assert "digest" in done.stderr
    assert not (cli.home / "t").exists()


def test_ctrl_c_during_create_leaves_nothing(cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:  # takes the request and never answers
        server.settimeout(60)
        template = cli.home / "slow.yaml"
        location = f"http://127.0.0.1:{server.getsockname()[1]}/disk.qcow2"
        template.write_text(f"images:\n- location: {location}\n  arch: x86_64\n")
        command = cli.spawn("create", "--name=t", str(template))
        connection, _ = server.accept()
        command.send_signal(signal.SIGINT)
        _, text = command.communicate(timeout=60)
        connection.close()
    assert "Traceback" not in text
    assert command.returncode == 130, text
    assert not (cli.home / "t").exists()
    assert not left_behind(cli.home)


@pytest.mark.parametrize("moment", ["ha.pid", "qemu.pid"])
def test_ctrl_c_during_start_undoes_it(tiny: Cli, moment: str) -> None:
    command = tiny.spawn("start", "t")
    until(lambda: (tiny.home / "t" / moment).exists(), "it is starting", 60)
    command.send_signal(signal.SIGINT)
    _, text = command.communicate(timeout=60)
    assert command.returncode == 130, text
    assert "Traceback" not in text
    assert tiny.state("t") == "Stopped"
    assert not left_behind(tiny.home)


def test_a_stop_while_starting_ends_both(tiny: Cli) -> None:
    command = tiny.spawn("start", "t")
    until(lambda: (tiny.home / "t/qemu.pid").exists(), "QEMU runs", 60)
    until(lambda: tiny.state("t") == "Starting", "it says Starting", 30)
    begun = time.monotonic()
    tiny("stop", "t")
    assert time.monotonic() - begun < 100
    _, text = command.communicate(timeout=60)
    assert command.returncode == 1, text
    assert not left_behind(tiny.home)
