"""The engines that count a day's rows: DuckDB in this process, or Spark on as many machines as it has.

Both read the same Parquet files and are given the same statements. Whole numbers are summed as decimals of 38
digits, others as whole millionths, so that neither order nor engine shows in a sum.
"""

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import duckdb
from django.conf import settings

from balai.observations.atoms import column
from balai.observations.contracts import Contract
from balai.observations.models import StoreFile
from balai.observations.store import columns_of, connect, quoted, relation

SPARK_TYPES = {
    "VARCHAR": "STRING",
    "BIGINT": "BIGINT",
    "DOUBLE": "DOUBLE",
    "BOOLEAN": "BOOLEAN",
    "TIMESTAMP": "TIMESTAMP_NTZ",
    "DATE": "DATE",
}
SAME_ANSWERS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.parser.escapedStringLiterals": "true",
}
"""What Spark must be told to read a statement as DuckDB does."""


class EngineError(Exception):
    """The engine is not to be had, or could not read the files."""


class Engine(Protocol):
    """Reads files and answers statements over the view ``rows``, whose columns have ``c_`` before them."""

    name: str

    def show(self, contract: Contract, root: Path, files: Sequence[StoreFile]) -> None:
        """Make the view of the rows in ``files``; a column that a file lacks is NULL there."""

    def run(self, sql: str) -> Sequence[Sequence[Any]]:
        """The statement's rows. Raises EngineError."""

    def close(self) -> None: ...


class DuckEngine:
    """DuckDB, in memory."""

    name = "duckdb"

    def __init__(self, threads: int = 2) -> None:
        self._connection = connect(threads)

    def show(self, contract: Contract, root: Path, files: Sequence[StoreFile]) -> None:
        listed = ", ".join(f"{quoted(name)} AS {column(name)}" for name, _kind in columns_of(contract))
        source = relation(root, files, contract)
        self._execute(f"CREATE OR REPLACE VIEW rows AS SELECT {listed} FROM {source}")  # noqa: S608

    def run(self, sql: str) -> Sequence[Sequence[Any]]:
        return self._execute(sql).fetchall()

    def pages(self, sql: str, rows: int) -> Iterator[Sequence[Sequence[Any]]]:
        """The statement's rows, at most ``rows`` of them at once. Raises EngineError."""
        answer = self._execute(sql)
        while page := self._named(answer.fetchmany, rows):
            yield page

    def _execute(self, sql: str) -> duckdb.DuckDBPyConnection:
        return self._named(self._connection.execute, sql)

    def _named[A, T](self, ask: Callable[[A], T], what: A) -> T:
        try:
            return ask(what)
        except duckdb.Error as fault:
            # The engine's own words may quote a row.
            raise EngineError(f"DuckDB: {type(fault).__name__}") from None

    def close(self) -> None:
        self._connection.close()


class SparkEngine:
    """Spark at ``master`` (``local[2]``, ``spark://host:port``), whose machines see the store's folder.

    What else it is to know stands in Spark's own configuration (``SPARK_CONF_DIR``).
    """

    name = "spark"

    def __init__(self, master: str = "local[*]") -> None:
        if importlib.util.find_spec("pyspark") is None:
            raise EngineError("Spark is not installed: install balai[spark].")
        from pyspark.sql import SparkSession

        builder = SparkSession.builder.master(master).appName("balai")
        for name, value in {"spark.ui.enabled": "false", **SAME_ANSWERS}.items():
            builder = builder.config(name, value)
        try:
            self._session = builder.getOrCreate()
        except Exception as fault:
            raise EngineError(f"Spark at {master} does not answer: {type(fault).__name__}") from None
        self._session.sparkContext.setLogLevel("ERROR")

    def show(self, contract: Contract, root: Path, files: Sequence[StoreFile]) -> None:
        kinds = columns_of(contract)
        shape = ", ".join(f"`{name}` {SPARK_TYPES[kind]}" for name, kind in kinds)
        with _without_rows():
            if files:
                # Each file is named: a folder's name (day=…) is no column.
                reader = self._session.read.schema(shape).option("recursiveFileLookup", "true")
                found = reader.parquet(*(f"file://{(root / file.path).resolve()}" for file in files))
            else:
                found = self._session.createDataFrame([], shape)
            listed = [f"`{name}` AS {column(name)}" for name, _kind in kinds]
            found.selectExpr(*listed).createOrReplaceTempView("rows")

    def run(self, sql: str) -> Sequence[Sequence[Any]]:
        with _without_rows():
            return [tuple(row) for row in self._session.sql(sql).collect()]

    def close(self) -> None:
        self._session.stop()


@contextmanager
def _without_rows() -> Iterator[None]:
    """Spark's faults as EngineError, without their words: those may quote a row."""
    from pyspark.errors import PySparkException

    try:
        yield
    except PySparkException as fault:
        raise EngineError(f"Spark: {fault.getCondition() or type(fault).__name__}") from None
    except Exception as fault:
        raise EngineError(f"Spark: {type(fault).__name__}") from None


NAMES = ("duckdb", "spark")


@contextmanager
def engine(name: str = "") -> Iterator[Engine]:
    """The engine of that name, closed at the end; none named: Spark where BALAI_SPARK gives its address.

    Raises EngineError.
    """
    name = name or ("spark" if settings.SPARK else "duckdb")
    if name not in NAMES:
        raise EngineError(f"no engine {name!r}; there is {' and '.join(NAMES)}")
    made: Engine = SparkEngine(settings.SPARK or "local[*]") if name == "spark" else DuckEngine()
    try:
        yield made
    finally:
        made.close()
