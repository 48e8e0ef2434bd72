"""Sources in use and the figures computed from them."""

from django.db.models import OuterRef, QuerySet, Subquery

from balai.indicators.models import FlowFigure, FlowSource
from balai.people.models import City


def current_sources(city: City | str, *, retired: bool = False) -> QuerySet[FlowSource]:
    """The newest revision of each indicator's source; with ``retired`` also those that ended."""
    code = city if isinstance(city, str) else city.pk
    newest = FlowSource.objects.filter(city=code, indicator=OuterRef("indicator")).order_by("-revision")
    found = FlowSource.objects.filter(city=code, pk=Subquery(newest.values("pk")[:1]))
    found = found.select_related("indicator").order_by("indicator")
    return found if retired else found.filter(retired=False)


def figures_of(city: City | str, *codes: str) -> QuerySet[FlowFigure]:
    """The figures that stand, of the source in use, the newest period first; without their days and zones."""
    sources = current_sources(city)
    return (
        FlowFigure.objects.filter(
            source__in=sources.values("pk"),
            value__indicator__in=codes,
            value__superseded_by=None,
        )
        .select_related("value", "source")
        .defer("fed", "zones")
        .order_by("value__indicator", "-first", "-value__recorded_at")
    )
