"""The shape of lima.yaml, derived from the structs of `limacore.model.config`."""

from __future__ import annotations

import functools
import types
import typing
from typing import Any

import msgspec
from msgspec import Struct

from limacore.config.fields import KINDS
from limacore.model.config import AdditionalDisk, Config
from limacore.model.network import Networks


class Shape(Struct, frozen=True):
    """A field; its kind: struct, open, list, map, text, content, int, uint, bool, ip, range, disk, locator(s), any."""

    kind: str
    path: str = ""
    fields: dict[str, Shape] = {}
    item: Shape | None = None

    def at(self, part: str | int) -> Shape | None:
        """The shape below, by key or index; None when there is none."""
        if isinstance(part, int) or self.kind == "map":
            return self.item
        return self.fields.get(part)


@functools.cache
def config_shape() -> Shape:
    """The shape of a whole lima.yaml."""
    return _struct(Config, "")


@functools.cache
def networks_shape() -> Shape:
    """The shape of a whole networks.yaml."""
    return _struct(Networks, "")


@functools.cache
def disk_shape() -> Shape:
    """The shape of a map in `additionalDisks`."""
    return _struct(AdditionalDisk, "additionalDisks[]")


def locator_shape(path: str) -> Shape:
    """The shape of `{url, digest}`."""
    fields = {name: Shape("text", f"{path}.{name}") for name in ("url", "digest")}
    return Shape("struct", path, fields)


def _struct(cls: type, path: str) -> Shape:
    fields = {
        each.encode_name: _shape(each.type, f"{path}.{each.encode_name}".lstrip("."))
        for each in msgspec.structs.fields(cls)
    }
    return Shape(KINDS.get(path, "struct"), path, fields)


_SCALARS = {str: "text", bool: "bool", int: "int", Any: "any"}


def _shape(hint: Any, path: str) -> Shape:
    hint = _not_none(hint)
    special = KINDS.get(path)
    if special == "disk":
        return Shape("disk", path, disk_shape().fields)
    if special in ("locator", "locators"):
        return Shape(special, path)
    if isinstance(hint, type) and issubclass(hint, Struct):
        return _struct(hint, path)
    if typing.get_origin(hint) is tuple:
        return _sequence(typing.get_args(hint), path)
    if typing.get_origin(hint) is dict:
        return Shape("map", path, item=_shape(typing.get_args(hint)[1], f"{path}.*"))
    return Shape(special or _SCALARS[hint], path)


def _sequence(arguments: tuple[Any, ...], path: str) -> Shape:
    if arguments[-1] is not ...:
        return Shape("range", path, item=Shape("int", f"{path}[]"))
    return Shape("list", path, item=_shape(arguments[0], f"{path}[]"))


def _not_none(hint: Any) -> Any:
    if typing.get_origin(hint) not in (typing.Union, types.UnionType):
        return hint
    return next(each for each in typing.get_args(hint) if each is not type(None))


def find(path: tuple[str | int, ...]) -> Shape | None:
    """The shape at a path such as `("mounts", 0, "location")`; None when lima.yaml has no such field."""
    shape: Shape | None = config_shape()
    for part in path:
        if shape is None:
            return None
        shape = shape.at(part)
    return shape
