"""A guest for another architecture, without running any of its programs here.

Its packages are only unpacked; what their scripts would have set up is taken from the same guest for this computer,
whose packages have the same names, and whose settings do not depend on the architecture."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

from limacore.base import proc
from limacore.errors import ImageError
from limacore.images import bootstrap, rootfs
from limacore.images.recipe import DirectBoot, Recipe

_STATUS = "./var/lib/dpkg/status"
_OURS = ("x86_64-linux-gnu", "ld-linux-x86-64.so.2", "lib64", "ld.so.cache")
"""Names of files and folders that only the other architecture has."""

_SETTINGS = ("etc", "var")
"""What is taken from the guest for this computer even where a package brings a file of that name."""

_LEFT = ("boot", "usr/lib/modules", "dev", "run", "proc", "sys")


def packages(archive: Path) -> tuple[str, ...]:
    """The names of the packages in a root file system, kernels left out."""
    with tarfile.open(archive) as tar:
        status = tar.extractfile(_STATUS)
        lines = status.read().decode().splitlines() if status else []
    names = (line.removeprefix("Package: ") for line in lines if line.startswith("Package: "))
    return tuple(name for name in names if not name.startswith("linux-image-"))


def arguments(recipe: Recipe, boot: DirectBoot, names: tuple[str, ...], sources: Path, suite: str,
              options: list[str]) -> list[str]:
    """The mmdebstrap command line that only unpacks; the tar file comes out on stdout."""
    modules = (f"/lib/modules/*/kernel/{name}/*" for name in boot.excluded_modules)
    return [
        "mmdebstrap", "--variant=extract", "--format=tar", f"--architectures={recipe.arch}",
        "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
        "--aptopt=APT::Install-Recommends false", '--aptopt=Acquire::Languages "none"', *options,
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in (*recipe.excluded_paths, *modules)),
        f"--include={','.join((*names, boot.kernel_package))}",
        suite, "-", str(sources),
    ]


async def unpacked(recipe: Recipe, boot: DirectBoot, base: Path, sources: bootstrap.Sources, target: Path,
                   report: bootstrap.Report) -> None:
    """Write the unpacked packages to `target`, those that `base` has; raises ImageError with mmdebstrap's own words."""
    listing = target.with_name("debian.sources")
    listing.write_text(sources.text)
    argv = arguments(recipe, boot, packages(base), listing, sources.suite, await bootstrap.apt_options())
    await bootstrap.assemble(argv, target, report)


async def complete(tree: Path, base: Path) -> None:
    """Fill `tree`, in which packages were only unpacked, with the settings of the unpacked guest `base`."""
    for name in _SETTINGS:
        rootfs.remove(tree / name)
    for path in _missing(tree, base):
        _copy(base / path, tree / path)
    for modules in (tree / "usr/lib/modules").iterdir():
        result = await proc.run(["depmod", "-b", str(tree), modules.name], timeout=300)
        if result.code != 0:
            raise ImageError("`depmod` failed while building the guest image", detail=result.stderr[-600:])


def _missing(tree: Path, base: Path) -> Iterator[Path]:
    """What `base` has and `tree` lacks, folders before what is in them; programs of this computer are passed over."""
    for path in sorted(base.rglob("*")):
        name = path.relative_to(base)
        if name.as_posix().startswith(_LEFT) or any(part in _OURS for part in name.parts):
            continue
        there = (tree / name).is_symlink() or (tree / name).exists()
        if not there and not _is_program(path):
            yield name


def _is_program(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def _copy(source: Path, target: Path) -> None:
    if source.is_dir() and not source.is_symlink():
        target.mkdir(parents=True, exist_ok=True)
        shutil.copystat(source, target)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target, follow_symlinks=False)
