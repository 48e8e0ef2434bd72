"""The chain: what is written, what the database refuses, what survives many hands at once."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, connections, transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from balai.core import ledger, verbs
from balai.core.models import Entry, LedgerHead
from tests.builders import make_user
from tests.ledger_tools import remove_triggers, unlocked

verbs.register("test.happened", label="did", kind="need")

FIELDS = st.lists(st.one_of(st.none(), st.text()), min_size=0, max_size=14)


def happen(**extra) -> Entry:
    with transaction.atomic():
        return ledger.append(**({"verb": "test.happened", "subject": "test:1", "by": None} | extra))


def decoded(text: str) -> list[str | None]:
    """The only reading of a canonical text."""
    values: list[str | None] = []
    while text:
        length, _, text = text.partition(":")
        if length == "-":
            values.append(None)
        else:
            values.append(text[: int(length)])
            text = text[int(length) :]
    return values


@given(FIELDS)
@example(["1:a", None, "", "-:", "0:"])
def test_canonical_text_can_be_read_in_one_way_only(fields) -> None:
    assert decoded(ledger.canonical(fields)) == fields


@given(
    st.tuples(
        st.integers(1, 2**62),
        st.one_of(st.just("2026-11-23 20:00:00"), st.just("2026-11-23 20:00:00.000001"), st.integers()),
        st.one_of(st.none(), st.text()),
        st.text(),
        st.one_of(st.none(), st.text()),
        *[st.one_of(st.text(), st.floats(), st.binary())] * 4,
        st.one_of(st.integers(), st.text()),
        *[st.text()] * 3,
    )
)
def test_the_short_way_to_a_hash_is_the_long_way(row) -> None:
    assert ledger._row_digest(row) == ledger.digest(ledger._fields(row))


def test_an_entry_holds_what_was_said(db) -> None:
    user = make_user()
    organisation = UUID(int=7)

    entry = happen(
        by=user,
        subject="need:1",
        thread="collaboration:2",
        role="officer",
        organisation=organisation,
        city="31",
        public=True,
        data={"b": Decimal("1.50"), "a": dt.date(2019, 9, 13), "on": "2019-09-13"},
    )

    stored = Entry.objects.get()
    assert stored.seq == entry.seq == 1
    assert stored.actor == user.pseudonym
    assert (stored.subject, stored.thread, stored.role) == ("need:1", "collaboration:2", "officer")
    assert (stored.organisation, stored.city, stored.public) == (organisation, "31", True)
    assert stored.data == '{"a":"2019-09-13","b":"1.50","on":"2019-09-13"}'
    assert stored.previous == ledger.GENESIS
    assert stored.hash == ledger.digest(ledger.columns_of(stored))
    assert stored.happened_on == dt.date(2019, 9, 13)


def test_a_fact_without_a_date_happened_when_it_was_recorded(db) -> None:
    entry = happen(at=dt.datetime(2026, 11, 23, 20, 0, tzinfo=dt.UTC))

    assert entry.happened_on == dt.date(2026, 11, 24)  # in Jakarta


def test_entries_follow_each_other(db) -> None:
    first, second = happen(), happen()

    assert (second.seq, second.previous) == (first.seq + 1, first.hash)
    assert LedgerHead.objects.values_list("seq", "hash").get() == (2, second.hash)


def test_an_entry_falls_with_its_action(db) -> None:
    def action() -> None:
        happen()
        raise RuntimeError

    with pytest.raises(RuntimeError), transaction.atomic():
        action()

    assert Entry.objects.count() == 0
    assert happen().seq == 1


def test_an_unregistered_verb_stays_out(db) -> None:
    with pytest.raises(KeyError, match=r"test\.unheard"):
        happen(verb="test.unheard")


def test_data_takes_no_objects(db) -> None:
    with pytest.raises(TypeError):
        happen(data={"user": make_user()})


def test_a_time_without_a_zone_is_refused(db) -> None:
    with pytest.raises(ValueError, match="time zone"):
        happen(at=dt.datetime(2026, 11, 23))


@pytest.mark.django_db(transaction=True)
def test_an_entry_needs_the_transaction_of_its_action() -> None:
    with pytest.raises(transaction.TransactionManagementError):
        ledger.append(verb="test.happened", subject="test:1", by=None)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE core_entry SET verb = 'x'",
        "UPDATE core_entry SET hash = hash",
        "DELETE FROM core_entry",
        "DELETE FROM core_entry WHERE seq = 2",
        "UPDATE core_ledgerhead SET seq = 1",
        "UPDATE core_ledgerhead SET seq = seq + 1",
        "UPDATE core_ledgerhead SET hash = 'x'",
        "DELETE FROM core_ledgerhead",
        "INSERT INTO core_ledgerhead (id, seq, hash) VALUES (1, 0, 'x')",
        "INSERT INTO core_entry SELECT 3, at, actor, role, organisation, verb, subject, thread, city, public,"
        " data, previous, 'x' FROM core_entry WHERE seq = 2",
        "INSERT INTO core_entry SELECT 4, at, actor, role, organisation, verb, subject, thread, city, public,"
        " data, hash, 'x' FROM core_entry WHERE seq = 2",
        "INSERT INTO core_entry SELECT 0, at, actor, role, organisation, verb, subject, thread, city, public,"
        " data, hash, 'x' FROM core_entry WHERE seq = 2",
    ],
)
def test_the_database_refuses_a_change(db, statement) -> None:
    happen()
    happen()

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert ledger.verify().faults == []
    assert Entry.objects.count() == 2


@pytest.mark.parametrize("statement", ["REPLACE INTO core_ledgerhead (id, seq, hash) VALUES (1, 0, 'x')"])
def test_sqlite_refuses_a_replacement(db, statement) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("REPLACE is SQLite's")
    happen()

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize("table", ["core_entry", "core_ledgerhead"])
def test_postgresql_refuses_to_empty_the_tables(db, table) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("TRUNCATE is PostgreSQL's")
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {table}")


def test_postgresql_refuses_a_hash_that_is_not_the_rows(db) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite cannot hash")
    first = happen()
    values = {f.attname: getattr(first, f.attname) for f in Entry._meta.fields}

    with pytest.raises(DatabaseError), transaction.atomic():
        Entry.objects.create(**values | {"seq": 2, "previous": first.hash, "hash": "0" * 64})


@given(
    text=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40),
    moment=st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2100, 1, 1), timezones=st.just(dt.UTC)),
    value=st.recursive(st.one_of(st.none(), st.integers(), st.text()), st.lists, max_leaves=4),
)
@example(text='"\\\x7f é😀', moment=dt.datetime(2026, 1, 1, tzinfo=dt.UTC), value="\ud800")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
def test_any_text_and_moment_verifies(db, text, moment, value) -> None:
    try:
        with transaction.atomic():
            happen(role=text, city=text[:20], at=moment, data={"text": text, "value": value})
    except UnicodeEncodeError:
        return  # half a surrogate pair is no text

    assert ledger.verify().faults == []


@pytest.mark.django_db(transaction=True)
def test_many_hands_leave_one_chain() -> None:
    def work(_number: int) -> list[int]:
        try:
            return [happen().seq for _ in range(20)]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        written = [seq for seqs in pool.map(work, range(8)) for seq in seqs]

    result = ledger.verify()
    assert sorted(written) == list(range(1, 161))
    assert (result.checked, result.faults, result.head_seq) == (160, [], 160)


@pytest.mark.django_db(transaction=True)
def test_the_flush_after_such_a_test_leaves_a_locked_empty_ledger() -> None:
    assert Entry.objects.count() == 0
    assert LedgerHead.objects.values_list("seq", "hash").get() == (0, ledger.GENESIS)
    happen()
    with pytest.raises(DatabaseError), transaction.atomic():
        Entry.objects.update(verb="x")


def test_a_trigger_that_is_gone_is_missed(db, capsys) -> None:
    assert ledger.missing_guards() == []
    remove_triggers(connection)

    with pytest.raises(SystemExit):
        call_command("ledger", "verify")

    assert len(ledger.missing_guards()) == 7
    assert capsys.readouterr().out.startswith(
        "The database no longer refuses changes to the ledger: core_entry_"
    )


def test_the_command_says_that_all_is_well(db, capsys) -> None:
    entry = happen()

    call_command("ledger", "verify")

    assert capsys.readouterr().out == f"The ledger is whole: 1 entries, head 1:{entry.hash}\n"


def test_the_command_says_where_it_is_not(db, capsys) -> None:
    happen()
    happen()
    with unlocked(connection):
        Entry.objects.filter(seq=1).update(verb="test.altered")

    with pytest.raises(SystemExit) as stop:
        call_command("ledger", "verify")

    assert stop.value.code == 1
    assert capsys.readouterr().out == (
        "Entry 1 was changed: its content does not give its hash.\n"
        "The ledger is damaged: 1 fault in 2 entries. "
        "Keep this database as it is and compare it with a backup.\n"
    )


def test_a_noted_head_finds_a_ledger_written_anew(db, capsys) -> None:
    happen()
    call_command("ledger", "head")
    noted = capsys.readouterr().out.strip()
    with unlocked(connection):
        Entry.objects.all().delete()
        LedgerHead.objects.update(seq=0, hash=ledger.GENESIS)
    happen(city="31")

    call_command("ledger", "verify")
    with pytest.raises(SystemExit):
        call_command("ledger", "verify", "--expect", noted)
