"""The template gallery: a list to search, what each template is and composes, its text; and an editor for one's own."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Input

from limacore.errors import LimaError
from limacore.model.template import TemplateInfo
from limatui.present import templates as present
from limatui.present.keys import Key
from limatui.settings.keymap import named
from limatui.texts.source import TemplateText
from limatui.widgets.aboard import Aboard
from limatui.widgets.ask import Field, Fill, Form, Values
from limatui.widgets.background import begin
from limatui.widgets.bar import Bar, Block
from limatui.widgets.editor.area import YamlEditor
from limatui.widgets.editor.pane import TextPane
from limatui.widgets.footer import Footed, Footer, help_hint
from limatui.widgets.picklist import PickList

_SETTLE = 0.08
"""Seconds the cursor rests before a template is read."""
_WIDE = 100


class TemplatesScreen(Screen[None], Aboard, Footed):
    """In a wide terminal list and text side by side; in a small one enter shows the text in the list's place."""

    BINDINGS: ClassVar[list[BindingType]] = named("templates", [
        Binding("n", "new", "new instance"), Binding("e", "edit", "edit a copy"),
        Binding("slash", "search", "search"), Binding("v", "embed", "with its bases"),
        Binding("b", "blocks", "building blocks"), Binding("y", "copy", "copy command"),
        Binding("enter", "read", "read"), Binding("question_mark", "app.help", show=False),
        Binding("escape,q,T", "back", "back"),
    ])
    AUTO_FOCUS = "PickList"

    def __init__(self) -> None:
        super().__init__()
        self.infos: tuple[TemplateInfo, ...] = ()
        self._query, self._blocks, self._embedded = "", False, False
        self._settling: Timer | None = None
        self._head, self._titles, self._which = Bar(ground="panel-ground"), Bar(), Bar(id="which")
        self.list: PickList[TemplateInfo] = PickList(present.row, lambda each: each.name)
        self._about, self._text, self._footer = Block(id="about"), YamlEditor(read_only=True), Footer()

    def compose(self) -> ComposeResult:
        """List on the left, text on the right, keys below."""
        yield self._head
        with Horizontal():
            with Vertical(classes="found"):
                yield Input(placeholder="search: docker, k8s, debian, own", classes="line")
                yield self._titles
                yield self.list
            with Vertical(classes="reader"):
                yield self._about
                yield self._which
                yield self._text
        yield self._footer

    def on_mount(self) -> None:
        """Find out which there are."""
        begin(self, "templates", self._load)

    def on_screen_resume(self) -> None:
        """A template may have been written meanwhile."""
        if self.infos:
            begin(self, "templates", self._load)

    def on_resize(self, event: events.Resize) -> None:
        """Side by side where there is room."""
        self.set_class(event.size.width >= _WIDE, "-wide")
        self.call_after_refresh(self._arranged)

    def _arranged(self) -> None:
        self._titles.show(present.titles(self.list.size.width))
        self._moved()

    async def _load(self) -> None:
        try:
            self.infos = await asyncio.to_thread(self.engine.describe_templates)
        except LimaError as error:
            self.board.fail(error)
        self._refill()

    def _refill(self) -> None:
        found = present.matching(self.infos, self._query, blocks=self._blocks)
        self.list.show(found)
        self._head.show(*present.header(self.infos, len(found), self._blocks))
        if not found:
            self._about.show([(("no template is like that", "dim"),)])
            self._text.load_text("")
        self._keys()

    def _keys(self) -> None:
        info = self.list.current
        one = info is not None
        self._footer.keys((
            Key("n", "new instance", info is not None and not info.hidden, "new"),
            Key("e", "edit" if info and info.own else "edit a copy", one, "edit"), Key("/", "search", True, "search"),
            Key("v", "as written" if self._embedded else "with bases", one, "embed"),
            *(() if self.has_class("-wide") else (Key("enter", "read", one, "read"),)),
            Key("b", "hide blocks" if self._blocks else "building blocks", True, "blocks"),
            Key("y", "copy command", one, "copy"), Key("esc", "back", True, "back"),
        ), help_hint() if self.size.width > 130 else ())

    # --- the list

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._query = event.value
        self._refill()

    @on(Input.Submitted)
    def _searched(self) -> None:
        self.list.focus()

    @on(PickList.Moved)
    def _moved(self) -> None:
        info = self.list.current
        if info is None:
            return
        self._about.show(present.about(info, max(20, self._about.size.width)))
        self._keys()
        if self._settling is not None:
            self._settling.stop()
        self._settling = self.set_timer(_SETTLE, partial(begin, self, "template", partial(self._read, info)))

    async def _read(self, info: TemplateInfo) -> None:
        embedded, engine = self._embedded, self.engine
        words, mark = ("with its bases", "number") if embedded else ("as it is written", "faint")
        try:
            text = await asyncio.to_thread(lambda: engine.template_text(info.name, embedded=embedded))
        except (LimaError, OSError) as error:
            text, words, mark = "", str(error), "bad"
        if self.list.current == info:
            self._which.show(((words, mark),), (("v", "bold accent-key"), (" the other", "dim")))
            self._text.load_text(text)

    # --- keys

    def on_key(self, event: events.Key) -> None:
        """In the search line the arrows move in the list."""
        if isinstance(self.focused, Input) and event.key in ("down", "up"):
            event.stop()
            self.list.action_move(1 if event.key == "down" else -1)

    def action_search(self) -> None:
        """Type what to look for."""
        self.remove_class("-reading")
        self.query_one(Input).focus()

    def action_blocks(self) -> None:
        """Show the building blocks too, or hide them."""
        self._blocks = not self._blocks
        self._refill()

    def action_embed(self) -> None:
        """The text as it is written, or with what it composes."""
        self._embedded = not self._embedded
        self._moved()

    def action_read(self) -> None:
        """The text; in a small terminal it takes the whole screen."""
        self.set_class(not self.has_class("-wide"), "-reading")
        self._text.focus()
        self._moved()

    def action_back(self) -> None:
        """One step out: search, text, gallery."""
        if isinstance(self.focused, Input) and self._query:
            self.query_one(Input).value = ""
        elif self.focused is not self.list:
            self.remove_class("-reading")
            self.list.focus()
        else:
            self.dismiss()

    def action_copy(self) -> None:
        """Copy the command that starts it."""
        if self.list.current is not None:
            self.board.copy(present.command(self.list.current))

    def action_new(self) -> None:
        """An instance of it."""
        info = self.list.current
        if info is not None and not info.hidden:
            begin(self, "new", partial(self._new, info))

    async def _new(self, info: TemplateInfo) -> None:
        if await self.board.ask_for_instance(self.infos, info.name):
            self.dismiss()

    def action_edit(self) -> None:
        """The user's own is edited; of another a copy."""
        info = self.list.current
        if info is None:
            return
        if info.own:
            self.app.push_screen(TemplateEditor(TemplateText(self.engine, info.name)))
        else:
            self.app.push_screen(Fill(self._copy_form(info)), lambda values: self._copied(info, values))

    def _copy_form(self, info: TemplateInfo) -> Form:
        taken = {each.name for each in self.infos if each.own}

        def wrong(values: Values) -> str:
            return f"there is a template `{values[0]}` of your own already" if values[0] in taken else \
                present.wrong_name(values[0])

        return Form([(("Edit a copy of ", "bold"), (info.name, "bold"))],
                    [Field("name", "a name", present.copy_name(info, self.infos))], wrong,
                    lambda values: f"limatui template copy template:{info.name} {values[0]}.yaml", verb="edit")

    def _copied(self, info: TemplateInfo, values: Values | None) -> None:
        if values:
            begin(self, "copy", partial(self._edit_copy, info, values[0]))

    async def _edit_copy(self, info: TemplateInfo, name: str) -> None:
        engine = self.engine
        try:
            text = await asyncio.to_thread(engine.template_text, info.name)
        except (LimaError, OSError) as error:
            self.board.tell(str(error), severity="error")
            return
        self.app.push_screen(TemplateEditor(TemplateText(engine, name, text)))


class TemplateEditor(Screen[None]):
    """The editor on a template of the user's own."""

    BINDINGS: ClassVar[list[BindingType]] = named("templates", [Binding("escape", "back", "templates")])

    def __init__(self, source: TemplateText) -> None:
        super().__init__()
        self._source = source

    def compose(self) -> ComposeResult:
        """The editor and its keys."""
        yield TextPane()
        yield Footer()

    async def on_mount(self) -> None:
        """Open the text."""
        self.bindings_updated_signal.subscribe(self, lambda _: self._keys())
        pane = self.query_one(TextPane)
        await pane.open(self._source)
        pane.editor.focus()

    def on_resize(self) -> None:
        """Other keys fit."""
        self._keys()

    def _keys(self) -> None:
        found = [Key(self.app.get_key_display(each.binding), each.binding.description, each.enabled,
                     each.binding.action) for each in self.active_bindings.values() if each.binding.show]
        self.query_one(Footer).keys(found, ())

    @on(Footer.Pressed)
    async def _footer_clicked(self, event: Footer.Pressed) -> None:
        await self.query_one(TextPane).run_action(event.key.action)

    def action_back(self) -> None:
        """To the gallery; the pane has asked about changes before."""
        self.dismiss()
