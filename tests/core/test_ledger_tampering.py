"""A thousand random tamperings with single rows of a ledger of 100,000 entries, all found."""

import datetime as dt
import random
from collections.abc import Iterator
from contextlib import contextmanager
from time import process_time
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from balai.core import ledger, verbs
from balai.core.models import Entry, LedgerHead
from balai.people.models import User
from tests.ledger_tools import remove_triggers

SIZE = 100_000
ROUNDS = 5
PER_ROUND = 200
TEXTS = ("role", "verb", "subject", "thread", "city", "data")
COLUMNS = (
    "seq",
    "at",
    "actor",
    "role",
    "organisation",
    "verb",
    "subject",
    "thread",
    "city",
    "public",
    "data",
)
COLUMNS += ("previous", "hash")
WAYS = ("change", "drop", "insert", "swap", "forge")
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

type Found = set[tuple[float, str]]


def chained(size: int) -> Iterator[Entry]:
    """A chain of varied entries, without a database."""
    rng = random.Random(1)
    previous = ledger.GENESIS
    for seq in range(1, size + 1):
        entry = Entry(
            seq=seq,
            at=START + dt.timedelta(seconds=seq, microseconds=rng.randrange(10**6) if seq % 3 else 0),
            actor=UUID(int=rng.getrandbits(128)) if seq % 5 else None,
            role="officer" if seq % 2 else "",
            organisation=UUID(int=seq % 50) if seq % 4 else None,
            verb="test.happened",
            subject=f"need:{seq % 999}",
            thread=f"collaboration:{seq % 99}",
            city="31",
            public=bool(seq % 2),
            data=f'{{"amount":{seq},"é":"😀"}}',
            previous=previous,
        )
        entry.hash = previous = ledger.digest(ledger.columns_of(entry))
        yield entry


def insert(entries: Iterator[Entry]) -> str:
    """Write the rows as fast as the database takes them; returns the last hash."""
    plain = connection.vendor == "sqlite"

    def value(found: Any) -> Any:
        if plain and isinstance(found, UUID):
            return found.hex
        return str(found.replace(tzinfo=None)) if plain and isinstance(found, dt.datetime) else found

    rows = [tuple(value(getattr(entry, column)) for column in COLUMNS) for entry in entries]
    marks = ", ".join(["%s"] * len(COLUMNS))
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO core_entry ({', '.join(COLUMNS)}) VALUES ({marks})", rows)
    return str(rows[-1][-1])


@pytest.fixture(scope="module")
def unguarded_chain(django_db_setup, django_db_blocker) -> Iterator[None]:
    """100,000 entries whose triggers are off; gone after this module."""
    with django_db_blocker.unblock(), undone():
        remove_triggers(connection)
        LedgerHead.objects.update(seq=SIZE, hash=insert(chained(SIZE)))
        yield


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside is rolled back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def row(seq: int) -> Any:
    return Entry.objects.filter(seq=seq)


def forge(entry: Entry) -> None:
    """Give the entry the hash of what it now says, as a forger would."""
    entry.hash = ledger.digest(ledger.columns_of(entry))


def change(seq: int, column: str, rng: random.Random) -> Found:
    entry = row(seq).get()
    value: Any
    match column:
        case "seq":
            row(seq).update(seq=SIZE + seq)
            return {(seq, "dropped"), (SIZE + seq, "inserted")}
        case "at":
            value = entry.at + dt.timedelta(microseconds=rng.choice([-1, 1, 10**9]))
        case "actor" | "organisation":
            value = rng.choice(
                [UUID(int=rng.getrandbits(128)), None] if getattr(entry, column) else [UUID(int=1)]
            )
        case "public":
            value = not entry.public
        case "previous" | "hash":
            value = f"{rng.getrandbits(256):064x}"
        case _:
            value = getattr(entry, column) + rng.choice(["x", " ", "\u200b", "1:"])
    row(seq).update(**{column: value})
    return {(seq, "changed")}


def tamper(way: str, seq: int, rng: random.Random) -> Found:
    """Do one thing to the row at ``seq`` and return what a verification must say."""
    match way:
        case "change":
            return change(seq, rng.choice(COLUMNS), rng)
        case "drop":
            row(seq).delete()
            return {(seq, "dropped")}
        case "insert":
            entry = row(seq).get()
            entry.seq = rng.choice([-seq, SIZE + seq])
            entry.previous = entry.hash
            forge(entry)
            entry.save(force_insert=True)
            return {(entry.seq, "inserted")}
        case "swap":
            other = seq + rng.choice([1, 2, 17])
            row(seq).update(seq=-1)
            row(other).update(seq=seq)
            row(-1).update(seq=other)
            return {(seq, "reordered"), (other, "reordered")}
        case "forge":
            entry = row(seq).get()
            entry.data = '{"amount":0}'
            if rng.random() < 0.3 and seq < SIZE:
                entry.previous = f"{rng.getrandbits(256):064x}"
            forge(entry)
            entry.save(force_update=True)
            return {(seq, "changed")}
    raise AssertionError(way)


def test_the_chain_made_here_is_as_the_hub_writes_it(db) -> None:
    verbs.register("test.happened", label="did", kind="need")
    for entry in chained(12):
        written = ledger.append(
            verb=entry.verb,
            subject=entry.subject,
            thread=entry.thread,
            by=User(pseudonym=entry.actor) if entry.actor else None,
            role=entry.role,
            organisation=entry.organisation,
            city=entry.city,
            public=entry.public,
            data=entry.facts,
            at=entry.at,
        )
        assert written.hash == entry.hash


def found(result: ledger.Verification) -> Found:
    return {(fault.seq, fault.kind) for fault in result.faults}


def test_the_untouched_chain_is_whole_and_quickly_checked(unguarded_chain) -> None:
    began = process_time()
    result = ledger.verify()
    took = process_time() - began

    assert (result.checked, result.faults, result.head_seq) == (SIZE, [], SIZE)
    assert took < 4, "100,000 entries take under a second of a quiet processor"


@pytest.mark.slow
@pytest.mark.parametrize("turn", range(ROUNDS))
def test_every_tampering_is_found_and_named(unguarded_chain, turn: int) -> None:
    rng = random.Random(f"ledger {turn}")
    step = SIZE // PER_ROUND
    places = [number * step + rng.randrange(1, step - 20) for number in range(PER_ROUND)]
    places[0] = 1 if turn == 0 else places[0]
    expected: Found = set()

    with undone():
        for number, seq in enumerate(places):
            expected |= tamper(WAYS[(number + turn) % len(WAYS)], seq, rng)
        result = ledger.verify()

    assert found(result) == expected


@pytest.mark.parametrize("way", ["change", "drop", "forge"])
def test_tampering_with_the_last_row_is_found(unguarded_chain, way: str) -> None:
    with undone():
        expected = tamper(way, SIZE, random.Random(3))
        result = ledger.verify()

    assert found(result) == expected


def test_every_column_of_a_row_is_covered(unguarded_chain) -> None:
    with undone():
        expected: Found = set()
        for number, column in enumerate(COLUMNS):
            expected |= change(1000 + 10 * number, column, random.Random(number))
        result = ledger.verify()

    assert {f.attname for f in Entry._meta.fields} == set(COLUMNS)
    assert found(result) == expected


def test_values_of_another_type_are_found(unguarded_chain) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("only SQLite lets a column hold another type")
    with undone():
        with connection.cursor() as cursor:
            cursor.execute("UPDATE core_entry SET data = x'00ff' WHERE seq = 10")
            cursor.execute("UPDATE core_entry SET public = 2 WHERE seq = 20")
            cursor.execute("UPDATE core_entry SET at = 'yesterday' WHERE seq = 30")
            cursor.execute("UPDATE core_entry SET role = CAST(x'ff' AS TEXT) WHERE seq = 60")
            cursor.execute("UPDATE core_entry SET city = x'3331' WHERE seq = 70")
            cursor.execute("UPDATE core_entry SET seq = 40.5 WHERE seq = 40")
            cursor.execute("UPDATE core_entry SET seq = 'fifty' WHERE seq = 50")
        result = ledger.verify()

    assert found(result) == {
        *((seq, "changed") for seq in (10, 20, 30, 60, 70)),
        *((seq, "dropped") for seq in (40, 50)),
        *((seq, "inserted") for seq in (40.5, "fifty")),
    }


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ({"seq": SIZE + 1}, {(SIZE + 1, "dropped")}),
        ({"seq": SIZE - 1}, {(SIZE, "inserted"), (SIZE - 1, "changed")}),
        ({"hash": "0" * 64}, {(SIZE, "changed")}),
        (None, {(0, "head")}),
    ],
)
def test_tampering_with_the_head_is_found(
    unguarded_chain, head: dict[str, Any] | None, expected: Found
) -> None:
    with undone():
        if head:
            LedgerHead.objects.update(**head)
        else:
            LedgerHead.objects.all().delete()
        result = ledger.verify()

    assert expected <= found(result)
