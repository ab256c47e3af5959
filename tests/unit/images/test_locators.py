"""`build:` in templates."""

from __future__ import annotations

from pathlib import Path

from limacore.base import yamlio
from limacore.images import locators
from limacore.images.build import BuiltImage


def test_built_images_become_paths_and_comments_stay() -> None:
    built = {"build:tiny": BuiltImage(Path("/c/kernel"), Path("/c/initrd"), "root=/dev/vda\n", Path("/c/image"), "00")}
    text = "# top\nimages:\n- location: 'build:tiny'  # small\n  arch: x86_64\n\n# below\ncpus: 1\n"
    resolved = locators.resolve(text, built)
    assert resolved.startswith("# top\nimages:\n- location: ")
    assert "# small" in resolved
    assert resolved.endswith("\n\n# below\ncpus: 1\n")
    assert yamlio.load(resolved)["images"] == [{
        "location": "/c/image", "arch": "x86_64",
        "kernel": {"location": "/c/kernel", "arch": "x86_64", "cmdline": "root=/dev/vda"},
        "initrd": {"location": "/c/initrd", "arch": "x86_64"},
    }]


async def test_texts_without_them_stay_as_they_are() -> None:
    text = "images:\n- location: /x  # not build:tiny\n"
    assert await locators.build_images(text, lambda _: None) == text
