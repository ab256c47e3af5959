"""Load, fill and validate all bundled templates, against `yaml.CSafeLoader` reading the same texts; a long file."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from limacore.config.load import load_text
from limacore.config.provenance import effective
from limacore.config.validate import check_text
from limacore.paths import HomePaths
from limacore.templates import catalog, embed

_ROUNDS = 7


def _seconds(work: Callable[[], object]) -> float:
    """Median processor time of a few runs, the first left out: that one fills caches."""
    spent = []
    for _ in range(_ROUNDS + 1):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return statistics.median(spent[1:])


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory(prefix="config-", dir="/tmp") as folder:
        home = HomePaths(Path(folder))
        names = [name for name in catalog.names(home) if "fedora-rawhide" not in name]
        texts = {name: embed.read(f"template:{name}", home) for name in names}
        _templates(home, texts)
        spent = _seconds(lambda: [embed.read(f"template:{name}", home) for name in names])
        print(f"embedding the bases of all: {spent:.2f} s")
        _long_file(home)


def _templates(home: HomePaths, texts: dict[str, str]) -> None:
    path = home.home / "n" / "lima.yaml"
    ours = _seconds(lambda: [load_text(text, path, home, exists=False) for text in texts.values()])
    alone = _seconds(lambda: [yaml.load(text, yaml.CSafeLoader) for text in texts.values()])
    size = sum(map(len, texts.values())) / 1024
    print(f"{len(texts)} bundled templates, {size:.0f} KiB embedded: load+fill+validate {ours * 1000:.1f} ms, "
          f"CSafeLoader alone {alone * 1000:.1f} ms, {ours / alone:.1f} times")


def _long_file(home: HomePaths) -> None:
    script = "- mode: system\n  script: |\n    #!/bin/sh\n    echo {{.Name}}\n"
    text = "images: [{location: /srv/i.img}]\nprovision:\n" + script * 250
    path = home.home / "n" / "lima.yaml"
    lines = text.count("\n")
    print(f"{lines} lines: validated in {_seconds(lambda: check_text(text, path, home)) * 1000:.1f} ms (at most 50), "
          f"with every value's origin in {_seconds(lambda: effective(text, path, home)) * 1000:.1f} ms")


if __name__ == "__main__":
    main()
