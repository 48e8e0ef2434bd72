"""The books of disbursements: what was instructed against what was paid, failed or came back, to the rupiah.

Of one instruction let I be what was instructed first, P the sum of its payments and R of its returns. Then

    standing = P - R, but not less than 0 and not more than I        what the payee has of what was meant
    failed   = I - standing where a failure is the last word, else 0
    open     = I - standing - failed
    over     = P - R - I where that is more than 0, else 0           paid and meant by nobody
    under    = R - P where that is more than 0, else 0               came back and was never paid

and of every instruction, of every batch and of all together

    instructed + over - under = paid - returned + failed + open

where over and under are 0 unless there is a finding: it stands beside the sums and never hides in them.

The statements are plain SQL over the view ``rows`` of `atoms`, the same text for DuckDB and Spark.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Any

from django.db.models import Count, Max
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from balai.observations import places
from balai.observations.atoms import Run, column
from balai.observations.contracts import Contract
from balai.observations.disbursing import names_of
from balai.observations.engines import DuckEngine, EngineError
from balai.observations.models import StoreFile
from balai.observations.store import files_of

MARGIN = timedelta(days=60)
"""Batches that begin so near the end of what is kept are in no books: their first rows may be gone."""

AT_ONCE = 1000
"""Instructions held at once where all of a batch are read."""


class State(StrEnum):
    """What became of an instruction."""

    SETTLED = "settled"
    FAILED = "failed"
    OPEN = "open"
    UNKNOWN = "unknown"


class Finding(StrEnum):
    """What does not fit of an instruction, in the order of its weight."""

    PAID_UNINSTRUCTED = "paid_uninstructed"
    PAID_TWICE = "paid_twice"
    PAID_OTHER = "paid_other"
    RETURNED_MORE = "returned_more"
    FAILED_PAID = "failed_paid"
    INSTRUCTED_TWICE = "instructed_twice"
    TOLD_UNINSTRUCTED = "told_uninstructed"
    EARLY = "early"
    NO_AMOUNT = "no_amount"


FINDINGS = {
    Finding.PAID_UNINSTRUCTED: _("paid without an instruction"),
    Finding.PAID_TWICE: _("paid more than once"),
    Finding.PAID_OTHER: _("paid another amount than instructed"),
    Finding.RETURNED_MORE: _("more came back than was paid"),
    Finding.FAILED_PAID: _("reported as failed although it was paid"),
    Finding.INSTRUCTED_TWICE: _("instructed more than once"),
    Finding.TOLD_UNINSTRUCTED: _("reported without an instruction"),
    Finding.EARLY: _("reported before it was instructed"),
    Finding.NO_AMOUNT: _("without an amount"),
}
STATES = {
    State.SETTLED: _("paid"),
    State.FAILED: _("failed"),
    State.OPEN: _("still open"),
    State.UNKNOWN: _("not instructed"),
}

_SUMS = ("instructed", "paid", "returned", "failed", "waiting", "beyond", "lacking")
"""The columns of `Sums`; three of its names are words of SQL."""
_TESTS = {
    Finding.PAID_UNINSTRUCTED: "orders = 0 AND payments > 0",
    Finding.PAID_TWICE: "orders > 0 AND payments > 1 AND beyond > 0",
    Finding.PAID_OTHER: "orders > 0 AND payments > 0 AND (least <> instructed OR most <> instructed)",
    Finding.RETURNED_MORE: "lacking > 0",
    Finding.FAILED_PAID: "orders > 0 AND payments > 0 AND failing = 1 AND standing = instructed",
    Finding.INSTRUCTED_TWICE: "orders > 1",
    Finding.TOLD_UNINSTRUCTED: "orders = 0 AND payments = 0",
    Finding.EARLY: "orders > 0 AND told_at < instructed_at",
    Finding.NO_AMOUNT: "nameless > 0",
}
_LINES = """
SELECT *, {findings} FROM (
  SELECT *,
    CASE WHEN failing = 1 THEN instructed - standing ELSE 0 END AS failed,
    CASE WHEN failing = 1 THEN 0 ELSE instructed - standing END AS waiting,
    CASE WHEN orders = 0 THEN 'unknown' WHEN standing = instructed AND payments > 0 THEN 'settled'
         WHEN failing = 1 THEN 'failed' ELSE 'open' END AS state
  FROM (
    SELECT *,
      LEAST(GREATEST(paid - returned, 0), instructed) AS standing,
      GREATEST(paid - returned - instructed, 0) AS beyond,
      GREATEST(returned - paid, 0) AS lacking,
      CASE WHEN failed_at IS NOT NULL AND (moved_at IS NULL OR failed_at >= moved_at)
           THEN 1 ELSE 0 END AS failing
    FROM (
      SELECT batch_no, line_no,
        COUNT(CASE WHEN kind = 'instructed' THEN 1 END) AS orders,
        COUNT(CASE WHEN kind = 'paid' THEN 1 END) AS payments,
        COUNT(CASE WHEN kind = 'returned' THEN 1 END) AS returns,
        COUNT(CASE WHEN kind IN ('instructed', 'paid', 'returned') AND amount IS NULL THEN 1 END) AS nameless,
        COALESCE(MAX(CASE WHEN kind = 'instructed' AND place = 1 THEN amount END), 0) AS instructed,
        CAST(COALESCE(SUM(CASE WHEN kind = 'paid' THEN amount END), 0) AS BIGINT) AS paid,
        CAST(COALESCE(SUM(CASE WHEN kind = 'returned' THEN amount END), 0) AS BIGINT) AS returned,
        MIN(CASE WHEN kind = 'paid' THEN amount END) AS least,
        MAX(CASE WHEN kind = 'paid' THEN amount END) AS most,
        MIN(CASE WHEN kind = 'instructed' THEN told END) AS instructed_at,
        MIN(CASE WHEN kind <> 'instructed' THEN told END) AS told_at,
        MAX(CASE WHEN kind = 'failed' THEN told END) AS failed_at,
        MAX(CASE WHEN kind IN ('paid', 'returned') THEN told END) AS moved_at,
        MAX(CASE WHEN kind = 'failed' THEN code END) AS code,
        MIN(told) AS first_at,
        MAX(told) AS last_at
      FROM (
        SELECT COALESCE(c_payment_batch, '') AS batch_no, c_instruction AS line_no,
          c_kind AS kind, c_failure_code AS code,
          {amount} AS amount, {at} AS told,
          ROW_NUMBER() OVER (
            PARTITION BY COALESCE(c_payment_batch, ''), c_instruction, c_kind ORDER BY {at}, {event}
          ) AS place
        FROM rows {where}
      ) AS told_rows
      GROUP BY batch_no, line_no
    ) AS counted
  ) AS weighed
) AS judged"""


@dataclass(frozen=True)
class Sums:
    """Amounts of an instruction, a batch or of all, in whole units of the contract's currency."""

    instructed: int
    paid: int
    returned: int
    failed: int
    open: int
    over: int
    under: int

    @property
    def balanced(self) -> bool:
        """Whether the equation holds; it always does."""
        return self.instructed + self.over - self.under == self.paid - self.returned + self.failed + self.open

    @property
    def standing(self) -> int:
        """What payees have of what was meant for them."""
        return self.instructed - self.failed - self.open


@dataclass(frozen=True)
class Account:
    """The books of one batch.

    ``states`` counts instructions by what became of them, ``findings`` by what does not fit, where any does.
    """

    batch: str
    first_at: datetime
    last_at: datetime
    sums: Sums
    instructions: int
    came_back: int
    states: dict[State, int]
    findings: dict[Finding, int]

    @property
    def odd(self) -> int:
        """How many findings there are."""
        return sum(self.findings.values())


@dataclass(frozen=True)
class Line:
    """The books of one instruction. ``instructed_at`` is None where nobody instructed it."""

    batch: str
    instruction: str
    instructed_at: datetime | None
    last_at: datetime
    sums: Sums
    state: State
    code: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Reason:
    """Why instructions stay failed: how many, and how much."""

    code: str
    count: int
    amount: int


@dataclass(frozen=True)
class Books:
    """One batch, its instructions, and why some of them stay failed."""

    account: Account
    lines: list[Line]
    reasons: list[Reason]


_KEPT: dict[tuple[Path, str], tuple[tuple[Any, ...], datetime, list[Account]]] = {}
"""The books of each table as this process made them last: of what, since when."""


def lines_sql(contract: Contract, batch: str | None = None) -> str:
    """One row an instruction, of one batch or of all: its times, sums, state, and 1 for each finding."""
    names = names_of(contract)
    assert names is not None
    findings = ", ".join(f"CASE WHEN {test} THEN 1 ELSE 0 END AS {name}" for name, test in _TESTS.items())
    where = "" if batch is None else f"WHERE COALESCE(c_payment_batch, '') = {_text(batch)}"
    amount, at, event = column(names.amount), column(names.at), column(names.event)
    return _LINES.format(findings=findings, amount=amount, at=at, event=event, where=where)


def accounts_sql(contract: Contract, since: datetime, batch: str | None = None) -> str:
    """One row a batch that began at ``since`` or later, the newest first."""
    sums = ", ".join(f"CAST(SUM({name}) AS BIGINT) AS {name}" for name in _SUMS)
    states = ", ".join(f"COUNT(CASE WHEN state = '{state}' THEN 1 END)" for state in State)
    found = ", ".join(f"CAST(SUM({name}) AS BIGINT)" for name in Finding)
    return (
        f"SELECT batch_no, MIN(first_at) AS begun, MAX(last_at) AS ended, {sums},"  # noqa: S608
        f" COUNT(CASE WHEN orders > 0 THEN 1 END), COUNT(CASE WHEN returns > 0 THEN 1 END), {states}, {found}"
        f" FROM ({lines_sql(contract, batch)}) AS lines GROUP BY batch_no"
        f" HAVING MIN(first_at) >= CAST('{since.astimezone(UTC):%Y-%m-%d %H:%M:%S}' AS TIMESTAMP)"
        f" ORDER BY begun DESC, batch_no"
    )


def accounts_of(run: Run, contract: Contract, since: datetime, batch: str | None = None) -> list[Account]:
    """The books of one batch or of all that began at ``since`` or later, the newest first."""
    made = []
    for number, begun, ended, *counts in run(accounts_sql(contract, since, batch)):
        values = [int(count) for count in counts]
        sums, values = Sums(*values[: len(_SUMS)]), values[len(_SUMS) :]
        instructions, came_back, *rest = values
        states = dict(zip(State, rest[: len(State)], strict=True))
        findings = dict(zip(Finding, rest[len(State) :], strict=True))
        findings = {finding: count for finding, count in findings.items() if count}
        made.append(
            Account(number, _utc(begun), _utc(ended), sums, instructions, came_back, states, findings)
        )
    return made


def lines_of(run: Run, contract: Contract, batch: str, most: int = AT_ONCE) -> list[Line]:
    """One batch's first ``most`` instructions: those with a finding, then the open, then by their number."""
    return [_line(batch, row) for row in run(f"{_listed_sql(contract, batch)} LIMIT {most}")]


def _listed_sql(contract: Contract, batch: str) -> str:
    listed = ", ".join(("instructed_at", "last_at", "code", "state", *_SUMS, *Finding))
    odd = " + ".join(Finding)
    return (
        f"SELECT line_no, {listed} FROM ({lines_sql(contract, batch)}) AS lines"  # noqa: S608
        f" ORDER BY CASE WHEN {odd} > 0 THEN 0 WHEN state = 'open' THEN 1 ELSE 2 END, line_no"
    )


def _line(batch: str, row: Sequence[Any]) -> Line:
    number, instructed_at, last_at, code, state, *values = row
    sums, flags = Sums(*(int(value) for value in values[: len(_SUMS)])), values[len(_SUMS) :]
    findings = tuple(finding for finding, flag in zip(Finding, flags, strict=True) if flag)
    since = _utc(instructed_at) if instructed_at else None
    return Line(batch, number, since, _utc(last_at), sums, State(state), code or "", findings)


def reasons_of(run: Run, contract: Contract, batch: str) -> list[Reason]:
    """Why instructions of a batch stay failed, the most frequent first; no code where none was given."""
    sql = (
        f"SELECT COALESCE(code, ''), COUNT(*), CAST(SUM(failed) AS BIGINT)"  # noqa: S608
        f" FROM ({lines_sql(contract, batch)}) AS lines WHERE failed > 0 GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    return [Reason(code, int(count), int(amount)) for code, count, amount in run(sql)]


def begun_since(contract: Contract, now: datetime | None = None) -> datetime:
    """From when on a batch's beginning is surely still kept."""
    kept = timedelta(days=contract.retention_days)
    return (now or timezone.now()) - kept + min(MARGIN, kept / 4)


def accounts(contract: Contract, now: datetime | None = None) -> list[Account]:
    """The books of a contract's batches, the newest first; reconciled anew when its files have changed."""
    since = begun_since(contract, now)
    files = StoreFile.objects.filter(table=contract.table)
    newest = files.aggregate(Max("pk"), Count("pk"), Max("made_at"))
    place, state = (places.store(), contract.table), (contract, *newest.values())
    kept = _KEPT.get(place)
    if kept is None or kept[0] != state or kept[1] > since:
        found = _asked(contract, lambda run: accounts_of(run, contract, since))
        kept = _KEPT[place] = (state, since, found)
    return [one for one in kept[2] if one.first_at >= since]


def books(contract: Contract, batch: str, most: int) -> Books | None:
    """The books of one batch with its first ``most`` instructions; None where there is no such batch."""

    def ask(run: Run) -> Books | None:
        found = accounts_of(run, contract, begun_since(contract), batch)
        if not found:
            return None
        return Books(found[0], lines_of(run, contract, batch, most), reasons_of(run, contract, batch))

    return _asked(contract, ask)


def has_books(contract: Contract, batch: str) -> bool:
    """Whether there is such a batch."""
    return bool(_asked(contract, lambda run: accounts_of(run, contract, begun_since(contract), batch)))


def every_line(contract: Contract, batch: str) -> Iterator[Line]:
    """All instructions of a batch in the order of `lines_of`, few of them held at once."""

    def begin(engine: DuckEngine) -> tuple[Sequence[Sequence[Any]], Iterator[Sequence[Sequence[Any]]]]:
        # The rows are sorted: once the first page is there, every file has been read.
        pages = engine.pages(_listed_sql(contract, batch), AT_ONCE)
        return next(pages, ()), pages

    with closing(DuckEngine()) as engine:
        first, others = _shown(engine, contract, begin)
        for page in chain((first,), others):
            for row in page:
                yield _line(batch, row)


def _asked[T](contract: Contract, question: Callable[[Run], T]) -> T:
    with closing(DuckEngine()) as engine:
        return _shown(engine, contract, lambda shown: question(shown.run))


def _shown[T](engine: DuckEngine, contract: Contract, question: Callable[[DuckEngine], T]) -> T:
    """What the store answers as it is now; once more where files were put together meanwhile."""

    def once() -> T:
        engine.show(contract, places.store(), files_of(contract.table))
        return question(engine)

    try:
        return once()
    except EngineError:
        return once()


def total(sums: Sequence[Sums]) -> Sums:
    """All together; the equation holds of them too."""
    return (
        Sums(*(sum(values) for values in zip(*map(astuple, sums), strict=True))) if sums else Sums(*[0] * 7)
    )


def _utc(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
