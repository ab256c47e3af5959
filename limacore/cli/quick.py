"""`list` from an index: no YAML, no schema. Imports only what the interpreter has built in.

The index holds finished cells and JSON lines. It answers while lima.yaml, ssh.config and the directory are as
they were: pid files, sockets and `protected` come and go by changing the directory's time. Anything else is left to
`limacore.cli.listing`, which answers in the same words and writes the index anew.
"""

# ruff: noqa: PTH110, PTH111, PTH116, PTH118, PTH119, PTH123
# pathlib alone would cost as much as the whole answer.

import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

VERSION = "0.1.0"
FORMAT = f"limatui list index 4 {VERSION}"
HEADERS = ("NAME", "STATUS", "SSH", "VMTYPE", "ARCH", "CPUS", "MEMORY", "DISK", "DIR")
SETTLED = 50_000_000
"""Nanoseconds that a file must be old to be trusted: its time is as coarse as the kernel's clock tick."""
_MAX_NAME = 200


def answer(argv: "Sequence[str]") -> "int | None":
    """Exit status of `list …` when the index can answer, else None and nothing has been printed."""
    wanted = parse(argv)
    if wanted is None:
        return None
    style, names = wanted
    home = home_dir()
    found = directories(home)
    if not found:
        return None
    if any(name not in found for name in names):
        return None
    if style == "quiet":
        return _quiet(home, found, names)
    text = _from_index(home, found, names, style)
    if text is None:
        return None
    write(text)
    return 0


def parse(argv: "Sequence[str]") -> "tuple[str, list[str]] | None":
    """Style (`table`, `json`, `quiet`) and names of a `list` command line; None for what is not so simple."""
    if not argv or argv[0] not in ("list", "ls"):
        return None
    style = "table"
    names: list[str] = []
    for word in argv[1:]:
        if word in ("-q", "--quiet") and style == "table":
            style = "quiet"
        elif word == "--json" and style == "table":
            style = "json"
        elif word.startswith("-"):
            return None
        else:
            names.append(word)
    return style, names


def home_dir() -> str:
    """`$LIMA_HOME` or `~/.lima`, symlinks resolved."""
    home = os.environ.get("LIMA_HOME") or os.path.expanduser("~/.lima")
    return os.path.realpath(home) if os.path.exists(home) else home


def directories(home: str) -> "list[str] | None":
    """Names of instance directories, sorted; None when the home cannot be read."""
    try:
        with os.scandir(home) as entries:
            found = [each.name for each in entries if each.name[0] not in "._" and each.is_dir(follow_symlinks=False)]
    except OSError:
        return None
    found.sort()
    return found


def _quiet(home: str, found: "list[str]", names: "list[str]") -> "int | None":
    for name in found:
        if not os.path.exists(f"{home}/{name}/lima.yaml"):
            return None
    write("".join(f"{name}\n" for name in names or found))
    return 0


def index_path(home: str, part: str) -> "str | None":
    """The file of the index for one home; None where there can be none."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    name = home.replace("%", "%p").replace("/", "%s")  # `store.index` reads it back
    if sys.platform != "linux" or len(os.fsencode(name)) > _MAX_NAME or not base.startswith("/"):
        return None
    return f"{base}/limatui/list-{part}-{name}"


def context(home: str) -> "tuple[Any, ...]":
    """Everything besides the instances that the output depends on."""
    get = os.environ.get
    return (
        FORMAT, home, get("HOME", ""), get("USER", ""), os.getuid(), get("TMPDIR", ""), get("LIMA_SSH_OVER_VSOCK", ""),
        len(os.sched_getaffinity(0)), state(f"{home}/_config/default.yaml"), state(f"{home}/_config/override.yaml"),
        state("/etc/timezone"), state("/etc/localtime"), state("/etc/machine-id"), state("/etc/passwd"),
    )


def state(path: str) -> "tuple[int, int, int] | None":
    """Size, time and inode of a file; None when there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_size, found.st_mtime_ns, found.st_ino)


def read_index(home: str, part: str) -> "tuple[int | None, dict[str, Any]]":
    """What is indexed under the present context: name -> value; empty when there is nothing usable."""
    path = index_path(home, part)
    if path is None:
        return None, {}
    try:
        with open(path, "rb") as file:
            held, stamp, entries = marshal.loads(file.read())
    except (OSError, ValueError, EOFError, TypeError):
        return None, {}
    if held != context(home) or not isinstance(entries, dict):
        return None, {}
    return stamp, entries


def _from_index(home: str, found: "list[str]", names: "list[str]", style: str) -> "str | None":
    stamp, entries = read_index(home, "rows")
    rows = []
    for name in names or found:
        entry = entries.get(name)
        if entry is None or not _holds(home, name, entry):
            return None
        rows.append(entry[3])
    if style == "table":
        return table(shown(HEADERS, rows))
    if is_terminal():
        return None
    other, lines = read_index(home, "json")
    if other != stamp or any(name not in lines for name in names or found):
        return None
    return "".join([for_program(lines[name]) for name in names or found])


def for_program(line: str) -> str:
    """A JSON line as the program says it that we were called as: our own key is not limactl's."""
    if os.path.basename(sys.argv[0]) != "limactl":
        return line
    return line[: line.rindex(',"limatui":')] + "}\n"


def _holds(home: str, name: str, entry: "tuple[Any, ...]") -> bool:
    """Whether an entry is still true: same lima.yaml, ssh.config and directory, its processes alive as they were."""
    size, changed, inode = entry[0]
    place = f"{home}/{name}"
    try:
        file = os.stat(f"{place}/lima.yaml")
        if file.st_mtime_ns != changed or file.st_size != size or file.st_ino != inode:
            return False
        if os.stat(place).st_mtime_ns != entry[1] or state(f"{place}/ssh.config") != entry[4]:
            return False
        return entry[2] is None or _runs(place, entry[2])
    except OSError:
        return False


def _runs(place: str, alive: "tuple[Any, Any]") -> bool:
    """Whether both processes are the ones that were seen, no event came since, and the agent takes connections."""
    events, processes = alive
    if state(f"{place}/ha.stdout.log") != events:
        return False
    for pid, ticks in processes:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        if fields[0] in (b"Z", b"X") or fields[19] != ticks:
            return False
    import _socket

    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        connection.settimeout(1.0)
        connection.connect(f"{place}/ha.sock")
    finally:
        connection.close()
    return True


def is_terminal() -> bool:
    """Whether the output goes to a terminal, or is to look so."""
    return bool(os.environ.get("_LIMA_OUTPUT_IS_TTY")) or os.isatty(1)


def shown(
    headers: "Sequence[str]", rows: "Sequence[Sequence[str]]", all_fields: bool = False
) -> "list[Sequence[str]]":
    """Header and rows without the columns for which a terminal has no room."""
    width = 0 if all_fields or not is_terminal() else terminal_width()
    table_rows = [headers, *rows]
    if not width:
        return table_rows
    hidden, units = set(), 5
    if (units + 7) * 8 > width and len({row[3] for row in rows}) == 1:
        hidden.add(3)
    else:
        units += 1
    if (units + 6) * 8 > width and {row[4] for row in rows} == {os.uname().machine}:
        hidden.add(4)
    else:
        units += 1
    if (units + 3 + 2) * 8 > width:
        hidden.add(8)
    return [[cell for number, cell in enumerate(row) if number not in hidden] for row in table_rows]


def terminal_width() -> int:
    """Columns of the controlling terminal; 0 when there is none."""
    try:
        fd = os.open("/dev/tty", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        return os.get_terminal_size(fd).columns
    except OSError:
        return 0
    finally:
        os.close(fd)


def table(rows: "Iterable[Sequence[str]]") -> str:
    """Rows, all of one length, as columns with four blanks between them; the last is unpadded. Ends with a newline."""
    widths = [max(map(len, column)) + 4 for column in zip(*rows, strict=True)]
    widths[-1] = 0
    lines = ["".join(map(str.ljust, row, widths)) for row in rows]
    return visible("\n".join(lines)) + "\n"


def visible(text: str) -> str:
    """The text with control characters made visible: names on disk must not command a terminal."""
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return "".join([char if char.isprintable() or char == "\n" else f"\\x{ord(char):02x}" for char in text])


def write(text: str) -> None:
    """Print all of it at once; a reader that went away is no error. Raises OSError when it cannot be written."""
    data = memoryview(text.encode("utf-8", "surrogateescape"))
    try:
        while data:
            data = data[os.write(1, data):]
    except BrokenPipeError:
        pass
    except OSError as error:
        raise OSError(error.errno, error.strerror, "write /dev/stdout") from None
