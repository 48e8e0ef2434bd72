"""A contract in force, a key to it, and rows to send."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from django.utils import timezone

from balai.observations import places
from balai.observations.contracts import Contract, read_contract
from balai.observations.models import ContractState, DataContract, DataKey, Quarantined, Receipt
from balai.observations.sealing import RowSeal
from balai.people.models import City, Organisation
from tests.builders import make_city, make_company

DOCUMENT = (Path(__file__).parent / "observations" / "trips.odcs.yaml").read_text(encoding="utf-8")
SECRET = "a secret of tests"
_numbers = count(1)


def trips() -> Contract:
    return read_contract(DOCUMENT)


def put_in_force(
    document: str = DOCUMENT, *, city: City | None = None, partner: Organisation | None = None
) -> DataContract:
    contract = read_contract(document)
    major, minor, patch = map(int, contract.version.split("."))
    return DataContract.objects.create(
        city=city or make_city(),
        partner=partner or make_company(),
        contract=contract.id,
        major=major,
        minor=minor,
        patch=patch,
        document=document,
        sha256=hashlib.sha256(document.encode()).hexdigest(),
        state=ContractState.ACTIVE,
        published_at=timezone.now(),
    )


def make_data_key(contract: DataContract, **extra: Any) -> DataKey:
    values = {"sandbox": False, "rows_per_second": 1_000_000, "rows_per_day": 1_000_000_000} | extra
    return DataKey.objects.create(
        id=f"test{next(_numbers):06d}",
        secret_sha256=hashlib.sha256(SECRET.encode()).hexdigest(),
        city=contract.city,
        partner=contract.partner,
        contract=contract.contract,
        major=contract.major,
        **values,
    )


def make_quarantined(key: DataKey, **extra: Any) -> Quarantined:
    """A row that would be right now, quarantined with a receipt of its own."""
    now = timezone.now()
    nothing = dict.fromkeys(("segment", "offset", "accepted", "duplicates"), 0)
    receipt = Receipt.objects.create(
        id=f"batch-{next(_numbers):06d}",
        key=key.pk,
        contract=key.contract,
        version=f"{key.major}.0.0",
        table=f"{key.contract.replace('-', '_')}_v{key.major}",
        received=1,
        quarantined=1,
        received_at=now,
        sandbox=key.sandbox,
        **nothing,
    )
    values = {"pointer": "/zone", "reason": "wrong", "received_at": now} | extra
    values.setdefault("sealed", RowSeal(places.row_key()).seal(lines(row())))
    return Quarantined.objects.create(
        batch=receipt.pk, row=0, key=key.pk, contract=key.contract, version=receipt.version, **values
    )


def bearer(key: DataKey) -> str:
    return f"Bearer chk_{'sandbox' if key.sandbox else 'live'}_{key.pk}.{SECRET}"


def row(event: str = "", **extra: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "event_id": event or f"e{next(_numbers)}",
        "at": (datetime.now(UTC) - timedelta(minutes=5)).isoformat(),
        "zone": "3171010001",
        "device": "gawai-1",
        "vehicle": "car",
        "distance_m": 1200,
    }
    return {name: value for name, value in (values | extra).items() if value is not ...}


def lines(*rows: dict[str, Any]) -> bytes:
    return "\n".join(map(json.dumps, rows)).encode()
