"""The hub's data plane from HTTP to Parquet: rows durable and queryable for each CPU second."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from benchmarks.dataplane import processes

ROOT = Path(__file__).resolve().parents[2]
SETUP = """
import django; django.setup()
from tests.observations_builders import *
print(bearer(make_data_key(put_in_force())))
"""
SPAN = 7200
"""Seconds over which the rows' times are spread."""


@dataclass(frozen=True)
class Result:
    """One run. CPU is that of nodes and drainer; ``queryable`` is when the last row could be read."""

    rows: int
    cpu: float
    node_cpu: float
    wall: float
    queryable: float
    p50: float
    p99: float

    @property
    def per_cpu(self) -> float:
        return self.rows / self.cpu


def bodies(rows: int, size: int, tag: str = "") -> list[bytes]:
    """Batches of made-up trips, 165 bytes a row, every event once."""
    now = datetime.now(UTC).replace(microsecond=0)
    times = [(now - timedelta(seconds=n)).isoformat() for n in range(SPAN)]
    tag = tag or os.urandom(4).hex()
    found = []
    for first in range(0, rows, size):
        lines = [
            f'{{"event_id": "e-{tag}-{n:09d}", "at": "{times[n % SPAN]}",'
            f' "zone": "31710100{n // 100 % 44:02d}", "device": "gawai-{n * 7 % 50_000}",'
            f' "vehicle": "{"motorcycle" if n % 3 else "car"}",'
            f' "distance_m": {500 + n * 37 % 20_000}, "wait_s": {n * 13 % 900}}}'
            for n in range(first, min(first + size, rows))
        ]
        found.append("\n".join(lines).encode())
    return found


class Hub:
    """A home of its own with a contract in force, nodes and a drainer."""

    def __init__(self, home: Path, nodes: int = 1, cores: Sequence[int] = ()) -> None:
        self.home, self.cores = home, cores
        kept = {name: value for name, value in os.environ.items() if not name.startswith("BALAI_")}
        paths = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
        self.environment = kept | {
            "BALAI_HOME": str(home),
            "DJANGO_SETTINGS_MODULE": "balai.settings",
            "PYTHONPATH": paths,
            "BALAI_LOG_LEVEL": "ERROR",
        }
        self._run("-m", "balai", "migrate", "-v0")
        self.bearer = self._run("-c", SETUP).strip().splitlines()[-1]
        self.ports = [processes.free_port() for _number in range(nodes)]
        self.nodes = [self._start("ingest", "--port", str(port), "--node", f"n{port}") for port in self.ports]
        self.drainer = self._start("drain")
        for port in self.ports:
            processes.wait_for(port)
        time.sleep(2)

    def _run(self, *arguments: str) -> str:
        command = [sys.executable, *arguments]
        return subprocess.run(
            command, env=self.environment, cwd=ROOT, text=True, check=True, stdout=subprocess.PIPE
        ).stdout

    def _start(self, *arguments: str) -> "subprocess.Popen[str]":
        return processes.start([sys.executable, "-m", "balai", *arguments], self.environment, self.cores)

    def close(self) -> None:
        processes.stop(*self.nodes, self.drainer)

    def _batches(self) -> int:
        with sqlite3.connect(self.home / "balai.sqlite3") as database:
            return int(database.execute("SELECT count(*) FROM observations_receipt").fetchone()[0])

    def measure(self, rows: int, size: int, connections: int = 32) -> Result:
        """Send ``rows`` in batches of ``size`` and wait until the last one can be queried."""
        before = self._batches()
        requests = []
        for body in bodies(rows, size):
            headers = {
                "Authorization": self.bearer,
                "Idempotency-Key": os.urandom(8).hex(),
                "Content-Type": "application/x-ndjson",
            }
            requests.append(processes.request("/v1/observations", headers, body))
        roots = [node.pid for node in self.nodes]
        node_cpu, drain_cpu = processes.cpu(*roots), processes.cpu(self.drainer.pid)
        start = time.perf_counter()
        loads = processes.load(self.home, self.ports, requests, connections)
        wall = max(one.seconds for one in loads)
        while self._batches() < before + len(requests):
            time.sleep(0.05)
        queryable = time.perf_counter() - start
        node_cpu = processes.cpu(*roots) - node_cpu
        drain_cpu = processes.cpu(self.drainer.pid) - drain_cpu
        accepted = 0
        for one in loads:
            if set(one.statuses) != {"202"}:
                raise RuntimeError(f"refused: {one.statuses}")
            accepted += sum(json.loads(answer)["accepted"] for answer in one.answers)
        if accepted != rows:
            raise RuntimeError(f"{rows} rows sent, {accepted} accepted")
        p50, p99 = (max(getattr(one, name) for one in loads) for name in ("p50", "p99"))
        return Result(rows, node_cpu + drain_cpu, node_cpu, wall, queryable, p50, p99)

    def stored(self) -> tuple[int, int]:
        """Rows accepted, by the receipts, and rows that a query of the named Parquet files finds."""
        with sqlite3.connect(self.home / "balai.sqlite3") as database:
            (accepted,) = database.execute("SELECT sum(accepted) FROM observations_receipt").fetchone()
            paths = [path for (path,) in database.execute("SELECT path FROM observations_storefile")]
        store = self.home / "observations" / "store"
        row = duckdb.execute(
            "SELECT count(*), count(DISTINCT event_id) FROM read_parquet(?)",
            [[str(store / path) for path in paths]],
        ).fetchone()
        assert row is not None
        if row[0] != row[1]:
            raise RuntimeError(f"{row[0]} rows stored of {row[1]} events")
        return int(accepted), int(row[0])
