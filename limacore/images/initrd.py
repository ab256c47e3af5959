"""The initial RAM disk of a built guest: one static busybox, one script, the kernel modules in load order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from limacore.errors import ImageError

_DIRECTORY, _FILE, _CHARACTER = 0o040755, 0o100000, 0o020600
_CONSOLE = (5, 1)


def entry(number: int, name: str, mode: int, content: bytes = b"", device: tuple[int, int] = (0, 0)) -> bytes:
    """One member of a cpio archive in the `newc` format that the kernel unpacks."""
    label = name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(label), 0)
    head = b"070701" + b"".join(b"%08X" % value for value in fields) + label
    return _padded(head) + _padded(content)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)


def archive(script: bytes, busybox: bytes, modules: Iterable[tuple[str, bytes]]) -> bytes:
    """The whole RAM disk, uncompressed: an emulated CPU copies faster than it unpacks."""
    members: list[tuple[str, int, bytes, tuple[int, int]]] = [
        (name, _DIRECTORY, b"", (0, 0))
        for name in ("bin", "dev", "proc", "sys", "root", "modules", "modules/root", "modules/more")
    ]
    members.append(("dev/console", _CHARACTER, b"", _CONSOLE))
    members.append(("init", _FILE | 0o755, script, (0, 0)))
    members.append(("bin/busybox", _FILE | 0o755, busybox, (0, 0)))
    members += [(f"modules/{name}", _FILE | 0o644, content, (0, 0)) for name, content in modules]
    body = b"".join(
        entry(number, name, mode, content, device)
        for number, (name, mode, content, device) in enumerate(members, 1)
    )
    return body + entry(0, "TRAILER!!!", 0)


def modules(tree: Path, root: tuple[str, ...], more: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """Names (`root/00-virtio.ko`) and contents of the wanted modules and what they need, in load order."""
    needs = _dependencies(tree)
    done: set[str] = set()
    for group, wanted in (("root", root), ("more", more)):
        paths = [path for name in wanted for path in _in_order(name, needs)]
        fresh = [path for path in dict.fromkeys(paths) if path not in done]
        done.update(fresh)
        for number, path in enumerate(fresh):
            yield f"{group}/{number:02}-{Path(path).name}", (tree / path).read_bytes()


def _in_order(name: str, needs: dict[str, list[str]]) -> list[str]:
    path = next((each for each in needs if _module_name(each) == name.replace("-", "_")), None)
    if path is None:
        return []  # built into the kernel
    return [*reversed(needs[path]), path]


def _module_name(path: str) -> str:
    return Path(path).name.partition(".")[0].replace("-", "_")


def _dependencies(tree: Path) -> dict[str, list[str]]:
    try:
        lines = (tree / "modules.dep").read_text().splitlines()
    except OSError as error:
        raise ImageError("the kernel package brought no module list", detail=str(error)) from error
    return {path: rest.split() for path, _, rest in (line.partition(":") for line in lines)}
