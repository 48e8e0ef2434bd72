"""Thirty days by zone and hour over many rows: the same Parquet and the same SQL on DuckDB and on Spark."""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from balai.observations.engines import DuckEngine, Engine, SparkEngine
from balai.observations.models import StoreFile
from benchmarks.dataplane import processes
from tests.observations_builders import trips

DAYS, ZONES = 30, 267
SQL = (
    "SELECT zone, CAST(hour AS STRING), n, metres, longest FROM (SELECT c_zone AS zone,"
    " date_trunc('hour', c_at) AS hour, count(*) AS n, sum(c_distance_m) AS metres, max(c_wait_s) AS longest"
    " FROM rows GROUP BY 1, 2) AS g"
)
Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Result:
    """CPU seconds of all threads and processes, and seconds on the clock: the least of the runs."""

    cpu: float
    wall: float
    groups: int


def make(folder: Path, rows: int) -> list[StoreFile]:
    """Made-up trips of 30 days as the store keeps them, always the same ones."""
    connection = duckdb.connect(config={"threads": 2})
    files = []
    for number in range(DAYS):
        first, last = rows * number // DAYS, rows * (number + 1) // DAYS
        day = date(2026, 10, number + 1)
        path = Path("roda_trips_v1") / f"day={day}" / "rows.parquet"
        (folder / path).parent.mkdir(parents=True)
        connection.execute(
            "COPY (SELECT 'e-' || n AS event_id,"
            f" TIMESTAMP '{day}' + to_seconds(h % 86400) AS at,"
            f" '3171' || lpad(((h >> 20) % {ZONES})::VARCHAR, 6, '0') AS zone,"
            " 'gawai-' || (h >> 32) % 100000 AS device,"
            " CASE WHEN (h >> 30) % 3 = 0 THEN 'car' ELSE 'motorcycle' END AS vehicle,"
            " (500 + (h >> 36) % 20000)::BIGINT AS distance_m, ((h >> 44) % 900)::BIGINT AS wait_s,"
            f" 'batch-' || n // 100 AS batch, TIMESTAMP '{day}' AS received_at"
            f" FROM (SELECT range AS n, (hash(range) >> 1)::BIGINT AS h FROM range({first}, {last})))"
            f" TO '{folder / path}' (FORMAT parquet, COMPRESSION zstd)"
        )
        size = (folder / path).stat().st_size
        files.append(StoreFile(table="roda_trips_v1", day=day, path=str(path), rows=last - first, bytes=size))
    return files


def _least(work: Callable[[], Rows], times: int) -> tuple[Result, Rows]:
    best, found = Result(float("inf"), float("inf"), 0), []
    for _run in range(times):
        cpu, wall = processes.cpu(os.getpid()), time.perf_counter()
        found = work()
        cpu, wall = processes.cpu(os.getpid()) - cpu, time.perf_counter() - wall
        best = Result(min(best.cpu, cpu), min(best.wall, wall), len(found))
    return best, sorted(found)


def on_duckdb(folder: Path, files: list[StoreFile], times: int = 3) -> tuple[Result, Rows]:
    return _on(DuckEngine(threads=2), folder, files, times)


def on_spark(folder: Path, files: list[StoreFile], times: int = 2) -> tuple[Result, Rows]:
    """Spark on two threads of this machine, Java's CPU included; starting it is not counted."""
    os.environ |= {
        "SPARK_LOCAL_DIRS": str(folder),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
    }
    return _on(SparkEngine("local[2]"), folder, files, times)


def _on(engine: Engine, folder: Path, files: list[StoreFile], times: int) -> tuple[Result, Rows]:
    try:
        engine.show(trips(), folder, files)
        return _least(lambda: [tuple(row) for row in engine.run(SQL)], times)
    finally:
        engine.close()
