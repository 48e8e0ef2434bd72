"""The atoms of a day: the smallest sums that may be known, each of at least k distinct subjects.

A day's rows are counted once by zone, hour (or day) and dimensions. A cell of k subjects or more is an atom.
The others are put together: those of a zone and day, and what is still below k, those of the whole day; what
reaches k on the way is an atom, the rest is known to nobody. Atoms do not overlap and never change, and every
figure that leaves is a sum of atoms: no total, difference or later query can say more than an atom does.

The statements are plain SQL over a view ``rows``, the same text for DuckDB and Spark; its columns are the
contract's with ``c_`` before their names, so that none is a word of either language. Whole measures are
summed exactly; others as whole millionths, each rounded once: a sum of floats hangs on their order.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from balai.observations.contracts import Contract, Role

Run = Callable[[str], Sequence[Sequence[Any]]]
"""Executes one statement and returns its rows."""

CELL, ZONE_REST, DAY_REST = "cell", "zone", "day"
MILLION = 1_000_000
OPEN = 1 << 62
"""Stands for "nobody to protect" where a contract speaks of no person."""


@dataclass(frozen=True)
class Atom:
    """``bucket`` is the local hour or -1 for all day, ``key`` the dimensions' values, ``sums`` by measure.

    ``counts`` says how many rows had the measure: a row without it is no zero. A measure that fewer than k
    subjects have is as if nobody had it.
    """

    kind: str
    zone: str
    bucket: int
    key: tuple[str, ...]
    rows: int
    sums: tuple[float, ...]
    counts: tuple[int, ...]

    def to_json(self) -> list[Any]:
        return [
            self.kind,
            self.zone,
            self.bucket,
            list(self.key),
            self.rows,
            list(self.sums),
            list(self.counts),
        ]

    @classmethod
    def from_json(cls, value: Sequence[Any]) -> "Atom":
        kind, zone, bucket, key, rows, sums, counts = value
        return cls(kind, zone, bucket, tuple(key), rows, tuple(sums), tuple(counts))


def column(name: str) -> str:
    return f"c_{name}"


def measures_of(contract: Contract) -> tuple[str, ...]:
    return tuple(field.name for field in contract.by_role[Role.MEASURE])


def dimensions_of(contract: Contract) -> tuple[str, ...]:
    return tuple(field.name for field in contract.by_role[Role.DIMENSION])


def _columns(contract: Contract, offset_hours: int) -> tuple[list[str], str, list[str]]:
    """Key expressions (zone, bucket, dimensions), the count of distinct subjects, the sums."""
    zone = contract.one(Role.ZONE)
    hour = f"CAST(EXTRACT(HOUR FROM {column(contract.time.name)} + INTERVAL '{offset_hours}' HOUR) AS INT)"
    keys = [
        f"COALESCE({column(zone.name)}, '')" if zone else "''",
        hour if contract.bucket == "hour" else "-1",
    ]
    keys += [f"COALESCE(CAST({column(name)} AS STRING), '')" for name in dimensions_of(contract)]
    subject, subjects = contract.one(Role.SUBJECT), contract.one(Role.SUBJECTS)

    def people(who: str) -> str:
        if subject:
            return f"COUNT(DISTINCT {who.format(column(subject.name))})"
        return f"COALESCE(MAX({who.format(column(subjects.name))}), 0)" if subjects else str(OPEN)

    sums = []
    for field in contract.by_role[Role.MEASURE]:
        name = column(field.name)
        exact = name if field.type == "integer" else f"FLOOR({name} * 1E6 + 5E-1)"
        both = [f"COALESCE(SUM(CAST({exact} AS DECIMAL(38, 0))), 0)", f"COUNT({name})"]
        if not field.required:
            having = people(f"CASE WHEN {name} IS NOT NULL THEN {{}} END")
            both = [f"CASE WHEN {having} >= {contract.k} THEN {sql} ELSE 0 END" for sql in both]
        sums += both
    return keys, people("{}"), sums


def cells_sql(contract: Contract, day: str, offset_hours: int) -> str:
    """Every cell of a local day: its key, distinct subjects, rows, and sum and count of each measure."""
    keys, people, sums = _columns(contract, offset_hours)
    named = ", ".join(f"{expression} AS g{number}" for number, expression in enumerate(keys))
    groups = ", ".join(str(number + 1) for number in range(len(keys)))
    listed = ", ".join([named, f"{people} AS people", "COUNT(*) AS n", *sums])
    on = _on(contract, day, offset_hours)
    return f"SELECT {listed} FROM rows WHERE {on} GROUP BY {groups} ORDER BY {groups}"  # noqa: S608


def pools_sql(contract: Contract, day: str, offset_hours: int, *, by_zone: bool) -> str:
    """The cells below k put together, by zone; or for the whole day, of the zones still below k."""
    keys, people, sums = _columns(contract, offset_hours)
    named = ", ".join(f"{expression} AS g{number}" for number, expression in enumerate(keys))
    groups = ", ".join(str(number + 1) for number in range(len(keys)))
    on = _on(contract, day, offset_hours)
    match = " AND ".join(f"{expression} = s.g{number}" for number, expression in enumerate(keys))
    small = f"SELECT {named} FROM rows WHERE {on} GROUP BY {groups} HAVING {people} < {contract.k}"  # noqa: S608
    source = f"rows JOIN ({small}) AS s ON {match}"
    if not by_zone:
        low = f"SELECT s.g0 AS z FROM {source} WHERE {on} GROUP BY 1 HAVING {people} < {contract.k}"  # noqa: S608
        source += f" JOIN ({low}) AS low ON s.g0 = low.z"
    zone = "s.g0" if by_zone else "''"
    listed = ", ".join([f"{zone} AS z", f"{people} AS people", "COUNT(*) AS n", *sums])
    return f"SELECT {listed} FROM {source} WHERE {on} GROUP BY 1 ORDER BY 1"  # noqa: S608


def _on(contract: Contract, day: str, offset_hours: int) -> str:
    at = column(contract.time.name)
    start = f"CAST('{day} 00:00:00' AS TIMESTAMP) - INTERVAL '{offset_hours}' HOUR"
    return f"{at} >= {start} AND {at} < {start} + INTERVAL '24' HOUR"


def atoms_of(run: Run, contract: Contract, day: str, offset_hours: int) -> tuple[list[Atom], int]:
    """The atoms of a local day (YYYY-MM-DD) in their order, and the rows that stay unknown."""
    dimensions = len(dimensions_of(contract))
    atoms: list[Atom] = []
    small = False
    units = [1 if field.type == "integer" else MILLION for field in contract.by_role[Role.MEASURE]]
    for found in run(cells_sql(contract, day, offset_hours)):
        zone, bucket, key = found[0], found[1], tuple(found[2 : 2 + dimensions])
        if found[2 + dimensions] >= contract.k:
            atoms.append(_atom(CELL, zone, int(bucket), key, found[3 + dimensions :], units))
        else:
            small = True
    if not small:
        return atoms, 0
    left, unknown = False, 0
    for zone, people, *rest in run(pools_sql(contract, day, offset_hours, by_zone=True)):
        if people >= contract.k:
            atoms.append(_atom(ZONE_REST, zone, -1, (), rest, units))
        else:
            left = True
            unknown += rest[0]
    if left:
        for _zone, people, *rest in run(pools_sql(contract, day, offset_hours, by_zone=False)):
            if people >= contract.k:
                atoms.append(_atom(DAY_REST, "", -1, (), rest, units))
                unknown = 0
    return atoms, unknown


def _atom(
    kind: str, zone: str, bucket: int, key: tuple[str, ...], values: Sequence[Any], units: Sequence[int]
) -> Atom:
    sums = tuple(_number(int(value), unit) for value, unit in zip(values[1::2], units, strict=True))
    return Atom(kind, zone, bucket, key, int(values[0]), sums, tuple(int(value) for value in values[2::2]))


def _number(value: int, unit: int) -> float:
    """A whole number where it is one, else the nearest there is."""
    return value / unit if value % unit else value // unit


@dataclass(frozen=True)
class Day:
    """A day's atoms with the names their sums and keys stand for."""

    measures: tuple[str, ...]
    dimensions: tuple[str, ...]
    atoms: tuple[Atom, ...]

    def packed(self) -> bytes:
        """Canonical bytes: the same atoms, the same bytes."""
        value = [self.measures, self.dimensions, [atom.to_json() for atom in self.atoms]]
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def unpacked(cls, data: bytes) -> "Day":
        measures, dimensions, atoms = json.loads(data)
        return cls(tuple(measures), tuple(dimensions), tuple(Atom.from_json(value) for value in atoms))
