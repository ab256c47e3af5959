"""Our themes: the tokens of the dashboard as Textual variables, usable as `$faint`, `$running` … in every stylesheet.

Tokens: ground, panel, raised, entry (where one types), hairline; text, dim, faint; accent (where you are, keys);
running, warn (starting), bad (error, orphan), number (figures, meters, paused), protected.
"""

from __future__ import annotations

from collections.abc import Mapping

from textual.theme import Theme

DARK: Mapping[str, str] = {
    "ground": "#0e1116", "panel-ground": "#12161d", "raised": "#1b222c", "hairline": "#2a323d", "entry": "#2a323d",
    "text-bright": "#d5dbe3", "dim": "#8793a1", "faint": "#56616e", "accent-key": "#b6e354",
    "running": "#7bd88f", "warn": "#f0c55b", "bad": "#ff7a70", "number": "#7cc7ff", "protected": "#c4a7ff",
}
LIGHT: Mapping[str, str] = {
    "ground": "#fbfbf9", "panel-ground": "#f1f2ef", "raised": "#e4e8e1", "hairline": "#ccd2cb", "entry": "#ccd2cb",
    "text-bright": "#1d252c", "dim": "#56616b", "faint": "#858f98", "accent-key": "#4d7a00",
    "running": "#1d7f3b", "warn": "#8f6400", "bad": "#c0352b", "number": "#1767a8", "protected": "#7148b8",
}
CONTRAST: Mapping[str, str] = {
    "ground": "#000000", "panel-ground": "#000000", "raised": "#26313f", "hairline": "#7d8794", "entry": "#26313f",
    "text-bright": "#ffffff", "dim": "#dfe4ea", "faint": "#b4bcc6", "accent-key": "#d4ff5f",
    "running": "#7dff9c", "warn": "#ffd75f", "bad": "#ff8f85", "number": "#8fd6ff", "protected": "#d9c4ff",
}
# The Linux console has eight grounds and no bright one: the row under the cursor is blue, as in its classic programs.
ANSI: Mapping[str, str] = {
    "ground": "ansi_default", "panel-ground": "ansi_default", "raised": "ansi_blue", "entry": "ansi_blue",
    "hairline": "ansi_bright_black", "text-bright": "ansi_default", "dim": "ansi_default",
    "faint": "ansi_bright_black", "accent-key": "ansi_bright_green", "running": "ansi_green",
    "warn": "ansi_yellow", "bad": "ansi_red", "number": "ansi_cyan", "protected": "ansi_magenta",
}


def _theme(name: str, tokens: Mapping[str, str], *, dark: bool = True, ansi: bool = False) -> Theme:
    return Theme(
        name=name, dark=dark, ansi=ansi,
        primary=tokens["accent-key"], accent=tokens["accent-key"], secondary=tokens["number"],
        success=tokens["running"], warning=tokens["warn"], error=tokens["bad"],
        foreground=tokens["text-bright"], background=tokens["ground"],
        surface=tokens["panel-ground"], panel=tokens["raised"], boost=tokens["raised"],
        variables={**tokens, **_widgets(tokens)},
    )


def _widgets(tokens: Mapping[str, str]) -> dict[str, str]:
    return {
        "block-cursor-background": tokens["raised"], "block-cursor-foreground": tokens["text-bright"],
        "block-cursor-text-style": "bold", "border": tokens["hairline"], "border-blurred": tokens["hairline"],
        "input-cursor-background": tokens["accent-key"], "input-cursor-foreground": tokens["ground"],
        "input-selection-background": tokens["raised"], "scrollbar": tokens["hairline"],
        "scrollbar-hover": tokens["dim"], "scrollbar-active": tokens["accent-key"],
        "scrollbar-background": tokens["ground"], "scrollbar-background-hover": tokens["ground"],
        "scrollbar-background-active": tokens["ground"], "scrollbar-corner-color": tokens["ground"],
        "screen-selection-background": tokens["raised"], "screen-selection-foreground": tokens["text-bright"],
        "ansi-background": "ansi_black", "ansi-foreground": "ansi_white",
    }


THEMES = {
    "dark": _theme("dark", DARK),
    "light": _theme("light", LIGHT, dark=False),
    "high-contrast": _theme("high-contrast", CONTRAST),
    "ansi": _theme("ansi", ANSI, ansi=True),
}
