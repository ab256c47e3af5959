"""`build:NAME` in templates: other tools cannot read that, so it becomes the paths of the files that were built."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limacore.base import notice
from limacore.images.meter import Report
from limacore.model.job import Progress
from limacore.paths import cache_dir

if TYPE_CHECKING:
    from limacore.images.build import BuiltImage

BUILD = "build:"


def built_files(cache: Path) -> Path:
    """The directory of built images, one below it for each."""
    return cache / "build"


def is_built(location: str) -> bool:
    """Whether `location` asks for an image that is built here, such as `build:tiny`."""
    return location.startswith(BUILD)


async def build(location: str, report: Report) -> BuiltImage:
    """The image of a `build:` location, built first when needed; raises UsageError, HostError, ImageError."""
    from limacore.images import build

    name = location.removeprefix(BUILD)
    told = "Using the built image" if build.find(name, cache_dir()) else "Building the image"
    notice.info(f"{told} `{name}`")
    return await build.build(name, cache_dir(), lambda text, done: report(Progress("image", text, done)))


async def build_images(text: str, report: Report) -> str:
    """A template text in which `build:NAME` images are replaced by the files built for them; built when needed."""
    if BUILD not in text:
        return text
    built = {location: await build(location, report) for location in _built(text)}
    return resolve(text, built)


def _built(text: str) -> list[str]:
    """The locations to build: those for the architecture of the text, where it names one."""
    from limacore.base import yamlio

    data = yamlio.load(text)
    images = data.get("images") if isinstance(data, dict) else None
    wanted = ("", (data.get("arch") or "") if images else "")
    locations = [str(each.get("location", "")) for each in images or () if isinstance(each, dict)
                 and (not wanted[1] or (each.get("arch") or "") in wanted)]
    return list(dict.fromkeys(filter(is_built, locations)))


def resolve(text: str, built: Mapping[str, BuiltImage]) -> str:
    """Write the paths of built files over their `build:` locations; those of other architectures go. Comments stay."""
    from limacore.config.edit import RoundTrip

    document = RoundTrip(text)
    images = document.root.get("images") or []
    for image in list(images):
        location = str(image.get("location", "")) if isinstance(image, dict) else ""
        if location in built:
            _resolve(image, built[location])
        elif is_built(location):
            images.remove(image)
    return document.text()


def _resolve(image: Any, files: BuiltImage) -> None:
    arch = {"arch": str(image["arch"])} if image.get("arch") else {}
    image["location"] = str(files.image)
    if files.kernel is None:
        return
    # Right after the location: what stands last carries the blank lines and comments that follow the entry.
    place = list(image).index("location") + 1
    image.insert(place, "kernel", {"location": str(files.kernel), **arch, "cmdline": files.cmdline.strip()})
    image.insert(place + 1, "initrd", {"location": str(files.initrd), **arch})
