"""Contracts in force, what flows under them, and what went wrong."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db.models import Count, Max, Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from balai.observations import gates
from balai.observations.models import ContractState, DataContract, DataKey, Quarantined, Receipt


def contracts() -> QuerySet[DataContract]:
    """Every version ever put in force, newest first within its contract; all of them are public."""
    return DataContract.objects.exclude(state=ContractState.DRAFT).select_related(
        "partner", "city", "dataset"
    )


def version_that_applies(contract: str, major: int) -> DataContract | None:
    """The newest version of a major one that is in force, else the newest; None where there is none."""
    rows = contracts().filter(contract=contract, major=major)
    return rows.filter(state=ContractState.ACTIVE).first() or rows.first()


def newest_contracts(city: str) -> list[DataContract]:
    """The newest version in force of each contract of a city, by name."""
    found: dict[str, DataContract] = {}
    for row in contracts().filter(city=city, state=ContractState.ACTIVE):
        found.setdefault(row.contract, row)
    return list(found.values())


def in_force(contract: str = "") -> list[DataContract]:
    """The newest version in force of every major one, of one contract where named."""
    rows = DataContract.objects.filter(state=ContractState.ACTIVE)
    if contract:
        rows = rows.filter(contract=contract)
    found: dict[tuple[str, int], DataContract] = {}
    for row in rows:
        found.setdefault((row.contract, row.major), row)
    return list(found.values())


def keys_of(contract: DataContract) -> QuerySet[DataKey]:
    return DataKey.objects.filter(contract=contract.contract, major=contract.major)


def open_keys(contract: DataContract) -> QuerySet[DataKey]:
    """The keys of the major version that nobody stopped and that have not expired."""
    live = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    return keys_of(contract).filter(live, stopped_at=None)


def receipts_of(contract: DataContract) -> QuerySet[Receipt]:
    """The batches of the contract's major version, newest first."""
    return Receipt.objects.filter(contract=contract.contract, table=contract.table)


@dataclass(frozen=True)
class FlowDay:
    """One day's batches of a contract, as accounted."""

    day: date
    batches: int
    received: int
    accepted: int
    quarantined: int
    duplicates: int


def flow_of(contract: DataContract, days: int = 30) -> list[FlowDay]:
    """Day by day in the hub's time, live keys only, oldest first; days without a batch are left out."""
    since = timezone.now() - timedelta(days=days)
    rows = (
        receipts_of(contract)
        .filter(sandbox=False, received_at__gte=since)
        .annotate(day=TruncDate("received_at"))
        .values("day")
        .annotate(
            batches=Count("pk"),
            received=Sum("received"),
            accepted=Sum("accepted"),
            quarantined=Sum("quarantined"),
            duplicates=Sum("duplicates"),
        )
        .order_by("day")
    )
    return [FlowDay(**row) for row in rows]


@dataclass(frozen=True)
class Budget:
    """How many rows were wrong among those received, against the share the contract bears (1 %)."""

    received: int
    quarantined: int
    reasons: tuple[tuple[str, str, int], ...]
    bears: float = 0.01

    @property
    def share(self) -> float:
        return self.quarantined / self.received if self.received else 0.0

    @property
    def spent(self) -> float:
        """Part of the budget used; above 1 it is overdrawn."""
        return self.share / self.bears


def budget_of(contract: DataContract, days: int = 30, bears: float = 0.01) -> Budget:
    """The error budget of the last days, with the most frequent reasons (pointer, reason, rows)."""
    since = timezone.now() - timedelta(days=days)
    sums = (receipts_of(contract).filter(sandbox=False, received_at__gte=since)).aggregate(
        received=Sum("received"), quarantined=Sum("quarantined")
    )
    live = keys_of(contract).filter(sandbox=False).values("pk")
    reasons = (
        Quarantined.objects.filter(contract=contract.contract, key__in=live, received_at__gte=since)
        .values_list("pointer", "reason")
        .annotate(rows=Count("pk"))
        .order_by("-rows", "pointer")[:10]
    )
    return Budget(sums["received"] or 0, sums["quarantined"] or 0, tuple(reasons), bears)


@dataclass(frozen=True)
class KeyUse:
    """A key, when it last sent, its rows of the UTC day, and why it opens nothing now (empty: it opens)."""

    key: DataKey
    last_used: datetime | None
    today: int
    shut: str

    @property
    def over(self) -> bool:
        """Whether it will never open again."""
        return self.key.stopped_at is not None or bool(
            self.key.expires_at and self.key.expires_at <= timezone.now()
        )


def keys_with_use(contract: DataContract) -> list[KeyUse]:
    """The keys of the major version, newest first; how many there are makes no more queries."""
    keys, now = list(keys_of(contract)), timezone.now()
    newest = (
        DataContract.objects.filter(
            contract=contract.contract, major=contract.major, state=ContractState.ACTIVE
        ).first()
        or contract
    )
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    used = {
        key: (last, today or 0)
        for key, last, today in receipts_of(contract)
        .order_by()
        .values_list("key")
        .annotate(last=Max("received_at"), rows=Sum("received", filter=Q(received_at__gte=midnight)))
    }
    shut = gates.why_shut([(key, newest) for key in keys], now)
    if newest.state != ContractState.ACTIVE:
        shut = {key.pk: "The contract is retired." for key in keys} | shut
    return [KeyUse(key, *used.get(key.pk, (None, 0)), shut.get(key.pk, "")) for key in keys]


@dataclass(frozen=True)
class Freshness:
    """When the newest live batch came, how often one is promised, and since when it is missed."""

    last: datetime | None
    promised: timedelta
    missed_since: datetime | None

    @property
    def next(self) -> datetime | None:
        """When the next batch is due."""
        return self.last + self.promised if self.last else None


def freshness_of(contract: DataContract, refresh_minutes: int) -> Freshness:
    return Freshness(last_received(contract), timedelta(minutes=refresh_minutes), contract.missed_since)


def contracts_bound_to(subject: str) -> list[DataContract]:
    """The newest version of each contract that the subject binds, by name; retired ones too."""
    found: dict[tuple[str, int], DataContract] = {}
    for row in contracts().filter(subject=subject):
        found.setdefault((row.contract, row.major), row)
    return list(found.values())


def last_received(contract: DataContract) -> datetime | None:
    """When the newest live batch came, or None."""
    found: datetime | None = (
        receipts_of(contract).filter(sandbox=False).aggregate(at=Max("received_at"))["at"]
    )
    return found
