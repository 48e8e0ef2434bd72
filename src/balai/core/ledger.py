"""The append-only, hash-chained record of what happened, and its proof.

Each entry's hash covers every column of the row and the hash before it. Triggers in the database
refuse any change, so tampering needs a hand on the database itself; `verify` then says where.
"""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from balai.core import verbs
from balai.core.actors import Actor
from balai.core.models import Entry, LedgerHead

GENESIS = "0" * 64
"""The hash before the first entry."""

LOCK = 0x62616C6169
"""Key of the PostgreSQL advisory lock under which the chain grows."""



def canonical(columns: Sequence[str | None]) -> str:
    """One text for one row: every value with its length in front, ``-:`` for none.

    Two different rows never share a text, whatever their values contain.
    """
    return "".join("-:" if value is None else f"{len(value)}:{value}" for value in columns)


def digest(columns: Sequence[str | None]) -> str:
    """SHA-256 of the canonical text, in hexadecimal."""
    return sha256(canonical(columns).encode()).hexdigest()


def columns_of(entry: Entry) -> tuple[str | None, ...]:
    """The hashed columns of an entry, as text. The database's own trigger forms the same."""
    return (
        str(entry.seq),
        entry.at.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f"),
        entry.actor.hex if entry.actor else None,
        entry.role,
        entry.organisation.hex if entry.organisation else None,
        entry.verb,
        entry.subject,
        entry.thread,
        entry.city,
        "1" if entry.public else "0",
        entry.data,
        entry.previous,
    )


def _plain(value: object) -> str:
    if isinstance(value, UUID | Decimal):
        return str(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if hasattr(value, "__str__") and type(value).__module__.startswith("django.utils.functional"):
        return str(value)
    raise TypeError(f"{type(value).__name__} does not belong in the ledger's data")


def canonical_json(data: Mapping[str, Any]) -> str:
    """JSON with sorted keys and no spaces. Dates, UUIDs and decimals become text."""
    return json.dumps(
        data, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_plain
    )


def append(
    *,
    verb: str,
    subject: str,
    by: Actor | None,
    thread: str | None = None,
    role: str = "",
    organisation: UUID | None = None,
    city: str = "",
    public: bool = False,
    data: Mapping[str, Any] | None = None,
    at: dt.datetime | None = None,
) -> Entry:
    """Add one entry to the chain, in the caller's transaction; it stands or falls with it.

    ``subject`` and ``thread`` (default: the subject) are ``"room:id"``. ``by`` is None for the hub
    itself. ``data`` holds codes, ids, amounts and hashes, never what names a person; ``data["on"]``
    (ISO date) is the day a documented fact happened, while ``at`` is when it was recorded.
    Raises KeyError for a verb that no room registered.
    """
    verbs.get(verb)
    connection = transaction.get_connection()
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("ledger.append needs the transaction of its action")
    if data and "on" in data:
        dt.date.fromisoformat(str(data["on"]))
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    head = LedgerHead.objects.get()
    entry = Entry(
        seq=head.seq + 1,
        at=at or timezone.now(),
        actor=by.pseudonym if by else None,
        role=role,
        organisation=organisation,
        verb=verb,
        subject=subject,
        thread=thread or subject,
        city=city,
        public=public,
        data=canonical_json(data or {}),
        previous=head.hash,
    )
    if timezone.is_naive(entry.at):
        raise ValueError("an entry's time carries its time zone")
    entry.hash = digest(columns_of(entry))
    entry.save(force_insert=True)
    return entry
