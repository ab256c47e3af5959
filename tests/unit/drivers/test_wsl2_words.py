"""wsl2, the pure part: command lines, answers in UTF-16, addresses, paths, ids of Hyper-V, and what is refused."""

from __future__ import annotations

import subprocess
from pathlib import Path, PureWindowsPath

import pytest

from limacore.drivers.wsl2 import hvsock, rules, words
from limacore.errors import DriverError
from limacore.model.config import AdditionalDisk, Audio, Config, Image, Mount, Network, Video
from limacore.model.network import vsock_port

HERE = PureWindowsPath(r"C:\Users\a b\.lima\one")


@pytest.mark.parametrize(("argv", "expected"), [
    (words.list_verbose("wsl.exe"), ["wsl.exe", "--list", "--verbose"]),
    (words.import_distro("wsl.exe", "one", HERE, HERE / "basedisk"),
     ["wsl.exe", "--import", "lima-one", r"C:\Users\a b\.lima\one", r"C:\Users\a b\.lima\one\basedisk"]),
    (words.terminate("wsl.exe", "one"), ["wsl.exe", "--terminate", "lima-one"]),
    (words.unregister("wsl.exe", "one"), ["wsl.exe", "--unregister", "lima-one"]),
    (words.inside("wsl.exe", "one", "hostname", "-I"),
     ["wsl.exe", "--distribution", "lima-one", "--user", "root", "--exec", "hostname", "-I"]),
    (words.keep_alive("wsl.exe", "one", HERE),
     ["wsl.exe", "--distribution", "lima-one", "--user", "root", "--exec", "bash", "-c",
      "nohup sleep 2147483647d >/dev/null 2>&1", r"C:\Users\a b\.lima\one"]),
    (words.guest_path_of("wsl.exe", "one", HERE / "cidata"),
     ["wsl.exe", "--distribution", "lima-one", "--user", "root", "--exec", "wslpath", "-u",
      r"C:\Users\a b\.lima\one\cidata"]),
    (hvsock.registration("reg.exe", 2222, "one"),
     ["reg.exe", "add", r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Virtualization"
      r"\GuestCommunicationServices\000008ae-facb-11e6-bd58-64006a7986d3",
      "/v", "ElementName", "/t", "REG_SZ", "/d", "Lima guest agent of one", "/f"]),
    (hvsock.distros("reg.exe"),
     ["reg.exe", "query", r"HKCU\Software\Microsoft\Windows\CurrentVersion\Lxss", "/s", "/v", "DistributionName"]),
])
def test_command_lines(argv: list[str], expected: list[str]) -> None:
    assert argv == expected


_LISTING = """\
  NAME                   STATE           VERSION
* Ubuntu                 Running         2
  lima-one               Stopped         2
  lima-one-more          Installing      2
  alt                    Wird ausgeführt    1
"""


@pytest.mark.parametrize("data", [
    _LISTING.replace("\n", "\r\n").encode("utf-16-le"), _LISTING.replace("\n", "\r\n").encode("utf-16"),
    _LISTING.encode(),
])
def test_listings_in_every_encoding(data: bytes) -> None:
    assert words.states(words.decoded(data)) == {
        "Ubuntu": "Running", "lima-one": "Stopped", "lima-one-more": "Installing", "alt": "Wird ausgeführt"}


@pytest.mark.parametrize(("name", "expected"), [
    ("one", "Stopped"), ("one-more", "Installing"), ("on", "Uninitialized"),
])
def test_the_state_of_an_instance(name: str, expected: str) -> None:
    assert words.state(words.states(_LISTING), name) == expected


@pytest.mark.parametrize("text", ["", "\n", "Kein WSL.\nBitte installieren Sie es.\n"])
def test_a_listing_without_distributions(text: str) -> None:
    assert words.states(text) == {}


@pytest.mark.parametrize(("question", "answer", "expected"), [
    (("hostname", "-I"), "172.20.1.2 fd00::1 \n", "172.20.1.2"),
    (("hostname", "-I"), "\n", ""),
    (("hostname", "-I"), "hostname: invalid option -- 'I'", ""),
    (("ip", "route", "get", "1"), "1.0.0.0 via 172.20.0.1 dev eth0 src 172.20.1.3 uid 0 \n    cache \n", "172.20.1.3"),
    (("ip", "route", "get", "1"), "RTNETLINK answers: Network is unreachable", ""),
    (("ip", "route", "get", "1"), "1.0.0.0 dev eth0 src", ""),
    (("hostname", "-i"), "127.0.1.1\n", ""), (("hostname", "-i"), "172.20.1.4\n", "172.20.1.4"),
])
def test_addresses(question: tuple[str, ...], answer: str, expected: str) -> None:
    assert words.address(question, answer) == expected


@pytest.mark.parametrize(("location", "expected"), [
    (r"C:\Users\a b", "/mnt/c/Users/a b"), ("d:/data/", "/mnt/d/data"), ("C:\\", "/mnt/c"), ("/home/a", "/home/a"),
])
def test_where_directories_are_mounted(location: str, expected: str) -> None:
    assert words.mounted_at(location) == expected


def test_mounts_that_are_elsewhere_are_said() -> None:
    mounts = tuple(Mount(location=r"C:\x", mount_point=point) for point in ("/mnt/c/x", r"C:\x", "/y"))
    assert list(words.elsewhere(Config(mounts=mounts))) == [r"`C:\x` is at `/mnt/c/x` in the guest, not at `/y`"]


def test_the_boot_script_runs_the_boot_of_the_seed(tmp_path: Path) -> None:
    seed = tmp_path / "it's a seed"
    seed.mkdir()
    (seed / "boot.sh").write_text('echo "from $LIMA_CIDATA_MNT"; exit 3\n')
    script = words.boot_script(str(seed)).replace("/var/log/lima-init.log", f"{tmp_path}/log")
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (3, f"from {seed}\n", "")
    assert (tmp_path / "log").read_text() == f"from {seed}\n"


_REGISTRY = """
HKEY_CURRENT_USER\\Software\\Microsoft\\Windows\\CurrentVersion\\Lxss\\{11111111-2222-3333-4444-555555555555}
    DistributionName    REG_SZ    lima-one-more

HKEY_CURRENT_USER\\Software\\Microsoft\\Windows\\CurrentVersion\\Lxss\\{aaaaaaaa-2222-3333-4444-555555555555}
    DistributionName    REG_SZ    lima-one

End of search: 2 match(es) found.
"""


@pytest.mark.parametrize(("name", "expected"), [
    ("one", "aaaaaaaa-2222-3333-4444-555555555555"), ("one-more", "11111111-2222-3333-4444-555555555555"), ("x", ""),
])
def test_the_id_of_a_distribution(name: str, expected: str) -> None:
    assert hvsock.distro_id(_REGISTRY, name) == expected


_HOST = r"C:\Program Files\WSL\wslhost.exe --distro-id {AAAAAAAA-2222-3333-4444-555555555555} --vm-id " \
        r"{bbbbbbbb-2222-3333-4444-555555555555} --handle 2072"


@pytest.mark.parametrize(("lines", "expected"), [
    ([_HOST], "bbbbbbbb-2222-3333-4444-555555555555"),
    (["wslhost.exe", "wslhost.exe --vm-id {c}", _HOST], "bbbbbbbb-2222-3333-4444-555555555555"),
    ([], ""), ([_HOST.replace("AAAA", "DDDD")], ""),
])
def test_the_id_of_the_machine_of_a_distribution(lines: list[str], expected: str) -> None:
    assert hvsock.vm_id(lines, "aaaaaaaa-2222-3333-4444-555555555555") == expected


@pytest.mark.parametrize(("kind", "expected"), [("qemu", range(1)), ("vz", range(2222, 2223)),
                                                ("krunkit", range(2222, 2223)), ("wsl2", range(50000, 60000))])
def test_the_agent_s_vsock_port(kind: str, expected: range) -> None:
    assert vsock_port(kind, "/l/one") in expected
    assert vsock_port(kind, "/l/one") == vsock_port(kind, "/l/one")
    assert kind != "wsl2" or vsock_port(kind, "/l/one") != vsock_port(kind, "/l/two")


def image(location: str, arch: str = "x86_64") -> dict[str, object]:
    return {"images": (Image(location=location, arch=arch),)}


@pytest.mark.parametrize(("fields", "expected"), [
    ({}, ""), ({"mount_type": "9p"}, "`mountType: 9p`"), ({"os": "Windows"}, "`os: Windows`"),
    ({"arch": "aarch64"}, "`arch: aarch64`"), ({"tpm": True}, "`tpm`"),
    *((image(f"https://h/rootfs{ending}"), "") for ending in (
        ".tar", ".tgz", ".txz", ".tbz2", ".tzst", ".tar.gz", ".tar.xz", ".tar.bz2", ".tar.zstd", ".tar.zst")),
    (image("https://h/a.qcow2"), "`images[0].location`"), (image("https://h/a.img.gz"), "`images[0].location`"),
    (image("https://h/a.qcow2", "aarch64"), ""),
])
def test_what_is_refused(fields: dict[str, object], expected: str) -> None:
    config = Config(**{"vm_type": "wsl2", "arch": "x86_64", "mount_type": "wsl2", **fields})  # type: ignore[arg-type]
    if not expected:
        rules.require(config, "x86_64")
        return
    with pytest.raises(DriverError) as caught:
        rules.require(config, "x86_64")
    assert expected in caught.value.detail


def test_what_is_passed_over() -> None:
    config = Config(video=Video(display="vnc"), audio=Audio(device="pa"), networks=(Network(lima="user-v2"),),
                    additional_disks=(AdditionalDisk(name="d"),))
    assert [text.partition("ignoring ")[2] for text in rules.warnings(config)] == [
        "`video.display: vnc`", "`audio.device: pa`", "`additionalDisks`", "`networks`"]
    assert list(rules.warnings(Config())) == []
