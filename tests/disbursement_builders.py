"""Rows of disbursements in the store, as if they had come in."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from balai.observations import places
from balai.observations.contracts import read_contract
from balai.observations.models import DataContract, StoreFile
from balai.observations.simulating import shipped_contracts
from balai.observations.store import columns_of, connect, finish, quoted
from balai.people.models import City, Organisation
from tests.observations_builders import put_in_force

BATCH = "BANSOS-1"
DOCUMENT = shipped_contracts()["duithape-aid"]


def disbursements_in_force(
    name: str = "duithape-aid", *, city: City | None = None, partner: Organisation | None = None
) -> DataContract:
    return put_in_force(DOCUMENT.replace("id: duithape-aid", f"id: {name}"), city=city, partner=partner)


def told(kind: str, amount: int | None, minute: int = 0, **extra: Any) -> dict[str, Any]:
    """One row of a payment; ``minute`` counts from two hours ago."""
    at = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=2) + timedelta(minutes=minute)
    values = {"at": at, "kind": kind, "payment_batch": BATCH, "instruction": "P1", "amount_idr": amount}
    return values | extra


def store(contract: DataContract, *rows: dict[str, Any]) -> None:
    """Put the rows in the store, in one file."""
    columns = columns_of(read_contract(contract.document))
    number = StoreFile.objects.filter(table=contract.table).count()
    engine = connect()
    engine.execute(f"CREATE TABLE made ({', '.join(f'{quoted(name)} {kind}' for name, kind in columns)})")
    for place, row in enumerate(rows):
        event = hashlib.sha256(f"{number} {place}".encode()).hexdigest()[:40]
        now = datetime.now(UTC).replace(tzinfo=None)
        values = {"event_id": event, "batch": f"batch-{number}", "received_at": now} | row
        listed = ", ".join(quoted(name) for name in values)
        engine.execute(
            f"INSERT INTO made ({listed}) VALUES ({', '.join('?' * len(values))})", list(values.values())
        )
    path = places.store() / contract.table / "day" / f"made-{number}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    engine.execute(f"COPY made TO '{path}' (FORMAT parquet)")
    engine.close()
    size, digest = finish(path)
    times = [row["at"] for row in rows]
    StoreFile.objects.create(
        table=contract.table,
        day=min(times).date(),
        path=str(path.relative_to(places.store())),
        rows=len(rows),
        bytes=size,
        sha256=digest,
        first_at=min(times),
        last_at=max(times),
        made_at=timezone.now(),
    )
