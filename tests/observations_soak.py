"""Many writers against ingest nodes and drainers that are killed as they go: is every row accounted for?

Writers send both plain forms, packed or not, with new, repeated, wrong and shared rows, and the same rows to
two nodes; a batch without an answer is sent again, now and then to another node.

``python -m benchmarks.soak --minutes 10`` runs it long; a test runs it short.
"""

import gzip
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

from balai.observations.contracts import read_contract

ROOT = Path(__file__).resolve().parents[1]
TRIPS = read_contract((ROOT / "tests" / "observations" / "trips.odcs.yaml").read_text(encoding="utf-8"))
Life = tuple[float, float]
"""Seconds after which a process is killed, at least and at most."""
SETUP = """
import django; django.setup()
from tests.observations_builders import *
print(bearer(make_data_key(put_in_force())))
"""


@dataclass
class Soak:
    """One run: its processes, what was sent and what was answered."""

    home: Path
    nodes: int = 2
    ports: list[int] = field(default_factory=list)
    bearer: str = ""
    kills: int = 0
    acknowledged: dict[str, dict[str, int]] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)
    retries: int = 0
    faults: list[str] = field(default_factory=list)
    account: dict[str, int] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("BALAI_")}
        paths = [str(ROOT / "src"), str(ROOT)]
        return kept | {
            "BALAI_HOME": str(self.home),
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
        probes = [socket.socket() for _number in range(self.nodes)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
            self.ports.append(probe.getsockname()[1])
        for probe in probes:
            probe.close()

    def keep_alive(self, *arguments: str, life: Life, port: int = 0) -> None:
        """Run a process, kill it with its children after a random life, again and again.

        With a ``port`` most lives begin when it answers there, and one in five as the process starts.
        """
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
                if port and chance.random() > 0.2:
                    self._wait_for(port)
                self.stop.wait(chance.uniform(*life))
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                with self.lock:
                    self.kills += 1

    def _wait_for(self, port: int) -> None:
        give_up = time.monotonic() + 60
        while not self.stop.is_set() and time.monotonic() < give_up:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            self.stop.wait(0.2)

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
            wrong = [_wrong(f"wrong-{number}-{count}-{n}", chance) for n in range(chance.randint(0, 3))]
            rows += wrong
            chance.shuffle(rows)
            node = chance.randrange(self.nodes)
            size = len(rows)
            receipts = [self._send(f"writer-{number}-{count}", rows, node, chance)]
            if chance.random() < 0.1:
                # One row more, so that no two batches have the same bytes.
                events.append(f"again-{number}-{count}")
                rows.append(_row(events[-1]))
                receipts.append(self._send(f"again-{number}-{count}", rows, (node + 1) % self.nodes, chance))
            for sent, receipt in zip((size, len(rows)), receipts, strict=False):
                if receipt is None:
                    return
                with self.lock:
                    if receipt["received"] != sent or receipt["quarantined"] != len(wrong):
                        self.faults.append(f"writer {number}: sent {sent}, {len(wrong)} wrong, got {receipt}")
                    self.acknowledged[str(receipt["receipt_id"])] = receipt
            with self.lock:
                self.answered.update(events)
            own = (own + events)[-1000:]

    def _send(
        self, key: str, rows: list[dict[str, object]], node: int, chance: random.Random
    ) -> dict[str, int] | None:
        """Send until there is an answer; None, and a fault, where there is none or a refusal."""
        if chance.random() < 0.5:
            form, body = "application/x-ndjson", "\n".join(map(json.dumps, rows)).encode()
        else:
            form, body = (
                "application/cloudevents-batch+json",
                json.dumps([_event(row) for row in rows]).encode(),
            )
        headers = {"Authorization": self.bearer, "Idempotency-Key": key, "Content-Type": form}
        if chance.random() < 0.3:
            headers["Content-Encoding"], body = "gzip", gzip.compress(body)
        give_up = time.monotonic() + 120
        while time.monotonic() < give_up:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.ports[node], timeout=10)
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
            with self.lock:
                self.retries += 1
            if chance.random() < 0.1:
                node = (node + 1) % self.nodes
        with self.lock:
            self.faults.append(f"{key}: no answer within two minutes")
        return None

    def run(
        self,
        seconds: float,
        writers: int,
        life: Life = (0.8, 4.0),
        drainers: tuple[Life, ...] = ((0.8, 4.0),),
    ) -> None:
        """Write under fire for ``seconds``; then let the nodes live until every writer has its answer."""
        kept: list[tuple[tuple[str, ...], Life, int]] = [
            (("ingest", "--port", str(port), "--node", f"node-{number}"), life, port)
            for number, port in enumerate(self.ports)
        ]
        kept += [
            (("drain", "--every", f"{0.2 + number / 1000}"), one, 0) for number, one in enumerate(drainers)
        ]
        keepers = [
            threading.Thread(target=self.keep_alive, args=arguments, kwargs={"life": one, "port": port})
            for arguments, one, port in kept
        ]
        threads = [threading.Thread(target=self.write, args=(number,)) for number in range(writers)]
        for thread in keepers + threads:
            thread.start()
        time.sleep(seconds)
        self.stop.set()
        for thread in keepers:
            thread.join()
        last = [
            subprocess.Popen(
                [sys.executable, "-m", "balai", *arguments],
                env=self.environment,
                cwd=ROOT,
                start_new_session=True,
            )
            for arguments, _life, _port in kept[: self.nodes]
        ]
        for thread in threads:
            thread.join()
        for process in last:
            process.terminate()
            process.wait(60)

    def verdict(self) -> list[str]:
        """Drain what is left and compare; an empty list where every row is accounted for."""
        drained = self.balai("drain", "--once")
        faults = list(self.faults)
        if drained.returncode:
            return [*faults, drained.stderr[-2000:]]
        database = sqlite3.connect(self.home / "balai.sqlite3")
        receipts = database.execute(
            "SELECT id, received, accepted, quarantined, duplicates, node, digest FROM observations_receipt"
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
        by_id = {one[0]: one for one in receipts}
        for batch, said in self.acknowledged.items():
            found_sums = by_id.get(batch, ("", 0, 0, 0))
            if (said["received"], said["quarantined"]) != (found_sums[1], found_sums[3]):
                faults.append(f"{batch}: answered {said}, settled as {found_sums}")
        if len({one[5:] for one in receipts}) != len(receipts):
            faults.append("a batch is in one node's log twice")
        if len({one[5] for one in receipts}) != self.nodes:
            faults.append("a node took nothing")
        checked = self.balai("data", "check")
        if checked.returncode:
            faults.append(f"data check: {checked.stdout[-1000:]}{checked.stderr[-1000:]}")
        self.account = dict(zip(("received", "accepted", "quarantined", "duplicates"), sums, strict=True))
        return faults


def _wrong(event: str, chance: random.Random) -> dict[str, object]:
    extra: dict[str, object] = chance.choice(
        [{"zone": "?"}, {"at": "2999-01-01T00:00:00Z"}, {"vehicle": "boat"}, {"distance_m": -1}, {"other": 1}]
    )
    return _row(event) | extra


def _event(row: dict[str, object]) -> dict[str, object]:
    data = {name: value for name, value in row.items() if name not in ("event_id", "at")}
    source = {"specversion": "1.0", "source": TRIPS.source, "type": TRIPS.event_type}
    return source | {"id": row["event_id"], "time": row["at"], "data": data}


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
