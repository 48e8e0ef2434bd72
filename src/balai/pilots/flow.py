"""Series of a pilot computed from what its partner sends: bound once, read by week, with their lineage."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from django.db import transaction
from django.db.models import OuterRef, Prefetch, QuerySet, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _

from balai.collaborations.models import Collaboration
from balai.core import ledger
from balai.core.errors import BalaiError, Invalid, Stale, Text
from balai.core.rules import require
from balai.indicators.flow.computing import Computed, compute
from balai.indicators.flow.definition import Definition, Span, Term
from balai.indicators.flow.keeping import fed_of
from balai.observations.contracts import Contract, Role, read_contract
from balai.observations.models import ContractState, DataContract
from balai.people.models import User
from balai.pilots import rules
from balai.pilots.actions import ensure_pilot, standing_still, tell
from balai.pilots.models import FlowMeasure, FlowReading, Pilot

logger = logging.getLogger(__name__)
BEFORE = 12
"""Weeks before the start that are read too, to compare with."""
REOPENED = 3
"""How many of the newest weeks are looked at again, for days released late."""
MOST_ZONES = 100
LIMIT = 10**14
DIGITS = Decimal("0.0001")


def contracts_for(collaboration: Collaboration) -> list[DataContract]:
    """The partner's contracts in force with the city, the newest minor version of each major one."""
    found: dict[tuple[str, int], DataContract] = {}
    rows = DataContract.objects.filter(
        partner=collaboration.partner_id, city=collaboration.city_id, state=ContractState.ACTIVE
    )
    for row in rows.order_by("contract", "-major", "-minor", "-patch"):
        found.setdefault((row.contract, row.major), row)
    return list(found.values())


def bind_flow(
    *,
    collaboration: Collaboration,
    by: User,
    name: str,
    contract: DataContract,
    purpose: str,
    aggregate: str,
    measure: str = "",
    zones: Sequence[str] = (),
) -> FlowMeasure:
    """Say that a series is computed from the partner's data from now on. Raises Refused, Invalid, Stale."""
    require(rules.may_bind_flow(by, collaboration))
    whole = read_contract(contract.document)
    fields = dict(_faults(collaboration, contract, whole, purpose, aggregate, measure, zones))
    if fields:
        raise Invalid(_("The contract does not bear this."), fields)
    unit = next((field.unit for field in whole.fields if field.name == measure), "")
    with standing_still(collaboration):
        made = FlowMeasure.objects.create(
            pilot=ensure_pilot(collaboration),
            name=name,
            contract=contract.contract,
            major=contract.major,
            purpose=purpose,
            measure=measure,
            aggregate=aggregate,
            unit=unit if aggregate != "count" else "",
            zones=sorted(dict.fromkeys(zones)),
            bound_at=timezone.now(),
            bound_by=by.pseudonym,
        )
        data = {
            "measure": made.pk,
            "contract": f"{made.contract} v{made.major}",
            "aggregate": aggregate,
            "of": measure,
            "purpose": purpose,
            "zones": made.zones,
        }
        tell(collaboration, "pilot.flow_bound", by, public=True, data=data)
    return made


def _faults(
    collaboration: Collaboration,
    contract: DataContract,
    whole: Contract,
    purpose: str,
    aggregate: str,
    measure: str,
    zones: Sequence[str],
) -> Iterator[tuple[str, list[Text]]]:
    if contract.pk not in {row.pk for row in contracts_for(collaboration)}:
        yield "contract", [_("This is no contract in force of the pilot's partner.")]
    if purpose not in whole.purposes:
        yield "purpose", [_("The contract allows: %(names)s.") % {"names": ", ".join(whole.purposes) or "–"}]
    known = [field.name for field in whole.by_role[Role.MEASURE]]
    if aggregate not in ("sum", "count", "mean"):
        yield "aggregate", [_("Choose sum, number or mean.")]
    elif measure not in known and not (aggregate == "count" and not measure):
        yield "measure", [_("The contract has: %(names)s.") % {"names": ", ".join(known) or "–"}]
    if len(zones) > MOST_ZONES or any(not 0 < len(zone) <= 60 for zone in zones):
        yield "zones", [_("At most %(n)s zones of the contract's own codes.") % {"n": MOST_ZONES}]


def end_flow(*, measure: FlowMeasure, by: User) -> None:
    """Compute a series no more; what was computed stays. Raises Refused, or Stale if it ended before."""
    collaboration = measure.pilot.collaboration
    require(rules.may_bind_flow(by, collaboration))
    with standing_still(collaboration):
        if not FlowMeasure.objects.filter(pk=measure.pk, ended_at=None).update(ended_at=timezone.now()):
            raise Stale(_("This series has ended already."))
        tell(collaboration, "pilot.flow_ended", by, public=True, data={"measure": measure.pk})


def definition_of(measure: FlowMeasure) -> Definition:
    term = Term(measure.contract, measure.major, measure.purpose, measure.measure)
    return Definition(measure.aggregate, "week", 1, Fraction(1), (term,), (), "")


def keep_readings(measure: FlowMeasure, *, today: date | None = None) -> int:
    """Compute the whole weeks that may have changed; how many readings are new. May run at any time."""
    today = today or timezone.localdate()
    pilot = measure.pilot
    if pilot.starts_on is None:
        return 0
    known = set(measure.readings.values_list("week", flat=True))
    weeks = _weeks(pilot.starts_on, pilot.ends_on, today)
    kept = 0
    for place, monday in enumerate(weeks):
        if monday in known and place < len(weeks) - REOPENED:
            continue
        span = Span(monday.isoformat(), monday, monday + timedelta(6))
        try:
            found = compute(definition_of(measure), span, only=measure.zones)
        except BalaiError as refusal:
            logger.warning("%s of a pilot cannot be computed: %s", measure.contract, refusal.reason)
            break
        if found is not None and abs(found.value) < LIMIT:
            kept += _keep(measure, monday, found)
    return kept


def _weeks(starts: date, ends: date | None, today: date) -> list[date]:
    """Mondays of the whole weeks from some before the start to the end or today."""
    first = starts - timedelta(days=starts.weekday() + 7 * BEFORE)
    last = min(ends or today, today - timedelta(days=1))
    count = ((last - first).days + 1) // 7
    return [first + timedelta(weeks=number) for number in range(count)]


def _keep(measure: FlowMeasure, monday: date, found: Computed) -> bool:
    value = (Decimal(found.value.numerator) / Decimal(found.value.denominator)).quantize(DIGITS)
    with transaction.atomic():
        FlowMeasure.objects.select_for_update().get(pk=measure.pk)
        before = measure.readings.filter(week=monday, superseded_by=None).first()
        if measure.readings.filter(week=monday, digest=found.digest).exists():
            return False
        made = FlowReading.objects.create(
            measure=measure,
            week=monday,
            value=value,
            days=len(found.days),
            k=found.k,
            rows=found.rows,
            withheld=found.withheld,
            zones=[[one.zone, float(one.value), one.rows] for one in found.zones],
            fed=fed_of(found),
            digest=found.digest,
            invented=found.simulated,
            supersedes=before,
            made_at=timezone.now(),
        )
        ledger.append(
            verb="flow_measure.read",
            subject=f"flow-measure:{measure.pk}",
            by=None,
            city=measure.pilot.collaboration.city_id,
            public=True,
            data={"week": monday, "value": made.value, "digest": made.digest, "simulated": made.invented},
        )
    return True


def standing(measure: FlowMeasure) -> QuerySet[FlowReading]:
    """The readings that stand, oldest week first."""
    return measure.readings.filter(superseded_by=None).order_by("week")


def series_of(pilot: Pilot) -> QuerySet[FlowMeasure]:
    """A pilot's series, each with its newest reading as ``newest``; two queries."""
    latest = FlowReading.objects.filter(superseded_by=None, measure=OuterRef("measure")).order_by("-week")
    readings = FlowReading.objects.filter(pk=Subquery(latest.values("pk")[:1])).defer("fed", "zones")
    return pilot.flow_measures.prefetch_related(Prefetch("readings", queryset=readings, to_attr="newest"))


def running_measures() -> QuerySet[FlowMeasure]:
    return FlowMeasure.objects.filter(ended_at=None).select_related("pilot__collaboration")


def panel(measure: FlowMeasure) -> Iterable[tuple[str, date, float, int, bool, bool]]:
    """Zone, week, value, rows, whether the pilot works there, whether it had begun: what may be told of each.

    The form a comparison of places with and without the pilot reads.
    """
    starts = measure.pilot.starts_on
    for reading in standing(measure):
        for zone, value, rows in reading.zones:
            begun = starts is not None and reading.week >= starts
            yield zone, reading.week, value, rows, not measure.zones or zone in measure.zones, begun
