"""What keys, the mouse and pastes send to a guest, by the modes that it has set: libghostty's encoders."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from pyghostty._ffi import check, ffi, lib
from pyghostty.core import Terminal, init_sized
from textual.keys import _character_to_key

from limatui.present.paste import typed
from limatui.widgets.terminal.grid import Mouse

_MODIFIERS = {"shift": 1, "ctrl": 2, "alt": 4, "meta": 4, "super": 8}
_BRACKETED_PASTE = 2004
_KEYS = {
    "up": "ARROW_UP", "down": "ARROW_DOWN", "left": "ARROW_LEFT", "right": "ARROW_RIGHT", "home": "HOME", "end": "END",
    "pageup": "PAGE_UP", "pagedown": "PAGE_DOWN", "insert": "INSERT", "delete": "DELETE", "enter": "ENTER",
    "tab": "TAB", "backspace": "BACKSPACE", "escape": "ESCAPE", "space": "SPACE",
} | {f"f{n}": f"F{n}" for n in range(1, 25)} | {letter: letter.upper() for letter in "abcdefghijklmnopqrstuvwxyz"}
_CHARACTERS = {_character_to_key(char): char for char in map(chr, range(33, 127)) if not char.isalnum()}
_NAMES = {"\r": "enter", "\x7f": "backspace"}
_ACTIONS = {"down": lib.GHOSTTY_MOUSE_ACTION_PRESS, "up": lib.GHOSTTY_MOUSE_ACTION_RELEASE,
            "move": lib.GHOSTTY_MOUSE_ACTION_MOTION}
_BUTTONS = {1: lib.GHOSTTY_MOUSE_BUTTON_LEFT, 2: lib.GHOSTTY_MOUSE_BUTTON_MIDDLE, 3: lib.GHOSTTY_MOUSE_BUTTON_RIGHT,
            4: lib.GHOSTTY_MOUSE_BUTTON_FOUR, 5: lib.GHOSTTY_MOUSE_BUTTON_FIVE}


def _as_pressed(key: str, character: str | None) -> str:
    """Some keys go by the name of another one, and only the character tells."""
    if key == "backspace" and character == "\b":
        return "ctrl+h"
    if not character or character[0] != "\x1b" or len(character) != 2:
        return key
    char = character[1]
    return f"alt+{_NAMES.get(char) or (char if char.isalnum() else _character_to_key(char))}"


class Encoder:
    """Turns what the user does into bytes for the program that has the terminal."""

    def __init__(self, terminal: Terminal, owned: ExitStack) -> None:
        self._terminal = terminal
        self._keys, self._key = self._new(owned, "Key", "encoder"), self._new(owned, "Key", "event")
        self._mouse, self._move = self._new(owned, "Mouse", "encoder"), self._new(owned, "Mouse", "event")
        self._out, self._length = ffi.new("char[]", 128), ffi.new("size_t*")

    @staticmethod
    def _new(owned: ExitStack, kind: str, part: str) -> Any:
        out = ffi.new(f"Ghostty{kind}{part.title()}*")
        name = f"ghostty_{kind.lower()}_{part}"
        check(getattr(lib, f"{name}_new")(ffi.NULL, out), name)
        owned.callback(getattr(lib, f"{name}_free"), out[0])
        return out[0]

    def key(self, key: str, character: str | None) -> bytes:
        """The bytes of a key as Textual names it."""
        *modifiers, name = _as_pressed(key, character).split("+")
        char = _CHARACTERS.get(name) or (name if len(name) == 1 else character if not modifiers else None) or ""
        if name in _KEYS and len(name) > 1:
            char = " " if name == "space" else ""
        if "shift" in modifiers and len(char) == 1:
            char = char.upper()
        return self._encode(name.lower(), char, sum(_MODIFIERS.get(each, 0) for each in modifiers))

    def _encode(self, name: str, char: str, modifiers: int) -> bytes:
        event, text = self._key, char.encode()
        known = getattr(lib, f"GHOSTTY_KEY_{_KEYS[name]}") if name in _KEYS else lib.GHOSTTY_KEY_UNIDENTIFIED
        lib.ghostty_key_event_set_action(event, lib.GHOSTTY_KEY_ACTION_PRESS)
        lib.ghostty_key_event_set_key(event, known)
        lib.ghostty_key_event_set_mods(event, modifiers)
        lib.ghostty_key_event_set_utf8(event, text, len(text))
        lib.ghostty_key_event_set_unshifted_codepoint(event, ord(char.lower()) if len(char) == 1 else 0)
        lib.ghostty_key_encoder_setopt_from_terminal(self._keys, self._terminal._t[0])
        check(lib.ghostty_key_encoder_encode(self._keys, event, self._out, len(self._out), self._length), "key")
        return bytes(ffi.buffer(self._out, self._length[0])) or (text if not modifiers & ~1 else b"")

    def mouse(self, report: Mouse, size: tuple[int, int]) -> bytes:
        """What the guest is told of the mouse; nothing when it has not asked."""
        event, held = self._move, report.button != 0
        lib.ghostty_mouse_event_set_action(event, _ACTIONS[report.kind])
        if held:
            lib.ghostty_mouse_event_set_button(event, _BUTTONS[report.button])
        else:
            lib.ghostty_mouse_event_clear_button(event)
        lib.ghostty_mouse_event_set_mods(event, sum(_MODIFIERS[each] for each in report.modifiers))
        lib.ghostty_mouse_event_set_position(event, {"x": report.x + 0.5, "y": report.y + 0.5})
        lib.ghostty_mouse_encoder_setopt_from_terminal(self._mouse, self._terminal._t[0])
        self._set_size(size)
        self._option("ANY_BUTTON_PRESSED", ffi.new("bool*", held and report.kind != "up"))
        check(lib.ghostty_mouse_encoder_encode(self._mouse, event, self._out, len(self._out), self._length), "mouse")
        return bytes(ffi.buffer(self._out, self._length[0]))

    def _set_size(self, size: tuple[int, int]) -> None:
        """A cell is one by one here."""
        made = init_sized("GhosttyMouseEncoderSize")
        made.screen_width, made.screen_height = size
        made.cell_width = made.cell_height = 1
        self._option("SIZE", made)

    def _option(self, name: str, value: Any) -> None:
        lib.ghostty_mouse_encoder_setopt(self._mouse, getattr(lib, f"GHOSTTY_MOUSE_ENCODER_OPT_{name}"), value)

    def brackets(self) -> bool:
        """Whether the guest asked to have pastes in brackets."""
        return bool(self._terminal.mode(_BRACKETED_PASTE))

    def paste(self, text: str) -> bytes:
        """Text as typed: in brackets when the guest asked for that, controls other than tab and newline removed."""
        data = typed(text).encode()
        return b"\x1b[200~" + data + b"\x1b[201~" if self.brackets() else data
