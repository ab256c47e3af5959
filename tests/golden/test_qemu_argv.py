"""Our QEMU command line against those that limactl 2.2 used, word for word."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
import yaml

from limacore.drivers.base import MachineSpec
from limacore.drivers.qemu import args
from limacore.model.config import Config, Mount
from limacore.paths import HomePaths, InstancePaths

HOME = "/home/u"
LIMA_HOME = "/home/u/.lima"
PORT = 50022
NETWORKS = {"userv2": {0: 3}, "userv2-two": {0: 3, 1: 4}, "hosts-mac": {0: 3}, "net-socket": {0: 3, 1: 4}}
NAMES = {"dotted": "r-dot.ted_x"}

DELIBERATELY_DIFFERENT = {
    "mounts-comma": "a comma in a path is doubled, as QEMU wants it: limactl's machine does not start",
    "userv2-two": "the device of the second network is given once: limactl's machine does not start",
}


def _cases() -> list[str]:
    directory = Path(__file__).parents[3] / "shared/golden/runtime/qemu"
    return sorted(path.stem for path in directory.glob("*.argv"))


@pytest.fixture
def recorded(golden: Path, request: pytest.FixtureRequest) -> tuple[str, dict[str, object], list[str]]:
    case = request.param
    directory = golden / "runtime/qemu"
    template = yaml.safe_load(directory.joinpath(f"{case}.yaml").read_text().replace("@HOME@", HOME))
    return case, template, directory.joinpath(f"{case}.argv").read_text().splitlines()


def _config(case: str, name: str, template: dict[str, object]) -> Config:
    """The template with the few defaults that reach the command line; the full ones are tested with the config."""
    disks = [{"name": each} if isinstance(each, str) else each for each in template.pop("additionalDisks", [])]
    filled = {"cpus": 2, "memory": "4GiB", "arch": "x86_64"} | template | {"additionalDisks": disks}
    for provision in filled.get("provision", []):
        provision.pop("file", None)
    filled["env"] = {key: str(value) for key, value in filled.get("env", {}).items()}
    config = msgspec.convert(filled, Config)
    mounts = tuple(_mount(mount, name) for mount in config.mounts)
    if case == "mounts-overlap":  # entries for the same mount point become one, with the first one's location
        mounts = (msgspec.structs.replace(mounts[0], writable=True),)
    kind = config.mount_type or ("reverse-sshfs" if "9p" in config.mount_types_unsupported else "9p")
    return msgspec.structs.replace(config, mounts=mounts, mount_type=kind)


def _mount(mount: Mount, name: str) -> Mount:
    location = mount.location.replace("~", HOME)
    point = (mount.mount_point or location).replace("{{.Name}}", name).replace("{{.User}}", "u")
    return msgspec.structs.replace(mount, location=location, mount_point=point)


def _host(case: str, spec: MachineSpec, words: list[str]) -> args.QemuHost:
    """What a QEMU host was like in the recording, read off where it does not follow from the template."""
    config = spec.config
    accel = "kvm" if any("accel=kvm" in word for word in words) else "tcg"
    chosen = config.vm_opts.qemu.cpu_type.get(config.arch) or config.cpu_type.get(config.arch)
    pflash = [word.rpartition("file=")[2] for word in words if word.startswith("if=pflash")]
    return args.QemuHost(
        program=(words[0],), accel=accel, cpu=chosen or ("host" if accel == "kvm" else "max"), version=(7, 2, 22),
        firmware=pflash[0].replace("@LIMA_HOME@", LIMA_HOME) if pflash else "",
        files=frozenset(("disk", "iso") if case == "iso-image" else ("disk",)),
        network_fds=NETWORKS.get(case, {}),
    )


def _as_recorded(words: list[str], expected: list[str]) -> list[str]:
    """Our words with the placeholders of the recording; addresses derived from the machine id stand for themselves."""
    macs: dict[str, str] = {}
    fixed = set(re.findall(r"mac=([0-9a-f:]{17})", " ".join(expected)))

    def placeholder(match: re.Match[str]) -> str:
        mac = match[1]
        return match[0] if mac in fixed else "mac=" + macs.setdefault(mac, f"@MAC{len(macs)}@")

    text = "\n".join(words).replace(LIMA_HOME, "@LIMA_HOME@").replace(HOME, "@HOME@")
    text = text.replace(f"127.0.0.1:{PORT}-", "127.0.0.1:@SSHPORT@-")
    return re.sub(r"mac=([0-9a-f:]{17})", placeholder, text).split("\n")


@pytest.mark.parametrize("recorded", _cases(), indirect=True)
def test_the_command_line_is_that_of_limactl(recorded: tuple[str, dict[str, object], list[str]]) -> None:
    case, template, expected = recorded
    name = NAMES.get(case, f"r-{case}")
    config = _config(case, name, template)
    home = HomePaths(Path(LIMA_HOME))
    spec = MachineSpec(name, InstancePaths(home.home / name), home, config, PORT)
    got = _as_recorded(args.argv(spec, _host(case, spec, expected)), expected)
    if case in DELIBERATELY_DIFFERENT:
        assert got != expected
        expected = _mended(expected)
    assert got == expected


def _mended(words: list[str]) -> list[str]:
    pairs = list(zip(words[1::2], words[2::2], strict=True))
    once = [pair for index, pair in enumerate(pairs) if index == 0 or pair != pairs[index - 1]]
    return [words[0], *(word.replace("/a,b,", "/a,,b,") for pair in once for word in pair)]


def test_every_recorded_command_line_is_covered(golden: Path) -> None:
    assert len(_cases()) == 51
    assert set(DELIBERATELY_DIFFERENT) <= set(_cases())
