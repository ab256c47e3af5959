"""The command line beyond the recordings: our additions, escaping, words of the environment."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from msgspec import structs

from limacore.drivers.base import MachineSpec, Resume
from limacore.drivers.qemu import args
from limacore.errors import DriverError
from limacore.model.config import AdditionalDisk, Audio, Config, Network, Video
from limacore.paths import HomePaths, InstancePaths

HOST = args.QemuHost(program=("/usr/bin/qemu",), accel="tcg", cpu="max", files=frozenset({"disk"}))


def machine(config: Config, directory: str = "/h/i") -> MachineSpec:
    path = Path(directory)
    return MachineSpec(path.name, InstancePaths(path), HomePaths(path.parent), config, 60022)


def values(words: list[str], option: str) -> list[str]:
    return [value for name, value in pairwise(words) if name == option]


def test_our_additions_follow_everything_of_lima() -> None:
    spec = machine(Config())
    lima, whole = args.argv(spec, HOST), args.full_argv(spec, HOST)
    assert whole[:len(lima)] == lima
    assert whole[len(lima):] == [
        "-chardev", "socket,id=char-events,path=/h/i/qmp-events.sock,server=on,wait=off",
        "-mon", "chardev=char-events,mode=control",
        "-chardev", "socket,id=qga0,path=/h/i/ga.sock,server=on,wait=off",
        "-device", "virtio-serial-pci,id=virtio-serial1,max_ports=2",
        "-device", "virtserialport,bus=virtio-serial1.0,chardev=qga0,name=io.lima-vm.guest_agent.0",
        "-device", "virtio-balloon-pci,id=balloon0,deflate-on-oom=on",
        "-machine", "graphics=off",
    ]


def test_a_bios_without_a_display_speaks_on_the_serial_port() -> None:
    def speaks(config: Config, firmware: str = "") -> bool:
        return "graphics=off" in args.full_argv(machine(config), structs.replace(HOST, firmware=firmware))

    assert speaks(Config())
    assert not speaks(Config(), "/ovmf.fd") and not speaks(Config(arch="s390x"))
    assert not speaks(Config(video=Video(display="vnc")))


@pytest.mark.parametrize("config", [Config(plain=True), Config(os="FreeBSD")])
def test_guests_without_an_agent_get_no_port_for_it(config: Config) -> None:
    assert not any("guest_agent" in word for word in args.full_argv(machine(config), HOST))


def test_an_inherited_socket_serves_as_private_monitor() -> None:
    words = args.full_argv(machine(Config()), args.with_sockets(HOST, {}, 9))
    assert "socket,id=char-events,fd=9,server=on,wait=off" in words


def test_commas_in_paths_are_doubled_everywhere() -> None:
    spec = machine(Config(additional_disks=(AdditionalDisk(name="data"),)), "/h,me/i")
    words = args.full_argv(spec, HOST)
    inside = [word for word in words if "/h" in word and "," in word.replace("/h,me", "").replace("/h,,me", "")]
    assert len(inside) >= 7
    assert all("/h,,me" in word and "/h,me" not in word for word in inside)
    assert "/h,me/i/qemu.pid" in words  # a value of its own is no option string


def test_words_of_the_environment_win() -> None:
    host = args.QemuHost(program=("/usr/bin/qemu", "-m", "77", "-device", "edu"), accel="tcg", cpu="max")
    words = args.argv(machine(Config()), host)
    assert values(words, "-m") == ["77"]
    assert "edu" in values(words, "-device") and len(values(words, "-device")) > 3
    assert args.overridden(machine(Config()), host) == ("-m",)


def test_files_for_direct_boot_are_used_when_they_exist() -> None:
    host = args.QemuHost(program=("q",), accel="tcg", cpu="max", append="root=/dev/vda console=ttyS0, quiet",
                         files=frozenset({"disk", "kernel", "initrd"}))
    words = args.argv(machine(Config()), host)
    assert values(words, "-kernel") == ["/h/i/kernel"]
    assert values(words, "-append") == ["root=/dev/vda console=ttyS0, quiet"]
    assert values(words, "-initrd") == ["/h/i/initrd"]


def test_an_installation_disc_boots_without_a_disk() -> None:
    host = args.QemuHost(program=("q",), accel="tcg", cpu="max", files=frozenset({"iso"}))
    words = args.argv(machine(Config()), host)
    assert values(words, "-boot") == ["order=d,splash-time=0,menu=on"]
    assert not any("/h/i/disk" in word for word in words)


@pytest.mark.parametrize(("version", "card"), [((8, 1, 9), "ich9-intel-hda"), ((8, 2, 0), "virtio-sound-pci")])
def test_virtio_sound_needs_qemu_8_2(version: tuple[int, int, int], card: str) -> None:
    host = args.QemuHost(program=("q",), accel="tcg", cpu="max", version=version)
    words = args.argv(machine(Config(audio=Audio(device="default", interface="virtio"))), host)
    assert any(word.startswith(card) for word in values(words, "-device"))
    assert values(words, "-audiodev") == ["pa,id=snd0"]


@pytest.mark.parametrize("config", [
    Config(arch="vax"), Config(arch="s390x", tpm=True), Config(networks=(Network(vz_nat=True),)),
])
def test_what_cannot_be_run_is_an_error_with_a_way_out(config: Config) -> None:
    with pytest.raises(DriverError) as caught:
        args.argv(machine(config), HOST)
    assert caught.value.hint


def test_a_machine_whose_memory_is_loaded_stands_still_at_first() -> None:
    spec = structs.replace(machine(Config()), resume=Resume("tag", ()))
    whole = args.full_argv(spec, HOST)
    assert whole[-3:] == ["-S", "-loadvm", "tag"]
    assert whole[:-3] == args.full_argv(machine(Config()), HOST)


def test_a_panic_is_told_where_qemu_knows_how() -> None:
    new = args.full_argv(machine(Config()), structs.replace(HOST, version=(7, 2, 22)))
    assert values(new, "-action") == ["panic=none"]
    assert "virtio-balloon-pci,id=balloon0,deflate-on-oom=on,free-page-reporting=on" in values(new, "-device")
    assert "pvpanic" in values(new, "-device")
    other = args.full_argv(machine(Config(arch="aarch64")), structs.replace(HOST, version=(7, 2, 22)))
    assert "pvpanic" not in values(other, "-device")


def test_likeness_leaves_out_what_is_new_each_time() -> None:
    one, two = (
        args.likeness(["-netdev", f"user,id=n,hostfwd=tcp:127.0.0.1:{port}-:22", "-chardev",
                       f"socket,id=c,fd={fd},server=on", "-m", "512"], (7, 2, 1))
        for port, fd in ((1, 3), (2, 4))
    )
    assert one == two
    assert one[0] == "7.2.1"
    assert one != args.likeness(["-m", "513"], (7, 2, 1))
