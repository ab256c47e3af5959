"""Autostart: what is written, what the service manager is asked, what is left afterwards."""

from __future__ import annotations

import os
import plistlib
import shutil
import subprocess
from pathlib import Path

import pytest

from limacore.errors import HostError, LimaError, NotFoundError
from limacore.lifecycle import autostart, services
from limacore.paths import HomePaths

PROGRAM = ("/opt/lima/bin/limactl",)
STUB = '#!/bin/sh\necho "$*" >> "{log}"\necho "{said}" >&2\nexit {code}\n'


class Desk:
    """A home with one instance, a user with units of his own, and a systemctl that writes down what it is asked."""

    def __init__(self, home: Path, folder: Path) -> None:
        self.paths, self.log, self.bin = HomePaths(home), folder / "asked", folder / "bin"
        self.units = folder / "config/systemd/user"
        self.bin.mkdir()
        (home / "a").mkdir()
        self.answer(0)

    def answer(self, code: int, said: str = "") -> None:
        script = self.bin / "systemctl"
        script.write_text(STUB.format(log=self.log, said=said, code=code))
        script.chmod(0o755)

    def asked(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def desk(lima_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = Desk(lima_home, tmp_path)
    monkeypatch.setenv("PATH", f"{made.bin}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(autostart, "SYSTEMD_IS_HERE", tmp_path)
    return made


def test_enable_writes_the_unit_and_tells_systemd(desk: Desk) -> None:
    assert autostart.enable(desk.paths, "a")
    unit = desk.units / "lima-vm@a.service"
    assert unit.stat().st_mode & 0o777 == 0o644
    text = unit.read_text()
    assert "start %i --foreground\n" in text
    assert f"Environment=LIMA_HOME={desk.paths.home}\n" in text, "not the default home: the service must know it"
    assert not autostart.enable(desk.paths, "a"), "the second time it is only written again"
    assert desk.asked() == ["--user enable lima-vm@a.service"] * 2
    assert autostart.registered(desk.paths, "a")


def test_unit_is_the_one_of_limactl_in_the_default_home() -> None:
    assert services.systemd("a", PROGRAM).text.splitlines()[2:] == [
        "Documentation=man:lima(1)", "", "[Service]", "ExecStart=/opt/lima/bin/limactl start %i --foreground",
        "WorkingDirectory=%h", "Type=simple", "TimeoutSec=10", "Restart=on-failure", "", "[Install]",
        "WantedBy=default.target",
    ]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_understands_paths_with_anything_in_them(tmp_path: Path) -> None:
    program = tmp_path / 'odd "100%" $HOME dir' / "limactl"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / "lima-vm@a.service"
    unit.write_text(services.systemd("a", (str(program),), "/home/x y/.lima").text)
    argv = ["systemd-analyze", "--user", "verify", "--man=no", "--recursive-errors=no", str(unit)]
    done = subprocess.run(argv, capture_output=True, text=True, env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)})
    assert "not executable" not in done.stderr and "Invalid" not in done.stderr, done.stderr
    assert "Failed to parse" not in done.stderr and "Unbalanced" not in done.stderr, done.stderr


def test_unregister_disables_and_removes(desk: Desk) -> None:
    assert not autostart.unregister(desk.paths, "a")
    assert desk.asked() == [], "nothing there: nobody is asked"
    autostart.enable(desk.paths, "a")
    assert autostart.unregister(desk.paths, "a")
    assert desk.asked()[-1] == "--user disable lima-vm@a.service"
    assert list(desk.units.iterdir()) == []
    assert not autostart.registered(desk.paths, "a")


def test_unregister_without_systemd_leaves_no_dangling_link(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    autostart.enable(desk.paths, "a")
    wanted = desk.units / "default.target.wants"
    wanted.mkdir()
    (wanted / "lima-vm@a.service").symlink_to(desk.units / "lima-vm@a.service")
    monkeypatch.setattr(autostart, "SYSTEMD_IS_HERE", desk.units / "none")
    assert autostart.unregister(desk.paths, "a")
    assert list(wanted.iterdir()) == []


def test_rename_moves_the_entry(desk: Desk) -> None:
    assert not autostart.rename(desk.paths, "a", "b")
    autostart.enable(desk.paths, "a")
    (desk.paths.home / "a").rename(desk.paths.home / "b")
    assert autostart.rename(desk.paths, "a", "b")
    assert [path.name for path in desk.units.iterdir()] == ["lima-vm@b.service"]
    assert desk.asked()[-2:] == ["--user enable lima-vm@b.service", "--user disable lima-vm@a.service"]


def test_refusal_of_systemd_is_told_and_the_unit_stays(desk: Desk) -> None:
    desk.answer(5, "Failed to connect to bus: No medium found")
    with pytest.raises(HostError) as caught:
        autostart.enable(desk.paths, "a")
    assert (caught.value.message, caught.value.detail) == ("exit status 5", "Failed to connect to bus: No medium found")
    assert "loginctl enable-linger" in caught.value.hint
    assert (desk.units / "lima-vm@a.service").exists()


def test_start_and_stop_go_through_the_manager_that_owns_the_instance(desk: Desk) -> None:
    assert not autostart.request_start(desk.paths, "a")
    autostart.enable(desk.paths, "a")
    assert autostart.request_start(desk.paths, "a")
    assert autostart.owner(desk.paths, "a", "") is None, "started by hand"
    assert autostart.owner(desk.paths, "a", "session-3.scope") is None
    entry = autostart.owner(desk.paths, "a", "lima-vm@a.service")
    assert entry
    autostart.request_stop(entry)
    assert desk.asked()[-2:] == ["--user start lima-vm@a.service", "--user stop lima-vm@a.service"]


def test_where_there_is_no_manager(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autostart, "SYSTEMD_IS_HERE", desk.units / "none")
    for ask in (autostart.enable, autostart.registered):
        with pytest.raises(HostError) as caught:
            ask(desk.paths, "a")
        assert caught.value.message == "autostart is not supported on linux"
    assert not autostart.unregister(desk.paths, "a")
    assert not autostart.rename(desk.paths, "a", "b")


def test_what_cannot_be_registered(desk: Desk) -> None:
    with pytest.raises(NotFoundError):
        autostart.enable(desk.paths, "nosuch")
    with pytest.raises(LimaError, match="boot is only supported on macOS"):
        autostart.enable(desk.paths, "a", boot=True)
    desk.bin.joinpath("systemctl").unlink()


def test_lingering_is_seen(tmp_path: Path) -> None:
    assert not autostart.lingers(tmp_path)
    (tmp_path / autostart.host().user).touch()
    assert autostart.lingers(tmp_path)


def test_program_is_called_by_its_full_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "limactl"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert autostart.restart_words("limactl") == (str(program),)
    assert autostart.restart_words(str(program)) == (str(program),)
    assert autostart.restart_words("/x/limatui/__main__.py")[1:] == ("-m", "limatui")


def test_launchd_at_login(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    entry = services.launchd_login("a", PROGRAM, Path("/Users/u/.lima/a"), 501)
    assert entry.path == tmp_path / "Library/LaunchAgents/io.lima-vm.autostart.a.plist"
    assert plistlib.loads(entry.text.encode()) == {
        "Label": "io.lima-vm.autostart.a",
        "ProgramArguments": ["/opt/lima/bin/limactl", "start", "a", "--foreground"],
        "RunAtLoad": True, "StandardErrorPath": "launchd.stderr.log", "StandardOutPath": "launchd.stdout.log",
        "WorkingDirectory": "/Users/u/.lima/a", "ProcessType": "Background",
    }
    target = "gui/501/io.lima-vm.autostart.a"
    assert [step.argv for step in entry.enable] == [("launchctl", "enable", target)]
    assert [step.argv for step in entry.disable] == [("launchctl", "disable", target)]
    assert [(step.argv[1:], step.may_fail) for step in entry.start] == [
        (("bootout", target), True), (("enable", target), False), (("bootstrap", "gui/501", str(entry.path)), False),
    ]
    assert [step.argv for step in entry.stop] == [("launchctl", "bootout", target)]


def test_launchd_at_boot() -> None:
    written = Path("/tmp/x.plist")
    entry = services.launchd_boot("a", PROGRAM, Path("/Users/u/.lima/a"), "u", written, "/Users/u/.lima")
    plist = "/Library/LaunchDaemons/io.lima-vm.daemon.a.plist"
    assert (str(entry.path), entry.as_root) == (plist, True)
    content = plistlib.loads(entry.text.encode())
    assert (content["UserName"], content["EnvironmentVariables"]) == ("u", {"LIMA_HOME": "/Users/u/.lima"})
    assert [" ".join(step.argv) for step in entry.enable] == [
        "sudo launchctl bootout system/io.lima-vm.daemon.a",
        f"sudo install -m 644 /tmp/x.plist {plist}",
        "sudo launchctl enable system/io.lima-vm.daemon.a",
        f"sudo launchctl bootstrap system {plist}",
    ]
    assert entry.enable[0].may_fail
