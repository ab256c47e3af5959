"""Carrying a template out over values; every failure is one TemplateError in Go's words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from limacore.base.goquote import quoted
from limacore.base.gotemplate.lexing import TemplateError
from limacore.base.gotemplate.printing import printed
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
    Operand,
    Pipe,
    Span,
    Text,
    Variable,
)
from limacore.base.gotemplate.values import MAX_TEXT, NO_VALUE, Function, Record, truth, type_name

_MAX_STEPS = 1_000_000
_MAX_DEPTH = 50
_ABSENT = object()
"""The final argument of a command that none is piped into."""


def run(name: str, text: str, blocks: Mapping[str, Any], functions: Mapping[str, Function], data: Any) -> str:
    """The text of the block `name`."""
    running = _Run(name, text, blocks, functions)
    running.variables.append(("$", data))
    running.walk(data, blocks[name])
    return "".join(running.out)


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


class _Run:
    def __init__(self, name: str, text: str, blocks: Mapping[str, Any], functions: Mapping[str, Function]) -> None:
        self.name, self.text, self.blocks, self.functions = name, text, blocks, functions
        self.block = name
        self.out: list[str] = []
        self.size = self.steps = self.depth = 0
        self.variables: list[tuple[str, Any]] = []

    def fail(self, span: Span, message: str) -> TemplateError:
        before = self.text[:span.at]
        line, column = before.count("\n") + 1, len(before[before.rfind("\n") + 1:].encode(errors="replace"))
        shown = " ".join(self.text[span.start:span.end].split())
        return TemplateError(
            f"template: {self.name}:{line}:{column}: executing {quoted(self.block)} at <{shown}>: {message}")

    def _step(self) -> None:
        self.steps += 1
        if self.steps > _MAX_STEPS:
            raise TemplateError(f"template: {self.name}: takes more than {_MAX_STEPS} steps")

    def write(self, text: str) -> None:
        self.size += len(text)
        if self.size > MAX_TEXT:
            raise TemplateError(f"template: {self.name}: gives more than {MAX_TEXT} characters")
        self.out.append(text)

    def walk(self, dot: Any, nodes: Sequence[Any]) -> None:
        for node in nodes:
            self._step()
            if isinstance(node, Text):
                self.write(node.text)
            elif isinstance(node, Action):
                value = self.pipeline(dot, node.pipe)
                if not node.pipe.variables:
                    self.write(NO_VALUE if value is None else printed(value))
            elif isinstance(node, Branch):
                self._branch(dot, node)
            elif isinstance(node, Call):
                self._call(dot, node)
            elif isinstance(node, Jump):
                raise _Break if node.kind == "break" else _Continue

    def _branch(self, dot: Any, node: Branch) -> None:
        mark = len(self.variables)
        try:
            if node.kind == "range":
                self._range(dot, node)
                return
            value = self.pipeline(dot, node.pipe)
            inner = value if node.kind == "with" else dot
            self.walk(inner if truth(value) else dot, node.then if truth(value) else node.other)
        finally:
            del self.variables[mark:]

    def _range(self, dot: Any, node: Branch) -> None:
        value = self.pipeline(dot, Pipe(node.pipe.span, node.pipe.commands))
        mark, empty = len(self.variables), True
        for key, item in self._items(value, node.pipe.span):
            empty = False
            self._step()
            self._loop_variables(node.pipe, key, item)
            try:
                self.walk(item, node.then)
            except _Continue:
                continue
            except _Break:
                break
            finally:
                del self.variables[mark:]
        if empty:
            self.walk(dot, node.other)

    def _loop_variables(self, pipe: Pipe, key: Any, item: Any) -> None:
        values = (key, item) if len(pipe.variables) > 1 else (item,)
        for name, value in zip(pipe.variables, values, strict=False):
            self._set(name, value, pipe.assigns)

    def _items(self, value: Any, span: Span) -> Iterator[tuple[Any, Any]]:
        if value is None:
            return iter(())
        if isinstance(value, Mapping):
            return iter(sorted(value.items(), key=lambda pair: str(pair[0])))
        if isinstance(value, list | tuple):
            return iter(enumerate(value))
        if isinstance(value, int) and not isinstance(value, bool):
            return ((number, number) for number in range(value))
        raise self.fail(span, f"range can't iterate over {printed(value)}")

    def _call(self, dot: Any, node: Call) -> None:
        if node.name not in self.blocks:
            raise self.fail(node.span, f"template {quoted(node.name)} not defined")
        if self.depth >= _MAX_DEPTH:
            raise self.fail(node.span, f"exceeded maximum template depth ({_MAX_DEPTH})")
        data = self.pipeline(dot, node.pipe) if node.pipe else None
        outer, block = self.variables, self.block
        self.variables, self.block = [("$", data)], node.name
        self.depth += 1
        self.walk(data, self.blocks[node.name])
        self.depth -= 1
        self.variables, self.block = outer, block

    def pipeline(self, dot: Any, pipe: Pipe) -> Any:
        value: Any = _ABSENT
        for command in pipe.commands:
            value = self._command(dot, command, value)
        for name in pipe.variables:
            self._set(name, value, pipe.assigns)
        return value

    def _set(self, name: str, value: Any, assigns: bool) -> None:
        places = [at for at, (known, _) in enumerate(self.variables) if known == name] if assigns else []
        if places:
            self.variables[places[-1]] = (name, value)
        else:
            self.variables.append((name, value))

    def _command(self, dot: Any, command: Command, final: Any) -> Any:
        self._step()
        first, extra = command.operands[0], len(command.operands) > 1 or final is not _ABSENT
        if isinstance(first, Name):
            return self._function(dot, first.name, command, final)
        if isinstance(first, Field | Chain | Variable):
            return self._chained(dot, first, extra)
        if extra:
            shown = " ".join(self.text[first.span.start:first.span.end].split())
            raise self.fail(first.span, f"can't give argument to non-function {shown}")
        if isinstance(first, Constant) and first.value is None:
            raise self.fail(first.span, "nil is not a command")
        return self._operand(dot, first)

    def _operand(self, dot: Any, operand: Operand) -> Any:
        if isinstance(operand, Constant):
            return operand.value
        if isinstance(operand, Dot):
            return dot
        if isinstance(operand, Name):
            return self._function(dot, operand.name, Command(operand.span, (operand,)), _ABSENT)
        if isinstance(operand, Pipe):
            return self.pipeline(dot, operand)
        return self._chained(dot, operand, False)

    def _chained(self, dot: Any, operand: Field | Chain | Variable, extra: bool) -> Any:
        if isinstance(operand, Chain):
            value = self._operand(dot, operand.operand)
        elif isinstance(operand, Variable):
            value = next((value for name, value in reversed(self.variables) if name == operand.name), None)
            if extra and not operand.names:
                raise self.fail(operand.span, f"can't give argument to non-function {operand.name}")
        else:
            value = dot
        for number, name in enumerate(operand.names, 1):
            value = self._field(value, name, operand.span, extra and number == len(operand.names))
        return value

    def _field(self, value: Any, name: str, span: Span, extra: bool) -> Any:
        if value is None:
            return None
        if isinstance(value, Record) and name in value.fields:
            if extra:
                raise self.fail(span, f"{name} has arguments but cannot be invoked as function")
            return value.fields[name]
        if isinstance(value, Mapping):
            if extra:
                raise self.fail(span, f"{name} is not a method but has arguments")
            return value.get(name)
        raise self.fail(span, f"can't evaluate field {name} in type {type_name(value)}")

    def _function(self, dot: Any, name: str, command: Command, final: Any) -> Any:
        function, operands = self.functions[name], command.operands[1:]
        given = len(operands) + (final is not _ABSENT)
        if given < function.least or (0 <= function.most < given):
            wanted = f"at least {function.least}" if function.most < 0 else str(function.most)
            raise self.fail(command.operands[0].span, f"wrong number of args for {name}: want {wanted} got {given}")
        if name in ("and", "or"):
            return self._shortcut(dot, name == "or", operands, final)
        arguments = [self._operand(dot, each) for each in operands]
        if final is not _ABSENT:
            arguments.append(final)
        return self._called(name, function, arguments, command.span)

    def _shortcut(self, dot: Any, wanted: bool, operands: Sequence[Operand], final: Any) -> Any:
        value: Any = None
        for operand in operands:
            value = self._operand(dot, operand)
            if truth(value) is wanted:
                return value
        return value if final is _ABSENT else final

    def _called(self, name: str, function: Function, arguments: list[Any], span: Span) -> Any:
        try:
            result = function.call(*arguments)
        except (ValueError, TypeError, LookupError, OverflowError) as error:
            reason = str(error.args[0]) if error.args else type(error).__name__
            raise self.fail(span, f"error calling {name}: {reason}") from None
        if isinstance(result, str) and len(result) > MAX_TEXT:
            raise self.fail(span, f"{name} gives more than {MAX_TEXT} characters")
        return result
