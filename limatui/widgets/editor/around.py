"""What stands around an editor: whose text it is, what is wrong with it, what the field under the cursor means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from limatui.present import effective as values
from limatui.sanitize import sanitize_line
from limatui.widgets.bar import Bar, Block
from limatui.widgets.editor.beside import Beside, beside, foot, header
from limatui.widgets.editor.diff import changed_lines, count_changes
from limatui.widgets.editor.keydoc import mark_of
from limatui.widgets.editor.yamltext import field_at

if TYPE_CHECKING:
    from limatui.widgets.editor.pane import TextPane

_SHORT = 400
"""Lines up to which changes are marked with each key; above, together with the check."""


class Around:
    """Line above, text beside, line below and gutter of the editor of one pane."""

    def __init__(self, pane: TextPane) -> None:
        self._pane = pane
        self.head, self.foot = Bar(ground="panel-ground", classes="head"), Bar(classes="foot")
        self.aside = Block()

    @property
    def is_short(self) -> bool:
        """Whether all of it can be said again with each key."""
        return self._pane.editor.document.line_count <= _SHORT

    def say_instead(self, name: str, text: str) -> None:
        """There is no text, and why."""
        self.head.show(((name, "bold"), (f"  {sanitize_line(text)}", "dim")))
        self.aside.show(())
        self.foot.show(())

    def mark(self) -> None:
        """Problems and changes in the gutter, and in words."""
        pane, buffer = self._pane, self._pane.opened
        if buffer is None:
            return
        # Errors come last, so that they win where a line has both.
        ordered = sorted(pane.problems, key=lambda problem: problem.severity == "error")
        marks = {problem.line - 1: mark_of(problem) for problem in ordered if problem.line}
        pane.editor.mark(marks, changed_lines(buffer.saved, buffer.text) if buffer.dirty else frozenset())
        self.tell()

    def tell(self) -> None:
        """All of the words."""
        pane, buffer = self._pane, self._pane.opened
        if buffer is None or not pane.is_running:
            return
        few = buffer.dirty and self.is_short
        changes = count_changes(buffer.saved, buffer.text) if few else int(buffer.dirty)
        self.head.show(*header(buffer, changes if few else None, pane.problems))
        seen = self._seen()
        self.foot.show(foot(seen))
        self.aside.show(beside(seen, pane.editor.size.height or pane.view.size.height))
        if pane.viewing:
            pane.view.show(pane.checking.effective, pane.checking.before)
        pane.refresh_bindings()

    def _seen(self) -> Beside:
        pane, buffer, row = self._pane, self._pane.opened, self._pane.editor.cursor_location[0]
        assert buffer is not None
        chosen = pane.view.list.current if pane.viewing else None
        path = chosen.path if chosen else field_at(pane.editor.document.lines, row)
        here = next((problem for problem in pane.problems if problem.line == row + 1), None)
        said = buffer.source.when_saved(pane.is_up(buffer)) if buffer.savable else ""
        near = values.near(pane.checking.effective, path, 6)
        choice, before = pane.completion.current, pane.checking.before
        return Beside(path, choice, pane.problems, here, near, before, said, buffer.waits)
