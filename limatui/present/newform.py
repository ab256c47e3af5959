"""What stands below the form of a new instance: the field's documentation, what is wrong, the command. All pure."""

from __future__ import annotations

from limatui.ink import Line
from limatui.present import form as present
from limatui.widgets.editor.keydoc import takes, wrapped

_OWN = {
    "name": ("a name", "What the instance is called; its directory and its ssh host are called after it."),
    "template": ("type to search, ↓ ↑ choose", "What it is made from: the system, and what is set up in it."),
}
_MOUNTS = "With :w at the end the guest may write; none takes away those of the template."


def state(form: present.Form, at: str, wrong: str, caution: str, width: int) -> list[Line]:
    """Documentation of the field at which the keyboard is, then the problem or the command."""
    kind, doc = _about(at)
    lines: list[Line] = [(), ((at, "bold"),), *wrapped(kind, width, "dim"), *wrapped(doc, width, "dim"), ()]
    if wrong:
        return lines + _signed(wrong, "✗ ", "bad", "bad", width)
    if caution:
        lines += [*_signed(caution, "▲ ", "warn", "warn", width), ()]
    return lines + _signed(present.command(form), "$ ", "accent-key", "dim", width)


def _about(path: str) -> tuple[str, str]:
    if path in _OWN:
        return _OWN[path]
    info = present.field(path)
    if path == "mounts":
        return "directories, with commas between them", f"{info.doc} {_MOUNTS}"
    return takes(info) + ("  ↓ ↑ choose" if info.choices else ""), info.doc.replace("`", "")


def _signed(text: str, sign: str, sign_mark: str, mark: str, width: int) -> list[Line]:
    lines = wrapped(text, width - 2, mark)
    return [((sign if number == 0 else "  ", sign_mark), *each) for number, each in enumerate(lines)]
