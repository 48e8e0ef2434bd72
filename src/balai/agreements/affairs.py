"""Fields of government (urusan) as a controlled vocabulary, read from a file that the city may change."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from balai.core.tomlfile import Label, Reader, TomlError, read, tables

FILE = Path(__file__).resolve().parent / "affairs.toml"
GROUPS = ("basic", "other", "choice")
CERTAINTIES = ("confirmed", "secondary", "counsel")


class AffairsError(TomlError):
    """The vocabulary cannot be used."""


@dataclass(frozen=True, slots=True)
class Affair:
    """One field of government. ``group``: basic services, other compulsory ones, or by choice."""

    key: str
    group: str
    name: Label


@dataclass(frozen=True, slots=True)
class Vocabulary:
    version: str
    source: str
    certainty: str
    affairs: tuple[Affair, ...]


def parse(source: str) -> Vocabulary:
    """Read a vocabulary. Raises AffairsError with the line of whatever is wrong."""
    data, lines = read(source, AffairsError)
    head = Reader(lines, "vocabulary", 0, data.get("vocabulary", {}))
    version, origin = head.text("version"), head.text("source")
    certainty = head.choice("certainty", CERTAINTIES)
    head.done()
    affairs: list[Affair] = []
    for row in tables(lines, data, "affairs"):
        affair = Affair(row.text("key"), row.choice("group", GROUPS), row.must("name"))
        row.done()
        if len(affair.key) > 30 or affair.key in {known.key for known in affairs}:
            raise row.fail("key", f"affairs.key {affair.key!r} is too long or stands twice")
        affairs.append(affair)
    return Vocabulary(version, origin, certainty, tuple(affairs))


@cache
def vocabulary() -> Vocabulary:
    """The vocabulary in use."""
    return parse(FILE.read_text(encoding="utf-8"))


def names() -> dict[str, Label]:
    """What each affair is called, in the order of the vocabulary."""
    return {affair.key: affair.name for affair in vocabulary().affairs}


def name_of(key: str) -> str:
    """What an affair is called in the reader's language; the key itself where nobody knows it."""
    label = names().get(key)
    return str(label) if label else key
