"""What the demonstration knows: facts about Jakarta with their sources, and invented examples.

Everything is data under ``jakarta/``; this module only reads it. A fact names its source by key.
"""

import csv
import datetime as dt
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "jakarta"

type Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """Who says so, where, and when (day, month or year: ``2019-09-13``, ``2019-09``, ``2019``)."""

    key: str
    name: str
    url: str
    date: str
    kind: str

    @property
    def day(self) -> dt.date | None:
        """The day of publication, where it is known to the day."""
        return dt.date.fromisoformat(self.date) if len(self.date) == 10 else None


@lru_cache
def table(name: str) -> Row:
    """One TOML file, e.g. ``table("partners")``. Raises FileNotFoundError or TOMLDecodeError."""
    with (FOLDER / f"{name}.toml").open("rb") as file:
        return tomllib.load(file)


@lru_cache
def rows(name: str) -> list[dict[str, str]]:
    """One CSV file as a list of rows by column name."""
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@lru_cache
def sources() -> dict[str, Source]:
    """Every source by key."""
    return {key: Source(key=key, **values) for key, values in table("sources").items()}


def histories() -> list[Row]:
    """The documented collaborations, in the order of their beginning."""
    found = [table(f"history/{path.stem}") for path in (FOLDER / "history").glob("*.toml")]
    return sorted(found, key=lambda history: (history["began"], history["key"]))


def fingerprint() -> str:
    """SHA-256 over all files of the demonstration, to know which facts a hub was loaded with."""
    paths = sorted(path for path in FOLDER.rglob("*") if path.suffix in {".toml", ".csv"})
    return sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()
