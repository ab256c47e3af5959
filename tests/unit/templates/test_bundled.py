"""Every template that comes with limatui: it loads, its scripts are sound, its images are the known ones."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from limacore.base import gotemplate, yamlio
from limacore.config.edit import set_fields
from limacore.config.load import load_text, typed
from limacore.config.shape import config_shape
from limacore.model.config import Config
from limacore.paths import HomePaths
from limacore.templates import embed
from limacore.templates.catalog import bundled
from limacore.templates.gallery import first_comment

FOLDER = bundled()
SPEC = Path(__file__).parents[4] / "shared" / "spec" / "storage-and-config.md"
PLUGIN = Path(__file__).parents[3] / "libexec" / "limactl-url-fedora-rawhide"
NEEDS_NETWORK = ("experimental/fedora-rawhide",)
KUBECONFIG = "{{.Dir}}/copied-from-guest/kubeconfig.yaml"

ALIASES = {
    "almalinux": "almalinux-10", "alpine": "alpine-3.23", "centos-stream": "centos-stream-9", "debian": "debian-13",
    "fedora": "fedora-44", "freebsd": "freebsd-15", "homebrew-linux": "linuxbrew", "macos": "macos-26",
    "opensuse": "opensuse-leap-16", "opensuse-leap": "opensuse-leap-16", "oraclelinux": "oraclelinux-10",
    "rocky": "rocky-10", "ubuntu": "ubuntu-26.04", "ubuntu-lts": "ubuntu-26.04", "windows": "windows-11",
    "experimental/almalinux-kitten": "almalinux-kitten-10", "experimental/freebsd-current": "freebsd-16",
    "experimental/ubuntu-next": "ubuntu-26.10",
    "_images/fedora": "fedora-44", "_images/freebsd": "freebsd-15", "_images/macos": "macos-26",
    "_images/opensuse-leap": "opensuse-leap-16", "_images/ubuntu": "ubuntu-26.04", "_images/ubuntu-lts": "ubuntu-26.04",
}
OTHERS = [
    "almalinux-8", "almalinux-9", "alpine-3.21", "alpine-3.22", "alpine-iso", "apptainer", "apptainer-rootful",
    "archlinux", "build-debian-12", "buildkit", "centos-stream-10", "debian-11", "debian-12", "default", "docker",
    "docker-rootful", "faasd", "fedora-41", "fedora-42", "fedora-43", "homebrew-macos", "k0s", "k3s", "k8s",
    "linuxbrew", "macos-15", "opensuse-leap-15", "oraclelinux-8", "oraclelinux-9", "podman", "podman-rootful",
    "rocky-8", "rocky-9", "tiny", "ubuntu-20.04", "ubuntu-22.04", "ubuntu-24.04", "ubuntu-24.10", "ubuntu-25.04",
    "ubuntu-25.10", "windows-11", "windows-2025", "experimental/alsa", "experimental/debian-sid",
    "experimental/fedora-rawhide", "experimental/gentoo", "experimental/opensuse-tumbleweed", "experimental/rke2",
    "experimental/u7s", "experimental/vnc", "experimental/wsl2",
]


def _files() -> dict[str, Path]:
    return {str(path.relative_to(FOLDER)).removesuffix(".yaml"): path for path in sorted(FOLDER.rglob("*.yaml"))}


def _own(*, building_blocks: bool = False) -> list[str]:
    """Templates that are no alias of another one."""
    return [name for name, path in _files().items()
            if not path.is_symlink() and (building_blocks or not name.startswith("_"))]


HERE = [name for name in _own() if name not in NEEDS_NETWORK]


def _home(folder: Path) -> HomePaths:
    return HomePaths(folder / "home")


def _embedded(name: str, folder: Path) -> str:
    return embed.read(f"template:{name}", _home(folder), with_base=False)


def _configs(text: str, folder: Path) -> Iterator[Config]:
    """What the text means on each architecture that it has an image for; fails where anything is wrong with it."""
    data = yamlio.load(text)
    arches = [data["arch"]] if data.get("arch") else dict.fromkeys(each["arch"] for each in data["images"])
    home = _home(folder)
    for arch in arches:
        loaded = load_text(set_fields(text, {"arch": arch}), home.home / "t" / "lima.yaml", home)
        assert [each for each in loaded.problems if "experimental" not in each.message] == []
        assert loaded.config is not None
        assert any(image.arch == arch for image in loaded.config.images)
        yield loaded.config


@pytest.mark.parametrize("name", HERE)
def test_it_is_valid_on_each_architecture_of_its_images(name: str, tmp_path: Path) -> None:
    text = _embedded(name, tmp_path)
    assert "base" not in yamlio.load(text)
    configs = list(_configs(text, tmp_path))
    assert configs
    assert all("<no value>" not in str(config) for config in configs)


def test_no_template_is_missing_and_the_aliases_lead_where_they_should() -> None:
    aliases = {name: path.readlink().name.removesuffix(".yaml") for name, path in _files().items() if path.is_symlink()}
    assert aliases == ALIASES
    assert all(path.is_file() for path in _files().values())
    alone = {str(Path(name).parent / target) if "/" in name else target for name, target in ALIASES.items()}
    assert set(_own()) == set(OTHERS) | {name for name in alone if not name.startswith("_")}


def test_each_begins_with_what_it_is_and_how_to_start_it() -> None:
    described = {name: first_comment((FOLDER / f"{name}.yaml").read_text()) for name in _own(building_blocks=True)}
    assert [name for name, words in described.items() if not 20 <= len(words) <= 118] == []
    assert [words for words, times in Counter(described.values()).items() if times > 1] == []
    for name in set(_own()) - {"tiny"}:
        assert f"limatui start template:{name}\n" in "".join(_lines(name)[:3])


def _lines(name: str) -> list[str]:
    return (FOLDER / f"{name}.yaml").read_text().splitlines(keepends=True)


def test_they_are_laid_out_alike() -> None:
    for name, path in _files().items():
        text = path.read_text()
        assert text.isascii(), name
        assert text.endswith("\n") and not re.search(r"\t|[ \t]\n|\n\n\n|\n\n$", text), name
        long = [line for line in text.splitlines() if len(line) > 120]
        assert name == "tiny" or all(re.match(r"\s*(- location|digest):", line) for line in long), name
        if not name.startswith("_") and name != "tiny" and not name.startswith("experimental/wsl2"):
            version = yamlio.load(text)["minimumLimaVersion"]
            assert version == ("2.1.0" if re.search("freebsd|macos|windows", str(path.resolve())) else "2.0.0"), name


# ---- scripts

def _scripts(name: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Each script as the guest gets it, and where it stands."""
    config = next(_configs(_embedded(name, folder), folder))
    for number, entry in enumerate(config.provision):
        if entry.script:
            yield f"provision[{number}]", entry.script
    for number, probe in enumerate(config.probes):
        yield f"probes[{number}]", probe.script or ""


SHELLS = {"#!/bin/sh": "set -eu", "#!/bin/bash": "set -eu -o pipefail"}


@pytest.mark.parametrize("name", HERE)
def test_scripts_are_sound(name: str, tmp_path: Path) -> None:
    for place, script in _scripts(name, tmp_path):
        lines = script.splitlines()
        first = next(line for line in lines[1:] if not line.startswith("#"))
        assert first == SHELLS[lines[0]], place
        _shellcheck(script, lines[0].rpartition("/")[2], place)
        for program in re.findall(r"<<'PYTHON'\n(.*?)\nPYTHON\n", script, re.DOTALL):
            compile(program, place, "exec")


def _shellcheck(script: str, shell: str, place: str) -> None:
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed")
    done = subprocess.run(["shellcheck", "-s", shell, "-"], input=script, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{place}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("name", HERE)
def test_what_is_installed_is_waited_for(name: str, tmp_path: Path) -> None:
    """Someone whose instance does not become ready is told what is missing, and where to look."""
    data = yamlio.load(_embedded(name, tmp_path))
    probes = data.get("probes", [])
    assert bool(probes) or not any(entry["mode"] in ("system", "user") for entry in data.get("provision", []))
    for probe in probes:
        assert probe["description"]
        assert probe["hint"].rstrip().endswith((".", ";"))
        assert "{{" not in probe["hint"] + probe["description"]


@pytest.mark.parametrize("name", HERE)
def test_messages_can_be_shown(name: str, tmp_path: Path) -> None:
    message = yamlio.load(_embedded(name, tmp_path)).get("message", "")
    shown = gotemplate.expand(message, {"Name": "n-1", "Dir": "/lima/n-1"})
    assert "<no value>" not in shown
    assert "{{" not in shown
    assert ("n-1" in shown) == bool(message)


# ---- what other programs rely on

@pytest.mark.parametrize(("name", "socket"), [
    ("docker", "docker"), ("docker-rootful", "docker"), ("podman", "podman"), ("podman-rootful", "podman"),
    ("buildkit", "buildkitd"),
])
def test_sockets_are_where_the_wrappers_look(name: str, socket: str, tmp_path: Path) -> None:
    data = yamlio.load(_embedded(name, tmp_path))
    sockets = [entry["hostSocket"] for entry in data["portForwards"]]
    assert sockets == ["{{.Dir}}/sock/" + f"{socket}.sock"]
    assert sockets[0] in data["message"]


@pytest.mark.parametrize("name", ["k3s", "k8s", "k0s", "experimental/rke2", "experimental/u7s"])
def test_kubeconfigs_are_where_the_wrappers_look(name: str, tmp_path: Path) -> None:
    data = yamlio.load(_embedded(name, tmp_path))
    (copy,) = data["copyToHost"]
    assert copy["host"] == KUBECONFIG
    assert copy["deleteOnStop"] is True
    assert KUBECONFIG in data["message"]
    assert copy.get("skipIfMissing", False) is ("url" in data["param"] if "param" in data else False)


def test_distributions_are_their_images_and_the_home_directory() -> None:
    for name in (each for each in _own() if f"_images/{each.rpartition('/')[2]}" in _files()):
        assert yamlio.load((FOLDER / f"{name}.yaml").read_text())["base"] == [
            f"template:_images/{name.rpartition('/')[2]}", "template:_default/mounts"]
    default = yamlio.load((FOLDER / "default.yaml").read_text())
    assert default == {"minimumLimaVersion": "2.0.0", "base": ["template:_images/ubuntu", "template:_default/mounts"]}


# ---- default.yaml explains every field

def _uncommented(text: str) -> str:
    """The fields that stand in comments, without the words above them."""
    kept: list[str] = []
    field = re.compile(rf"# (?:{'|'.join(config_shape().fields)}):(?: |$)")
    for paragraph in text.split("\n\n"):
        lines = paragraph.splitlines()
        at = next((number for number, line in enumerate(lines) if field.match(line)), len(lines))
        kept += [line.removeprefix("#").removeprefix(" ") for line in lines[at:]]
    return "\n".join(kept)


def test_the_default_template_explains_every_field() -> None:
    text = _uncommented((FOLDER / "default.yaml").read_text())
    file = typed(text, "default.yaml")
    assert file.problems == ()
    deprecated = {"cpuType", "rosetta"}
    assert set(file.values) == set(config_shape().fields) - deprecated - {"base", "minimumLimaVersion"}


# ---- images

def _inventory() -> dict[str, list[dict[str, str]]]:
    """Appendix A of the specification."""
    if not SPEC.is_file():
        pytest.skip("the specification is not here")
    found = {}
    for block in re.split(r"\n(?=\*\*)", SPEC.read_text().partition("\n## Appendix A")[2])[1:]:
        name, prefix = re.match(r"\*\*(.+?)\*\*(?: prefix: `(.+?)`)?", block).groups()  # type: ignore[union-attr]
        if body := re.search(r"```text\n(.*?)```", block, re.DOTALL):
            found[name] = [_entry(line, prefix or "") for line in body.group(1).splitlines()]
    return found


def _entry(line: str, prefix: str) -> dict[str, str]:
    words, digest, location = line.split("  ")
    arch, *rest = words.split(" ")
    entry = {"location": location.replace("…/", prefix), "arch": arch}
    entry |= {"archVariant" if re.fullmatch(r"v\d", word) else "variant": word for word in rest}
    return entry if digest == "-" else entry | {"digest": digest}


def test_the_images_are_those_of_the_inventory() -> None:
    inventory = _inventory()
    assert sum(map(len, inventory.values())) == 257
    for name, images in inventory.items():
        assert yamlio.load((FOLDER / f"{name}.yaml").read_text())["images"] == images, name
    blocks = {name for name in _own(building_blocks=True) if name.startswith("_images/")}
    assert blocks <= set(inventory)


def test_images_say_what_their_systems_lack() -> None:
    data: dict[str, Any] = {name: yamlio.load(path.read_text()) for name, path in _files().items()}
    enterprise = {name for name in data if re.match(r"_images/(almalinux|rocky|oraclelinux|centos)", name)}
    debian = {f"_images/debian-{version}" for version in (11, 12, 13)} | {"tiny"}
    without_9p = {name for name, each in data.items() if "9p" in each.get("mountTypesUnsupported", ())}
    assert without_9p == enterprise | debian | {"_images/fedora-41", "_images/ubuntu-24.10", "_images/opensuse-leap-15"}
    haswell = {name for name, each in data.items() if "vmOpts" in each}
    assert haswell == {"_images/almalinux-8", "_images/rocky-8", "_images/oraclelinux-8"}
    bios = {name for name, each in data.items() if each.get("firmware", {}).get("legacyBIOS") and name != "tiny"}
    assert bios == {"_images/centos-stream-9", "_images/centos-stream-10", "_images/oraclelinux-8"}


# ---- Fedora Rawhide is found by a program

@pytest.fixture
def compose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the Fedora server's files, as a file URL."""
    server = tmp_path / "server"
    images = server / "Cloud" / "x86_64" / "images"
    images.mkdir(parents=True)
    (server / "COMPOSE_ID").write_text("Fedora-Rawhide-20261120.n.0")
    (images / "Fedora-Cloud-Rawhide-x86_64-20261120.n.0-CHECKSUM").write_text(
        "# a comment\nSHA256 (Fedora-Cloud-Base-Generic-Rawhide-20261120.n.0.x86_64.qcow2) = " + "ab" * 32 + "\n")
    monkeypatch.setenv("FEDORA_RAWHIDE_URL", f"file://{server}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return server


def _plugin(*words: str) -> subprocess.CompletedProcess[str]:
    if not PLUGIN.is_file() or not shutil.which("curl"):
        pytest.skip("there is no plugin or no curl here")
    return subprocess.run([PLUGIN, *words], capture_output=True, text=True, timeout=60)


def test_the_plugin_lists_the_newest_compose(compose: Path, tmp_path: Path) -> None:
    done = _plugin("_images/fedora-rawhide")
    assert done.returncode == 0, done.stderr
    made = Path(done.stdout.strip())
    assert made == tmp_path / "cache/lima/limactl-url-fedora-rawhide/fedora-rawhide.yaml"
    first, second = yamlio.load(made.read_text())["images"]
    image = "Cloud/x86_64/images/Fedora-Cloud-Base-Generic-Rawhide-20261120.n.0.x86_64.qcow2"
    assert first["location"] == f"file://{compose}/{image}"
    assert first["digest"] == "sha256:" + "ab" * 32
    assert second["arch"] == "aarch64"
    assert "digest" not in second
    text = (FOLDER / "experimental/fedora-rawhide.yaml").read_text()
    (tmp_path / "t.yaml").write_text(text.replace("fedora-rawhide:_images/fedora-rawhide", str(made)))
    assert len(list(_configs(embed.read(str(tmp_path / "t.yaml"), _home(tmp_path)), tmp_path))) == 2
    assert list(made.parent.iterdir()) == [made]


@pytest.mark.parametrize("answer", ["", "<html>", "Fedora-Rawhide-1 $(id)", "Fedora-44-1"])
def test_the_plugin_refuses_what_it_does_not_know(compose: Path, tmp_path: Path, answer: str) -> None:
    (compose / "COMPOSE_ID").write_text(answer)
    for words in (("_images/fedora-rawhide",), ("other",), ()):
        done = _plugin(*words)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("limactl-url-fedora-rawhide: ")
    assert not list(tmp_path.glob("cache/**/*.yaml"))
