"""The six dimensions, their indicators and every published value."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from django.conf import settings
from django.db.models import Prefetch
from django.http import Http404, HttpRequest
from ninja import Path, Query, Router, Schema

from balai.api.doors import OF_LIST, OF_PUBLIC, OF_RECORD, Door
from balai.api.needs import DimensionKey
from balai.indicators.flow.queries import figures_of
from balai.indicators.models import Dimension, FlowFigure, Indicator, Value
from balai.observations.queries import contracts

router = Router(tags=["indicators"], auth=Door("indicators"))


class DimensionOut(Schema):
    key: str
    name: str


class ValueOut(Schema):
    period: str
    value: Decimal
    status: str
    as_of: date | None
    source: str
    source_url: str
    method_version: str
    note: str
    invented: bool


class ZoneOut(Schema):
    """A zone of which enough people are counted."""

    zone: str
    value: float
    rows: int


class FlowValueOut(Schema):
    """A figure computed from released sums. ``low`` and ``high`` bound it where rows were left out."""

    id: UUID
    period: str
    value: Decimal
    low: Decimal | None
    high: Decimal | None
    unit: str
    status: str
    simulated: bool
    k: int
    rows: int
    withheld: int
    days: int
    days_of_period: int
    zones: list[ZoneOut]
    method: str
    digest: str


class FlowDayOut(Schema):
    day: date
    sha256: str


class FlowContractOut(Schema):
    """A contract behind a figure; ``bound_to`` is the agreement that schedules its data, if any."""

    contract: str
    major: int
    versions: list[str]
    partner: str
    bound_to: str
    simulated: bool
    days: list[FlowDayOut]


class FlowLineageOut(Schema):
    """From a figure back to the released days; a day's files and batches are told by ``trace_data``."""

    figure: FlowValueOut
    indicator: str
    definition: str
    definition_sha256: str
    contracts: list[FlowContractOut]
    supersedes: UUID | None
    computed_at: datetime


class IndicatorOut(Schema):
    code: str
    dimension: str
    programme_dimension: str
    name: str
    name_en: str
    unit: str
    ucum: str
    type: str
    higher_is_better: bool
    source: str
    frequency: str
    values: list[ValueOut]


@router.get(
    "/dimensions",
    response={200: list[DimensionOut], **OF_PUBLIC},
    operation_id="list_dimensions",
    summary="List the six dimensions",
)
def dimensions(request: HttpRequest) -> Any:
    """Their keys and names in the language asked for."""
    return [{"key": key, "name": str(label)} for key, label in Dimension.choices]


@router.get(
    "/indicators",
    response={200: list[IndicatorOut], **OF_LIST},
    operation_id="list_indicators",
    summary="List the indicators",
)
def indicators(request: HttpRequest, dimension: Annotated[DimensionKey | None, Query()] = None) -> Any:
    """Values stand beside each other: sources may disagree, and a newer one overwrites nothing.

    What is ``invented`` is simulated and enters no score; ``list_computed_figures`` says more of what was
    computed from partners' data.
    """
    rows = Indicator.objects.prefetch_related(
        Prefetch("values", queryset=Value.objects.standing().filter(city=settings.DEFAULT_CITY))
    )
    if dimension:
        rows = rows.filter(dimension=dimension)
    return [
        {
            "code": row.pk,
            "dimension": row.dimension,
            "programme_dimension": row.programme_dimension,
            "name": row.name,
            "name_en": row.name_en,
            "unit": row.unit,
            "ucum": row.ucum,
            "type": row.type,
            "higher_is_better": row.higher_is_better,
            "source": row.source,
            "frequency": row.frequency,
            "values": list(row.values.all()),
        }
        for row in rows
    ]


type Code = Annotated[str, Path(pattern=r"^[A-Za-z]{3}-[0-9]{2}$")]


@router.get(
    "/indicators/{code}/computed",
    response={200: list[FlowValueOut], **OF_RECORD},
    operation_id="list_computed_figures",
    summary="List an indicator's figures from partners' data",
)
def computed(request: HttpRequest, code: Code) -> Any:
    """The figures that stand of the definition in use, the newest period first."""
    indicator = Indicator.objects.filter(pk=code.upper()).first()
    if indicator is None:
        raise Http404
    figures = figures_of(settings.DEFAULT_CITY, indicator.pk).defer(None).defer("fed")
    return [_figure(one, indicator) for one in figures]


@router.get(
    "/indicators/{code}/computed/{figure}/lineage",
    response={200: FlowLineageOut, **OF_RECORD},
    operation_id="trace_computed_figure",
    summary="Trace a figure back to contracts and released days",
)
def trace(request: HttpRequest, code: Code, figure: UUID) -> Any:
    """Which contracts and days it was computed from, by the SHA-256 of each day's sums, and how."""
    found = (
        FlowFigure.objects.select_related("value__indicator", "source")
        .filter(pk=figure, value__indicator=code.upper())
        .first()
    )
    if found is None:
        raise Http404
    names = [one["contract"] for one in found.fed]
    rows = {(row.contract, row.major): row for row in reversed(contracts().filter(contract__in=names))}
    return {
        "figure": _figure(found, found.value.indicator),
        "indicator": found.value.indicator_id,
        "definition": found.source.definition,
        "definition_sha256": found.source.sha256,
        "contracts": [
            {
                "contract": one["contract"],
                "major": one["major"],
                "versions": one["versions"],
                "partner": rows[one["contract"], one["major"]].partner.slug,
                "bound_to": rows[one["contract"], one["major"]].subject,
                "simulated": rows[one["contract"], one["major"]].invented,
                "days": [{"day": day, "sha256": sha} for day, sha in one["days"]],
            }
            for one in found.fed
        ],
        "supersedes": found.value.supersedes_id,
        "computed_at": found.value.recorded_at,
    }


def _figure(one: FlowFigure, indicator: Indicator) -> dict[str, Any]:
    return {
        "id": one.pk,
        "period": one.value.period,
        "value": one.value.value,
        "low": one.low,
        "high": one.high,
        "unit": indicator.ucum or indicator.unit,
        "status": one.value.status,
        "simulated": one.value.invented,
        "k": one.k,
        "rows": one.rows,
        "withheld": one.withheld,
        "days": one.days,
        "days_of_period": one.asked,
        "zones": [{"zone": zone, "value": value, "rows": rows} for zone, value, rows in one.zones],
        "method": one.value.method_version,
        "digest": one.digest,
    }
