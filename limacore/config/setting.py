"""What defaults depend on besides the three files: this host, the instance's name and place, its age."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from msgspec import Struct

from limacore.base.host import Host, host
from limacore.base.version import COMPATIBLE, older_than
from limacore.paths import HomePaths, InstancePaths, hostname

_INITIALISED = (
    "ha.stdout.log", "ha.stderr.log", "vz-identifier", "image", "disk", "basedisk", "diffdisk", "cidata.iso",
)


class Setting(Struct, frozen=True):
    """The surroundings of one lima.yaml."""

    host: Host
    name: str
    directory: str
    yaml_path: str
    lima_home: str
    created_by: str = COMPATIBLE
    """The version in `lima-version`; empty for instances older than that file."""
    exists: bool = False
    over_vsock: str = ""
    """`LIMA_SSH_OVER_VSOCK`."""

    def created_before(self, release: str) -> bool:
        """Whether the instance was made by a version older than `release`."""
        return older_than(self.created_by, release)

    def host_values(self, param: dict[str, str]) -> dict[str, Any]:
        """Variables of host templates."""
        return {
            "Name": self.name, "Instance": self.name, "Dir": self.directory, "LimaHome": self.lima_home,
            "Home": self.host.home, "UID": str(self.host.uid), "User": self.host.user,
            "TempDir": self.host.temp_dir, "GlobalTempDir": "/tmp", "Param": param,
        }

    def guest_values(self, user: dict[str, Any], param: dict[str, str]) -> dict[str, Any]:
        """Variables of guest templates."""
        return {
            "Name": self.name, "Hostname": hostname(self.name), "UID": str(user["uid"]), "User": user["name"],
            "Home": user.get("home"), "Param": param,
        }


def setting_of(yaml_path: Path, home: HomePaths, *, exists: bool | None = None) -> Setting:
    """The setting of the lima.yaml at `yaml_path`; `exists` is looked up in its directory when not given."""
    directory = yaml_path.parent
    existing = is_initialised(directory) if exists is None else exists
    return Setting(
        host=host(), name=directory.name, directory=str(directory), yaml_path=str(yaml_path),
        lima_home=str(home.home), exists=existing,
        created_by=recorded_version(directory) if existing else COMPATIBLE,
        over_vsock=os.environ.get("LIMA_SSH_OVER_VSOCK", ""),
    )


def is_initialised(directory: Path) -> bool:
    """Whether an instance was ever prepared in `directory`."""
    return any(os.path.lexists(directory / name) for name in _INITIALISED)


def recorded_version(directory: Path) -> str:
    """The text of `lima-version`, trimmed; empty when there is none."""
    try:
        return InstancePaths(directory).lima_version.read_text(errors="replace").strip()
    except OSError:
        return ""
