"""The store in order: small files put together, old days deleted, drained segments removed, all checked.

Everything here that writes files is called by the drainer, the store's one writer.
"""

import hashlib
import secrets
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
from django.db import transaction
from django.db.models import Count, F, Sum
from django.utils import timezone

from balai.core import ledger
from balai.observations import places
from balai.observations.contracts import Contract, read_contract
from balai.observations.models import DataContract, Drained, Quarantined, Receipt, StoreFile
from balai.observations.segments import nodes_of, segment_path, segments_of
from balai.observations.store import finish, quoted

MOST_FILES_A_DAY = 16
KEEP_SEGMENTS = timedelta(days=7)
KEEP_QUARANTINED = timedelta(days=30)


def compact(engine: duckdb.DuckDBPyConnection, root: Path) -> int:
    """Put together the files of each day that has many; return how many files went into others."""
    many = (
        StoreFile.objects.values("table", "day")
        .annotate(files=Count("pk"))
        .filter(files__gt=MOST_FILES_A_DAY)
    )
    replaced = 0
    for group in list(many.order_by("table", "day")):
        replaced += _compact_day(engine, root, group["table"], group["day"])
    return replaced


def _compact_day(engine: duckdb.DuckDBPyConnection, root: Path, table: str, day: date) -> int:
    files = list(StoreFile.objects.filter(table=table, day=day).order_by("pk"))
    path = Path(table) / f"day={day.isoformat()}" / f"{time.time_ns():020d}-{secrets.token_hex(4)}.parquet"
    whole = root / path
    paths = [str(root / file.path) for file in files]
    row = engine.execute(
        "COPY (SELECT * FROM read_parquet(?, union_by_name = true, hive_partitioning = false))"  # noqa: S608
        f" TO '{whole}' (FORMAT parquet, COMPRESSION zstd)",
        [paths],
    ).fetchone()
    rows = row[0] if row else 0
    size, digest = finish(whole)
    made = StoreFile(
        table=table,
        day=day,
        path=str(path),
        rows=rows,
        bytes=size,
        sha256=digest,
        made_of=[sha for file in files for sha in (file.sha256, *file.made_of)],
        first_at=min(file.first_at for file in files),
        last_at=max(file.last_at for file in files),
        made_at=max(file.made_at for file in files),
    )
    if rows != sum(file.rows for file in files):
        whole.unlink()
        raise RuntimeError(f"{table} {day}: {rows} rows where the files name others")
    with transaction.atomic():
        StoreFile.objects.filter(pk__in=[file.pk for file in files]).delete()
        made.save(force_insert=True)
    for file in files:
        (root / file.path).unlink(missing_ok=True)
    return len(files)


def expire(root: Path, today: date | None = None) -> int:
    """Delete the days that every version of their contract keeps no longer; return how many files went."""
    today = today or timezone.localdate()
    gone = 0
    for contract, city in _newest_contracts():
        before = today - timedelta(days=contract.retention_days)
        files = list(StoreFile.objects.filter(table=contract.table, day__lt=before))
        if not files:
            continue
        with transaction.atomic():
            StoreFile.objects.filter(pk__in=[file.pk for file in files]).delete()
            ledger.append(
                verb="data.expired",
                subject=f"data-contract:{contract.id}",
                by=None,
                city=city,
                public=True,
                data={"contract": contract.id, "before": before, "rows": sum(file.rows for file in files)},
            )
        for file in files:
            (root / file.path).unlink(missing_ok=True)
        gone += len(files)
    Quarantined.objects.filter(received_at__lt=timezone.now() - KEEP_QUARANTINED).delete()
    return gone


def trim_log() -> int:
    """Remove segments that are in the store and a week old; return how many."""
    removed = 0
    positions = dict(Drained.objects.values_list("node", "segment"))
    for node in nodes_of(places.log()):
        folder = places.log() / node
        for number in segments_of(folder):
            path = segment_path(folder, number)
            old = time.time() - path.stat().st_mtime > KEEP_SEGMENTS.total_seconds()
            if number < positions.get(node, 0) and old:
                path.unlink()
                removed += 1
    return removed


def check(engine: duckdb.DuckDBPyConnection, root: Path) -> Iterator[str]:
    """Every way in which accounts, rows and files disagree; nothing where all is well.

    A table whose days expired has fewer rows than were accepted; others have as many.
    """
    if wrong := Receipt.objects.exclude(received=F("accepted") + F("quarantined") + F("duplicates")).count():
        yield f"{wrong} receipts do not add up"
    tables = set(StoreFile.objects.values_list("table", flat=True))
    for table in sorted(tables):
        files = list(StoreFile.objects.filter(table=table))
        for file in files:
            path = root / file.path
            if not path.exists():
                yield f"{file.path}: missing"
                continue
            with path.open("rb") as handle:
                if hashlib.file_digest(handle, "sha256").hexdigest() != file.sha256:
                    yield f"{file.path}: altered"
                    continue
            row = engine.execute("SELECT count(*) FROM read_parquet(?)", [str(path)]).fetchone()
            if row is None or row[0] != file.rows:
                yield f"{file.path}: {row and row[0]} rows, {file.rows} named"
        stored = sum(file.rows for file in files)
        taken = Receipt.objects.filter(table=table, sandbox=False).aggregate(sum=Sum("accepted"))["sum"] or 0
        if stored > taken:
            yield f"{table}: {stored} rows stored, {taken} accepted"
        elif stored < taken and not _has_expired(table):
            yield f"{table}: {taken} rows accepted, {stored} stored"


def _has_expired(table: str) -> bool:
    from balai.core.models import Entry

    subject = f"data-contract:{quoted(table)[1:-1].rpartition('_v')[0].replace('_', '-')}"
    return Entry.objects.filter(verb="data.expired", subject=subject).exists()


def _newest_contracts() -> Iterator[tuple[Contract, str]]:
    """The version that decides for each table: the newest minor one of each major."""
    seen: set[tuple[str, int]] = set()
    for row in DataContract.objects.order_by("contract", "-major", "-minor", "-patch"):
        if (row.contract, row.major) not in seen:
            seen.add((row.contract, row.major))
            yield read_contract(row.document), row.city_id
