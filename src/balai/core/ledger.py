"""The append-only, hash-chained record of what happened, and its proof.

Each entry's hash covers every column of the row and the hash before it. Triggers in the database
refuse any change, so tampering needs a hand on the database itself; `verify` then says where.
"""

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID

from django.db import OperationalError, transaction
from django.db import connection as default_connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from balai.core import verbs
from balai.core.actors import Actor
from balai.core.models import Entry, LedgerHead

GENESIS = "0" * 64
"""The hash before the first entry."""

LOCK = 0x62616C6169
"""Key of the PostgreSQL advisory lock under which the chain grows."""


type Kind = Literal["changed", "dropped", "inserted", "reordered", "head"]


def canonical(columns: Sequence[str | None]) -> str:
    """One text for one row: every value with its length in front, ``-:`` for none.

    Two different rows never share a text, whatever their values contain.
    """
    return "".join("-:" if value is None else f"{len(value)}:{value}" for value in columns)


def digest(columns: Sequence[str | None], errors: str = "strict") -> str:
    """SHA-256 of the canonical text, in hexadecimal."""
    return sha256(canonical(columns).encode(errors=errors)).hexdigest()


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


@dataclass(frozen=True, slots=True)
class Fault:
    """One entry that is not what was written. ``seq`` is where it stands, or stood."""

    seq: Any
    kind: Kind
    message: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What a pass over the whole chain found. ``checked`` counts the entries read."""

    checked: int
    faults: list[Fault]
    head_seq: int
    head_hash: str

    @property
    def whole(self) -> bool:
        return not self.faults


SELECT = {
    "sqlite": "SELECT seq, at || '', actor, role, organisation, verb, subject, thread, city, public || '',"
    " data, previous, hash FROM core_entry ORDER BY seq",
    "postgresql": "SELECT seq, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'),"
    " replace(actor::text, '-', ''), role, replace(organisation::text, '-', ''), verb, subject, thread, city,"
    " CASE WHEN public THEN 1 ELSE 0 END, data, previous, hash FROM core_entry ORDER BY seq",
}
BATCH = 2000


def _lenient(value: bytes) -> str:
    return value.decode(errors="surrogateescape")


def _stream(connection: BaseDatabaseWrapper, lenient: bool = False) -> Iterator[tuple[Any, ...]]:
    """Every row as the database holds it, in order of seq, without Django's conversions.

    ``lenient`` reads bytes that are no text, which SQLite lets a column hold, instead of failing.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, ExitStack() as stack:
        if connection.vendor == "postgresql":
            stack.enter_context(transaction.atomic(using=connection.alias))
            cursor = connection.connection.cursor(name="ledger_verify")
        else:
            cursor = connection.connection.cursor()
        stack.callback(cursor.close)
        if lenient:
            raw = connection.connection
            stack.callback(setattr, raw, "text_factory", raw.text_factory)
            raw.text_factory = _lenient
        cursor.execute(SELECT[connection.vendor])
        while rows := cursor.fetchmany(BATCH):
            yield from rows


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _fields(row: tuple[Any, ...]) -> tuple[str | None, ...]:
    """The hashed columns of a raw row; SQLite writes no fraction for a whole second."""
    at = str(row[1])
    return (str(row[0]), at if len(at) > 19 else at + ".000000", *(_text(value) for value in row[2:12]))


def _row_digest(row: tuple[Any, ...]) -> str:
    """`digest` of a raw row. Sound rows take the short way; anything odd is written out in full."""
    seq, at, actor, role, organisation, verb, subject, thread, city, public, data, previous, _hash = row
    try:
        if len(at) == 19:
            at += ".000000"
        seq, public = str(seq), str(public)
        texts = (
            f"{len(seq)}:", seq, f"{len(at)}:", at,
            "-:" if actor is None else f"{len(actor)}:", actor or "", f"{len(role)}:", role,
            "-:" if organisation is None else f"{len(organisation)}:", organisation or "",
            f"{len(verb)}:", verb, f"{len(subject)}:", subject, f"{len(thread)}:", thread,
            f"{len(city)}:", city, f"{len(public)}:", public, f"{len(data)}:", data,
            f"{len(previous)}:", previous,
        )  # fmt: skip
        return sha256("".join(texts).encode(errors="surrogateescape")).hexdigest()
    except TypeError:
        return digest(_fields(row), errors="surrogateescape")


def _head(connection: BaseDatabaseWrapper) -> tuple[int, str] | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT seq, hash FROM core_ledgerhead WHERE id = 1")
        found: tuple[int, str] | None = cursor.fetchone()
    return found


def verify(connection: BaseDatabaseWrapper | None = None) -> Verification:
    """Recompute the whole chain and name every entry that is not what was written.

    Reads a stream, so memory does not grow with the ledger, and goes on past a fault. Writers may
    append meanwhile. What a person who rewrites every later entry and the head could still hide is
    found by comparing the head with one noted elsewhere (`balai ledger verify --expect`).
    """
    connection = connection or default_connection
    try:
        return _verify(connection)
    except OperationalError as error:
        if connection.vendor != "sqlite" or "decode" not in str(error):
            raise
        return _verify(connection, lenient=True)


def _verify(connection: BaseDatabaseWrapper, lenient: bool = False) -> Verification:
    noted = _head(connection)
    end, end_hash = noted or (0, GENESIS)
    limit = end
    faults: list[Fault] = []
    changed: dict[int, tuple[Any, ...]] = {}
    breaks: list[int] = []
    checked = last_seq = 0
    last_hash, last_sound = GENESIS, True
    for row in _stream(connection, lenient):
        checked += 1
        seq, previous, stored = row[0], row[11], row[12]
        if not isinstance(seq, int) or seq <= last_seq:
            faults.append(Fault(seq, "inserted", f"Entry {seq} was inserted: the chain has no place for it."))
            continue
        if seq > limit:
            limit = (_head(connection) or (end, ""))[0]
            if seq > limit:
                message = f"Entry {seq} was inserted: the chain ends at {limit}."
                faults.append(Fault(seq, "inserted", message))
                continue
        adjacent = seq == last_seq + 1
        if not adjacent:
            faults.extend(_dropped(last_seq + 1, seq - 1))
        sound = _row_digest(row) == stored
        if not sound:
            changed[seq] = row
        elif adjacent and last_sound and previous != last_hash:
            breaks.append(seq)
        if seq == end and sound and stored != end_hash:
            breaks.append(seq + 1)
        last_seq, last_hash, last_sound = seq, stored, sound
    if noted is None:
        faults.append(Fault(last_seq, "head", "The row that says where the ledger ends is gone."))
    elif last_seq < end:
        faults.extend(_dropped(last_seq + 1, end))
    elif end == 0 and end_hash != GENESIS:
        faults.append(Fault(0, "head", "The row that says where the ledger ends was changed."))
    faults.extend(_blamed(breaks, end))
    faults.extend(_explained(connection, changed, lenient))
    faults.sort(key=lambda fault: (isinstance(fault.seq, str | bytes), fault.seq))
    return Verification(checked, faults, *(_head(connection) or (last_seq, last_hash)))


GUARDS = {
    "sqlite": (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        " AND tbl_name IN ('core_entry', 'core_ledgerhead')",
        {"update", "delete", "continues", "moves_head"},
        {"update", "delete", "insert"},
    ),
    "postgresql": (
        "SELECT tgname FROM pg_trigger WHERE tgenabled = 'O' AND NOT tgisinternal"
        " AND tgrelid IN ('core_entry'::regclass, 'core_ledgerhead'::regclass)",
        {"continues", "moves_head", "refuse", "truncate"},
        {"moves", "refuse", "truncate"},
    ),
}


def missing_guards(connection: BaseDatabaseWrapper | None = None) -> list[str]:
    """Names of the triggers that should keep the ledger and are gone or switched off."""
    connection = connection or default_connection
    statement, on_entry, on_head = GUARDS[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(statement)
        present = {name for (name,) in cursor.fetchall()}
    needed = {f"core_entry_{name}" for name in on_entry} | {f"core_ledgerhead_{name}" for name in on_head}
    return sorted(needed - present)


def _dropped(first: int, last: int) -> Iterator[Fault]:
    """One fault for each missing entry; a long gap (somebody emptied the table) is told as one."""
    if last - first >= 1000:
        yield Fault(first, "dropped", f"Entries {first} to {last} are missing.")
        return
    for seq in range(first, last + 1):
        yield Fault(seq, "dropped", f"Entry {seq} is missing.")


def _blamed(breaks: list[int], end: int) -> Iterator[Fault]:
    """Whose fault is a link that does not hold between two entries whose own hashes are right?

    If the later one is confirmed by its successor, the earlier was rewritten with a new hash;
    if the successor disowns it as well, it was the later one. The head row follows the last entry.
    """
    broken = set(breaks)
    for seq in sorted(broken):
        if seq + 1 in broken:
            yield Fault(
                seq, "changed", f"Entry {seq} was rewritten with a new hash: its neighbours disown it."
            )
        elif seq - 1 not in broken:
            follower = "the head row" if seq > end else f"entry {seq}"
            message = f"Entry {seq - 1} was rewritten with a new hash: {follower} follows another one."
            yield Fault(seq - 1, "changed", message)


def _explained(
    connection: BaseDatabaseWrapper, changed: dict[int, tuple[Any, ...]], lenient: bool
) -> Iterator[Fault]:
    """Tell entries that only moved from those whose content changed.

    A moved entry is whole but for its number: its neighbours in the chain, found by hash, tell the
    number it was written with, and with that number its hash comes right.
    """
    if not changed:
        return
    hashes = {row[12]: seq for seq, row in changed.items()}
    wanted = {row[11]: seq for seq, row in changed.items()}
    places: dict[int, set[int]] = {seq: set() for seq in changed}
    for row in _stream(connection, lenient):
        if isinstance(row[0], int):
            if row[11] in hashes:
                places[hashes[row[11]]].add(row[0] - 1)
            if row[12] in wanted:
                places[wanted[row[12]]].add(row[0] + 1)
    for seq, row in changed.items():
        origin = next(
            (p for p in sorted(places[seq]) if p != seq and _row_digest((p, *row[1:])) == row[12]), None
        )
        if origin is None:
            yield Fault(seq, "changed", f"Entry {seq} was changed: its content does not give its hash.")
        else:
            yield Fault(seq, "reordered", f"Entry {seq} was moved: it was written as entry {origin}.")
