"""What confirming a table would change, row by row, seen from the figures that stand now."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from balai.indicators.models import ImportBatch, Value
from balai.indicators.tables import Row, sort_of


class Kind(StrEnum):
    """What becomes of a row."""

    NEW = "new"
    BESIDE = "beside"
    CORRECTION = "correction"
    SAME = "same"
    EMPTY = "empty"
    FAULT = "fault"


LABELS: dict[Kind, Promise] = {
    Kind.NEW: _("new"),
    Kind.BESIDE: _("beside another source or method"),
    Kind.CORRECTION: _("corrects its own source"),
    Kind.SAME: _("known already"),
    Kind.EMPTY: _("no figure given"),
    Kind.FAULT: _("cannot be taken over"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One row: ``before`` is the figure it corrects, ``beside`` those of others that stand."""

    row: Row
    kind: Kind
    before: Value | None = None
    beside: Sequence[Value] = ()


def plan(batch: ImportBatch) -> list[Step]:
    """A step a row, in the order of the table; one query."""
    rows = [Row(**row) for row in batch.rows]
    sound = [row for row in rows if not row.faults and not row.empty]
    standing: dict[tuple[str, str, str], list[Value]] = defaultdict(list)
    found = Value.objects.standing().filter(
        indicator__in={row.indicator for row in sound},
        period__in={row.period for row in sound},
        city__in={row.city for row in sound},
    )
    for value in found:
        standing[value.city_id, value.indicator_id, value.period].append(value)
    return [_step(row, standing[row.city, row.indicator, row.period]) for row in rows]


def counted(steps: Sequence[Step]) -> list[tuple[Kind, Promise, int]]:
    """How many rows of each kind, in a fixed order; kinds without a row are left out."""
    numbers = Counter(step.kind for step in steps)
    return [(kind, LABELS[kind], numbers[kind]) for kind in Kind if numbers[kind]]


def _step(row: Row, standing: Sequence[Value]) -> Step:
    if row.faults:
        return Step(row, Kind.FAULT)
    if row.empty:
        return Step(row, Kind.EMPTY)
    own = [
        value
        for value in standing
        if (value.source, value.method_version, sort_of(value.status))
        == (row.source, row.method_version, sort_of(row.status))
    ]
    others = [value for value in standing if value not in own]
    if any((value.value, value.status) == (Decimal(row.value), row.status) for value in own):
        return Step(row, Kind.SAME, beside=others)
    if own:
        return Step(row, Kind.CORRECTION, before=own[-1], beside=others)
    return Step(row, Kind.BESIDE if others else Kind.NEW, beside=others)
