"""What the hub measures of a city by its own records, with the records each figure comes from.

The rules are ours and named by their version; docs/indicators.md says them in words.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median
from typing import Any

from django.db.models import Q
from django.utils import timezone

from balai.agreements.models import Agreement, AgreementKind, AgreementState
from balai.collaborations.models import Collaboration
from balai.indicators.actions import keep_measure
from balai.indicators.models import Indicator
from balai.needs.models import Need
from balai.people.models import City
from balai.pilots.models import MonitoringForm, MonitoringReport, Pilot

METHOD = "hub-1"
GRACE = dt.timedelta(days=30)
"""A report on a half-year is on time until so long after its end."""
ADOPTED = ("adopted", "offered")
MOST_NAMED = 200


@dataclass(frozen=True, slots=True)
class Measured:
    """One figure, how many cases it rests on, and the public ones among them by reference."""

    measure: str
    value: Decimal
    n: int
    records: Sequence[str]

    def lineage(self) -> dict[str, Any]:
        return {"measure": self.measure, "n": self.n, "records": list(self.records[:MOST_NAMED])}


def measured(city: City, year: int, *, invented: bool = False) -> list[Measured]:
    """The hub's measures of a city and year; a measure without a case is left out, never zero."""
    found = (
        _agreement_days(city, year, invented),
        _reports_on_time(city, year, invented),
        _pilots_graduated(city, year, invented),
        _ideas_in_pilots(city, year, invented),
    )
    return [one for one in found if one is not None]


def keep_measures(city: City, year: int) -> int:
    """Compute and keep what changed; how many figures are new. Demonstration records count apart."""
    indicators = {one.measure: one for one in Indicator.objects.exclude(measure="")}
    final = year < timezone.localdate().year
    kept = 0
    for invented in (False, True):
        for one in measured(city, year, invented=invented):
            if one.measure in indicators:
                made = keep_measure(
                    city=city,
                    indicator=indicators[one.measure],
                    period=str(year),
                    value=one.value,
                    method_version=METHOD,
                    lineage=one.lineage(),
                    final=final,
                    invented=invented,
                )
                kept += made is not None
    return kept


def _of(city: City, invented: bool) -> Q:
    """Collaborations that ran on this hub."""
    return Q(collaboration__city=city, collaboration__documented=False, collaboration__invented=invented)


def _agreement_days(city: City, year: int, invented: bool) -> Measured | None:
    """Days from the application to the sealed PKS, the median of those sealed in the year."""
    rows = Agreement.objects.filter(
        _of(city, invented),
        kind=AgreementKind.PKS,
        amends=None,
        state=AgreementState.SEALED,
        sealed_at__year=year,
        collaboration__submitted_at__isnull=False,
        from_paper=False,
    ).select_related("collaboration")
    days, cases = [], []
    for row in rows.order_by("sealed_at", "pk"):
        if row.sealed_at and row.collaboration and row.collaboration.submitted_at:
            days.append((row.sealed_at - row.collaboration.submitted_at) / dt.timedelta(days=1))
            cases.append(row.collaboration)
    if not days:
        return None
    return Measured("agreement-days", _decimal(median(days)), len(days), _public(cases))


def halves(year: int) -> Iterator[tuple[str, dt.date]]:
    """The half-years of a year and their last days."""
    yield f"{year}-S1", dt.date(year, 6, 30)
    yield f"{year}-S2", dt.date(year, 12, 31)


def _reports_on_time(city: City, year: int, invented: bool) -> Measured | None:
    """Of the reports due on half-years, the share filed in time: three forms for each pilot that ran."""
    today = timezone.localdate()
    past = [(period, end) for period, end in halves(year) if end + GRACE < today]
    pilots = list(
        Pilot.objects.filter(_of(city, invented), starts_on__isnull=False)
        .select_related("collaboration")
        .order_by("pk")
    )
    filed = {
        (pilot, form, period): timezone.localdate(at)
        for pilot, form, period, at in MonitoringReport.objects.filter(
            pilot__in=pilots, period__in=[period for period, _end in past]
        ).values_list("pilot", "form", "period", "filed_at")
    }
    due = in_time = 0
    cases: dict[Collaboration, None] = {}
    for pilot in pilots:
        for period, end in past:
            if not _ran_at(pilot, end):
                continue
            cases[pilot.collaboration] = None
            for form in MonitoringForm.values:
                due += 1
                at = filed.get((pilot.pk, form, period))
                in_time += at is not None and at <= end + GRACE
    if not due:
        return None
    return Measured("reports-on-time", _decimal(100 * in_time / due), due, _public(cases))


def _ran_at(pilot: Pilot, day: dt.date) -> bool:
    """Whether the pilot had begun by the day and not ended before it."""
    ended = pilot.collaboration.ended_at
    assert pilot.starts_on is not None
    return pilot.starts_on <= day and (ended is None or timezone.localdate(ended) >= day)


def _pilots_graduated(city: City, year: int, invented: bool) -> Measured | None:
    """Of the pilots that ended in the year, the share the city adopted."""
    rows = [
        pilot.collaboration
        for pilot in Pilot.objects.filter(
            _of(city, invented), starts_on__isnull=False, collaboration__ended_at__year=year
        )
        .select_related("collaboration")
        .order_by("collaboration__ended_at", "pk")
    ]
    if not rows:
        return None
    adopted = sum(row.outcome in ADOPTED for row in rows)
    return Measured("pilots-graduated", _decimal(100 * adopted / len(rows)), len(rows), _public(rows))


def _ideas_in_pilots(city: City, year: int, invented: bool) -> Measured | None:
    """Citizens' needs whose challenge led to a pilot that began in the year."""
    pilots = Pilot.objects.filter(_of(city, invented), starts_on__year=year).select_related("collaboration")
    cases = [pilot.collaboration for pilot in pilots if pilot.collaboration.challenge_id]
    needs = Need.objects.filter(challenges__in={case.challenge_id for case in cases}).distinct()
    count = needs.count()
    if not count:
        return None
    return Measured("ideas-in-pilots", Decimal(count), count, _public(cases))


def _decimal(number: float) -> Decimal:
    return Decimal(repr(round(number, 4)))


def _public(cases: Iterable[Collaboration]) -> list[str]:
    return sorted({case.reference for case in cases if case.public_since})
