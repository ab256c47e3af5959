"""Which of the images of a configuration are tried, in which order, and what is said when none can be used."""

from __future__ import annotations

from typing import TypeVar

from limacore.base.goquote import ticked
from limacore.errors import ImageError
from limacore.model.config import Config, File, Image

F = TypeVar("F", bound=File)


def candidates(config: Config) -> tuple[Image, ...]:
    """Images to try, in order: the first for the architecture decides the variant of all. Raises ImageError."""
    fitting = fitting_arch(config, config.images)
    if not config.images:
        raise ImageError("no images are configured (did you set --image-variant or --arch-variant to a value not "
                         "present in the template?)")
    if not fitting:
        raise _skipped(config.images)
    wanted = _variant(fitting[0])
    return tuple(image for image in fitting if _variant(image) == wanted)


def fitting_arch(config: Config, files: tuple[F, ...]) -> tuple[F, ...]:
    """The files for the guest's architecture."""
    return tuple(file for file in files if file.arch == config.arch)


def _variant(image: Image) -> tuple[str, str]:
    return image.variant, image.arch_variant


def _skipped(files: tuple[Image, ...]) -> ImageError:
    each = " ".join(f"skipped to download: {ticked(file.location)}: unsupported arch: {ticked(file.arch)}"
                    for file in files)
    known = ", ".join(sorted({file.arch for file in files}))
    return ImageError(f"[{each}]", hint=f"the images in the template are for: {known}")


def all_failed(errors: list[ImageError]) -> ImageError:
    """One error out of those of all candidates, a line for each."""
    if len(errors) == 1:
        return errors[0]
    lines = [": ".join(part for part in (error.message, error.detail) if part) for error in errors]
    return ImageError("\n".join(lines), hint=errors[0].hint)
