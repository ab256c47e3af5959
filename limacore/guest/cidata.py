"""The seed volume `cidata`: which files it holds, and the ISO 9660 image that carries them."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
from collections.abc import Mapping
from importlib.resources import files as package_files
from pathlib import Path, PurePosixPath
from typing import Any

from limacore.base.files import remove_tree, write_failed
from limacore.guest import agentfile, cloudconfig, environment, mountrows
from limacore.guest.environment import IsLoopback
from limacore.guest.seed import Seed
from limacore.model.config import Config, Provision

VOLUME = "cidata"
AGENT, NERDCTL = "lima-guestagent", "nerdctl-full.tgz"

NOTHING: Mapping[str, Path] = {}
_PAYLOAD_FOLDERS = ("boot.essential.Linux", "boot.Linux", "util")
_CONTENT = {"system": "script", "user": "script", "dependency": "script", "data": "content", "yq": "expression"}


def files(seed: Seed, host_environment: Mapping[str, str] | None = None,
          is_loopback: IsLoopback = environment.is_loopback) -> dict[str, bytes]:
    """Names and contents of everything in the volume; `host_environment` is where proxies are taken from."""
    host = os.environ if host_environment is None else host_environment
    config = seed.config
    texts = {
        "meta-data": cloudconfig.meta_data(seed),
        "user-data": cloudconfig.user_data(seed),
        "network-config": cloudconfig.network_config(seed),
        "lima.env": environment.lima_env(seed),
        "param.env": environment.param_env(config),
        **({"mounts": rows} if (rows := mountrows.lines(config)) else {}),
        "etc_environment": environment.etc_environment(
            environment.guest_environment(seed, host, is_loopback)),
    }
    if config.vm_type == "wsl2":  # there is no cloud-init, so a boot script makes the user
        texts["ssh_authorized_keys"] = "".join(f"{key}\n" for key in seed.public_keys)
    return {**{name: text.encode() for name, text in texts.items()}, **payload(config), **provision(config)}


def cloud_config(seed: Seed) -> str:
    """The text of `cloud-config.yaml` in the instance directory: what cloud-init is told, for people to read."""
    return cloudconfig.user_data(seed, stub=False)


def payload(config: Config) -> dict[str, bytes]:
    """Our own scripts and the guest agent; a plain guest gets no agent."""
    folder = Path(str(package_files("limacore"))) / "guest" / "payload"
    names = [PurePosixPath("boot.sh")] + [
        PurePosixPath(path.relative_to(folder).as_posix())
        for each in _PAYLOAD_FOLDERS for path in sorted((folder / each).glob("*"))
    ]
    found = {str(name): (folder / name).read_bytes() for name in names}
    own = folder / "drivers" / config.vm_type
    found |= {path.relative_to(own).as_posix(): path.read_bytes() for path in sorted(own.glob("boot.*/*"))}
    return found if config.plain else {**found, AGENT: agentfile.content()}


def provision(config: Config) -> dict[str, bytes]:
    """The files of `provision`, numbered by their place in the whole list."""
    return {
        f"provision.{entry.mode}/{number:08}": _content(entry).encode(errors="surrogateescape")
        for number, entry in enumerate(config.provision) if entry.mode in _CONTENT
    }


def _content(entry: Provision) -> str:
    return getattr(entry, _CONTENT[entry.mode]) or ""


def write_folder(path: Path, content: Mapping[str, bytes], large: Mapping[str, Path] = NOTHING) -> None:
    """Write the volume as a folder for its owner only, in the place of an earlier one; raises HostError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    remove_tree(temporary)
    try:
        for name, data in content.items():
            file = temporary / name
            for folder in (temporary, *reversed([each for each in file.parents if temporary in each.parents])):
                folder.mkdir(mode=0o700, exist_ok=True)
            file.write_bytes(data)
            file.chmod(0o700)
        for name, source in large.items():
            shutil.copyfile(source, temporary / name)
        remove_tree(path)
        temporary.replace(path)
    except OSError as error:
        raise write_failed(path, error) from error
    finally:
        remove_tree(temporary)


def write_iso(path: Path, content: Mapping[str, bytes], large: Mapping[str, Path] = NOTHING) -> None:
    """Write the volume to `path`, whole or not at all, with the files that `large` names at its top.

    Raises HostError when it cannot be written."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with contextlib.ExitStack() as stack:
        try:
            volume = stack.enter_context(contextlib.closing(_volume(content)))
            for name, source in large.items():
                file = stack.enter_context(source.open("rb"))
                volume.add_fp(file, source.stat().st_size, f"/L{name[:1]}.;1".upper(), rr_name=name,
                              file_mode=0o100644)
            volume.write(str(temporary))
            temporary.replace(path)
        except OSError as error:
            raise write_failed(path, error) from error
        finally:
            temporary.unlink(missing_ok=True)


def _volume(content: Mapping[str, bytes]) -> Any:
    import pycdlib  # 26 ms, and only a start needs it

    volume = pycdlib.PyCdlib()
    volume.new(interchange_level=3, rock_ridge="1.09", vol_ident=VOLUME)
    folders = {"": ""}
    for number, name in enumerate(sorted(content)):
        parent = _folder(volume, folders, str(PurePosixPath(name).parent).removeprefix("."))
        data = content[name]
        volume.add_fp(io.BytesIO(data), len(data), f"{parent}/F{number:04}.;1",
                      rr_name=PurePosixPath(name).name, file_mode=_mode(data))
    return volume


def _folder(volume: Any, folders: dict[str, str], name: str) -> str:
    # ISO names are only numbers: the guest reads the Rock Ridge names.
    if name not in folders:
        folders[name] = f"/D{len(folders):04}"
        volume.add_directory(folders[name], rr_name=name, file_mode=0o040755)
    return folders[name]


def _mode(data: bytes) -> int:
    return 0o100755 if data.startswith(b"#!") else 0o100644
