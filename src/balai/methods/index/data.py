"""The table an index is computed from, and how it is read from a CSV file.

A fault names row and column as a spreadsheet shows them: the header is row 1.
"""

import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from balai.methods.index.errors import DataError
from balai.methods.index.spec import IndexSpec, Reading, groups_used

Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Data:
    """Values of units, NaN where there is none.

    ``units`` (U,) codes, ``codes`` (C,) columns: those of indicators and of denominators, ``X`` (U, C)
    float64, ``groups`` name -> (U,) texts, ``years`` (U,) or None. A unit stands once, or once a year.
    """

    units: tuple[str, ...]
    codes: tuple[str, ...]
    X: Matrix
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    years: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        X = np.asarray(self.X, dtype=np.float64)
        object.__setattr__(self, "X", X)
        if X.shape != (len(self.units), len(self.codes)):
            raise DataError(f"{X.shape} values for {len(self.units)} units and {len(self.codes)} columns")
        if not self.units:
            raise DataError("has no units")
        if len(set(self.codes)) < len(self.codes):
            twice = next(code for code in self.codes if self.codes.count(code) > 1)
            raise DataError("stands twice", column=twice)
        if np.isinf(X).any():
            row, column = np.argwhere(np.isinf(X))[0]
            raise DataError("is infinite", row=int(row) + 2, column=self.codes[column])
        for name, values in (*self.groups.items(), ("year", self.years or self.units)):
            if len(values) != len(self.units):
                raise DataError(f"has {len(values)} values for {len(self.units)} units", column=name)
        seen: dict[tuple[str, int | None], int] = {}
        for row, key in enumerate(self.keys, 2):
            if key in seen:
                when = f" in {key[1]}" if key[1] is not None else ""
                raise DataError(f"unit {key[0]} stands twice{when}, first in row {seen[key]}", row=row)
            seen[key] = row

    @property
    def keys(self) -> list[tuple[str, int | None]]:
        """Unit and year of each row."""
        return list(zip(self.units, self.years or [None] * len(self.units), strict=True))

    def columns(self, codes: Sequence[str]) -> Matrix:
        """The columns of those codes, (U, len(codes)), a copy. ``DataError`` names a missing one."""
        place = {code: at for at, code in enumerate(self.codes)}
        for code in codes:
            if code not in place:
                raise DataError("is not in the data", column=code)
        return self.X[:, [place[code] for code in codes]]

    @cached_property
    def hash(self) -> str:
        """SHA-256 of codes, units, years, groups and the bits of the values."""
        whole = hashlib.sha256()
        parts = [self.codes, self.units, tuple(map(str, self.years or ()))]
        for name in sorted(self.groups):
            parts += [(name,), self.groups[name]]
        for part in parts:
            whole.update(("\x1f".join(part) + "\x1e").encode())
        values = self.X + 0.0
        values[np.isnan(values)] = np.nan
        whole.update(np.ascontiguousarray(values, dtype="<f8").tobytes())
        return whole.hexdigest()


def read_for(spec: IndexSpec, path: Path, *others: IndexSpec) -> Data:
    """The columns a specification (and ``others``) asks for, from a CSV file; the rest is left aside."""
    wanted: list[str] = []
    groups: list[str] = []
    for each in (spec, *others):
        groups += groups_used(each)
        for indicator in each.indicators:
            wanted.append(indicator.column or indicator.code)
            if indicator.denominator and each.denominate:
                wanted.append(indicator.denominator)
    return read_csv(path, list(dict.fromkeys(wanted)), list(dict.fromkeys(groups)), spec.data)


def read_csv(
    path: Path, columns: Sequence[str], groups: Sequence[str] = (), reading: Reading | None = None
) -> Data:
    """Read ``columns`` as numbers and ``groups`` as texts. ``DataError`` names row and column of a fault."""
    reading = reading or Reading()
    header, rows, numbers = _rows(Path(path), reading)
    code = reading.code or header[0]
    year = reading.year or ("year" if "year" in header else None)
    for name in (code, *([year] if year else []), *groups, *columns):
        if name not in header:
            raise DataError(f"the file has no such column; it has {', '.join(header)}", column=name)
    place = {name: at for at, name in enumerate(header)}
    missing = {"", *reading.missing}
    units = tuple(row[place[code]].strip() for row in rows)
    for number, unit in zip(numbers, units, strict=True):
        if not unit:
            raise DataError("the code of the unit is missing", row=number, column=code)
    years = None
    if year:
        years = tuple(
            _year(row[place[year]], number, year) for number, row in zip(numbers, rows, strict=True)
        )
    _refuse_twice(units, years, numbers)
    X = np.empty((len(rows), len(columns)))
    for at, name in enumerate(columns):
        X[:, at] = _column([row[place[name]] for row in rows], numbers, name, units, missing, reading)
    texts = {
        name: tuple("" if (cell := row[place[name]].strip()) in missing else cell for row in rows)
        for name in groups
    }
    return Data(units, tuple(columns), X, texts, years)


def _rows(path: Path, reading: Reading) -> tuple[list[str], list[list[str]], list[int]]:
    """Header, rows that are not empty, and the number of each."""
    encoding = (
        "utf-8-sig" if reading.encoding.lower().replace("_", "-") in ("utf-8", "utf8") else reading.encoding
    )
    try:
        with path.open(encoding=encoding, newline="") as file:
            lines = list(csv.reader(file, delimiter=reading.delimiter, strict=False))
    except UnicodeDecodeError:
        raise DataError(f"{path.name} is not {reading.encoding}; set data.encoding") from None
    except LookupError:
        raise DataError(f"data.encoding {reading.encoding!r} is not known") from None
    except csv.Error as fault:
        raise DataError(f"{path.name} is not CSV: {fault}") from None
    if not lines:
        raise DataError(f"{path.name} is empty")
    header = [name.strip() for name in lines[0]]
    for name in header:
        if name and header.count(name) > 1:
            raise DataError("stands twice in the header", row=1, column=name)
    rows, numbers = [], []
    for number, row in enumerate(lines[1:], 2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            raise DataError(f"has {len(row)} cells, the header {len(header)}", row=number)
        rows.append(row)
        numbers.append(number)
    if not rows:
        raise DataError(f"{path.name} has no units")
    return header, rows, numbers


def _refuse_twice(units: Sequence[str], years: Sequence[int] | None, numbers: Sequence[int]) -> None:
    seen: dict[tuple[str, int | None], int] = {}
    when_of: Sequence[int | None] = years or [None] * len(units)
    for number, unit, year in zip(numbers, units, when_of, strict=True):
        if (unit, year) in seen:
            when = f" in {year}" if year is not None else ""
            raise DataError(f"unit {unit} stands twice{when}, first in row {seen[unit, year]}", row=number)
        seen[unit, year] = number


def _year(cell: str, number: int, column: str) -> int:
    try:
        return int(cell.strip())
    except ValueError:
        raise DataError(f"{cell.strip()!r} is not a year", row=number, column=column) from None


def _column(
    cells: list[str],
    numbers: Sequence[int],
    name: str,
    units: Sequence[str],
    missing: set[str],
    reading: Reading,
) -> list[float]:
    values = []
    for number, unit, cell in zip(numbers, units, cells, strict=True):
        text = cell.strip()
        if text in missing:
            values.append(np.nan)
            continue
        plain = text
        if reading.thousands:
            plain = plain.replace(reading.thousands, "")
        if reading.decimal != ".":
            plain = "" if "." in plain else plain.replace(reading.decimal, ".")
        if reading.percent:
            plain = plain.removesuffix("%").rstrip()
        try:
            value = float(plain)
        except ValueError:
            value = np.nan
        if not np.isfinite(value) or "_" in plain:
            raise DataError(
                f"{text!r} (unit {unit}) is not a number{_hint(text, reading)}", row=number, column=name
            )
        values.append(value)
    return values


def _hint(text: str, reading: Reading) -> str:
    if text.endswith("%") and not reading.percent:
        return '; "percent = true" under [data] reads it'
    if "," in text and reading.decimal != "," and not reading.thousands:
        return '; "thousands" or "decimal" under [data] may read it'
    if not any(letter.isdigit() for letter in text):
        return '; if it means a gap, name it in "missing" under [data]'
    return ""
