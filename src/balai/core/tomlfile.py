"""TOML files that a city's lawyer edits: read strictly, every fault named with its line."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import get_language


class TomlError(ValueError):
    """The file cannot be used. ``line`` is 1-based; 0 when the fault has no single line."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"line {line}: {message}" if line else message)
        self.line = line
        self.message = message


@dataclass(frozen=True, slots=True)
class Label:
    """One text in Bahasa Indonesia and English; prints in the reader's language."""

    id: str
    en: str

    def __str__(self) -> str:
        return self.en if (get_language() or "id").startswith("en") else self.id


class Lines:
    """Where each table and key of a TOML text stands, so that an error can name its line."""

    def __init__(self, source: str, error: type[TomlError]) -> None:
        self.error = error
        self.tables: dict[tuple[str, int], int] = {}
        self.keys: dict[tuple[str, int, str], int] = {}
        counts: dict[str, int] = {}
        table, index = "", 0
        for number, line in enumerate(source.splitlines(), 1):
            if header := re.match(r"\s*\[\[?\s*([\w.-]+)\s*\]\]?\s*(#.*)?$", line):
                table = header[1]
                index = counts.get(table, 0)
                counts[table] = index + 1
                self.tables[table, index] = number
            elif key := re.match(r"\s*([\w-]+)\s*=", line):
                self.keys[table, index, key[1]] = number

    def of(self, table: str, index: int = 0, key: str = "") -> int:
        return self.keys.get((table, index, key)) or self.tables.get((table, index), 0)


class Reader:
    """Reads one table of the file and names the line of whatever is wrong in it."""

    def __init__(self, lines: Lines, table: str, index: int, data: Mapping[str, Any]) -> None:
        self.lines, self.table, self.index, self.data = lines, table, index, data
        self.read: set[str] = set()

    def fail(self, key: str, message: str) -> TomlError:
        return self.lines.error(self.lines.of(self.table, self.index, key), message)

    def text(self, key: str, default: str | None = None) -> str:
        self.read.add(key)
        value = self.data.get(key, default)
        if not isinstance(value, str) or (default is None and not value):
            raise self.fail(key, f"{self.table}.{key} must be a text")
        return value

    def whole(self, key: str, default: int | None = None) -> int:
        self.read.add(key)
        value = self.data.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.fail(key, f"{self.table}.{key} must be a whole number of 0 or more")
        return value

    def flag(self, key: str, default: bool = False) -> bool:
        self.read.add(key)
        value = self.data.get(key, default)
        if not isinstance(value, bool):
            raise self.fail(key, f"{self.table}.{key} must be true or false")
        return value

    def label(self, key: str, required: bool = True) -> Label | None:
        self.read.add(key)
        value = self.data.get(key)
        if value is None and not required:
            return None
        if not isinstance(value, Mapping):
            raise self.fail(key, f"{self.table}.{key} needs a text in both languages: {{ id = …, en = … }}")
        for language in ("id", "en"):
            if not isinstance(value.get(language), str) or not value[language].strip():
                raise self.fail(key, f"{self.table}.{key} has no text in {language!r}")
        return Label(value["id"], value["en"])

    def must(self, key: str) -> Label:
        label = self.label(key)
        assert label is not None
        return label

    def texts(self, key: str, required: bool = True) -> tuple[str, ...]:
        self.read.add(key)
        value = self.data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise self.fail(key, f"{self.table}.{key} must be a list of texts")
        if required and not value:
            raise self.fail(key, f"{self.table}.{key} is empty")
        return tuple(value)

    def choice(self, key: str, allowed: Iterable[str], default: str | None = None) -> str:
        value = self.text(key, default)
        if value not in allowed and not (default is not None and value == default):
            known = ", ".join(allowed)
            raise self.fail(key, f"{self.table}.{key} is {value!r}; known are: {known}")
        return value

    def done(self) -> None:
        """Raise for a key nobody asked for: a typing mistake must not be passed over."""
        for key in self.data:
            if key not in self.read:
                raise self.fail(key, f"{self.table}.{key} is not known here")


def read(source: str, error: type[TomlError]) -> tuple[dict[str, Any], Lines]:
    """The tables of a TOML text and where they stand. Raises ``error`` where it is no TOML."""
    try:
        data = tomllib.loads(source)
    except tomllib.TOMLDecodeError as fault:
        line = re.search(r"line (\d+)", str(fault))
        raise error(int(line[1]) if line else 0, f"not TOML: {fault}") from fault
    return data, Lines(source, error)


def tables(lines: Lines, data: Mapping[str, Any], name: str, required: bool = True) -> list[Reader]:
    """One reader for each ``[[name]]``. Raises the file's error where there is none, unless not required."""
    rows = data.get(name, [])
    if (
        not isinstance(rows, list)
        or not all(isinstance(row, dict) for row in rows)
        or (required and not rows)
    ):
        raise lines.error(lines.of(name), f"{name} is missing: write at least one [[{name}]]")
    return [Reader(lines, name, index, row) for index, row in enumerate(rows)]
