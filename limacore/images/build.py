"""Images built on this computer from distribution packages: locator `build:NAME`, kept in the cache by digest."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from limacore.base.files import locked, write_failed
from limacore.errors import HostError, ImageError, LockedError, UsageError
from limacore.images import firmwareguest, foreign, rootfs, tinyguest
from limacore.images import recipe as recipes
from limacore.images.bootstrap import Sources, bootstrap, host_sources
from limacore.images.cache import make_private
from limacore.images.locators import built_files
from limacore.images.recipe import DirectBoot, FirmwareBoot, Recipe

Report = Callable[[str, float | None], None]
"""Gets a line to show and the fraction done (0 to 1), or None when that is not known."""

_TEMPORARY = ".building-"
_TOOLS = {"mmdebstrap": "mmdebstrap", "apt-config": "apt", "mke2fs": "e2fsprogs", "debugfs": "e2fsprogs",
          "qemu-img": "qemu-utils", "tar": "tar"}


class BuiltImage(Struct, frozen=True):
    """The files of a built guest: all stay in the cache and are never changed again."""

    kernel: Path | None
    """None, as the RAM disk, where firmware starts what is on the disk."""
    initrd: Path | None
    cmdline: str
    image: Path
    digest: str


def _silent(_text: str, _fraction: float | None) -> None:
    pass


def find(name: str, cache_dir: Path) -> BuiltImage | None:
    """The image of `build:NAME` when it is built already; raises UsageError when nothing of that name is known."""
    plan = _plan(name, cache_dir)
    return _load(plan) if plan.folder.is_dir() else None


async def build(name: str, cache_dir: Path, report: Report = _silent) -> BuiltImage:
    """The image of `build:NAME`, built first when the cache has none; safe to interrupt and to run twice.

    Raises UsageError (no such recipe), HostError (a tool or space is missing), ImageError (the build failed).
    """
    plan = await asyncio.to_thread(_plan, name, cache_dir)
    if not plan.folder.is_dir():
        _require_tools(plan.recipe)
        make_private(plan.folder.parent)
        async with _lock(plan.folder.parent / f".{name}.lock", report):
            if not plan.folder.is_dir():
                await _build_into(plan, report)
    return _load(plan)


class _Plan(Struct, frozen=True):
    recipe: Recipe
    sources: Sources
    folder: Path


def _plan(name: str, cache_dir: Path) -> _Plan:
    recipe = _recipe(name)
    sources = host_sources(wanted=recipe.suite)
    digest = recipes.digest(recipe, recipes.payload_dir(recipe.of or name), sources.text)
    return _Plan(recipe, sources, built_files(cache_dir) / f"{name}-{digest}")


def _recipe(name: str) -> Recipe:
    if name not in recipes.RECIPES:
        known = ", ".join(f"build:{each}" for each in recipes.RECIPES)
        raise UsageError(f"there is no image `build:{name}`", hint=f"known: {known}")
    return recipes.RECIPES[name]


def _load(plan: _Plan) -> BuiltImage:
    folder, digest = plan.folder, plan.folder.name.rpartition("-")[2]
    if isinstance(plan.recipe.boot, FirmwareBoot):
        return BuiltImage(None, None, "", folder / "image", digest)
    try:
        cmdline = (folder / "kernel.cmdline").read_text()
    except OSError as error:
        raise ImageError(f"the built image in `{folder}` is not complete", detail=error.strerror or "",
                         hint=f"remove it and start again: rm -r {folder}") from error
    return BuiltImage(folder / "kernel", folder / "initrd", cmdline, folder / "image", digest)


def _require_tools(recipe: Recipe) -> None:
    search = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    tools = _TOOLS | ({"depmod": "kmod"} if recipe.of else {})
    missing = [tool for tool in tools if not shutil.which(tool, path=search)]
    if os.uname().machine != "x86_64":
        raise HostError("guest images are built on x86_64 computers only so far", detail=os.uname().machine)
    if missing:
        packages = " ".join(sorted({tools[tool] for tool in missing}))
        raise HostError(f"building the guest image needs {', '.join(missing)}",
                        hint=f"install with: apt-get install {packages}")


@contextlib.asynccontextmanager
async def _lock(path: Path, report: Report) -> AsyncIterator[None]:
    try:
        holder = locked(path, wait=False)
        holder.__enter__()
    except LockedError:
        report("waiting for another process that builds this image", None)
        holder = locked(path)
        await asyncio.to_thread(holder.__enter__)
    try:
        yield
    finally:
        holder.__exit__(None, None, None)


async def _build_into(plan: _Plan, report: Report) -> None:
    parent, recipe = plan.folder.parent, plan.recipe
    async with _scratch(parent) as scratch:
        archive = await _tree(parent, scratch, plan, report)
        await asyncio.to_thread(_furnish, scratch, recipe)
        report("making the file system", 0.85)
        await _make_disk(scratch, archive, recipe)
        await rootfs.compact(scratch / "raw", scratch / "out" / "image")
        await asyncio.to_thread(_publish, scratch / "out", plan.folder)
        report("built", 1.0)


async def _tree(parent: Path, scratch: Path, plan: _Plan, report: Report) -> Path:
    """Unpack the root file system; the archive that tells the owners of its files."""
    recipe = plan.recipe
    if not recipe.of or not isinstance(recipe.boot, DirectBoot):
        archive = await _packages(parent, scratch, plan, report)
        report("unpacking the root file system", 0.70)
        await rootfs.unpack(archive, scratch / "tree")
        return archive
    base = _Plan(_recipe(recipe.of), plan.sources, plan.folder)
    archive = await _packages(parent, scratch, base, report)
    await rootfs.unpack(archive, scratch / "base")
    await foreign.unpacked(recipe, recipe.boot, archive, plan.sources, scratch / "foreign.tar", report)
    report("unpacking the root file system", 0.70)
    await rootfs.unpack(scratch / "foreign.tar", scratch / "tree")
    await foreign.complete(scratch / "tree", scratch / "base")
    return archive


async def _packages(parent: Path, scratch: Path, plan: _Plan, report: Report) -> Path:
    # Kept beside the images, so that a change of our own files costs seconds and not a new set of packages.
    name = plan.recipe.name
    kept = parent / f"packages-{name}-{recipes.packages_digest(plan.recipe, plan.sources.text)}.tar"
    if not kept.is_file():
        await bootstrap(plan.recipe, plan.sources, scratch / "rootfs.tar", parent / "apt",
                        lambda text, done: report(text, None if done is None else done * 0.7))
        for older in parent.glob(f"packages-{name}-*.tar"):
            older.unlink()
        (scratch / "rootfs.tar").replace(kept)
    return kept


def _furnish(scratch: Path, recipe: Recipe) -> None:
    tree, payload, out = scratch / "tree", recipes.payload_dir(recipe.of or recipe.name), scratch / "out"
    out.mkdir()
    (out / "recipe.json").write_bytes(msgspec.json.format(msgspec.json.encode(recipe)))
    if isinstance(recipe.boot, FirmwareBoot):
        firmwareguest.furnish(tree, payload, recipe, recipe.boot)
    else:
        (out / "kernel.cmdline").write_text(recipe.cmdline)
        tinyguest.write_boot_files(tree, payload, recipe.boot, out)
        tinyguest.furnish(tree, payload, recipe.boot)


async def _make_disk(scratch: Path, archive: Path, recipe: Recipe) -> None:
    if isinstance(recipe.boot, FirmwareBoot):
        await firmwareguest.make_disk(scratch, archive, recipe, recipe.boot)
    else:
        volume = rootfs.Volume(f"{recipe.name}-root", "clear", recipe.image_size)
        await rootfs.make_image(scratch / "tree", archive, scratch / "raw", volume)


def _publish(out: Path, folder: Path) -> None:
    for path in out.iterdir():
        path.chmod(0o444)
        with path.open("rb") as file:
            os.fsync(file.fileno())
    out.rename(folder)


@contextlib.asynccontextmanager
async def _scratch(parent: Path) -> AsyncIterator[Path]:
    await asyncio.to_thread(_remove, *parent.glob(f"{_TEMPORARY}*"))  # the lock is ours: whoever made them is gone
    scratch = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=parent))
    try:
        yield scratch
    except OSError as error:
        raise write_failed(parent, error) from error
    finally:
        # In the thread it ends even when this task is cancelled a second time.
        await asyncio.shield(asyncio.to_thread(_remove, scratch))


def _remove(*folders: Path) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
