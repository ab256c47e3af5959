"""Images built here: what is decided before and after the packages come (the build itself: tests/vm)."""

from __future__ import annotations

import asyncio
import struct
from pathlib import Path

import pytest

from limacore.errors import UsageError
from limacore.images import bootstrap, build, initrd, recipe, rootfs, vmlinux
from limacore.images.recipe import TINY

OS_RELEASE = 'ID=debian\nVERSION_CODENAME="trixie"\n'


def etc(root: Path, **files: str) -> Path:
    (root / "apt" / "sources.list.d").mkdir(parents=True)
    for name, text in files.items():
        path = {"os_release": "os-release", "main": "apt/sources.list"}.get(name)
        (root / (path or f"apt/sources.list.d/{name.replace('_', '.')}")).write_text(text)
    return root


def test_packages_come_from_where_this_computer_gets_its_own(tmp_path: Path) -> None:
    found = bootstrap.host_sources(etc(tmp_path, os_release=OS_RELEASE, debian_sources=(
        "# old\nTypes: deb deb-src\nURIs: http://mirror.example/debian\nSuites: trixie trixie-updates\n"
        "Components: main contrib\nSigned-By: /usr/share/keyrings/k.gpg\n\n"
        "Types: deb\nURIs: https://apt.example/debian-tool\nSuites: stable\nComponents: main\n\n"
        "Types: deb-src\nURIs: http://mirror.example/debian\nSuites: trixie\nComponents: main\n\n"
        "Types: deb\nEnabled: no\nURIs: http://off.example/debian\nSuites: trixie\nComponents: main\n"),
        other_list="deb [arch=amd64 signed-by=/k.asc] https://packages.example/tool trixie main\n"))  # fmt: skip
    assert found.suite == "trixie"
    assert found.text == ("Types: deb\nURIs: http://mirror.example/debian\nSuites: trixie trixie-updates\n"
                          "Components: main\nSigned-By: /usr/share/keyrings/k.gpg\n")


def test_the_older_form_of_sources_is_read_too(tmp_path: Path) -> None:
    found = bootstrap.host_sources(etc(tmp_path, os_release=OS_RELEASE, main=(
        "deb http://deb.debian.org/debian trixie main contrib # all of it\n"
        "# deb http://no.example/debian trixie main\n"
        "deb [signed-by=/k.gpg] http://deb.debian.org/debian-security trixie-security main\n")))
    assert [line for line in found.text.splitlines() if line.startswith(("URIs", "Signed"))] == [
        "URIs: http://deb.debian.org/debian", "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg",
        "URIs: http://deb.debian.org/debian-security", "Signed-By: /k.gpg"]


def test_elsewhere_they_come_from_debian_itself(tmp_path: Path) -> None:
    found = bootstrap.host_sources(etc(tmp_path, os_release="ID=ubuntu\nVERSION_CODENAME=noble\n",
                                       main="deb http://archive.example/ubuntu noble main\n"))
    assert found.suite == "bookworm"
    assert "deb.debian.org" in found.text and "archive.example" not in found.text


def test_the_command_line_names_every_package() -> None:
    argv = bootstrap.arguments(TINY, Path("/s"), "bookworm", Path("/a b"), ["--aptopt=x"])
    assert argv[-3:] == ["bookworm", "-", "/s"]
    assert f"--include={','.join(TINY.packages)}" in argv
    assert "--setup-hook=sync-in '/a b' /var/cache/apt/archives" in argv


def test_a_change_of_any_part_gives_another_image(tmp_path: Path) -> None:
    (tmp_path / "rootfs").mkdir()
    (tmp_path / "rootfs" / "a").write_text("1")
    first = recipe.digest(TINY, tmp_path, "sources")
    assert first == recipe.digest(TINY, tmp_path, "sources")
    assert first != recipe.digest(TINY, tmp_path, "others")
    (tmp_path / "rootfs" / "a").write_text("2")
    assert first != recipe.digest(TINY, tmp_path, "sources")


def test_our_own_files_do_not_decide_about_packages() -> None:
    assert recipe.packages_digest(TINY, "s") != recipe.packages_digest(TINY, "t")


async def test_an_unknown_recipe_says_which_are_known(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="build:tiny"):
        await build.build("huge", tmp_path)


async def test_a_built_image_needs_no_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = recipe.digest(TINY, recipe.payload_dir("tiny"), bootstrap.host_sources().text)
    folder = tmp_path / "build" / f"tiny-{digest}"
    folder.mkdir(parents=True)
    (folder / "kernel.cmdline").write_text("quiet")
    monkeypatch.setenv("PATH", "/nowhere")
    built = await build.build("tiny", tmp_path)
    assert (built.cmdline, built.digest, built.image) == ("quiet", digest, folder / "image")
    assert build.find("tiny", tmp_path) == built


async def test_what_a_killed_build_left_is_swept(tmp_path: Path) -> None:
    stale = tmp_path / ".building-old"
    stale.mkdir()
    (stale / "rootfs.tar").write_bytes(b"half")
    async with build._scratch(tmp_path) as scratch:
        assert not stale.exists() and scratch.is_dir()
    assert list(tmp_path.iterdir()) == []


async def test_the_second_of_two_builders_waits_and_says_so(tmp_path: Path) -> None:
    said: list[str] = []
    waits = asyncio.Event()
    inside: list[str] = []

    async def second() -> None:
        def report(text: str, _done: float | None) -> None:
            said.append(text)
            waits.set()

        async with build._lock(tmp_path / "lock", report):
            inside.append("second")

    async with asyncio.TaskGroup() as group, build._lock(tmp_path / "lock", lambda *_: None):
        group.create_task(second())
        await waits.wait()
        inside.append("first")
    assert inside == ["first", "second"]
    assert said == ["waiting for another process that builds this image"]


def test_a_ram_disk_reads_back_as_it_was_packed() -> None:
    packed = initrd.archive(b"#!script", b"\x7fELFbusybox", [("root/00-a.ko", b"module")])
    members = dict(newc(packed))
    assert members["init"] == (0o100755, b"#!script")
    assert members["modules/root/00-a.ko"] == (0o100644, b"module")
    assert list(members)[-1] == "TRAILER!!!"


def newc(data: bytes) -> list[tuple[str, tuple[int, bytes]]]:
    found, position = [], 0
    while position < len(data):
        assert data[position:position + 6] == b"070701"
        fields = [int(data[position + 6 + 8 * i:position + 14 + 8 * i], 16) for i in range(13)]
        name = data[position + 110:position + 110 + fields[11] - 1].decode()
        start = position + (110 + fields[11] + 3 & ~3)
        found.append((name, (fields[1], data[start:start + fields[6]])))
        position = start + (fields[6] + 3 & ~3)
    return found


def test_modules_come_after_what_they_need_and_only_once(tmp_path: Path) -> None:
    for name in ("ring", "virtio", "virtio_blk", "virtio-net"):
        (tmp_path / f"{name}.ko").write_text(name)
    (tmp_path / "modules.dep").write_text(
        "virtio_blk.ko: virtio.ko ring.ko\nvirtio-net.ko: virtio.ko ring.ko\nvirtio.ko: ring.ko\nring.ko:\n")
    found = [name for name, _ in initrd.modules(tmp_path, ("virtio_blk", "builtin"), ("virtio_net",))]
    assert found == ["root/00-ring.ko", "root/01-virtio.ko", "root/02-virtio_blk.ko", "more/00-virtio-net.ko"]


def lz4(*sequences: bytes) -> bytes:
    block = b"".join(sequences)
    return b"\x02\x21\x4c\x18" + struct.pack("<I", len(block)) + block


def test_lz4_literals_and_matches() -> None:
    assert vmlinux.lz4_legacy(lz4(b"\x30abc")) == b"abc"
    assert vmlinux.lz4_legacy(lz4(b"\x32abc\x03\x00", b"\x10d")) == b"abcabcabcd"
    assert vmlinux.lz4_legacy(lz4(b"\x1fa\x01\x00\xff\x05", b"\x10b")) == b"a" * (1 + 15 + 260 + 4) + b"b"
    assert vmlinux.lz4_legacy(lz4(b"\xf0\x02" + b"x" * 17)) == b"x" * 17


def test_lz4_that_points_before_its_start_is_refused() -> None:
    with pytest.raises(ValueError, match="before"):
        vmlinux.lz4_legacy(lz4(b"\x10a\x05\x00", b"\x10b"))


@pytest.mark.parametrize("image", [b"", b"\0" * 4096, b"\x7fELF" * 300])
def test_what_is_no_bzimage_is_used_as_it_is(image: bytes) -> None:
    assert vmlinux.extract(image) is None


def test_owners_are_set_where_unpacking_could_not(tmp_path: Path) -> None:
    import tarfile

    tree = tmp_path / "tree"
    (tree / "etc").mkdir(parents=True)
    (tree / "etc" / "shadow").write_text("")
    (tree / "init").write_text("")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name, gid in (("./etc", 0), ("./etc/shadow", 42), ("./gone", 5)):
            member = tarfile.TarInfo(name)
            member.gid = gid
            archive.addfile(member)
    as_root = list(rootfs.set_owners(tmp_path / "a.tar", tree, True))
    assert as_root == ['sif "/etc/shadow" uid 0', 'sif "/etc/shadow" gid 42']
    as_user = list(rootfs.set_owners(tmp_path / "a.tar", tree, False))
    assert {'sif "/init" uid 0', 'sif "/etc" gid 0', 'sif "/etc/shadow" gid 42'} <= set(as_user)
