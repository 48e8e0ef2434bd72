"""Many writers against an ingest node and a drainer that are killed as they go: is every row accounted for?

``python -m benchmarks.soak --minutes 10`` runs it long; a test runs it short.
"""

import http.client
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SETUP = """
import django; django.setup()
from tests.observations_builders import *
print(bearer(make_data_key(put_in_force())))
"""


@dataclass
class Soak:
    """One run: its processes, what was sent and what was answered."""

    home: Path
    port: int = 0
    bearer: str = ""
    kills: int = 0
    acknowledged: dict[str, dict[str, int]] = field(default_factory=dict)
    sent: set[str] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)
    retries: int = 0
    faults: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("BALAI_")}
        paths = [str(ROOT / "src"), str(ROOT)]
        return kept | {
            "BALAI_HOME": str(self.home),
            "BALAI_NODE": "one",
            "DJANGO_SETTINGS_MODULE": "balai.settings",
            "PYTHONPATH": os.pathsep.join(paths),
        }

    def balai(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "balai", *arguments]
        return subprocess.run(
            command, env=self.environment, cwd=ROOT, text=True, capture_output=True, timeout=300, check=False
        )

    def set_up(self, database: Path | None = None) -> None:
        """A database with its tables, a contract in force and a key."""
        if database:
            shutil.copy(database, self.home / "balai.sqlite3")
        else:
            self.balai("migrate", "-v0").check_returncode()
        made = subprocess.run(
            [sys.executable, "-c", SETUP],
            env=self.environment,
            cwd=ROOT,
            text=True,
            capture_output=True,
            check=True,
        )
        self.bearer = made.stdout.strip().splitlines()[-1]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    def keep_alive(self, *arguments: str, life: tuple[float, float]) -> None:
        """Run a process, kill it with its children after a random life, again and again."""
        chance = random.Random(str(arguments))
        with (self.home / "soak.log").open("a") as log:
            while not self.stop.is_set():
                process = subprocess.Popen(
                    [sys.executable, "-m", "balai", *arguments],
                    env=self.environment,
                    cwd=ROOT,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
                self.stop.wait(chance.uniform(*life))
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                self.kills += 1

    def write(self, number: int) -> None:
        """One writer: batches with new, repeated and wrong rows, each sent until it is acknowledged."""
        chance = random.Random(number)
        own: list[str] = []
        count = 0
        while not self.stop.is_set():
            count += 1
            events = [f"w{number}-{count}-{n}" for n in range(chance.randint(1, 60))]
            rows = [_row(event) for event in events]
            repeated = chance.sample(own, min(len(own), chance.randint(0, 5)))
            rows += [_row(event) for event in repeated] + [_row("shared-by-all")]
            wrong = [_row(f"wrong-{number}-{count}-{n}") | {"zone": "?"} for n in range(chance.randint(0, 3))]
            rows += wrong
            chance.shuffle(rows)
            body = "\n".join(map(json.dumps, rows)).encode()
            receipt = self._send(f"writer-{number}-{count}", body)
            if receipt is None:
                return
            if receipt["received"] != len(rows) or receipt["quarantined"] not in (len(wrong),):
                with self.lock:
                    self.faults.append(
                        f"writer {number}: sent {len(rows)}, {len(wrong)} wrong, got {receipt}"
                    )
            with self.lock:
                self.acknowledged[receipt["receipt_id"]] = receipt
                self.answered.update(events)
                self.sent.update(events)
            own += events

    def _send(self, key: str, body: bytes) -> dict[str, int] | None:
        headers = {
            "Authorization": self.bearer,
            "Idempotency-Key": key,
            "Content-Type": "application/x-ndjson",
        }
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("POST", "/v1/observations", body, headers)
                answer = connection.getresponse()
                text = answer.read()
                connection.close()
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)
            else:
                if answer.status == 202:
                    found: dict[str, int] = json.loads(text)
                    return found
                if answer.status not in (409, 429, 503):
                    with self.lock:
                        self.faults.append(f"{key}: {answer.status} {text[:200]!r}")
                    return None
                time.sleep(0.05)
            self.retries += 1
        with self.lock:
            self.faults.append(f"{key}: no answer within a minute")
        return None

    def run(self, seconds: float, writers: int, life: tuple[float, float] = (0.8, 4.0)) -> None:
        """Write under fire for ``seconds``; then let the node live until every writer has its answer."""
        keepers = [
            threading.Thread(
                target=self.keep_alive, args=("ingest", "--port", str(self.port)), kwargs={"life": life}
            ),
            threading.Thread(target=self.keep_alive, args=("drain", "--every", "0.2"), kwargs={"life": life}),
        ]
        threads = [threading.Thread(target=self.write, args=(number,)) for number in range(writers)]
        for thread in keepers + threads:
            thread.start()
        time.sleep(seconds)
        self.stop.set()
        for thread in keepers:
            thread.join()
        last = subprocess.Popen(
            [sys.executable, "-m", "balai", "ingest", "--port", str(self.port)],
            env=self.environment,
            cwd=ROOT,
            start_new_session=True,
        )
        for thread in threads:
            thread.join()
        last.terminate()
        last.wait(30)

    def verdict(self) -> list[str]:
        """Drain what is left and compare; an empty list where every row is accounted for."""
        drained = self.balai("drain", "--once")
        faults = list(self.faults)
        if drained.returncode:
            return [*faults, drained.stderr[-2000:]]
        database = sqlite3.connect(self.home / "balai.sqlite3")
        receipts = database.execute(
            "SELECT id, received, accepted, quarantined, duplicates FROM observations_receipt"
        ).fetchall()
        paths = [path for (path,) in database.execute("SELECT path FROM observations_storefile")]
        (bad,) = database.execute("SELECT count(*) FROM observations_quarantined").fetchone()
        database.close()
        import duckdb

        found = duckdb.execute(
            "SELECT event_id, count(*) FROM read_parquet(?) GROUP BY 1",
            [[str(self.home / "observations" / "store" / path) for path in paths]],
        ).fetchall()
        stored = dict(found)
        sums = [sum(one[column] for one in receipts) for column in range(1, 5)]
        if sums[0] != sum(sums[1:]):
            faults.append(f"received {sums[0]} is not the sum of {sums[1:]}")
        if sums[1] != sum(stored.values()):
            faults.append(f"accepted {sums[1]} rows, stored {sum(stored.values())}")
        if sums[2] != bad:
            faults.append(f"quarantined {sums[2]} rows, kept {bad}")
        if twice := [event for event, count in stored.items() if count > 1]:
            faults.append(f"{len(twice)} events are stored twice, e.g. {twice[0]}")
        if lost := self.answered - set(stored):
            faults.append(f"{len(lost)} acknowledged events are not in the store, e.g. {min(lost)}")
        if strange := {event for event in stored if event.startswith("wrong")}:
            faults.append(f"{len(strange)} wrong rows are in the store")
        if unknown := set(self.acknowledged) - {one[0] for one in receipts}:
            faults.append(f"{len(unknown)} receipts given out are unknown to the store")
        self.stored = len(stored)
        return faults


def _row(event: str) -> dict[str, object]:
    at = datetime.now(UTC) - timedelta(seconds=hash(event) % 200_000)
    return {
        "event_id": event,
        "at": at.isoformat(),
        "zone": "3171010001",
        "device": event[:6],
        "vehicle": "car",
        "distance_m": 1000,
    }
