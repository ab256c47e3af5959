"""What a template consists of. Messages quote a node's text from `start` to `end`, and point `at` a place in it."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class Span(Struct, frozen=True):
    """Where something stands in the text."""

    at: int
    start: int
    end: int


class Constant(Struct, frozen=True):
    """A literal; `nil` is the constant None, the dot has a class of its own."""

    span: Span
    value: Any


class Dot(Struct, frozen=True):
    """`.`"""

    span: Span


class Field(Struct, frozen=True):
    """`.A.B`"""

    span: Span
    names: tuple[str, ...]


class Variable(Struct, frozen=True):
    """`$name.A.B`"""

    span: Span
    name: str
    names: tuple[str, ...]


class Chain(Struct, frozen=True):
    """`(pipeline).A.B`"""

    span: Span
    operand: Any
    names: tuple[str, ...]


class Name(Struct, frozen=True):
    """A function."""

    span: Span
    name: str


class Command(Struct, frozen=True):
    """Operands; the first may be a function of the rest."""

    span: Span
    operands: tuple[Operand, ...]


class Pipe(Struct, frozen=True):
    """Commands, each given the value of the one before; the last value goes to the variables."""

    span: Span
    commands: tuple[Command, ...]
    variables: tuple[str, ...] = ()
    assigns: bool = False
    """Whether the variables exist already (`=` instead of `:=`)."""


Operand = Constant | Dot | Field | Variable | Chain | Name | Pipe


class Text(Struct, frozen=True):
    """What is copied as it is."""

    text: str


class Action(Struct, frozen=True):
    """A pipeline whose value is printed."""

    pipe: Pipe


class Branch(Struct, frozen=True):
    """`if`, `with` or `range`."""

    kind: str
    pipe: Pipe
    then: tuple[Node, ...]
    other: tuple[Node, ...]


class Call(Struct, frozen=True):
    """`{{template "name" pipeline}}`"""

    span: Span
    name: str
    pipe: Pipe | None


class Jump(Struct, frozen=True):
    """`break` or `continue`."""

    kind: str


Node = Text | Action | Branch | Call | Jump
