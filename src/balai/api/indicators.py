"""The six dimensions, their indicators and every published value."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from django.conf import settings
from django.db.models import Prefetch
from django.http import HttpRequest
from ninja import Query, Router, Schema

from balai.api.doors import OF_LIST, OF_PUBLIC, Door
from balai.api.needs import DimensionKey
from balai.indicators.models import Dimension, Indicator, Value

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
    """Values stand beside each other: sources may disagree, and a newer one overwrites nothing."""
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
