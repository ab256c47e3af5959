"""The guest agent as guests get it: the parts in `payload/agent` joined into one file."""

from __future__ import annotations

from functools import cache
from pathlib import Path

PARTS = Path(__file__).parent / "payload" / "agent"
ORDER = ("files", "link", "tunnels", "netlink", "listening", "trace", "ports", "metrics", "orders", "boot", "doors",
         "server", "command")
"""Each part after those that its classes use while they are made; `head` comes before all."""


@cache
def content() -> bytes:
    """The text of the file; it is the same for all guests."""
    parts = [(PARTS / f"{name}.py").read_text().splitlines(keepends=True) for name in ORDER]
    imports = {line for part in parts for line in part if _is_import(line) and not line.startswith("from .")}
    head = (PARTS / "head.py").read_text() + "".join(sorted(imports))
    return "\n\n".join((head, *map(_body, parts))).encode()


def _body(part: list[str]) -> str:
    """A part without its imports: what they name of other parts is in the same file."""
    title, *lines = part
    kept = "".join(line for line in lines if not _is_import(line)).strip()
    return "# --- " + title.strip().strip('"') + f"\n\n\n{kept}\n"


def _is_import(line: str) -> bool:
    return line.startswith(("import ", "from "))
