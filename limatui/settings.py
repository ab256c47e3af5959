"""What a user may choose: `$XDG_CONFIG_HOME/limatui/settings.toml`. Unreadable or unknown values mean the default."""

from __future__ import annotations

import os
from pathlib import Path

from msgspec import Struct


class Settings(Struct, frozen=True):
    """`theme` is one of limatui.themes.THEMES."""

    theme: str = "dark"


def settings_file() -> Path:
    """Where the settings are kept."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "limatui" / "settings.toml"


def load() -> Settings:
    """The settings, or the defaults."""
    try:
        text = settings_file().read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return Settings()
    return parse(text)


def parse(text: str) -> Settings:
    """Settings from TOML text."""
    import tomllib

    try:
        theme = tomllib.loads(text).get("theme")
    except tomllib.TOMLDecodeError:
        return Settings()
    return Settings(theme=theme) if isinstance(theme, str) else Settings()


def save(settings: Settings) -> None:
    """Keep the settings; raises HostError when they cannot be written."""
    from limacore.base.files import write_atomic, write_failed

    path = settings_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_failed(path, error) from error
    write_atomic(path, f'theme = "{settings.theme}"\n')
