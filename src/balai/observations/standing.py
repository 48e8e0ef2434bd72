"""How a partner's contracts stand: what came in the last days, how much was wrong, what was released."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, Max, Q, Sum
from django.utils import timezone

from balai.observations.contracts import read_contract
from balai.observations.models import DataContract, Receipt, ReleasedDay
from balai.observations.queries import Budget


@dataclass(frozen=True, slots=True)
class Standing:
    """One contract's last days: batches and rows of live keys, and released local days."""

    contract: DataContract
    batches: int
    budget: Budget
    last: datetime | None
    released: int
    newest: date | None


def standings(contracts: Iterable[DataContract], days: int = 30) -> list[Standing]:
    """Each contract with its last days; two queries, however many contracts there are."""
    rows = list(contracts)
    tables = [row.table for row in rows]
    since = timezone.now() - timedelta(days=days)
    recent = Q(received_at__gte=since)
    flows = {
        table: (batches, received or 0, wrong or 0, last)
        for table, batches, received, wrong, last in Receipt.objects.filter(table__in=tables, sandbox=False)
        .values("table")
        .annotate(
            batches=Count("pk", filter=recent),
            rows=Sum("received", filter=recent),
            wrong=Sum("quarantined", filter=recent),
            last=Max("received_at"),
        )
        .order_by("table")
        .values_list("table", "batches", "rows", "wrong", "last")
    }
    told = {
        table: (count, newest)
        for table, count, newest in ReleasedDay.objects.filter(table__in=tables)
        .values("table")
        .annotate(n=Count("pk", filter=Q(day__gte=since.date())), newest=Max("day"))
        .order_by("table")
        .values_list("table", "n", "newest")
    }
    found = []
    for row in rows:
        batches, received, wrong, last = flows.get(row.table, (0, 0, 0, None))
        count, newest = told.get(row.table, (0, None))
        budget = Budget(received, wrong, (), read_contract(row.document).bears)
        found.append(Standing(row, batches, budget, last, count, newest))
    return found
