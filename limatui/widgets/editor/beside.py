"""What stands around the editor: whose text, the field or choice at the cursor, values, problems. All pure."""

from __future__ import annotations

from msgspec import Struct

from limacore.model.config import Problem
from limacore.model.template import Effective
from limatui.ink import Line
from limatui.present import effective as values
from limatui.present.completion import Choice
from limatui.present.words import plural
from limatui.sanitize import sanitize_line
from limatui.texts.buffers import Buffer
from limatui.widgets.editor.keydoc import about, mark_of, problem_lines, summary, wrapped
from limatui.widgets.editor.yamltext import Path

ASIDE = 40
_INNER = ASIDE - 4


class Beside(Struct, frozen=True):
    """What is known at the cursor."""

    path: Path = ()
    choice: Choice | None = None
    problems: tuple[Problem, ...] = ()
    here: Problem | None = None
    near: tuple[Effective, ...] = ()
    before: values.Values = {}
    when_saved: str = ""
    waits: bool = False


def header(buffer: Buffer, changes: int | None, problems: tuple[Problem, ...]) -> tuple[Line, Line]:
    """Whose file, whether saved, how many problems; `changes` is None when they were not counted."""
    return ((buffer.source.name, "bold"), (f"  {buffer.source.kind}   ", "dim"), *_state(buffer, changes)), \
        summary(problems)


def _state(buffer: Buffer, changes: int | None) -> Line:
    if buffer.dirty:
        what = plural(changes, "change") if changes is not None else "changed"
        return ((f"● {what}, not saved", "warn"),)
    if buffer.waits:
        return (("◷ waits for the next start", "number"),)
    return (("● new, not saved", "warn"),) if buffer.new else (("saved", "faint"),)


def foot(seen: Beside) -> Line:
    """One line below the editor: the choice, the problem of the line, or nothing."""
    if seen.choice is not None:
        told = seen.choice.doc.replace("`", "") or seen.choice.type
        return ((seen.choice.text, "bold"), (f"  {told}", "dim"))
    if seen.here is None:
        return ()
    glyph, mark = mark_of(seen.here)
    hint: Line = ((f"  {sanitize_line(seen.here.hint)}", "dim"),) if seen.here.hint else ()
    return ((f"{glyph} {seen.here.line}  ", mark), (sanitize_line(seen.here.message), mark), *hint)


def beside(seen: Beside, rows: int) -> list[Line]:
    """The column: documentation, values as far as there are rows for them, problems, what saving does."""
    below: list[Line] = [(), (), _title("PROBLEMS"), *problem_lines(seen.problems, _INNER)]
    if seen.when_saved:
        below += [(), (), _title("WHEN SAVED"), *wrapped(seen.when_saved, _INNER, "dim")]
    elif seen.waits:
        told = "This edit waits: lima.yaml gets it at the next start. F9 drops it."
        below += [(), (), _title("WAITING"), *wrapped(told, _INNER, "dim")]
    above = _documentation(seen)
    near = seen.near[:max(0, rows - len(above) - len(below) - 3)]
    if near:
        above += [(), (), _title("WHERE VALUES COME FROM"), *values.aside(near, seen.before, _INNER)]
    return above + below


def _documentation(seen: Beside) -> list[Line]:
    choice = seen.choice
    if choice is None:
        return about(seen.path, _INNER)
    return [((choice.text, "bold"),), *wrapped(choice.type, _INNER, "dim"), (),
            *wrapped(choice.doc.replace("`", ""), _INNER, "dim")]


def _title(text: str) -> Line:
    return ((text, "faint"),)
