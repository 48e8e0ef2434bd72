"""Rows that were not taken: who may see them, what became of them, and how they are tried again.

Every quarantined row waits, was taken later, or expired after 30 days: each receipt counts the last two, so
that quarantined = waiting + taken later + expired. A row that is tried again goes through the present check
and, where it is right now, to the log through a node's one way in, as a batch of its own.
"""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import msgspec
from django.db import transaction
from django.db.models import Count, F, QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from balai.core.errors import Invalid, Refused, Stale
from balai.core.rules import require
from balai.observations import gates, places, rules
from balai.observations.checking import FURTHEST_AHEAD, Checked, Checker, EnvelopeError, times_in
from balai.observations.contracts import Role, read_contract
from balai.observations.models import ContractState, DataContract, DataKey, Quarantined, Receipt
from balai.observations.noting import note
from balai.observations.sealing import RowSeal
from balai.observations.subjects import SubjectKeys
from balai.people.models import User

KEEP = timedelta(days=30)
MOST_AT_ONCE = 1000
LONGEST_ROW = 64 * 1024


def quarantine_of(
    contract: DataContract, *, pointer: str | None = None, reason: str = "", day: date | None = None
) -> QuerySet[Quarantined]:
    """The rows of the contract's major version that were not taken, newest first; ``day`` is local."""
    rows = Quarantined.objects.filter(contract=contract.contract, version__startswith=f"{contract.major}.")
    if pointer is not None:
        rows = rows.filter(pointer=pointer)
    if reason:
        rows = rows.filter(reason=reason)
    if day is not None:
        rows = rows.filter(received_at__date=day)
    return rows


def reasons_of(rows: QuerySet[Quarantined], most: int = 50) -> list[tuple[str, str, int]]:
    """Pointer, reason and how many rows wait with them, the most frequent first."""
    counted = rows.filter(replayed_at=None).order_by().values_list("pointer", "reason")
    return list(counted.annotate(rows=Count("pk")).order_by("-rows", "pointer", "reason")[:most])


@dataclass(frozen=True, slots=True)
class Account:
    """What became of the quarantined rows of a contract's major version."""

    quarantined: int
    waiting: int
    replayed: int
    expired: int

    @property
    def adds_up(self) -> bool:
        return self.quarantined == self.waiting + self.replayed + self.expired


def account_of(contract: DataContract) -> Account:
    """The account since the contract's first batch."""
    sums = Receipt.objects.filter(contract=contract.contract, table=contract.table).aggregate(
        quarantined=Sum("quarantined"), replayed=Sum("replayed"), expired=Sum("expired")
    )
    waiting = quarantine_of(contract).filter(replayed_at=None).count()
    return Account(sums["quarantined"] or 0, waiting, sums["replayed"] or 0, sums["expired"] or 0)


def contract_of(row: Quarantined) -> DataContract | None:
    """The newest version in force under which the row would be checked now."""
    return (
        DataContract.objects.filter(
            contract=row.contract, major=int(row.version.split(".")[0]), state=ContractState.ACTIVE
        )
        .select_related("partner", "city")
        .first()
    )


def open_row(*, by: User, row: Quarantined, contract: DataContract) -> str:
    """The row as it came, its JSON indented; the ledger notes who looked.

    Raises Refused; Invalid where it was not kept.
    """
    require(rules.may_open_rows(by, contract))
    text = _unsealed(row)
    with transaction.atomic():
        note(
            "data.row_seen", contract, by, {"contract": contract.contract, "batch": row.batch, "row": row.row}
        )
    with suppress(msgspec.MsgspecError):
        text = msgspec.json.format(text, indent=2)
    return text.decode(errors="replace")


def try_again(*, by: User, contract: DataContract, row: Quarantined, corrected: str = "") -> None:
    """Ask that one row be taken; the partner may send it corrected. The worker takes it within a minute.

    Raises Refused; Invalid under ``row`` with place and reason where the row is still wrong; Stale where it
    was taken meanwhile.
    """
    require(rules.may_open_rows(by, contract))
    raw = _unsealed(row)
    new = corrected.strip().encode()
    if new and _plain(new) != _plain(raw):
        require(rules.may_correct_rows(by, contract))
        if len(new) > LONGEST_ROW:
            raise Invalid(_("The row is too long."), {"row": [_("At most 64 KiB.")]})
        raw = new
    _open_for(row, contract)
    faults = list(faults_of(Checker(read_contract(contract.document)), raw, timezone.now()))
    with transaction.atomic():
        open_now = Quarantined.objects.filter(pk=row.pk, replayed_at=None, asked_at=None)
        if faults:
            (pointer, reason), now = faults[0], timezone.now()
            open_now.update(tried_at=now)
        else:
            sealed = RowSeal(places.row_key()).seal(raw)
            if not open_now.update(asked_at=timezone.now(), sealed=sealed):
                raise Stale(_("This row was taken, or is about to be."))
            facts = {"batch": row.batch, "row": row.row, "rows": 1, "corrected": raw == new}
            note("data.replay_asked", contract, by, {"contract": contract.contract, **facts})
            _wake()
    if faults:
        raise Invalid(_("The row is still wrong."), {"row": [f"{pointer or '/'}: {reason}"]})


@dataclass(frozen=True, slots=True)
class Asked:
    """How many rows were right now and will be taken, and how many are still wrong or cannot be tried."""

    right: int
    wrong: int


def try_all_again(*, by: User, contract: DataContract, rows: QuerySet[Quarantined]) -> Asked:
    """Ask that those of ``rows`` be taken that are right now, the oldest thousand at most. Raises Refused."""
    require(rules.may_open_rows(by, contract))
    checker, seal, now = Checker(read_contract(contract.document)), RowSeal(places.row_key()), timezone.now()
    waiting = quarantine_of(contract).filter(pk__in=rows.values("pk"), replayed_at=None, asked_at=None)
    some = list(waiting.exclude(sealed=None).order_by("pk")[:MOST_AT_ONCE])
    shut = _shut(some, contract)
    right: list[int] = []
    wrong: list[int] = []
    for row in some:
        if row.key in shut or row.sealed is None:
            wrong.append(row.pk)
            continue
        faulty = next(faults_of(checker, seal.open(bytes(row.sealed)), now), None)
        (wrong if faulty else right).append(row.pk)
    with transaction.atomic():
        open_now = Quarantined.objects.filter(replayed_at=None, asked_at=None)
        open_now.filter(pk__in=wrong).update(tried_at=now)
        taken = open_now.filter(pk__in=right).update(asked_at=now)
        if taken:
            note("data.replay_asked", contract, by, {"contract": contract.contract, "rows": taken})
            _wake()
    return Asked(taken, len(some) - taken)


def read_again(checker: Checker, raw: bytes, now: datetime) -> Checked:
    """One row in whichever plain form it came. Raises EnvelopeError."""
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise EnvelopeError("not JSON") from None
    if isinstance(value, dict) and "specversion" in value:
        return checker.check_events(b"[" + raw + b"]", now)
    return checker.check_rows(msgspec.json.format(raw, indent=-1), now)


def faults_of(checker: Checker, raw: bytes, now: datetime) -> Iterator[tuple[str, str]]:
    """Why a row would not be taken now: place and reason; nothing where it is right."""
    try:
        checked = read_again(checker, raw, now)
    except EnvelopeError as fault:
        yield "", str(fault)
        return
    yield from ((bad.pointer, bad.reason) for bad in checked.bad)
    contract = checker.contract
    if contract.one(Role.SUBJECT) is None:
        return
    ahead = timedelta(hours=places.hours_ahead(now.date()))
    for row in checked.rows:
        day = (getattr(row, contract.time.name).astimezone(UTC) + ahead).date()
        try:
            SubjectKeys(places.subject_keys()).key(contract.table, day)
        except LookupError:
            yield f"/{contract.time.name}", "the subjects of this day were erased"


def expire_quarantined(now: datetime | None = None) -> int:
    """Delete rows kept for 30 days and count them on their receipts; return how many had not been taken."""
    before, gone = (now or timezone.now()) - KEEP, 0
    while True:
        with transaction.atomic():
            old = list(
                Quarantined.objects.select_for_update()
                .filter(received_at__lt=before)
                .order_by("pk")
                .values_list("pk", "batch", "replayed_at")[:500]
            )
            unused: dict[str, int] = {}
            for _pk, batch, replayed_at in old:
                if replayed_at is None:
                    unused[batch] = unused.get(batch, 0) + 1
            for batch, count in unused.items():
                Receipt.objects.filter(pk=batch).update(expired=F("expired") + count)
            Quarantined.objects.filter(pk__in=[pk for pk, _batch, _at in old]).delete()
        gone += sum(unused.values())
        if len(old) < 500:
            return gone


def forget_day(contract: DataContract, day: date) -> int:
    """Keep the bytes of no row of a local day whose subjects were erased; return how many there were.

    A row whose time cannot be read may be of any day up to the one it came.
    """
    ahead = timedelta(hours=places.hours_ahead(day))
    begun = datetime(day.year, day.month, day.day, tzinfo=UTC) - ahead
    rows = quarantine_of(contract).filter(received_at__gte=begun - FURTHEST_AHEAD).exclude(sealed=None)
    if not rows.exists():
        return 0
    whole, seal = read_contract(contract.document), RowSeal(places.row_key())
    gone = []
    for row in rows.iterator():
        times = _times_in(row, seal, whole.time.name)
        if not times or any(begun <= at < begun + timedelta(days=1) for at in times):
            gone.append(row.pk)
    for begin in range(0, len(gone), 500):
        Quarantined.objects.filter(pk__in=gone[begin : begin + 500]).update(sealed=None, asked_at=None)
    return len(gone)


def _times_in(row: Quarantined, seal: RowSeal, name: str) -> list[datetime]:
    try:
        return times_in(seal.open(bytes(row.sealed or b"")), name)
    except ValueError:
        return []


def disagreements() -> Iterator[str]:
    """Receipts of the last 30 days whose quarantined rows are neither waiting, taken nor expired."""
    since = timezone.now() - KEEP + timedelta(days=1)
    waiting = dict(
        Quarantined.objects.filter(replayed_at=None, received_at__gte=since)
        .order_by()
        .values_list("batch")
        .annotate(Count("pk"))
    )
    left = Receipt.objects.filter(received_at__gte=since, quarantined__gt=0).values_list(
        "pk", F("quarantined") - F("replayed") - F("expired")
    )
    wrong = sum(waiting.get(pk, 0) != count for pk, count in left)
    if wrong:
        yield f"the quarantined rows of {wrong} receipts do not add up"


def _plain(raw: bytes) -> bytes:
    """The same JSON without blanks; what is none as it is."""
    try:
        return msgspec.json.format(raw, indent=-1)
    except msgspec.MsgspecError:
        return raw.strip()


def _unsealed(row: Quarantined) -> bytes:
    if row.sealed is None:
        raise Invalid(_("This row was not kept."), {"row": [_("Only its place and the reason were.")]})
    return RowSeal(places.row_key()).open(bytes(row.sealed))


def _open_for(row: Quarantined, contract: DataContract) -> None:
    """Raise Refused where rows of the row's key are not taken now."""
    reason = _shut([row], contract).get(row.key)
    if reason:
        raise Refused(reason)


def _shut(rows: list[Quarantined], contract: DataContract) -> dict[str, str]:
    """Keys of ``rows`` under which nothing is taken now, with the reason."""
    known = {key.pk: key for key in DataKey.objects.filter(pk__in={row.key for row in rows})}
    shut = why_not_now(known.values(), contract)
    for row in rows:
        if row.key not in known:
            shut[row.key] = gates.UNKNOWN
        elif known[row.key].sandbox:
            shut[row.key] = _("The row came with a sandbox key: it is only checked. Send it again.")
    return shut


def why_not_now(keys: Iterable[DataKey], contract: DataContract) -> dict[str, str]:
    """Keys whose rows are not taken now, by id; that a key itself was stopped or replaced is no bar."""
    for key in keys:
        key.stopped_at = key.expires_at = None
    return gates.why_shut([(key, contract) for key in keys], timezone.now())


def _wake() -> None:
    """Let a worker take what was asked, now rather than at its next round."""
    from balai.observations.tasks import replay_asked  # tasks are made of this module's parts

    replay_asked.enqueue()


def idempotency_of(row: Quarantined, raw: bytes) -> str:
    """The key under which a row's batch is the same batch, however often it is tried."""
    return f"quarantined-{row.pk}-{hashlib.sha256(raw).hexdigest()[:16]}"
