"""Create an instance: its files are made aside and appear all at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from limacore.base.files import write_atomic
from limacore.base.version import COMPATIBLE
from limacore.config import edit
from limacore.config.load import load_text
from limacore.config.written import written
from limacore.errors import ConfigError
from limacore.guest.cidata import cloud_config
from limacore.guest.seed import Seed
from limacore.images import locators, prepare
from limacore.lifecycle import edit as edit_rules
from limacore.lifecycle.stage import claimable, publish, staged
from limacore.model.config import Config
from limacore.model.instance import Instance
from limacore.model.job import Progress
from limacore.paths import HomePaths, InstancePaths
from limacore.store import keys, view
from limacore.templates import embed

Report = Callable[[Progress], None]


async def create(
    home: HomePaths, name: str, locator: str, *, report: Report, changes: dict[str, object] | None = None
) -> InstancePaths:
    """Make instance `name` from a template; on any error or cancellation nothing is left. Raises LimaError."""
    claimable(home, name)
    text = await asyncio.to_thread(embed.read, locator, home)
    return await create_from_text(home, name, edit.set_fields(text, changes or {}), report=report, source=locator)


async def create_from_text(
    home: HomePaths, name: str, text: str, *, report: Report, source: str = ""
) -> InstancePaths:
    """Make instance `name` from the text of a template with its bases embedded, as `create` does."""
    paths = claimable(home, name)
    async with staged(home, name) as stage:
        text = await locators.build_images(text, report)  # other tools cannot read `build:`, so it becomes paths
        config = _usable(text, paths, home, source or str(paths.lima_yaml))
        await prepare.prepare(stage, config, report, name=name)
        await asyncio.to_thread(_write_files, stage, paths, home, text, config)
        publish(stage, paths)
    return paths


def _usable(text: str, paths: InstancePaths, home: HomePaths, source: str) -> Config:
    """The configuration of a new instance, its warnings told; raises ConfigError."""
    loaded = load_text(text, paths.lima_yaml, home, exists=False)
    loaded.announce(starting=True)
    if not loaded.refusal:
        edit_rules.require_driver(str(loaded.filled.get("vmType", "qemu")), "failed to create driver instance: ")
    config = loaded.require(source)
    if config.message:
        try:
            view.render_message(config.message, view.go_record(Instance(paths.name, str(paths.dir)),
                                                               written(loaded.filled), home))
        except ValueError as error:
            raise ConfigError(f"errors inspecting instance: [{error}]", hint="correct `message`") from None
    return config


def _write_files(stage: InstancePaths, final: InstancePaths, home: HomePaths, text: str, config: Config) -> None:
    write_atomic(stage.lima_yaml, text)
    write_atomic(stage.lima_version, COMPATIBLE, 0o444)
    write_cloud_config(stage, final, home, config)


def write_cloud_config(where: InstancePaths, paths: InstancePaths, home: HomePaths, config: Config) -> None:
    """Write `cloud-config.yaml` of the instance at `paths` into the directory `where`: for people to read."""
    seed = Seed(config=config, name=paths.name, directory=str(paths.dir), host_home=str(Path.home()),
                public_keys=keys.public_keys(home, config))
    write_atomic(where.cloud_config, cloud_config(seed), 0o444)
