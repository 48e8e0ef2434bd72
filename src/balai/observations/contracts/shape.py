"""A contract as values."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property


class Role(StrEnum):
    """What a field is to the store and to the release of aggregates.

    ``SUBJECT`` names a person or device; ``SUBJECTS`` is how many of them a row that is a sum speaks of.
    """

    EVENT = "event"
    TIME = "time"
    ZONE = "zone"
    SUBJECT = "subject"
    SUBJECTS = "subjects"
    DIMENSION = "dimension"
    MEASURE = "measure"
    ATTRIBUTE = "attribute"


EXACT = 2**53
"""Whole numbers beyond this are not the same in every reader of JSON."""
LARGEST_MEASURE = 9e12
"""A measure with decimals is summed in millionths, exactly; beyond this they leave 64 bits."""
LARGEST_NUMBER = 1e300
TYPES = ("string", "integer", "number", "boolean", "timestamp", "date")


@dataclass(frozen=True)
class Field:
    """One property of a row. ``minimum`` and ``maximum`` bound numbers; ``pattern`` is anchored."""

    name: str
    type: str
    role: Role = Role.ATTRIBUTE
    required: bool = False
    description: str = ""
    description_en: str = ""
    unit: str = ""
    values: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    pattern: str = ""
    longest: int = 200
    example: str | int | float | bool | None = None

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the largest number it takes, whatever its contract leaves open."""
        if self.type == "integer":
            most: float = EXACT
        else:
            most = LARGEST_MEASURE if self.role is Role.MEASURE else LARGEST_NUMBER
        least = -most if self.minimum is None else max(self.minimum, -most)
        return least, most if self.maximum is None else min(self.maximum, most)


@dataclass(frozen=True)
class Contract:
    """One version of what a partner sends: fields, purpose, legal basis, refresh and retention.

    ``standard`` is the path at which a partner's own standard brings its rows, such as ``mds/trips``, and
    ``provider`` what the partner is called in it;
    ``area`` is where rows with coordinates may lie: west, south, east, north in degrees. ``bears`` is the
    share of wrong rows it puts up with.
    """

    id: str
    version: str
    status: str
    name: str
    domain: str
    partner: str
    fields: tuple[Field, ...]
    title: str = ""
    title_en: str = ""
    purpose: str = ""
    legal_basis: str = ""
    controller: str = ""
    granularity: str = ""
    refresh_minutes: int = 60
    retention_days: int = 365
    late_hours: int = 48
    k: int = 10
    bucket: str = "hour"
    purposes: tuple[str, ...] = ()
    personal: bool = False
    forbidden: tuple[str, ...] = ()
    standard: str = ""
    area: tuple[float, float, float, float] | None = None
    provider: str = ""
    bears: float = 0.01

    @cached_property
    def by_role(self) -> dict[Role, tuple[Field, ...]]:
        return {role: tuple(field for field in self.fields if field.role is role) for role in Role}

    def one(self, role: Role) -> Field | None:
        """The only field of a role, or None."""
        found = self.by_role[role]
        return found[0] if found else None

    @property
    def event(self) -> Field:
        return self.by_role[Role.EVENT][0]

    @property
    def time(self) -> Field:
        return self.by_role[Role.TIME][0]

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])

    @property
    def minor(self) -> int:
        return int(self.version.split(".")[1])

    @cached_property
    def table(self) -> str:
        """The store's name for the rows of every minor version of one major one."""
        return f"{self.id.replace('-', '_')}_v{self.major}"

    @property
    def event_type(self) -> str:
        """The CloudEvents type of its rows."""
        return f"id.kota.{self.domain}.{self.name}.v{self.major}"

    @property
    def source(self) -> str:
        """The CloudEvents source its partner names."""
        return f"urn:hub:partner:{self.partner}"

    def breaks(self, older: "Contract") -> Iterator[str]:
        """Every way in which a row that was right under ``older`` may be wrong or mean something else here.

        Nothing is yielded where only optional fields came or texts changed: that is a minor version.
        """
        now = {field.name: field for field in self.fields}
        before = {field.name: field for field in older.fields}
        for name, field in before.items():
            if name not in now:
                yield f"{name}: removed"
            else:
                yield from _narrowed(field, now[name])
        for name, field in now.items():
            if name not in before and field.required:
                yield f"{name}: new and required"
            if name not in before and field.role not in (Role.MEASURE, Role.ATTRIBUTE):
                yield f"{name}: new with the role {field.role}"
        for name in self.forbidden:
            if name not in older.forbidden:
                yield f"{name}: now forbidden"
        for what in ("id", "partner", "name", "domain", "purpose", "legal_basis", "personal"):
            if getattr(self, what) != getattr(older, what):
                yield f"{what}: changed"
        if not set(self.purposes) <= set(older.purposes):
            yield "purposes: widened"
        if self.bucket != older.bucket:
            yield "bucket: changed"
        if older.standard and self.standard != older.standard:
            yield "standard: changed"
        if self.provider and self.provider != older.provider:
            yield "provider: changed"
        if self.area is not None and (older.area is None or not _within(older.area, self.area)):
            yield "area: narrowed"
        if self.k < older.k:
            yield "k: lowered"
        if self.retention_days > older.retention_days:
            yield "retention: lengthened"


def _within(inner: tuple[float, ...], outer: tuple[float, ...]) -> bool:
    west, south, east, north = outer
    return west <= inner[0] and south <= inner[1] and inner[2] <= east and inner[3] <= north


def _narrowed(before: Field, now: Field) -> Iterator[str]:
    for what in ("type", "role", "unit", "pattern"):
        if getattr(before, what) != getattr(now, what):
            yield f"{before.name}: {what} changed"
    if now.required and not before.required:
        yield f"{before.name}: now required"
    if now.values != before.values and not (before.values and set(before.values) < set(now.values)):
        yield f"{before.name}: allowed values changed"
    if now.minimum is not None and (before.minimum is None or now.minimum > before.minimum):
        yield f"{before.name}: minimum raised"
    if now.maximum is not None and (before.maximum is None or now.maximum < before.maximum):
        yield f"{before.name}: maximum lowered"
    if now.longest < before.longest:
        yield f"{before.name}: shortened"
