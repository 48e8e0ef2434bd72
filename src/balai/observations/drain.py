"""From the log to the store: each batch once, duplicates found across nodes and time, accounts settled.

One drainer at a time, kept by a lock on the store's folder. A step reads what the nodes wrote, sorts out rows
whose event is in the store already, writes Parquet files, and names files, receipts, quarantined rows and the
new log positions in one transaction. Killed anywhere, the next step begins where the last whole one ended.
"""

import fcntl
import logging
import os
import secrets
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from django.db import connection, models, transaction
from django.utils import timezone

from balai.observations import places
from balai.observations.checking import LARGEST_BODY
from balai.observations.contracts import Contract, read_contract
from balai.observations.housekeeping import compact, expire, trim_log
from balai.observations.models import DataContract, Drained, Quarantined, Receipt, StoreFile
from balai.observations.segments import (
    Header,
    Place,
    Record,
    SegmentError,
    nodes_of,
    records,
)
from balai.observations.store import columns_of, connect, finish, quoted, remove_strangers

KEEP_IDS = timedelta(days=7)
"""How far back a row's event is looked for; what repeats later than that is taken for new."""
LARGEST_STEP = 256 * 1024 * 1024
"""Bytes of log one step takes."""
logger = logging.getLogger(__name__)


@dataclass
class _Batch:
    node: str
    place: Place
    header: Header
    accepted: int = 0


@dataclass(frozen=True)
class Step:
    """What one step did."""

    batches: int = 0
    rows: int = 0
    duplicates: int = 0
    files: int = 0
    full: bool = False
    """Whether it left some of the log for the next one."""


class Drainer:
    """Takes the store's lock when made; raises BlockingIOError where another drainer has it."""

    def __init__(self, threads: int = 1) -> None:
        self.root = places.store()
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise
        self._clear()
        self._engine = connect(threads)
        self._contracts: dict[tuple[str, str], Contract] = {}
        self._seen: dict[str, date] = {}
        self.damaged: dict[str, str] = {}
        """Nodes whose log cannot be read further, and why."""

    def close(self) -> None:
        """Let go of engine and lock; once more does nothing."""
        self._engine.close()
        if self._lock >= 0:
            os.close(self._lock)
        self._lock = -1

    def _clear(self) -> None:
        """Remove what a killed step left: files that no row names, rows on their way."""
        remove_strangers(self.root, StoreFile.objects.values_list("path", flat=True))
        for spool in self.root.glob("spool-*.ndjson"):
            spool.unlink()

    def tidy(self) -> None:
        """Put small files together; delete days no contract keeps and segments that are in the store."""
        self._clear()
        compact(self._engine, self.root)
        expire(self.root)
        trim_log()

    def step(self) -> Step:
        """Bring what the nodes wrote into the store; an empty Step where there was nothing."""
        drained = {row.node: row for row in Drained.objects.all()}
        batches: list[_Batch] = []
        lines: dict[str, list[tuple[int, bytes]]] = defaultdict(list)
        bad: list[tuple[_Batch, bytes]] = []
        ends: dict[str, Place] = {}
        nodes, full = nodes_of(places.log()), False
        for node in nodes:
            known = drained.get(node)
            start = Place(known.segment, known.offset) if known else Place(0, 0)
            # A share for each: a node that is always full keeps none of the others waiting.
            budget = LARGEST_STEP // len(nodes)
            for place, end, record in self._records(node, start):
                batch = _Batch(node, place, record.header, record.header.accepted)
                ends[node] = Place(place.segment, end)
                batches.append(batch)
                if record.rows and not record.header.sandbox:
                    lines[record.header.table].append((len(batches) - 1, record.rows))
                if record.bad:
                    bad.append((batch, record.bad))
                budget -= end - place.offset
                if budget <= 0:
                    full = True
                    break
        if not batches:
            return Step()
        files: list[StoreFile] = []
        for table, parts in lines.items():
            files += self._bring(table, parts, batches)
        with transaction.atomic():
            StoreFile.objects.bulk_create(files)
            _insert(Receipt, [_receipt(batch) for batch in batches])
            Quarantined.objects.bulk_create(
                [row for batch, body in bad for row in _quarantined(batch, body)], batch_size=500
            )
            for node, place in ends.items():
                Drained.objects.update_or_create(
                    node=node, defaults={"segment": place.segment, "offset": place.offset}
                )
        return Step(
            batches=len(batches),
            rows=sum(file.rows for file in files),
            duplicates=sum(batch.header.accepted - batch.accepted for batch in batches),
            files=len(files),
            full=full,
        )

    def _records(self, node: str, start: Place) -> Iterator[tuple[Place, int, Record]]:
        """A node's records from ``start``; at a damaged one it waits; the other nodes' go on."""
        try:
            yield from records(places.log() / node, start)
        except SegmentError as fault:
            if self.damaged.get(node) != str(fault):
                logger.error("The log of node %s is damaged; it waits there: %s", node, fault)
            self.damaged[node] = str(fault)
        else:
            self.damaged.pop(node, None)

    def _bring(self, table: str, parts: list[tuple[int, bytes]], batches: list[_Batch]) -> list[StoreFile]:
        """Write one table's new rows; lowers ``accepted`` of batches whose rows were there already."""
        contract = self._newest(table, batches[parts[0][0]].header.contract)
        spool = self.root / f"spool-{os.getpid()}.ndjson"
        with spool.open("wb") as file:
            for _number, rows in parts:
                file.write(rows)
        numbers = np.repeat(
            np.array([number for number, _rows in parts], dtype=np.int64),
            [batches[number].header.accepted for number, _rows in parts],
        )
        try:
            return self._write(table, contract, spool, numbers, batches)
        finally:
            spool.unlink()

    def _write(
        self, table: str, contract: Contract, spool: Path, numbers: np.ndarray, batches: list[_Batch]
    ) -> list[StoreFile]:
        engine, event, at = self._engine, quoted(contract.event.name), quoted(contract.time.name)
        fields = columns_of(contract)[: len(contract.fields)]
        # No field's name begins with an underscore: the hub's own columns do.
        # Rows carry their own offset from UTC: read with it, store without.
        offset = {"TIMESTAMP": "TIMESTAMPTZ"}
        shape = ", ".join(f"{quoted(name)}: '{offset.get(kind, kind)}'" for name, kind in fields)
        columns = ", ".join(f"CAST({quoted(name)} AS {kind}) AS {quoted(name)}" for name, kind in fields)
        self._load_seen(table, contract)
        engine.execute(
            f"CREATE OR REPLACE TEMP TABLE fresh AS SELECT {columns} FROM read_json('{spool}',"  # noqa: S608
            f" format = 'newline_delimited', columns = {{{shape}}}, maximum_object_size = {2 * LARGEST_BODY})"
        )
        engine.register("numbered", {"number": numbers})
        engine.execute(
            f"CREATE OR REPLACE TEMP TABLE ids AS SELECT md5_number(fresh.{event}) AS _id,"  # noqa: S608
            " numbered.number AS _number FROM fresh POSITIONAL JOIN numbered"
        )
        engine.unregister("numbered")
        engine.execute(
            "CREATE OR REPLACE TEMP VIEW arrived AS"
            " SELECT fresh.*, ids._id, ids._number FROM fresh POSITIONAL JOIN ids"
        )
        seen = quoted(f"seen_{table}")
        kept = "arrived"
        if self._has_repeated(seen):
            kept = "kept"
            engine.execute(
                "CREATE OR REPLACE TEMP TABLE kept AS SELECT * FROM arrived"  # noqa: S608
                f" WHERE _id NOT IN (SELECT id FROM {seen})"
                " QUALIFY row_number() OVER (PARTITION BY _id ORDER BY _number) = 1"
            )
        counts = dict(engine.execute(f"SELECT _number, count(*) FROM {kept} GROUP BY _number").fetchall())  # noqa: S608
        for number in np.unique(numbers).tolist():
            batches[number].accepted = counts.get(number, 0)
        self._name_batches(batches, sorted(counts))
        days = engine.execute(
            f"SELECT CAST({at} AS DATE), min({at}), max({at}) FROM {kept} GROUP BY 1 ORDER BY 1"  # noqa: S608
        ).fetchall()
        listed = ", ".join(f"k.{quoted(name)}" for name, _kind in fields)
        files = []
        for day, earliest, latest in days:
            path = (
                Path(table)
                / f"day={day.isoformat()}"
                / f"{time.time_ns():020d}-{secrets.token_hex(4)}.parquet"
            )
            whole = self.root / path
            whole.parent.mkdir(parents=True, exist_ok=True)
            rows = engine.execute(
                f"COPY (SELECT {listed}, b.batch, b.received_at"  # noqa: S608
                f" FROM {kept} AS k JOIN named AS b ON k._number = b.number"
                f" WHERE CAST(k.{at} AS DATE) = DATE '{day}')"
                f" TO '{whole}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
            ).fetchall()[0][0]
            size, digest = finish(whole)
            files.append(
                StoreFile(
                    table=table,
                    day=day,
                    path=str(path),
                    rows=rows,
                    bytes=size,
                    sha256=digest,
                    first_at=earliest.replace(tzinfo=UTC),
                    last_at=latest.replace(tzinfo=UTC),
                    made_at=timezone.now(),
                )
            )
        engine.execute(f"INSERT INTO {seen} SELECT _id, current_date FROM {kept}")  # noqa: S608
        return files

    def _has_repeated(self, seen: str) -> bool:
        """Whether any event arrived twice or is in the store."""
        row = self._engine.execute(
            "SELECT EXISTS (SELECT 1 FROM ids GROUP BY _id HAVING count(*) > 1)"  # noqa: S608
            f" OR EXISTS (SELECT 1 FROM ids SEMI JOIN {seen} AS s ON ids._id = s.id)"
        ).fetchone()
        return bool(row and row[0])

    def _name_batches(self, batches: list[_Batch], numbers: list[int]) -> None:
        self._engine.execute(
            "CREATE OR REPLACE TEMP TABLE named (number BIGINT, batch VARCHAR, received_at TIMESTAMP)"
        )
        if numbers:
            named = {
                "number": np.array(numbers, dtype=np.int64),
                "batch": np.array([batches[number].header.batch for number in numbers]),
                "micros": np.array([int(batches[number].header.received_at * 1e6) for number in numbers]),
            }
            self._engine.register("named_rows", named)
            self._engine.execute(
                "INSERT INTO named SELECT number, batch, make_timestamp(micros) FROM named_rows"
            )
            self._engine.unregister("named_rows")

    def _load_seen(self, table: str, contract: Contract) -> None:
        """Keep the events of the last days in memory: 16 bytes each, by the day they came."""
        name, today = quoted(f"seen_{table}"), datetime.now(UTC).date()
        since = today - KEEP_IDS
        if table not in self._seen:
            self._engine.execute(f"CREATE TEMP TABLE {name} (id UHUGEINT, day DATE)")
            by_day: dict[date, list[str]] = defaultdict(list)
            for file in StoreFile.objects.filter(table=table, made_at__gte=timezone.now() - KEEP_IDS):
                by_day[file.made_at.date()].append(str(self.root / file.path))
            for day, paths in by_day.items():
                self._engine.execute(
                    f"INSERT INTO {name} SELECT md5_number({quoted(contract.event.name)}), ?"  # noqa: S608
                    " FROM read_parquet(?)",
                    [day, paths],
                )
        elif self._seen[table] != today:
            self._engine.execute(f"DELETE FROM {name} WHERE day < ?", [since])  # noqa: S608
        self._seen[table] = today

    def _newest(self, table: str, contract: str) -> Contract:
        """The newest minor version of the table's contract: it has every column any row can have."""
        major = int(table.rsplit("_v", 1)[1])
        row = (
            DataContract.objects.filter(contract=contract, major=major)
            .exclude(state="draft")
            .order_by("-minor", "-patch")
            .first()
        )
        if row is None:
            raise LookupError(f"no contract {contract} {major}")
        key = (contract, row.version)
        if key not in self._contracts:
            self._contracts[key] = read_contract(row.document)
        return self._contracts[key]


def _insert(model: type[models.Model], rows: list[dict[str, Any]]) -> None:
    """Many rows by one prepared statement, at a fifth of what as many objects would cost."""
    fields = {field.name: field for field in model._meta.concrete_fields}
    name = connection.ops.quote_name
    columns = ", ".join(name(str(fields[field].column)) for field in rows[0])
    places = ", ".join(["%s"] * len(rows[0]))
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {name(model._meta.db_table)} ({columns}) VALUES ({places})",  # noqa: S608
            [tuple(row.values()) for row in rows],
        )


def _receipt(batch: _Batch) -> dict[str, Any]:
    header = batch.header
    at = datetime.fromtimestamp(header.received_at, UTC)
    return {
        "id": header.batch,
        "key": header.key,
        "contract": header.contract,
        "version": header.version,
        "table": header.table,
        "digest": header.digest,
        "node": batch.node,
        "segment": batch.place.segment,
        "offset": batch.place.offset,
        "received_at": connection.ops.adapt_datetimefield_value(at),
        "received": header.received,
        "accepted": batch.accepted,
        "quarantined": header.quarantined,
        "duplicates": header.duplicates + header.accepted - batch.accepted,
        "sandbox": header.sandbox,
    }


def _quarantined(batch: _Batch, body: bytes) -> Iterator[Quarantined]:
    header = batch.header
    for row in msgspec.json.decode(body):
        sealed = row["sealed"]
        yield Quarantined(
            batch=header.batch,
            row=row["row"],
            key=header.key,
            contract=header.contract,
            version=header.version,
            pointer=row["pointer"].replace("\0", ""),
            reason=row["reason"].replace("\0", ""),
            sealed=msgspec.convert(sealed, bytes, strict=False) if sealed else None,
            received_at=datetime.fromtimestamp(header.received_at, UTC),
        )
