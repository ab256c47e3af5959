"""Factory reset: what stays, what goes, and what refuses."""

from __future__ import annotations

import pytest

from limacore.errors import ConfigError, NotFoundError, ProtectedError
from limacore.lifecycle import change, reset
from limacore.paths import HomePaths
from tests.unit.lifecycle.instances import YAML, make, quiet, running, tree


async def test_the_configuration_stays_and_the_rest_goes(home: HomePaths, told: list[str]) -> None:
    paths = make(home)
    for name in ("serial.log", "ssh.config", "vz-identifier", "keep.yml", "other.yaml", "x.tmp", "sock/deep",
                 "swtpm/state", "copied-from-guest/kubeconfig.yaml", "ha.stdout.log", ".lima.yaml.queued"):
        (paths.dir / name).parent.mkdir(exist_ok=True)
        (paths.dir / name).write_text("x")
    (paths.dir / "sock").chmod(0o000)
    with running(paths, "qemu.pid") as child:
        await reset.factory_reset(home, "a", report=quiet)
        assert child.wait(10) == -9
    found = tree(paths.dir)
    assert sorted(found) == [".lima.yaml.queued", "cloud-config.yaml", "keep.yml", "lima-version", "lima.yaml",
                             "other.yaml", "vz-identifier"]
    assert found["cloud-config.yaml"].startswith("0444 ")
    assert paths.lima_yaml.read_text() == YAML
    removed = [line.split("/")[-1].rstrip("`") for line in told if line.startswith(f"info Removing `{paths.dir}/")]
    assert removed == ["qemu.pid", "x.tmp", "basedisk", "copied-from-guest", "diffdisk", "disk", "ha.stdout.log",
                       "serial.log", "sock", "ssh.config", "swtpm"]
    assert told[-1] == "info Instance `a` has been factory reset"


async def test_a_protected_one_is_refused(home: HomePaths) -> None:
    paths = make(home)
    change.protect(home, "a")
    before = tree(paths.dir)
    with pytest.raises(ProtectedError) as caught:
        await reset.factory_reset(home, "a", report=quiet)
    assert caught.value.message == ("instance is protected to prohibit accidental factory-reset "
                                    "(Hint: use `limatui unprotect`)")
    assert tree(paths.dir) == before


@pytest.mark.parametrize("yaml", ["images: [\n", "images: []\n", "", "\x00"])
async def test_one_that_could_not_be_made_again_keeps_its_disk(home: HomePaths, yaml: str) -> None:
    paths = make(home, yaml=yaml)
    before = tree(paths.dir)
    with running(paths, "qemu.pid") as child:
        with pytest.raises(ConfigError):
            await reset.factory_reset(home, "a", report=quiet)
        assert child.poll() is None
        (paths.dir / "qemu.pid").unlink()
    assert tree(paths.dir) == before


async def test_missing_ones(home: HomePaths) -> None:
    (home.home / "empty").mkdir()
    for name in ("nosuch", "empty"):
        with pytest.raises(NotFoundError):
            await reset.factory_reset(home, name, report=quiet)
