"""Contracts in force, what flows under them, and what went wrong."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Count, Max, Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from balai.observations.models import ContractState, DataContract, DataKey, Quarantined, Receipt


def contracts() -> QuerySet[DataContract]:
    """Every version ever put in force, newest first within its contract; all of them are public."""
    return DataContract.objects.exclude(state=ContractState.DRAFT).select_related(
        "partner", "city", "dataset"
    )


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


def budget_of(contract: DataContract, days: int = 30) -> Budget:
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
    return Budget(sums["received"] or 0, sums["quarantined"] or 0, tuple(reasons))


def last_received(contract: DataContract) -> object:
    """When the newest live batch came, or None."""
    return receipts_of(contract).filter(sandbox=False).aggregate(at=Max("received_at"))["at"]
