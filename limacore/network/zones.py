"""Names that machines of a user-v2 network gave each other: zones with records, as its API takes and shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct, field, structs

from limacore.network import names


class Record(Struct, frozen=True):
    """A name inside a zone, and its address."""

    name: str = field(default="", name="Name")
    ip: str = field(default="", name="IP")


class Zone(Struct, frozen=True):
    """A domain with its names; `default_ip` is for all that it does not name, unless it is empty."""

    name: str = field(default="", name="Name")
    records: tuple[Record, ...] = field(default=(), name="Records")
    default_ip: str = field(default="", name="DefaultIP")


class Zones(Mapping[str, str]):
    """A table of names that grows; of a name that comes again the last address counts."""

    def __init__(self) -> None:
        self._zones: dict[str, Zone] = {}

    def add(self, zone: Zone) -> None:
        """Take names up; what is no address is left out."""
        key = names.plain(zone.name)
        new = {names.plain(each.name): each for each in reversed(zone.records) if names.is_address(each.ip)}
        known = self._zones.get(key, Zone(zone.name))
        old = tuple(each for each in known.records if names.plain(each.name) not in new)
        default = zone.default_ip if names.is_address(zone.default_ip) else known.default_ip
        self._zones[key] = structs.replace(known, records=(*reversed(new.values()), *old), default_ip=default)

    def all(self) -> list[Zone]:
        """The zones by name."""
        return [self._zones[key] for key in sorted(self._zones)]

    def __getitem__(self, name: str) -> str:
        for key, zone in self._zones.items():
            if name == key or name.endswith(f".{key}"):
                found = next((each.ip for each in zone.records if _whole(each, key) == name), "")
                if found or zone.default_ip:
                    return found or zone.default_ip
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter([_whole(each, key) for key, zone in self._zones.items() for each in zone.records])

    def __len__(self) -> int:
        return sum(len(zone.records) for zone in self._zones.values())


def _whole(record: Record, zone: str) -> str:
    inner = names.plain(record.name)
    return f"{inner}.{zone}" if inner else zone


def split(table: Mapping[str, str]) -> list[Zone]:
    """Names and addresses as zones: the last label is the zone, what stands before it the name."""
    zones: dict[str, list[Record]] = {}
    for name, address in table.items():
        inner, _, last = names.plain(name).rpartition(".")
        zones.setdefault(f"{last}.", []).append(Record(inner, address))
    return [Zone(name, tuple(records)) for name, records in zones.items()]
