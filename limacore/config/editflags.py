"""Flags that edit lima.yaml, as one yq expression: `--cpus 4 --set '.a = 1'` is `.cpus = 4 | .a = 1`.

The order is fixed, whatever the order on the command line: source is what limactl 2.2 evaluates.
"""

from __future__ import annotations

import posixpath
import struct
from collections.abc import Callable, Collection, Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec import Struct

from limacore.base.goquote import ticked
from limacore.errors import UsageError
from limacore.paths import expanded

LISTS = ("mount", "mount-only", "network", "set", "param", "port-forward")
"""Flags with several values; one that is given with an empty value only is not given."""
NEW_ONLY = ("image-variant", "arch-variant", "arch", "containerd", "plain")
"""Flags that mean something for a new instance only."""
_EXPERIMENTAL = ("mount-inotify", "audio-device", "audio-interface")
_TRUE, _FALSE = ("1", "t", "T", "TRUE", "true", "True"), ("0", "f", "F", "FALSE", "false", "False")


class Wish(Struct, frozen=True):
    """What the command line says: the values of the flags that were given, and what they refer to."""

    values: Mapping[str, Any]
    given: Collection[str]
    new: bool = True
    params: Collection[str] = ()
    """Parameters that the file defines."""
    directory: Path = Path("/")
    """Where relative paths begin."""
    home: Path = Path("/")


class Edits(Struct, frozen=True):
    """The expression, and what the user should know."""

    expression: str = ""
    warnings: tuple[str, ...] = ()


def edits(wish: Wish) -> Edits:
    """The expression of the flags that were given, in limactl's order; raises UsageError in its words."""
    parts: list[str] = []
    warnings: list[str] = []
    for name, make in _ORDER:
        if not _is_given(wish, name):
            continue
        if name in NEW_ONLY and not wish.new:
            warnings.append(_only_new(name, wish.values[name]))
            continue
        warnings += [f"`--{name}` is experimental"] if name in _EXPERIMENTAL else _dns_warning(wish, name)
        try:
            parts += filter(None, [make(wish)])
        except UsageError as error:
            raise UsageError(f"error while processing flag `{name}`: {error.message}", hint=error.hint) from None
    return Edits(" | ".join(parts), tuple(warnings))


def given(values: Mapping[str, Any], names: Collection[str]) -> bool:
    """Whether any of these flags edits; `--set ''` does, and changes nothing."""
    return any(name in names for name, _ in _ORDER if name in values)


def _is_given(wish: Wish, name: str) -> bool:
    return name in wish.given and not (name in LISTS and not any(wish.values[name]))


def _only_new(name: str, value: object) -> str:
    shown = str(value).lower() if isinstance(value, bool) else value
    return (f"`--{name}` is not applicable to an existing instance (Hint: create a new instance with "
            f"`limactl create --{name}={shown} --name=NAME`)")


def _dns_warning(wish: Wish, name: str) -> list[str]:
    if name != "dns":
        return []
    return [f"Disabling HostResolver, as custom DNS addresses ([{' '.join(wish.values[name])}]) are specified"]


def text(value: str) -> str:
    """A text as an expression writes it."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t") + '"'


def float32(value: float) -> str:
    """A number as Go writes a float32 by `%g`: the fewest digits that mean it."""
    exact = struct.unpack("f", struct.pack("f", value))[0]
    if exact != exact or exact in (float("inf"), float("-inf")):
        return "NaN" if exact != exact else "+Inf" if exact > 0 else "-Inf"
    digits = next(shown for precision in range(1, 10)
                  if struct.pack("f", float(shown := f"{exact:.{precision}g}")) == struct.pack("f", exact))
    return _go_general(Decimal(digits))


def _go_general(value: Decimal) -> str:
    sign, digits, _ = value.normalize().as_tuple()
    power = value.adjusted()
    if not any(digits):
        return "-0" if sign else "0"
    if -4 <= power < 6:
        return f"{value.normalize():f}"
    mantissa = str(digits[0]) + ("." + "".join(map(str, digits[1:])) if len(digits) > 1 else "")
    return f"{'-' * sign}{mantissa}e{'-' if power < 0 else '+'}{abs(power):02}"


def _cpus(wish: Wish) -> str:
    if wish.values["cpus"] < 0:
        raise UsageError("invalid value for number of cpus, must be >= 0")
    return f".cpus = {wish.values['cpus']}"


def _dns(wish: Wish) -> str:
    addresses = ",".join(map(text, wish.values["dns"]))
    return f".dns += [{addresses}] | .dns |= unique | .hostResolver.enabled=false"


def _mount(wish: Wish) -> str:
    if _is_given(wish, "mount-only"):
        raise UsageError("flag `--mount` conflicts with `--mount-only`")
    return f".mounts = {_mounts(wish, reversed(wish.values['mount']))} + .mounts"


def _mount_only(wish: Wish) -> str:
    return f".mounts = {_mounts(wish, wish.values['mount-only'])}"


def _mounts(wish: Wish, directories: Iterable[str]) -> str:
    return "[" + ",".join(_mounted(wish, each) for each in directories) + "]"


def _mounted(wish: Wish, directory: str) -> str:
    path = text(_absolute(wish, directory.removesuffix(":w")))
    writable = _bool(directory.endswith(":w"))
    return f'{{"location": {path}, "mountPoint": {path}, "writable": {writable}}}'


def _absolute(wish: Wish, directory: str) -> str:
    if not directory:
        raise UsageError("empty path")
    return posixpath.normpath(str(wish.directory / expanded(directory, wish.home)))


def _mount_none(wish: Wish) -> str:
    for other in ("mount", "mount-only"):
        if _is_given(wish, other):
            raise UsageError(f"flag `--mount-none` conflicts with `{other}`")
    return ".mounts = null"


def _network(wish: Wish) -> str:
    return f".networks += [{','.join(map(_one_network, wish.values['network']))}] | .networks |= unique_by(.lima)"


def _one_network(name: str) -> str:
    if name == "vzNAT":
        return '{"vzNAT": true}'
    if not name.startswith("lima:"):
        raise UsageError(f"network name must be `vzNAT` or `lima:*`, got {ticked(name)}")
    return f'{{"lima": {text(name.removeprefix("lima:"))}}}'


def _rosetta(wish: Wish) -> str:
    value = _bool(wish.values["rosetta"])
    return f".vmOpts.vz.rosetta.enabled = {value} | .vmOpts.vz.rosetta.binfmt = {value}"


def _set(wish: Wish) -> str:
    return " | ".join(wish.values["set"])


def _param(wish: Wish) -> str:
    return " | ".join(_one_param(wish, each) for each in wish.values["param"])


def _one_param(wish: Wish, pair: str) -> str:
    name, equals, value = pair.partition("=")
    if not equals:
        raise UsageError(f"invalid parameter {ticked(pair)}, expected NAME=VALUE")
    if name not in wish.params:
        known = ", ".join(wish.params)
        raise UsageError(f"template does not define param {ticked(name)}",
                         hint=f"it defines {known}" if known else "it defines none")
    return f".param[{text(name)}] = {text(value)}"


def _variant(flag: str, field: str) -> Callable[[Wish], str]:
    def make(wish: Wish) -> str:
        if not wish.values[flag]:
            raise UsageError(f"`--{flag}` must not be empty")
        return f".images = [.images[] | select(.{field} == {text(wish.values[flag])})]"

    return make


def _containerd(wish: Wish) -> str:
    mode = wish.values["containerd"]
    if mode not in ("user", "system", "user+system", "system+user", "none"):
        raise UsageError(f"expected one of [`user`, `system`, `user+system`, `none`], got {ticked(mode)}")
    return f".containerd.user = {_bool('user' in mode)} | .containerd.system = {_bool('system' in mode)}"


def _port_forward(wish: Wish) -> str:
    return f".portForwards += [{','.join(map(_one_forward, wish.values['port-forward']))}]"


def _one_forward(spec: str) -> str:
    parts = [part.strip() for part in spec.split(",")]
    if len(parts) > 2:
        raise UsageError(f"invalid port forward format {ticked(spec)}, expected HOST:GUEST or HOST:GUEST,static=true")
    ports = [port.strip() for port in parts[0].split(":")]
    if len(ports) != 2:
        raise UsageError(f"invalid port forward format {ticked(parts[0])}, expected HOST:GUEST")
    static = _static(parts[1]) if len(parts) == 2 else False
    return f'{{"guestPort": {text(ports[1])}, "hostPort": {text(ports[0])}, "static": {_bool(static)}}}'


def _static(part: str) -> bool:
    name, equals, value = part.partition("=")
    if name != "static" or not equals:
        raise UsageError(f"invalid parameter {ticked(part)}, expected `static=` followed by a boolean value")
    if value not in _TRUE and value not in _FALSE:
        raise UsageError(f"invalid value for static parameter: {ticked(value)}")
    return value in _TRUE


def _bool(value: bool) -> str:
    return "true" if value else "false"


def _putting(flag: str, pattern: str, show: Callable[[Any], str] = text) -> tuple[str, Callable[[Wish], str]]:
    return flag, lambda wish: pattern % show(wish.values[flag])


_ORDER: tuple[tuple[str, Callable[[Wish], str]], ...] = (
    ("cpus", _cpus),
    ("dns", _dns),
    _putting("memory", '.memory = "%sGiB"', float32),
    ("mount", _mount),
    ("mount-only", _mount_only),
    ("mount-none", _mount_none),
    _putting("mount-type", ".mountType = %s"),
    _putting("vm-type", ".vmType = %s"),
    _putting("mount-inotify", ".mountInotify = %s", _bool),
    _putting("mount-writable", ".mounts[].writable = %s", _bool),
    ("network", _network),
    _putting("nested-virt", ".nestedVirtualization = %s", _bool),
    ("rosetta", _rosetta),
    ("set", _set),
    ("param", _param),
    _putting("video", ".video.display = %s", lambda on: '"default"' if on else '"none"'),
    _putting("audio-device", ".audio.device = %s"),
    _putting("audio-interface", ".audio.interface = %s"),
    _putting("ssh-port", ".ssh.localPort = %s", str),
    ("image-variant", _variant("image-variant", "variant")),
    ("arch-variant", _variant("arch-variant", "archVariant")),
    _putting("arch", ".arch = %s"),
    ("containerd", _containerd),
    _putting("disk", '.disk= "%sGiB"', float32),
    _putting("plain", ".plain = %s", _bool),
    ("port-forward", _port_forward),
    _putting("shell", ".user.shell = %s"),
)
