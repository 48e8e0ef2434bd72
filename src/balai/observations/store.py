"""The store: rows as Parquet files, one folder a table and UTC day, read by DuckDB or any other engine.

A file belongs to the store when a `StoreFile` names it; the files of one step and the log position behind
them are named in one transaction, so that a row is in the store once or not yet.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from pathlib import Path

import duckdb

from balai.observations.contracts import Contract, Role
from balai.observations.models import StoreFile
from balai.observations.segments import sync_folder

SQL_TYPES = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMP",
    "date": "DATE",
}
SYSTEM = (("batch", "VARCHAR"), ("received_at", "TIMESTAMP"))


def quoted(name: str) -> str:
    """An identifier for both engines' double-quoted dialect; names come from contracts, checked there."""
    if not name.replace("_", "").isalnum():
        raise ValueError(f"not a name: {name!r}")
    return f'"{name}"'


def columns_of(contract: Contract) -> list[tuple[str, str]]:
    """Columns of the contract's table with their SQL types: its fields, then batch and received_at (UTC)."""
    return [(field.name, SQL_TYPES[field.type]) for field in contract.fields] + list(SYSTEM)


def connect(threads: int = 2) -> duckdb.DuckDBPyConnection:
    """An engine in memory that reads no extension and no address, only files."""
    connection = duckdb.connect(
        config={"threads": threads, "autoinstall_known_extensions": False, "autoload_known_extensions": False}
    )
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def files_of(table: str, first: date | None = None, last: date | None = None) -> list[StoreFile]:
    """The table's files, of the days from ``first`` to ``last`` where given, oldest first."""
    found = StoreFile.objects.filter(table=table)
    if first is not None:
        found = found.filter(day__gte=first)
    if last is not None:
        found = found.filter(day__lte=last)
    return list(found.order_by("day", "pk"))


def relation(root: Path, files: Sequence[StoreFile], contract: Contract) -> str:
    """SQL of the rows in ``files``; a field that older files lack is NULL there."""
    columns = columns_of(contract)
    empty = ", ".join(f"CAST(NULL AS {kind}) AS {quoted(name)}" for name, kind in columns)
    empty = f"SELECT {empty} WHERE FALSE"
    if not files:
        return f"({empty})"
    paths = ", ".join("'" + str(root / file.path).replace("'", "''") + "'" for file in files)
    rows = f"SELECT * FROM read_parquet([{paths}], union_by_name = true, hive_partitioning = false)"  # noqa: S608
    return f"({empty} UNION ALL BY NAME {rows})"


def read_files[T](find: Callable[[], list[StoreFile]], read: Callable[[list[StoreFile]], T]) -> T:
    """What ``read`` makes of the files that ``find`` finds; both again where one went away meanwhile.

    Files are put together and deleted with their days at any time; a fault with all in place stays one.
    """
    while True:
        files = find()
        try:
            return read(files)
        except Exception:
            if StoreFile.objects.filter(pk__in=[file.pk for file in files]).count() == len(files):
                raise


def finish(path: Path) -> tuple[int, str]:
    """Make a written file durable; its size and SHA-256."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = os.fstat(file.fileno()).st_size
    for folder in path.parents[:3]:
        sync_folder(folder)
    return size, digest


def remove_strangers(root: Path, known: Iterable[str]) -> int:
    """Delete Parquet files that no row names: what a killed step left. Return how many."""
    names, removed = set(known), 0
    for path in root.rglob("*.parquet"):
        if str(path.relative_to(root)) not in names:
            path.unlink()
            removed += 1
    return removed


def event_column(contract: Contract) -> str:
    return quoted(contract.by_role[Role.EVENT][0].name)
