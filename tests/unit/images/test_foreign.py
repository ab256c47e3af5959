"""A guest of another architecture: packages that are only unpacked, and settings from the guest of this computer."""

from __future__ import annotations

import io
import shutil
import tarfile
from pathlib import Path

import pytest

from limacore.images import foreign, locators
from limacore.images.build import BuiltImage
from limacore.images.recipe import TINY, TINY_AARCH64, DirectBoot

assert isinstance(TINY_AARCH64.boot, DirectBoot)
STATUS = "Package: bash\nArchitecture: amd64\n\nPackage: linux-image-6.1\n\nPackage: adduser\nArchitecture: all\n"
TEMPLATE = """\
arch: {arch}
images:
- location: build:tiny
  arch: x86_64
- location: build:tiny-aarch64
  arch: aarch64
cpus: 1 # the end
"""


def test_the_packages_are_those_of_the_other_guest(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "base.tar", "w") as tar:
        entry = tarfile.TarInfo("./var/lib/dpkg/status")
        entry.size = len(STATUS)
        tar.addfile(entry, io.BytesIO(STATUS.encode()))
    names = foreign.packages(tmp_path / "base.tar")
    assert names == ("bash", "adduser")
    words = foreign.arguments(TINY_AARCH64, TINY_AARCH64.boot, names, Path("/s"), "bookworm", ["--aptopt=x"])
    assert "--include=bash,adduser,linux-image-cloud-arm64" in words and "--architectures=arm64" in words
    assert "--variant=extract" in words and words[-3:] == ["bookworm", "-", "/s"]


def test_the_recipes_differ_in_what_the_machine_is() -> None:
    assert "console=ttyAMA0" in TINY_AARCH64.cmdline and "console=ttyS0" in TINY.cmdline
    assert (TINY_AARCH64.packages, TINY_AARCH64.of) == (TINY.packages, "tiny")


@pytest.mark.skipif(not shutil.which("depmod", path="/usr/sbin:/sbin"), reason="depmod (kmod) is not installed")
async def test_settings_come_from_the_other_guest_and_programs_do_not(tmp_path: Path) -> None:
    tree, base = tmp_path / "tree", tmp_path / "base"
    files = {
        tree: {"usr/bin/bash": "\x7fELF arm", "etc/passwd": "unpacked", "usr/lib/modules/6.1/modules.order": "",
               "usr/lib/python3/x.py": "arm"},
        base: {"usr/bin/bash": "\x7fELF amd", "usr/bin/only-here": "\x7fELF amd", "etc/passwd": "root:x:0:0",
               "etc/ld.so.cache": "x", "var/lib/dpkg/status": "s", "usr/lib/x86_64-linux-gnu/libc.so": "\x7fELF",
               "usr/lib/python3/__pycache__/x.pyc": "compiled", "usr/lib/python3/x.py": "amd", "boot/vmlinuz": "k"},
    }
    for folder, content in files.items():
        for name, text in content.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
    (tree / "lib").symlink_to("usr/lib")
    (base / "usr/bin/awk").symlink_to("/etc/alternatives/awk")
    (base / "lib64").symlink_to("usr/lib64")
    await foreign.complete(tree, base)
    found = {path.relative_to(tree).as_posix(): path for path in tree.rglob("*") if not path.is_dir()}
    assert found["etc/passwd"].read_text() == "root:x:0:0" and found["usr/bin/bash"].read_text() == "\x7fELF arm"
    assert found["usr/lib/python3/x.py"].read_text() == "arm" and found["usr/bin/awk"].is_symlink()
    assert "usr/lib/python3/__pycache__/x.pyc" in found and "var/lib/dpkg/status" in found
    assert not {"usr/bin/only-here", "etc/ld.so.cache", "lib64", "boot/vmlinuz",
                "usr/lib/x86_64-linux-gnu/libc.so"} & set(found)
    assert "usr/lib/modules/6.1/modules.dep" in found


@pytest.mark.parametrize(("arch", "name"), [("x86_64", "build:tiny"), ("aarch64", "build:tiny-aarch64")])
def test_only_the_image_of_the_wanted_architecture_is_built_and_kept(arch: str, name: str) -> None:
    text = TEMPLATE.format(arch=arch)
    assert locators._built(text) == [name]
    built = BuiltImage(Path("/c/kernel"), Path("/c/initrd"), "quiet", Path("/c/image"), "0")
    made = locators.resolve(text, {name: built})
    assert "build:" not in made and made.count("location: /c/image") == 1 and f"  arch: {arch}\n" in made
    assert "# the end" in made


def test_without_an_architecture_all_are_built() -> None:
    assert locators._built(TEMPLATE.format(arch="")) == ["build:tiny", "build:tiny-aarch64"]
