"""Sources are published, revised and retired; the figures of their periods are computed and kept."""

import logging
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Min
from django.utils import timezone
from django.utils.translation import gettext as _

from balai.core import ledger
from balai.core.errors import BalaiError, Invalid, Stale
from balai.core.rules import require
from balai.indicators.flow.computing import Computed, compute, faults_of
from balai.indicators.flow.definition import (
    Definition,
    DefinitionError,
    Span,
    read_definition,
    spans_between,
)
from balai.indicators.flow.queries import current_sources
from balai.indicators.models import FlowFigure, FlowSource, Indicator, Value, ValueStatus
from balai.indicators.rules import may_revise_source
from balai.indicators.shipped import FOLDER
from balai.indicators.tables import HUB, LIMIT
from balai.observations.models import DataContract, ReleasedDay
from balai.people.models import City, User

logger = logging.getLogger(__name__)
REOPENED = 2
"""How many periods before the running one are looked at again, for days released late."""
MOST_PERIODS = 36
DIGITS = Decimal("0.0001")


@lru_cache
def shipped_sources() -> Mapping[str, str]:
    """The definitions that come with the hub, by indicator. Each is checked."""
    found = {}
    for path in sorted((FOLDER / "flow").glob("*.toml")):
        found[path.stem] = read_definition(path.read_text(encoding="utf-8")).text
    return found


def publish_sources(city: City) -> int:
    """Bring a city's sources to what came with the hub; a keeper's revision stays. How many are new."""
    made = 0
    known = set(Indicator.objects.filter(pk__in=shipped_sources()).values_list("pk", flat=True))
    newest = {row.indicator_id: row for row in current_sources(city, retired=True)}
    for code, text in shipped_sources().items():
        before = newest.get(code)
        sha = read_definition(text).sha256
        if code not in known or (before and (not before.shipped or before.sha256 == sha)):
            continue
        _write(city=city, code=code, text=text, before=before, shipped=True)
        made += 1
    return made


def revise_source(*, by: User, city: City, indicator: Indicator, definition: str, seen: int) -> FlowSource:
    """Compute an indicator otherwise from now on; ``seen`` is the revision the person read (0: none).

    Figures already computed stay. Raises Refused, Invalid (field ``definition``) with every fault, Stale.
    """
    require(may_revise_source(by, city))
    try:
        read = read_definition(definition)
    except DefinitionError as fault:
        raise Invalid(_("This is no definition."), {"definition": list(fault.faults)}) from None
    if faults := faults_of(read, city=city.pk):
        raise Invalid(_("The contracts in force do not bear this."), {"definition": list(faults)})
    return _revise(by=by, city=city, indicator=indicator, text=read.text, seen=seen, retired=False)


def retire_source(*, by: User, city: City, indicator: Indicator, seen: int) -> FlowSource:
    """Compute an indicator no more; a later revision takes it up again. Raises Refused, Stale."""
    require(may_revise_source(by, city))
    newest = FlowSource.objects.filter(city=city, indicator=indicator).first()
    if newest is None or newest.retired:
        raise Stale(_("This indicator is not computed from the flow."))
    return _revise(by=by, city=city, indicator=indicator, text=newest.definition, seen=seen, retired=True)


def _revise(*, by: User, city: City, indicator: Indicator, text: str, seen: int, retired: bool) -> FlowSource:
    try:
        with transaction.atomic():
            newest = FlowSource.objects.filter(city=city, indicator=indicator).first()
            if (newest.revision if newest else 0) != seen:
                raise Stale(_("Somebody changed this meanwhile. Read it again."))
            made = _write(
                city=city, code=indicator.pk, text=text, before=newest, shipped=False, by=by, retired=retired
            )
    except IntegrityError:
        raise Stale(_("Somebody changed this meanwhile. Read it again.")) from None
    return made


def _write(
    *,
    city: City,
    code: str,
    text: str,
    before: FlowSource | None,
    shipped: bool,
    by: User | None = None,
    retired: bool = False,
) -> FlowSource:
    with transaction.atomic():
        made = FlowSource.objects.create(
            indicator_id=code,
            city=city,
            revision=before.revision + 1 if before else 1,
            definition=text,
            sha256=read_definition(text).sha256,
            shipped=shipped,
            retired=retired,
            made_by=by.pseudonym if by else None,
        )
        ledger.append(
            verb="flow_source.retired" if retired else "flow_source.revised",
            subject=f"indicator:{code}",
            by=by,
            city=city.pk,
            public=True,
            data={"revision": made.revision, "sha256": made.sha256},
        )
    return made


def keep_figures(city: City, *, today: date | None = None) -> int:
    """Compute what may have changed of a city's sources; how many figures are new. May run at any time."""
    today = today or timezone.localdate()
    publish_sources(city)
    kept = 0
    for source in current_sources(city):
        definition = read_definition(source.definition)
        known = set(Value.objects.filter(flow__source=source).values_list("period", flat=True))
        for span in _due(definition, known, today):
            try:
                found = compute(definition, span)
            except BalaiError as refusal:
                logger.warning("%s cannot be computed from the flow: %s", source.indicator_id, refusal.reason)
                break
            if found is not None and found.city == city.pk and abs(found.value) < LIMIT:
                kept += keep_figure(source=source, span=span, found=found, today=today) is not None
    return kept


def _due(definition: Definition, known: set[str], today: date) -> list[Span]:
    """Periods from the first released day on: the newest few, and older ones without a figure."""
    tables = [f"{contract.replace('-', '_')}_v{major}" for contract, major in definition.sources]
    first = ReleasedDay.objects.filter(table__in=tables).aggregate(at=Min("day"))["at"]
    if first is None:
        return []
    spans = spans_between(definition.period, first, today)[-MOST_PERIODS:]
    newest = spans[-1 - REOPENED :]
    return [span for span in spans if span in newest or span.code not in known]


def keep_figure(*, source: FlowSource, span: Span, found: Computed, today: date) -> Value | None:
    """Keep one figure; what came of other days before is superseded and stays. None if unchanged."""
    definition = read_definition(source.definition)
    enough = 100 * found.coverage(span) >= definition.coverage
    status = ValueStatus.FLOW if enough and span.last < today else ValueStatus.FLOW_PARTIAL
    with transaction.atomic():
        Indicator.objects.select_for_update().get(pk=source.indicator_id)
        before = (
            Value.objects.standing()
            .filter(flow__source=source, city=source.city_id, period=span.code, invented=found.simulated)
            .select_related("flow")
            .first()
        )
        if before and (before.flow.digest, before.status) == (found.digest, status):
            return None
        made = Value.objects.create(
            indicator_id=source.indicator_id,
            city_id=source.city_id,
            period=span.code,
            value=_decimal(found.value),
            status=status,
            as_of=today,
            source=HUB,
            method_version=source.method,
            invented=found.simulated,
            supersedes=before,
        )
        FlowFigure.objects.create(
            value=made,
            source=source,
            first=span.first,
            last=span.last,
            days=len(found.days),
            low=None if found.low is None else _decimal(found.low),
            high=None if found.high is None else _decimal(found.high),
            k=found.k,
            rows=found.rows,
            withheld=found.withheld,
            fed=fed_of(found),
            zones=[[one.zone, float(one.value), one.rows] for one in found.zones],
            digest=found.digest,
        )
        ledger.append(
            verb="value.computed",
            subject=f"indicator:{source.indicator_id}",
            by=None,
            city=source.city_id,
            public=True,
            data={
                "period": span.code,
                "value": made.value,
                "method": source.method,
                "value_id": made.pk,
                "digest": found.digest,
                "simulated": found.simulated,
            },
        )
    return made


def fed_of(found: Computed) -> list[dict[str, Any]]:
    """A figure's contracts and days as they are kept."""
    return [
        {
            "contract": one.contract,
            "major": one.major,
            "versions": list(one.versions),
            "days": [[day.isoformat(), sha] for day, sha in one.days],
        }
        for one in found.fed
    ]


def _decimal(number: Fraction) -> Decimal:
    return (Decimal(number.numerator) / Decimal(number.denominator)).quantize(DIGITS)


def cities_fed() -> list[City]:
    """Cities with a contract in force, whose figures are computed."""
    return list(City.objects.filter(pk__in=DataContract.objects.values("city")))
