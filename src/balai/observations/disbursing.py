"""The fields of a contract of disbursements by what they are, for the door and for the books."""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from balai.observations.contracts import Contract, Field, Role

STANDARD = "g2p/disbursement"
KIND, BATCH, INSTRUCTION, CODE = "kind", "payment_batch", "instruction", "failure_code"
INSTRUCTED, PAID, FAILED, RETURNED, PENDING = KINDS = ("instructed", "paid", "failed", "returned", "pending")
_currency = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True)
class Names:
    """What a contract calls its fields; empty where it has no such field. ``currency`` is of ISO 4217."""

    event: str
    at: str
    amount: str
    currency: str
    subject: str
    zone: str
    wait: str


def names_of(contract: Contract) -> Names | None:
    """The names of a contract of disbursements; None for a contract that is none.

    It has the fields ``kind``, ``payment_batch``, ``instruction`` and ``failure_code``, and one measure in a
    currency, whole.
    """
    amounts = [
        field
        for field in contract.by_role[Role.MEASURE]
        if _currency.fullmatch(field.unit) and field.type == "integer"
    ]
    known = {field.name: field for field in contract.fields}
    if contract.standard != STANDARD or len(amounts) != 1 or not {BATCH, INSTRUCTION, CODE} <= set(known):
        return None
    if KIND not in known or set(known[KIND].values) != set(KINDS):
        return None
    waits = [field for field in contract.by_role[Role.MEASURE] if field.unit == "s"]
    return Names(
        event=contract.event.name,
        at=contract.time.name,
        amount=amounts[0].name,
        currency=amounts[0].unit,
        subject=_name(contract.one(Role.SUBJECT)),
        zone=_name(contract.one(Role.ZONE)),
        wait=_name(waits[0] if len(waits) == 1 else None),
    )


def _name(field: Field | None) -> str:
    return field.name if field else ""


def number_of(batch: str, instruction: str, kind: str, amount: int | None, at: datetime | None) -> str:
    """The number of an event, the same for whoever says the same again: the event's own time belongs to it.

    Leave ``at`` out where the sender names no time or a new one with each repetition. The payee is left out
    always: nobody shall find a person by trying numbers.
    """
    words = (batch, instruction, kind, amount or 0, at.astimezone(UTC).isoformat() if at else "")
    return hashlib.sha256(json.dumps(words, ensure_ascii=False).encode()).hexdigest()[:40]
