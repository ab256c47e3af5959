"""From tokens to nodes; every mistake is one TemplateError in Go's words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from limacore.base.goquote import quoted
from limacore.base.gotemplate.lexing import Lexer, TemplateError, Token
from limacore.base.gotemplate.literals import BadLiteral, character, number, unquoted
from limacore.base.gotemplate.tree import (
    Action,
    Branch,
    Call,
    Chain,
    Command,
    Constant,
    Dot,
    Field,
    Jump,
    Name,
    Node,
    Operand,
    Pipe,
    Span,
    Text,
    Variable,
)

_MAX_DEPTH = 60
"""Blocks and parentheses inside each other."""
Nodes = tuple[Node, ...]
_CONVERSIONS: dict[str, Callable[[str], Any]] = {"number": number, "char": character}


def blocks_of(name: str, text: str, functions: Mapping[str, Any]) -> dict[str, Nodes]:
    """The nodes of the template under its own name, and those that it defines; raises TemplateError."""
    parser = _Parser(Lexer(name, text), functions)
    own = parser.whole()
    return {**parser.defined, name: own}


class _Parser:
    def __init__(self, lexer: Lexer, functions: Mapping[str, Any]) -> None:
        self.lexer, self.functions = lexer, functions
        self.tokens = lexer.tokens()
        self.ahead: list[Token] = []
        self.line = 1
        self.variables = ["$"]
        self.defined: dict[str, Nodes] = {}
        self.depth = self.loops = 0

    def peek(self) -> Token:
        if not self.ahead:
            self.ahead.append(next(self.tokens))
        return self.ahead[-1]

    def next(self) -> Token:
        token = self.peek()
        self.ahead.pop()
        self.line = token.line
        return token

    def fail(self, message: str) -> TemplateError:
        return self.lexer.error(message, self.line)

    def unexpected(self, token: Token, context: str) -> TemplateError:
        self.line = token.line
        return self.fail(f"unexpected {token} in {context}")

    def expect(self, kind: str, context: str) -> Token:
        token = self.next()
        if token.kind != kind:
            raise self.unexpected(token, context)
        return token

    def whole(self) -> Nodes:
        nodes, ended = self.nodes(top=True)
        if ended != "EOF":
            raise self.fail(f"unexpected {{{{{ended}}}}}")
        return nodes

    def nodes(self, *, top: bool = False) -> tuple[Nodes, str]:
        """Nodes up to `end`, `else` or the end of the text, and which of them it was."""
        self._deeper()
        found: list[Node] = []
        while (token := self.next()).kind != "EOF":
            if token.kind == "text":
                found.append(Text(token.text))
                continue
            word = self.peek().kind
            if word in ("end", "else"):
                self.next()
                if word == "end":
                    self.expect("close", "end")
                self.depth -= 1
                return tuple(found), word
            if word == "define" and top:
                self._define()
            else:
                found.append(self._action(word))
        if not top:
            raise self.fail("unexpected EOF")
        return tuple(found), "EOF"

    def _deeper(self) -> None:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise self.fail(f"blocks and parentheses nest deeper than {_MAX_DEPTH} levels")

    def _define(self) -> None:
        self.next()
        name = self._block_name("define clause")
        self.expect("close", "define clause")
        self.defined[name] = self._body("define")

    def _block_name(self, context: str) -> str:
        token = self.next()
        if token.kind not in ("string", "raw"):
            raise self.unexpected(token, context)
        return str(self._literal(token))

    def _body(self, what: str) -> Nodes:
        outer, self.variables, loops = self.variables, ["$"], self.loops
        self.loops = 0
        nodes, ended = self.nodes()
        self.variables, self.loops = outer, loops
        if ended != "end":
            raise self.fail(f"unexpected {{{{else}}}} in {what} clause")
        return nodes

    def _action(self, word: str) -> Node:
        if word in ("if", "with", "range"):
            self.next()
            return self._branch(word)
        if word in ("break", "continue"):
            return self._jump(word)
        if word in ("template", "block"):
            self.next()
            return self._call(word)
        return Action(self._pipeline("command", "close"))

    def _jump(self, word: str) -> Jump:
        self.next()
        if self.peek().kind != "close":
            raise self.unexpected(self.next(), f"{{{{{word}}}}}")
        self.next()
        if not self.loops:
            raise self.fail(f"{{{{{word}}}}} outside {{{{range}}}}")
        return Jump(word)

    def _call(self, word: str) -> Call:
        context = f"{word} clause"
        token = self.peek()
        name = self._block_name(context)
        pipe = None
        if self.peek().kind == "close" and word == "template":
            self.next()
        else:
            pipe = self._pipeline(context, "close")
        if word == "block":
            self.defined[name] = self._body("block")
        return Call(Span(token.start, token.start, token.start + len(token.text)), name, pipe)

    def _branch(self, kind: str) -> Branch:
        known, self.loops = len(self.variables), self.loops + (kind == "range")
        pipe = self._pipeline(kind, "close")
        then, ended = self.nodes()
        other: Nodes = ()
        if ended == "else":
            other = self._else(kind)
        self.loops -= kind == "range"
        del self.variables[known:]
        return Branch(kind, pipe, then, other)

    def _else(self, kind: str) -> Nodes:
        if self.peek().kind == kind and kind != "range":
            self.next()
            self._deeper()
            nested = self._branch(kind)
            self.depth -= 1
            return (nested,)
        self.expect("close", "else")
        loops, self.loops = self.loops, self.loops - (kind == "range")
        other, ended = self.nodes()
        self.loops = loops
        if ended != "end":
            raise self.fail("expected end; found {{else}}")
        return other

    def _pipeline(self, context: str, end: str) -> Pipe:
        start = self.peek().start
        variables, assigns = self._declaration(context)
        commands: list[Command] = []
        while True:
            token = self.peek()
            if token.kind == end:
                self.next()
                break
            commands.append(self._command(context))
        if not commands:
            raise self.fail(f"missing value for {context}")
        self._executable(commands)
        last = commands[-1].span.end
        return Pipe(Span(start, start, last), tuple(commands), variables, assigns)

    def _executable(self, commands: list[Command]) -> None:
        for stage, command in enumerate(commands[1:], 2):
            if isinstance(command.operands[0], Constant | Dot):
                raise self.fail(f"non executable command in pipeline stage {stage}")

    def _declaration(self, context: str) -> tuple[tuple[str, ...], bool]:
        if self.peek().kind != "variable":
            return (), False
        first = self.next()
        sign = self.peek()
        names = [first.text]
        if sign.kind == "," and context == "range":
            self.next()
            names.append(self.expect("variable", "range").text)
            sign = self.peek()
        if sign.kind not in (":=", "="):
            if len(names) > 1:
                raise self.unexpected(sign, "range")
            self.ahead.append(first)
            return (), False
        self.next()
        if sign.kind == ":=":
            self.variables += names
        for name in names:
            self._known(name)
        return tuple(names), sign.kind == "="

    def _known(self, name: str) -> None:
        if name not in self.variables:
            raise self.fail(f"undefined variable {quoted(name)}")

    def _command(self, context: str) -> Command:
        operands: list[Operand] = []
        start = self.peek().start
        while (operand := self._operand()) is not None:
            operands.append(operand)
            if not self.peek().spaced or self.peek().kind in ("close", ")", "|"):
                break
        if not operands:
            raise self.unexpected(self.next(), context)
        self._end_of_command(context)
        return Command(Span(start, start, operands[-1].span.end), tuple(operands))

    def _end_of_command(self, context: str) -> None:
        token = self.peek()
        if token.kind == "|":
            self.next()
            if self.peek().kind in ("close", ")"):
                raise self.fail(f"missing value for {context}")
        elif token.kind not in ("close", ")"):
            raise self.unexpected(self.next(), "operand")

    def _operand(self) -> Operand | None:
        term = self._term()
        if term is None or self.peek().kind != "field" or self.peek().spaced:
            return term
        first, names, end = self.peek().start, [], 0
        while self.peek().kind == "field" and not self.peek().spaced:
            token = self.next()
            names.append(token.text[1:])
            end = token.start + len(token.text)
        span = Span(first, term.span.start, end)
        if isinstance(term, Field):
            return Field(span, (*term.names, *names))
        if isinstance(term, Variable):
            return Variable(span, term.name, tuple(names))
        if isinstance(term, Constant | Dot):
            raise self.fail(f"unexpected . after term {quoted(self.lexer.text[term.span.start:term.span.end])}")
        return Chain(span, term, tuple(names))

    def _term(self) -> Operand | None:
        token = self.peek()
        span = Span(token.start, token.start, token.start + len(token.text))
        kind = token.kind
        if kind in ("string", "raw", "char", "number", "nil") or token.text in ("true", "false"):
            return Constant(span, self._literal(self.next()))
        if kind == "(":
            return self._parenthesis()
        if kind not in ("name", "field", "variable", "."):
            return None
        self.next()
        if kind == "field":
            return Field(span, (token.text[1:],))
        if kind == "variable":
            self._known(token.text)
            return Variable(span, token.text, ())
        if kind == ".":
            return Dot(span)
        if token.text not in self.functions:
            raise self.fail(f"function {quoted(token.text)} not defined")
        return Name(span, token.text)

    def _parenthesis(self) -> Pipe:
        start = self.next().start
        self._deeper()
        pipe = self._pipeline("parenthesized pipeline", ")")
        self.depth -= 1
        return Pipe(Span(pipe.span.at, start, self._closed(pipe.span.end)), pipe.commands, pipe.variables, pipe.assigns)

    def _closed(self, end: int) -> int:
        return self.lexer.text.find(")", end) + 1

    def _literal(self, token: Token) -> Any:
        if token.kind == "nil":
            return None
        if token.kind == "name":
            return token.text == "true"
        try:
            return _CONVERSIONS.get(token.kind, unquoted)(token.text)
        except BadLiteral as error:
            raise self.fail(str(error)) from None
