"""What the doctor finds about instances and disks, each thing really caused."""

from __future__ import annotations

import fcntl
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from limacore.health import doctor, instance, running, storage
from limacore.model.finding import Finding, Severity
from limacore.model.instance import Instance, Status
from limacore.paths import InstancePaths
from limacore.store import scan
from tests.unit.health.conftest import YAML, House, event, only, process, qemu_img


async def found_in(house: House, *names: str) -> tuple[Finding, ...]:
    return await doctor.examine(house.paths, names or ("a",))


async def test_a_healthy_instance_has_no_findings(house: House) -> None:
    house.add()
    assert await found_in(house) == ()


async def test_problems_of_lima_yaml_with_their_lines(house: House) -> None:
    house.add(more="cpus: 0.5x\nmountType: wrong\n")
    found = [each for each in await found_in(house) if each.id == "config-invalid"]
    assert found
    assert f"{house.paths.home}/a/lima.yaml:9:" in " ".join(each.evidence[0] for each in found)
    assert {each.severity for each in found} == {Severity.ERROR}


async def test_lima_yaml_that_is_no_text(house: House) -> None:
    house.add().lima_yaml.write_bytes(b"\xff\xfe\x00")
    assert {each.id for each in await found_in(house)} <= {"config-unreadable", "config-invalid"}
    assert await found_in(house)


async def test_instance_of_a_newer_lima(house: House) -> None:
    house.add().lima_version.write_text("2.3.0")
    assert "2.3.0" in only(await found_in(house), "newer-lima").what


def test_path_too_long_and_not_ours(house: House) -> None:
    paths = InstancePaths(house.paths.home / ("n" * 76))
    paths.dir.mkdir()
    assert only(instance.directory(paths), "path-too-long").severity is Severity.ERROR


async def test_machine_without_agent(house: House) -> None:
    paths = house.add()
    with process(pid_file=paths.driver_pid()):
        found = only(await found_in(house), "orphan-vm")
    assert found.severity is Severity.ERROR
    assert "limatui stop -f a" in found.fix


async def test_agent_without_machine(house: House) -> None:
    paths = house.add()
    with process(pid_file=paths.ha_pid):
        event(paths, '{"running":true}')
        assert only(await found_in(house), "orphan-agent").severity is Severity.ERROR


async def test_agent_that_is_silent(house: House) -> None:
    paths = house.add()
    with process(pid_file=paths.ha_pid), process(pid_file=paths.driver_pid()):
        event(paths, '{"running":true}')
        assert "ha.sock does not exist" in only(await found_in(house), "agent-silent").evidence


async def test_process_that_no_pid_file_names(house: House) -> None:
    paths = house.add()
    with process("-pidfile", paths.driver_pid()) as pid:
        assert f"kill {pid}" in only(await found_in(house), "process-unlisted").fix
    assert await found_in(house) == ()


async def test_command_that_works_on_it(house: House) -> None:
    paths = house.add()
    fd = os.open(paths.dir, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        (paths.dir / "ssh.sock").touch()
        found = only(await found_in(house), "busy")
        assert f"pid {os.getpid()} holds its lock" in found.evidence[0]
        assert [each.id for each in await found_in(house)] == ["busy"], "its files are in use"
    finally:
        os.close(fd)


@pytest.mark.parametrize(("text", "said"), [
    ("999999\n", "does not exist"), ("1\n", "another program"), ("x\n", "no process id"),
])
async def test_stale_pid_files(text: str, said: str, house: House) -> None:
    paths = house.add()
    paths.ha_pid.write_text(text)
    found = only(await found_in(house), "pid-stale")
    assert said in found.evidence[0]
    assert found.paths == (str(paths.ha_pid),)


async def test_stale_sockets(house: House) -> None:
    paths = house.add()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(paths.ssh_sock))
    assert only(await found_in(house), "socket-stale").paths == (str(paths.ssh_sock),)


async def test_taken_and_shared_ports(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        house.add("a", f"ssh: {{localPort: {port}}}\n")
        house.add("b", f"ssh: {{localPort: {port}}}\n")
        assert str(port) in only(await found_in(house, "a"), "port-taken").what
        assert only(running.shared_ports(scan.scan(house.paths)), "port-shared").subject == "instance b"


def test_ssh_config_with_another_port(house: House) -> None:
    paths = house.add()
    paths.ssh_config.write_text("Host lima-a\n  Port 4711\n")
    seen = Instance("a", str(paths.dir), status=Status.RUNNING, ssh_port=4712)
    assert "4711" in only(running.port(paths, seen), "ssh-config-stale").what
    assert list(running.port(paths, Instance("a", str(paths.dir), status=Status.RUNNING, ssh_port=4711))) == []


def test_directory_that_is_no_instance(house: House) -> None:
    (house.paths.home / "photos").mkdir()
    assert "photos" in only(instance.strangers(house.paths, ["photos"]), "not-an-instance").what


async def test_disk_that_points_nowhere(house: House) -> None:
    paths = house.add()
    paths.disk.unlink()
    paths.disk.symlink_to("diffdisk")
    assert only(await found_in(house), "disk-dangling").severity is Severity.ERROR


async def test_disk_without_its_base(house: House) -> None:
    paths = house.add()
    paths.disk.unlink()
    qemu_img("create", "-q", "-f", "qcow2", paths.basedisk, "1G")
    qemu_img("create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", "basedisk", paths.disk)
    assert await found_in(house) == ()
    paths.basedisk.unlink()
    assert "basedisk" in only(await found_in(house), "backing-missing").evidence[0]


@pytest.mark.parametrize(("size", "id"), [("2G", "disk-larger"), ("512M", "disk-smaller")])
async def test_disk_of_another_size(size: str, id: str, house: House) -> None:
    paths = house.add()
    paths.disk.unlink()
    qemu_img("create", "-q", "-f", "qcow2", paths.disk, size)
    assert "1GiB" in only(await found_in(house), id).evidence[0]


def flag(disk: Path, value: int) -> None:
    with disk.open("r+b") as file:
        file.seek(79)
        file.write(bytes([value]))


async def test_disk_that_qemu_has_marked(house: House) -> None:
    paths = house.add()
    flag(paths.disk, 3)
    found = await doctor.examine(house.paths, ("a",), whole=False)
    assert (only(found, "disk-corrupt").severity, only(found, "disk-dirty").severity) == (
        Severity.ERROR, Severity.NOTE)


async def test_disk_that_is_damaged_inside(house: House) -> None:
    paths = house.add()
    qemu_img("bench", "-w", "-c", "10", "-s", "65536", "-f", "qcow2", paths.disk)
    with paths.disk.open("r+b") as file:  # all clusters claim to be at the same place
        file.seek(int.from_bytes(paths.disk.read_bytes()[40:48], "big"))
        l2 = int.from_bytes(file.read(8), "big") & 0x00FFFFFFFFFFFE00
        file.seek(l2)
        first = file.read(8)
        file.seek(l2 + 8)
        file.write(first)
    assert only(await found_in(house), "disk-damaged").severity is Severity.ERROR
    assert not await doctor.examine(house.paths, ("a",), whole=False), "only asked for by name"


async def test_disk_that_wastes_space(house: House) -> None:
    paths = house.add()
    qemu_img("bench", "-w", "-c", "10", "-s", "65536", "-f", "qcow2", paths.disk)
    with paths.disk.open("r+b") as file:
        file.seek(int.from_bytes(paths.disk.read_bytes()[40:48], "big"))
        l2 = int.from_bytes(file.read(8), "big") & 0x00FFFFFFFFFFFE00
        file.seek(l2)
        file.write(bytes(8))
    assert only(await found_in(house), "disk-leaks").severity is Severity.NOTE


async def test_additional_disks(house: House) -> None:
    paths = house.add(more="additionalDisks: [gone, data]\n")
    folder = house.disk("data")
    assert "`gone`" in only(await found_in(house), "additional-disk-missing").what
    other = house.add("b")
    (folder / "in_use_by").symlink_to(other.dir)
    with process(pid_file=other.ha_pid):
        assert "`b`" in only(await found_in(house), "additional-disk-taken").what
        assert list(storage.additional(house.paths)) == []
    left = only(storage.additional(house.paths), "disk-lock-left")
    assert "does not run" in left.what
    (folder / "in_use_by").unlink()
    (folder / "in_use_by").symlink_to(house.paths.home / "removed")
    assert "does not exist" in only(storage.additional(house.paths), "disk-lock-left").what
    (folder / "datadisk").unlink()
    only(storage.additional(house.paths), "disk-empty")
    assert paths.dir.exists()


async def test_start_that_failed(house: House) -> None:
    paths = house.add()
    event(paths, '{"exiting":true,"errors":["no"]}')
    fatal = '{"level":"fatal","msg":"QEMU did not start","hint":"do y"}'
    paths.ha_stderr.write_text(f'{{"level":"info","msg":"x"}}\n{fatal}\n')
    found = only(await found_in(house), "last-start-failed")
    assert (found.evidence[0], found.fix) == ("ha.stderr.log:2: QEMU did not start", "do y")
    event(paths, '{"running":true}')
    assert await found_in(house) == ()


async def test_what_the_console_shows_of_a_start_that_failed(house: House) -> None:
    paths = house.add()
    event(paths, '{"exiting":true}')
    paths.serial_log.write_text("fine\r\n\x1b[0m\x1b[30;47mgrub> ")
    found = only(await found_in(house), "boot-grub")
    assert found.evidence == ("serial.log:2: grub>",)
    assert "factory-reset a" in found.fix and "{" not in found.fix
    event(paths, '{"running":true}')
    assert await found_in(house) == ()


async def test_what_a_guest_was_in_need_of_is_told_after_a_good_start_too(house: House) -> None:
    paths = house.add()
    event(paths, '{"running":true}')
    paths.serial_log.write_text("a\ntee: x: No space left on device\nb\n")
    assert only(await found_in(house), "guest-disk-full").evidence[0].startswith("serial.log:2: tee")


@contextmanager
def answering(path: Path, body: bytes) -> Iterator[None]:
    """A host agent that says one thing."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.recv(4096)
                connection.sendall(head % len(body) + body)

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize(("used", "low"), [(96, True), (90, False)])
async def test_guest_whose_disk_is_nearly_full(used: int, low: bool, house: House) -> None:
    paths = house.add()
    metrics = b'{"phase":"running","metrics":{"type":"metrics","disk_total":100,"disk_used":%d}}' % used
    with answering(paths.ha_sock, metrics):
        assert bool(await doctor.low_disk(paths)) is low
    with answering(paths.dir / "other.sock", b"{}"):
        paths.ha_sock.unlink()
        assert await doctor.low_disk(paths) == ()


async def test_named_instances_only_and_unknown_ones(house: House) -> None:
    house.add("a")
    house.add("b", yaml=YAML + "cpus: x\n")
    assert await found_in(house, "a") == ()
    with pytest.raises(doctor.NotFoundError):
        await found_in(house, "c")


async def test_order_is_the_computer_the_home_then_the_rest(house: House) -> None:
    house.add("a", yaml=YAML + "cpus: x\n").ssh_sock.touch()
    (house.paths.home / "junk").mkdir()
    house.disk("data").joinpath("in_use_by").symlink_to("/gone")
    found = [each.subject for each in await doctor.examine(house.paths) if each.subject != "host"]
    assert list(dict.fromkeys(found)) == ["home", "disk data", "instance a"]
    of_a = [each.severity for each in await doctor.examine(house.paths) if each.subject == "instance a"]
    assert of_a[0] is Severity.ERROR
