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
from django.db.models import Count, F, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from balai.core import ledger
from balai.observations import places
from balai.observations.contracts import Contract, read_contract
from balai.observations.models import (
    ContractState,
    DataContract,
    Drained,
    Expired,
    Receipt,
    StoreFile,
)
from balai.observations.quarantine import disagreements, expire_quarantined
from balai.observations.segments import Place, SegmentError, nodes_of, records, segment_path, segments_of
from balai.observations.store import finish

MOST_FILES_A_DAY = 16
KEEP_SEGMENTS = timedelta(days=7)


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
    """Delete the days that their contract keeps no longer; return how many files went.

    The public ledger says that it was done, and not how many rows they were: that could be fewer than k.
    """
    today = today or timezone.localdate()
    gone, now = 0, timezone.now()
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
                data={"contract": contract.id, "major": contract.major, "before": before},
            )
            Expired.objects.bulk_create(
                Expired(table=file.table, day=file.day, rows=file.rows, sha256=file.sha256, at=now)
                for file in files
            )
        for file in files:
            (root / file.path).unlink(missing_ok=True)
        gone += len(files)
    expire_quarantined()
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
    """Every way in which accounts, rows, files and logs disagree; nothing where all is well.

    What was accepted is in the store or was deleted with its day. May run while the hub is at work.
    """
    if wrong := Receipt.objects.exclude(received=F("accepted") + F("quarantined") + F("duplicates")).count():
        yield f"{wrong} receipts do not add up"
    yield from disagreements()
    tables = {
        *StoreFile.objects.values_list("table", flat=True),
        *_accepted().values_list("table", flat=True),
    }
    for table in sorted(tables):
        yield from _check_files(engine, root, table)
        accepted, stored, expired = _account(table)
        if accepted != stored + expired:
            yield f"{table}: {accepted} rows accepted, {stored} stored" + (
                f", {expired} deleted with their days" if expired else ""
            )
    for node in nodes_of(places.log()):
        try:
            for _record in records(places.log() / node, Place(0, 0)):
                pass
        except SegmentError as fault:
            yield f"log of {node}: {fault}"


def _check_files(engine: duckdb.DuckDBPyConnection, root: Path, table: str) -> list[str]:
    """Faults of a table's files; looked at again where some were put together or deleted meanwhile."""
    while True:
        files = list(StoreFile.objects.filter(table=table))
        found = [fault for file in files if (fault := _check_file(engine, root, file))]
        if not found or StoreFile.objects.filter(pk__in=[file.pk for file in files]).count() == len(files):
            return found


def _check_file(engine: duckdb.DuckDBPyConnection, root: Path, file: StoreFile) -> str:
    path = root / file.path
    try:
        with path.open("rb") as handle:
            if hashlib.file_digest(handle, "sha256").hexdigest() != file.sha256:
                return f"{file.path}: altered"
        row = engine.execute("SELECT count(*) FROM read_parquet(?)", [str(path)]).fetchone()
    except (FileNotFoundError, duckdb.IOException):
        return f"{file.path}: missing"
    if row is None or row[0] != file.rows:
        return f"{file.path}: {row and row[0]} rows, {file.rows} named"
    return ""


def _accepted() -> QuerySet[Receipt]:
    return Receipt.objects.filter(sandbox=False, accepted__gt=0).order_by()


def _account(table: str) -> tuple[int, int, int]:
    """Rows accepted, stored and deleted with their days, of one moment: one statement reads all three."""

    def rows(model: type[StoreFile] | type[Expired]) -> Coalesce:
        of_table = model.objects.filter(table=table).order_by().values("table")
        return Coalesce(Subquery(of_table.annotate(sum=Sum("rows")).values("sum")), 0)

    found = (
        _accepted()
        .filter(table=table)
        .values("table")
        .annotate(sum=Sum("accepted"), stored=rows(StoreFile), expired=rows(Expired))
        .first()
    )
    if found is None:
        stored = StoreFile.objects.filter(table=table).aggregate(sum=Sum("rows"))["sum"]
        return 0, stored or 0, 0
    return found["sum"], found["stored"], found["expired"]


def _newest_contracts() -> Iterator[tuple[Contract, str]]:
    """The version that decides for each table: the newest minor one of each major."""
    seen: set[tuple[str, int]] = set()
    in_force = DataContract.objects.exclude(state=ContractState.DRAFT)
    for row in in_force.order_by("contract", "-major", "-minor", "-patch"):
        if (row.contract, row.major) not in seen:
            seen.add((row.contract, row.major))
            yield read_contract(row.document), row.city_id
