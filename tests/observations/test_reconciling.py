"""The books of disbursements hold to the rupiah whatever is reported, and show what does not fit."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from balai.observations.atoms import column
from balai.observations.reconciling import (
    FINDINGS,
    STATES,
    Account,
    Finding,
    Line,
    State,
    Sums,
    accounts_of,
    begun_since,
    lines_of,
    total,
)
from balai.observations.simulating import shipped_contract
from balai.observations.store import columns_of, connect, quoted

CONTRACT = shipped_contract("duithape-aid")
START = datetime(2026, 3, 2, 1, tzinfo=UTC)
SINCE = START - timedelta(days=1)


@dataclass(frozen=True)
class Told:
    """One row, as it is reported. ``minute`` counts from the start."""

    kind: str
    amount: int | None
    minute: int
    batch: str = "B1"
    number: str = "I1"
    code: str | None = None


class Books:
    """An engine over a table of rows."""

    def __init__(self) -> None:
        self.engine = connect(1)
        columns = ", ".join(f"{quoted(column(name))} {kind}" for name, kind in columns_of(CONTRACT))
        self.engine.execute(f"CREATE TABLE rows ({columns})")
        self._count = 0

    def tell(self, *rows: Told) -> None:
        for row in rows:
            self._count += 1
            values: dict[str, Any] = {
                "event_id": f"{self._count:06d}",
                "at": START.replace(tzinfo=None) + timedelta(minutes=row.minute),
                "kind": row.kind,
                "payment_batch": row.batch,
                "instruction": row.number,
                "amount_idr": row.amount,
                "failure_code": row.code,
            }
            listed = ", ".join(column(name) for name in values)
            marks = ", ".join("?" * len(values))
            self.engine.execute(f"INSERT INTO rows ({listed}) VALUES ({marks})", list(values.values()))

    def run(self, sql: str) -> list[Any]:
        return self.engine.execute(sql).fetchall()

    def accounts(self) -> list[Account]:
        return accounts_of(self.run, CONTRACT, SINCE)

    def line(self, batch: str = "B1") -> Line:
        (line,) = lines_of(self.run, CONTRACT, batch)
        return line


@pytest.fixture
def books() -> Iterator[Books]:
    made = Books()
    yield made
    made.engine.close()


def sums(instructed=0, paid=0, returned=0, failed=0, open=0, over=0, under=0) -> Sums:  # noqa: A002
    return Sums(instructed, paid, returned, failed, open, over, under)


MEANT = Told("instructed", 100, 0)


@pytest.mark.parametrize(
    ("rows", "expected", "state", "findings"),
    [
        ([MEANT], sums(100, open=100), State.OPEN, ()),
        ([MEANT, Told("pending", None, 5)], sums(100, open=100), State.OPEN, ()),
        ([MEANT, Told("paid", 100, 5)], sums(100, paid=100), State.SETTLED, ()),
        ([MEANT, Told("failed", None, 5)], sums(100, failed=100), State.FAILED, ()),
        (
            [MEANT, Told("paid", 100, 5), Told("returned", 100, 9)],
            sums(100, paid=100, returned=100, open=100),
            State.OPEN,
            (),
        ),
        (
            [MEANT, Told("paid", 100, 5), Told("returned", 100, 9), Told("failed", None, 12)],
            sums(100, paid=100, returned=100, failed=100),
            State.FAILED,
            (),
        ),
        (
            [MEANT, Told("failed", None, 5), Told("paid", 100, 9)],
            sums(100, paid=100),
            State.SETTLED,
            (),
        ),
        (
            [MEANT, Told("paid", 100, 5), Told("returned", 100, 9), Told("paid", 100, 12)],
            sums(100, paid=200, returned=100),
            State.SETTLED,
            (),
        ),
        (
            [MEANT, Told("paid", 100, 5), Told("paid", 100, 6)],
            sums(100, paid=200, over=100),
            State.SETTLED,
            (Finding.PAID_TWICE,),
        ),
        (
            [MEANT, Told("paid", 60, 5)],
            sums(100, paid=60, open=40),
            State.OPEN,
            (Finding.PAID_OTHER,),
        ),
        (
            [MEANT, Told("paid", 60, 5), Told("failed", None, 7)],
            sums(100, paid=60, failed=40),
            State.FAILED,
            (Finding.PAID_OTHER,),
        ),
        (
            [MEANT, Told("paid", 150, 5)],
            sums(100, paid=150, over=50),
            State.SETTLED,
            (Finding.PAID_OTHER,),
        ),
        ([Told("paid", 100, 5)], sums(paid=100, over=100), State.UNKNOWN, (Finding.PAID_UNINSTRUCTED,)),
        ([Told("failed", None, 5)], sums(), State.UNKNOWN, (Finding.TOLD_UNINSTRUCTED,)),
        (
            [MEANT, Told("paid", 100, 5), Told("returned", 130, 9)],
            sums(100, paid=100, returned=130, open=100, under=30),
            State.OPEN,
            (Finding.RETURNED_MORE,),
        ),
        (
            [MEANT, Told("paid", 100, 5), Told("failed", None, 9)],
            sums(100, paid=100),
            State.SETTLED,
            (Finding.FAILED_PAID,),
        ),
        (
            [MEANT, Told("instructed", 120, 1), Told("paid", 100, 5)],
            sums(100, paid=100),
            State.SETTLED,
            (Finding.INSTRUCTED_TWICE,),
        ),
        ([Told("paid", 100, -5), MEANT], sums(100, paid=100), State.SETTLED, (Finding.EARLY,)),
        ([MEANT, Told("paid", 100, 0)], sums(100, paid=100), State.SETTLED, ()),
        (
            [MEANT, Told("paid", 60, 5), Told("failed", None, 5)],
            sums(100, paid=60, failed=40),
            State.FAILED,
            (Finding.PAID_OTHER,),
        ),
        (
            [MEANT, Told("paid", 100, 5), Told("failed", None, 7), Told("returned", 100, 9)],
            sums(100, paid=100, returned=100, open=100),
            State.OPEN,
            (),
        ),
        (
            [MEANT, Told("paid", None, 5)],
            sums(100, open=100),
            State.OPEN,
            (Finding.NO_AMOUNT,),
        ),
    ],
)
def test_each_way_of_an_instruction_has_its_sums_its_state_and_what_does_not_fit(
    books: Books, rows: list[Told], expected: Sums, state: State, findings: tuple[Finding, ...]
) -> None:
    books.tell(*rows)

    line, (account,) = books.line(), books.accounts()
    assert (line.sums, line.state, line.findings) == (expected, state, findings)
    assert (account.sums, account.findings) == (expected, dict.fromkeys(findings, 1))
    assert account.states == {one: int(one is state) for one in State}
    assert expected.balanced


def test_batches_stand_apart_the_newest_first_and_add_up(books: Books) -> None:
    books.tell(
        Told("instructed", 100, 0, "B1"),
        Told("paid", 100, 5, "B1"),
        Told("instructed", 300, 60, "B2"),
        Told("instructed", 200, 60, "B2", "I2"),
        Told("failed", None, 70, "B2", "I2", "rjct.payee_fa.invalid"),
        Told("paid", 70, 80, "B2", "I3"),
    )

    first, second = books.accounts()
    assert [(one.batch, one.instructions, one.came_back, one.odd) for one in (first, second)] == [
        ("B2", 2, 0, 1),
        ("B1", 1, 0, 0),
    ]
    assert first.sums == sums(500, paid=70, failed=200, open=300, over=70)
    assert total([first.sums, second.sums]) == sums(600, paid=170, failed=200, open=300, over=70)
    assert total([]) == sums()
    assert (first.first_at, first.last_at) == (START + timedelta(hours=1), START + timedelta(minutes=80))
    assert [(line.instruction, line.code) for line in lines_of(books.run, CONTRACT, "B2")] == [
        ("I3", ""),
        ("I1", ""),
        ("I2", "rjct.payee_fa.invalid"),
    ]
    assert [line.instruction for line in lines_of(books.run, CONTRACT, "B2", 1)] == ["I3"]
    assert accounts_of(books.run, CONTRACT, SINCE, "B1") == [second]
    assert accounts_of(books.run, CONTRACT, START + timedelta(minutes=1)) == [first]
    assert accounts_of(books.run, CONTRACT, SINCE, "B' OR '1'='1") == []


def test_what_began_where_nothing_is_kept_any_more_is_in_no_books() -> None:
    assert begun_since(CONTRACT, START) == START - timedelta(days=730 - 60)


def test_everything_has_words() -> None:
    assert (set(FINDINGS), set(STATES)) == (set(Finding), set(State))


@dataclass
class Naive:
    """One instruction, kept as a treasurer would: event by event."""

    rows: list[Told]

    def judge(self) -> tuple[Sums, State, tuple[Finding, ...]]:
        ordered = sorted(enumerate(self.rows), key=lambda one: (one[1].minute, one[0]))
        rows = [row for _number, row in ordered]
        orders = [row for row in rows if row.kind == "instructed"]
        payments = [row for row in rows if row.kind == "paid"]
        returns = [row for row in rows if row.kind == "returned"]
        failures = [row for row in rows if row.kind == "failed"]
        meant = (orders[0].amount or 0) if orders else 0
        given = sum(row.amount or 0 for row in payments)
        back = sum(row.amount or 0 for row in returns)
        have = meant if given - back > meant else 0 if given < back else given - back
        moved = [row.minute for row in payments + returns]
        failing = bool(failures) and max(row.minute for row in failures) >= max(moved, default=-(10**9))
        rest = meant - have
        beyond, lacking = max(given - back - meant, 0), max(back - given, 0)
        result = sums(meant, given, back, rest if failing else 0, 0 if failing else rest, beyond, lacking)
        if not orders:
            state = State.UNKNOWN
        elif have == meant and payments:
            state = State.SETTLED
        else:
            state = State.FAILED if failing else State.OPEN
        found = {
            Finding.PAID_UNINSTRUCTED: not orders and payments,
            Finding.PAID_TWICE: orders and len(payments) > 1 and beyond,
            Finding.PAID_OTHER: orders
            and any(row.amount is not None and row.amount != meant for row in payments),
            Finding.RETURNED_MORE: lacking,
            Finding.FAILED_PAID: orders and payments and failing and have == meant,
            Finding.INSTRUCTED_TWICE: len(orders) > 1,
            Finding.TOLD_UNINSTRUCTED: not orders and not payments,
            Finding.EARLY: orders
            and any(row.minute < orders[0].minute for row in rows if row.kind != "instructed"),
            Finding.NO_AMOUNT: any(row.amount is None for row in orders + payments + returns),
        }
        return result, state, tuple(finding for finding in Finding if found[finding])


AMOUNTS = st.sampled_from([None, 1, 99, 100, 100, 100, 200, 1_000_000_000])
PLACES = {"batch": st.sampled_from(["B1", "B2"]), "number": st.sampled_from(["I1", "I2", "I3"])}
MINUTES = st.integers(0, 12)


class Treasury(RuleBasedStateMachine):
    """Anything is reported of anything, in any order; the books and the naive model agree after each step."""

    def __init__(self) -> None:
        super().__init__()
        self.books = Books()
        self.known: dict[str, dict[str, list[Told]]] = defaultdict(lambda: defaultdict(list))

    def teardown(self) -> None:
        self.books.engine.close()

    def _tell(self, kind: str, amount: int | None, minute: int, batch: str, number: str) -> None:
        row = Told(kind, amount, minute, batch, number)
        self.books.tell(row)
        self.known[batch][number].append(row)

    @rule(amount=AMOUNTS, minute=MINUTES, **PLACES)
    def instruct(self, amount: int | None, minute: int, batch: str, number: str) -> None:
        self._tell("instructed", amount, minute, batch, number)

    @rule(amount=AMOUNTS, minute=MINUTES, **PLACES)
    def pay(self, amount: int | None, minute: int, batch: str, number: str) -> None:
        self._tell("paid", amount, minute, batch, number)

    @rule(amount=AMOUNTS, minute=MINUTES, **PLACES)
    def give_back(self, amount: int | None, minute: int, batch: str, number: str) -> None:
        self._tell("returned", amount, minute, batch, number)

    @rule(minute=MINUTES, kind=st.sampled_from(["failed", "pending"]), **PLACES)
    def report(self, minute: int, kind: str, batch: str, number: str) -> None:
        self._tell(kind, None, minute, batch, number)

    @invariant()
    def agree(self) -> None:
        accounts = {one.batch: one for one in self.books.accounts()}
        assert set(accounts) == set(self.known)
        for batch, numbers in self.known.items():
            judged = {number: Naive(rows).judge() for number, rows in numbers.items()}
            lines = {line.instruction: line for line in lines_of(self.books.run, CONTRACT, batch)}
            assert {n: (one.sums, one.state, one.findings) for n, one in lines.items()} == judged
            account = accounts[batch]
            assert account.sums == total([one for one, _state, _findings in judged.values()])
            assert account.odd == sum(len(findings) for _sums, _state, findings in judged.values())
            assert account.sums.balanced
            assert min(account.sums.open, account.sums.failed, account.sums.standing) >= 0
            for one, _state, findings in judged.values():
                assert one.balanced
                assert not (one.over or one.under) or findings


Treasury.TestCase.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)
TestTreasury = Treasury.TestCase
