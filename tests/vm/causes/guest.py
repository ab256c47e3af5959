"""The tiny guest, broken inside."""

from __future__ import annotations

from pathlib import Path

from tests.vm.causes.bench import cause, instance, wait


def _second_start(folder: Path, command: str, log: str = "ha.stderr.log", seconds: int = 45) -> Path:
    with instance() as it:
        it.start(120)
        it.inside(command)
        it.inside("sync")
        it.cli("stop", "t")
        it.start(seconds)
        it.keep(folder, "serial.log")
        return it.keep(folder, log)


@cause
def ssh_refused(folder: Path) -> Path:
    """The guest's ssh server is gone."""
    return _second_start(folder, "mv /usr/sbin/sshd /usr/sbin/sshd.gone")


@cause
def ssh_auth_failed(folder: Path) -> Path:
    """The guest's ssh server looks for keys where none are."""
    text = "AuthorizedKeysFile /nowhere"
    return _second_start(folder, f"echo {text} > /etc/ssh/sshd_config.d/00-none.conf")


@cause
def agent_missing(folder: Path) -> Path:
    """The guest has no Python."""
    return _second_start(folder, "mv /usr/bin/python3 /usr/bin/python3.gone; ls /usr/bin", seconds=100)


@cause
def script_failed(folder: Path) -> Path:
    """A provision script ends with 3."""
    with instance() as it:
        it.yaml("provision:\n- mode: system\n  script: |\n    #!/bin/sh\n    echo no luck\n    exit 3")
        it.start(120)
        return it.keep(folder, "ha.stderr.log")


@cause
def probe_never(folder: Path) -> Path:
    """A probe that never comes true."""
    with instance() as it:
        it.yaml("probes:\n- description: the thing is there\n  script: |\n    #!/bin/bash\n    test -e /thing\n"
                "  hint: make the thing")
        it.start(40)
        return it.keep(folder, "ha.stderr.log")


@cause
def no_network(folder: Path) -> Path:
    """The tiny guest does not ask for an address."""
    return _second_start(folder, "printf '#!/bin/busybox sh\\n' > /usr/lib/tiny/dhcp")


@cause
def panic_by_hand(folder: Path) -> Path:
    """A running guest whose kernel is told to crash."""
    with instance() as it:
        it.start(120)
        it.cli.spawn("shell", "t", "sudo", "sh", "-c", "echo c > /proc/sysrq-trigger")
        wait(it.dir / "serial.log", "end Kernel panic")
        it.keep(folder, "ha.stderr.log")
        return it.keep(folder, "serial.log")


@cause
def out_of_memory(folder: Path) -> Path:
    """A program of the guest takes more than there is."""
    with instance() as it:
        it.start(120)
        it.inside("python3 -c 'x = [bytes([i]) * (1 << 24) for i in range(1, 65)]'")
        wait(it.dir / "serial.log", "Out of memory: Killed")
        return it.keep(folder, "serial.log")


@cause
def guest_disk_full(folder: Path) -> Path:
    """A boot script fills a file system and says so on the console."""
    with instance() as it:
        it.yaml("provision:\n- mode: system\n  script: |\n    #!/bin/sh\n    mkdir -p /full\n"
                "    mount -t tmpfs -o size=1m none /full\n    dd if=/dev/zero of=/full/x bs=1M count=2")
        it.start(120)
        return it.keep(folder, "serial.log")


@cause
def healthy_tiny(folder: Path) -> Path:
    """Nothing is wrong."""
    with instance() as it:
        it.start(120)
        it.cli("stop", "t")
        it.keep(folder, "ha.stderr.log")
        return it.keep(folder, "serial.log")
