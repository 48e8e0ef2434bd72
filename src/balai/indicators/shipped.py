"""The catalogue that comes with the hub: dimension sets, their crosswalk, and the indicators. Reads only."""

import csv
import io
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.utils.translation import get_language

from balai.indicators.models import Basis, Dimension, IndicatorType

FOLDER = Path(__file__).parent / "catalogue"
MINISTRY = "ministry"
"""The set whose keys ``Indicator.programme_dimension`` uses."""


class CatalogueError(ValueError):
    """The catalogue is not sound; the message names file, row and field."""


@dataclass(frozen=True, slots=True)
class Part:
    """A dimension or sub-dimension; ``counterparts`` are keys of the first set."""

    key: str
    parent: str
    name: str
    name_en: str
    counterparts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ListedSet:
    key: str
    name: str
    name_en: str
    source: str
    source_url: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    sets: tuple[ListedSet, ...]
    indicators: tuple[Mapping[str, Any], ...]
    sha256: str


@dataclass(frozen=True, slots=True)
class Province:
    """A province with its codes at the statistics office and the ministry, and its tile on the map."""

    bps: str
    kemendagri: str
    name: str
    column: int
    row: int


@lru_cache
def provinces() -> tuple[Province, ...]:
    """The 38 provinces, by the code of the statistics office."""
    with (FOLDER / "provinces.csv").open(encoding="utf-8", newline="") as file:
        return tuple(
            Province(row["bps"], row["kemendagri"], row["name"], int(row["column"]), int(row["row"]))
            for row in csv.DictReader(file)
        )


@lru_cache
def catalogue() -> Catalogue:
    """The shipped catalogue, checked. Raises CatalogueError."""
    dimensions = (FOLDER / "dimensions.toml").read_bytes()
    indicators = (FOLDER / "indicators.csv").read_bytes()
    return parse(dimensions.decode(), indicators.decode())


def parse(dimensions: str, indicators: str) -> Catalogue:
    """Sets from TOML, indicators from CSV. Raises CatalogueError naming what is wrong where."""
    sets = tuple(_set(row) for row in tomllib.loads(dimensions)["set"])
    if {part.key for part in sets[0].parts} != set(Dimension.values):
        raise CatalogueError(f"dimensions.toml: the first set is not {', '.join(Dimension.values)}")
    first = {part.key for part in sets[0].parts}
    for listed in sets:
        for part in listed.parts:
            if lost := [key for key in part.counterparts if key not in first]:
                raise CatalogueError(
                    f"dimensions.toml, {listed.key} {part.key}: unknown counterpart {lost[0]}"
                )
    ministry = {part.key for listed in sets if listed.key == MINISTRY for part in listed.parts}
    rows = [
        _indicator(number, row, ministry)
        for number, row in enumerate(csv.DictReader(io.StringIO(indicators)), start=2)
    ]
    codes = [row["code"] for row in rows]
    if twice := sorted({code for code in codes if codes.count(code) > 1}):
        raise CatalogueError(f"indicators.csv: {twice[0]} stands twice")
    digest = sha256(f"{dimensions}\0{indicators}".encode()).hexdigest()
    return Catalogue(sets, tuple(rows), digest)


def _set(row: Mapping[str, Any]) -> ListedSet:
    parts: list[Part] = []
    for dimension in row["dimension"]:
        key = dimension["key"]
        inner = [_part(part, key) for part in dimension.get("parts", ())]
        found = dict.fromkeys(c for part in inner for c in part.counterparts)
        parts += [Part(key, "", dimension["name"], dimension["name_en"], tuple(found)), *inner]
    return ListedSet(
        row["key"], row["name"], row["name_en"], row["source"], row.get("source_url", ""), tuple(parts)
    )


def _part(row: Mapping[str, Any], parent: str) -> Part:
    key = f"{parent}/{row['key']}"
    return Part(key, parent, row["name"], row["name_en"], tuple(row["counterparts"]))


CHOICES: dict[str, Sequence[str]] = {
    "dimension": Dimension.values,
    "type": IndicatorType.values,
    "basis": Basis.values,
    "higher_is_better": ("yes", "no"),
}


def _indicator(number: int, row: Mapping[str, str], ministry: set[str]) -> Mapping[str, Any]:
    for field in ("code", "name", "name_en", "unit", "ucum"):
        if not row[field]:
            raise CatalogueError(f"indicators.csv, row {number}: {field} is empty")
    for field, allowed in CHOICES.items():
        if row[field] not in allowed:
            raise CatalogueError(f"indicators.csv, row {number}: {field} is {row[field]!r}")
    if row["programme_dimension"] not in ministry:
        raise CatalogueError(
            f"indicators.csv, row {number}: the ministry's set has no {row['programme_dimension']!r}"
        )
    return {**row, "higher_is_better": row["higher_is_better"] == "yes"}


def ministry_dimensions() -> dict[str, str]:
    """The six dimensions of the ministry's set: key and name in the reader's language."""
    english = get_language() == "en"
    return {
        part.key: part.name_en if english else part.name
        for listed in catalogue().sets
        if listed.key == MINISTRY
        for part in listed.parts
        if not part.parent
    }
