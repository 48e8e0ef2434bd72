"""Indicators computed from partners' data: their pages, how each figure came about, and what keepers say."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.formats import date_format, number_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_http_methods, require_safe

from balai.agreements.models import Agreement
from balai.core.errors import Invalid, Stale, Text
from balai.core.rules import require
from balai.indicators.flow.definition import Definition, Term, read_definition
from balai.indicators.flow.keeping import retire_source, revise_source, shipped_sources
from balai.indicators.flow.queries import current_sources, figures_of
from balai.indicators.models import COMPUTED, FlowFigure, FlowSource, Indicator, Value
from balai.indicators.rules import cities_kept, may_revise_source
from balai.observations.contracts import read_contract
from balai.observations.models import DataContract
from balai.observations.queries import contracts
from balai.observations.release import why
from balai.people.models import City
from balai.people.rules import Reader, is_person
from balai.portal import charts
from balai.portal.components import Facts
from balai.portal.csv import csv_response
from balai.portal.data.parts import title_of
from balai.portal.forms import refuse
from balai.portal.limits import limited, too_many
from balai.portal.templatetags.balai import period
from balai.portal.templatetags.collaborations import measure, unit

MOST_ZONES = 300


@dataclass(frozen=True, slots=True)
class Block:
    """An indicator's figures from the flow as pages show them; ``latest`` is of a whole period if any."""

    indicator: Indicator
    latest: FlowFigure
    chart: SafeString
    table: SafeString
    simulated: bool

    @property
    def partial(self) -> bool:
        return not self.latest.value.compared

    @property
    def numbers(self) -> tuple[str, str, str]:
        """The latest value and its bounds, as few digits as a reader needs."""
        ends = (self.latest.value.value, self.latest.low, self.latest.high)
        value, low, high = (charts.figure(None if one is None else float(one)) for one in ends)
        return value, low, high


def block(indicator: Indicator, figures: Sequence[FlowFigure]) -> Block | None:
    """Chart of whole periods and table of all, newest first; a real figure hides simulated ones."""
    real = [one for one in figures if not one.value.invented]
    shown = sorted(real or figures, key=lambda one: one.first)
    if not shown:
        return None
    latest = next((one for one in reversed(shown) if one.value.compared), shown[-1])
    whole = [one for one in shown if one.value.compared]
    words = unit(indicator.unit)
    points = [
        charts.Point(
            period(one.value.period),
            float(one.value.value),
            None if one.low is None else float(one.low),
            None if one.high is None else float(one.high),
        )
        for one in whole or shown
    ]
    simulated = latest.value.invented
    title = _("%(name)s, from partners' data") % {"name": indicator}
    desc = _("%(n)s periods, the last %(period)s: %(value)s %(unit)s.") % {
        "n": len(points),
        "period": points[-1].label,
        "value": charts.figure(points[-1].value),
        "unit": words,
    }
    if simulated:
        desc = f"{_('Simulated data.')} {desc}"
    name = _("simulated") if simulated else _("released")
    rows = [_row(one) for one in reversed(shown)]
    heads = [
        _("Period"),
        _("Value"),
        _("Between"),
        _("Days released"),
        _("Rows behind it"),
        _("Rows left out"),
    ]
    return Block(
        indicator,
        latest,
        _chart(points, name, indicator, simulated, title=title, desc=desc),
        charts.figure_table(heads, rows, caption=title),
        simulated,
    )


def _chart(
    points: Sequence[charts.Point],
    name: str,
    indicator: Indicator,
    simulated: bool,
    *,
    title: str,
    desc: str,
) -> SafeString:
    """A line of several periods; of one a bar, or where it has bounds an interval."""
    hue, words = indicator.dimension, unit(indicator.unit)
    if len(points) > 1:
        series = charts.Series(name, points, hue=hue, dashed=simulated)
        return charts.line([series], title=title, desc=desc, unit=words)
    (one,) = points
    label, value = f"{one.label}, {name}", one.value or 0.0
    if one.low is None or one.high is None:
        bar = charts.Bar(label, value, hue=hue)
        return charts.bars([bar], title=title, desc=desc, unit="" if indicator.unit == "count" else words)
    found = charts.Interval(label, value, one.low, one.high, hue=hue)
    return charts.intervals([found], title=title, desc=desc, unit=words)


def _row(one: FlowFigure) -> tuple[object, ...]:
    between = "–" if one.low is None or one.high is None else f"{measure(one.low)} – {measure(one.high)}"
    name = period(one.value.period)
    if not one.value.compared:
        name = f"{name} ({_('too few days')})"
    days = _("%(days)s of %(all)s") % {"days": one.days, "all": one.asked}
    return name, measure(one.value.value), between, days, one.rows, one.withheld


def _indicator(key: str, code: str) -> Indicator:
    return get_object_or_404(Indicator, dimension=key, pk=code.upper())


@require_safe
def indicator(request: HttpRequest, key: str, code: str) -> HttpResponse:
    """One indicator: what it is, every figure with its source, and what partners' data say."""
    found = _indicator(key, code)
    values = (
        Value.objects.standing()
        .filter(city=settings.DEFAULT_CITY, indicator=found)
        .exclude(status__in=COMPUTED)
        .order_by("period", "as_of")
    )
    figures = list(figures_of(settings.DEFAULT_CITY, found.pk))
    source = current_sources(settings.DEFAULT_CITY).filter(indicator=found).first()
    made = block(found, figures)
    zones = _zones(made.latest) if made else []
    facts: Facts = [
        (_("Code"), found.pk),
        (_("Unit"), unit(found.unit)),
        (_("Kind"), f"{found.get_type_display()}, {found.get_basis_display()}"),
        (_("Direction"), _("higher is better") if found.higher_is_better else _("lower is better")),
        (_("Named source"), found.source or "–"),
    ]
    return render(
        request,
        "indicators/indicator.html",
        {
            "it": found,
            "facts": facts,
            "values": list(values),
            "told": made,
            "said": _said(read_definition(source.definition)) if source else [],
            "zones": zones,
            "zone_table": charts.figure_table(
                [_("Zone"), unit(found.unit).capitalize(), _("Rows behind it")], zones
            )
            if zones
            else "",
            "may_revise": may_revise_source(request.user, settings.DEFAULT_CITY),
        },
    )


def _zones(figure: FlowFigure) -> list[tuple[str, str, int]]:
    """The zones of which the figure may be told, the most rows first."""
    whole = FlowFigure.objects.only("zones").get(pk=figure.pk)
    rows = sorted(whole.zones, key=lambda row: -row[2])[:MOST_ZONES]
    return [(zone, charts.figure(value), rows) for zone, value, rows in rows]


AGGREGATES = {
    "sum": lazy("the sum"),
    "count": lazy("the number"),
    "mean": lazy("the mean: sums of all partners divided by their counts"),
    "ratio": lazy("a ratio of two sums"),
}
SPANS = {"month": lazy("month"), "quarter": lazy("quarter"), "year": lazy("year")}


def _said(definition: Definition) -> Facts:
    """A definition in plain words."""
    rows: list[tuple[Text, object]] = [
        (_("Computed as"), AGGREGATES[definition.aggregate]),
        (_("From"), "; ".join(map(_term, definition.of))),
    ]
    if definition.per:
        rows.append((_("Divided by"), "; ".join(map(_term, definition.per))))
    if definition.scale != 1:
        rows.append((_("Times"), str(definition.scale)))
    rows.append((_("For each"), SPANS[definition.period]))
    rows.append((_("Needs"), _("%(share)s %% of the days released") % {"share": definition.coverage}))
    return rows


def _term(term: Term) -> str:
    what = f"{term.contract} v{term.major}: {term.measure or _('rows')}"
    chosen = ", ".join(f"{name} = {' / '.join(values)}" for name, values in term.where)
    return f"{what} ({chosen})" if chosen else what


@require_safe
def indicator_csv(request: HttpRequest, key: str, code: str) -> HttpResponse:
    """The figures from the flow, period by period and zone by zone, with what each rests on."""
    found = _indicator(key, code)
    figures = figures_of(settings.DEFAULT_CITY, found.pk).defer(None).defer("fed")
    head = (
        "indicator name unit period zone value low high rows withheld k days days_of_period status "
        "simulated digest"
    )
    return csv_response(f"{found.pk.lower()}-aliran.csv", head.split(), _lines(found, figures))


def _lines(indicator: Indicator, figures: Iterable[FlowFigure]) -> Iterable[list[object]]:
    for one in figures:
        value = one.value
        start: list[object] = [indicator.pk, indicator.name, indicator.unit, value.period]
        end: list[object] = [one.k, one.days, one.asked, value.status, value.invented, one.digest]
        ends = ["" if bound is None else bound.normalize() for bound in (one.low, one.high)]
        yield [*start, "", value.value.normalize(), *ends, one.rows, one.withheld, *end]
        for zone, number, rows in one.zones:
            yield [*start, zone, number, "", "", rows, "", *end]


# --- how a figure came about


@dataclass(frozen=True, slots=True)
class Origin:
    """One contract behind a figure; ``agreement`` is what binds it, where the reader may see it."""

    contract: DataContract
    title: str
    versions: str
    days: Sequence[tuple[date, str]]
    agreement: Agreement | None


@require_safe
def origin(request: HttpRequest, pk: UUID) -> HttpResponse:
    """From the figure to released days, contract versions, agreement and partner."""
    figure = _figure(pk)
    value = figure.value
    origins = [_origin(request.user, one) for one in figure.fed]
    revisions = (
        Value.objects.filter(
            indicator=value.indicator_id,
            city=value.city_id,
            period=value.period,
            invented=value.invented,
            flow__source=figure.source_id,
        )
        .select_related("flow")
        .order_by("recorded_at")
    )
    facts: Facts = [
        (_("Value"), f"{measure(value.value)} {unit(value.indicator.unit)}"),
        (_("Period"), period(value.period)),
        (_("State"), value.get_status_display()),
        (_("Days released"), _("%(days)s of %(all)s") % {"days": figure.days, "all": figure.asked}),
        (_("Rows behind it"), number_format(figure.rows, force_grouping=True)),
        (_("Rows left out"), number_format(figure.withheld, force_grouping=True)),
        (_("Told of at least"), _("%(k)s subjects together") % {"k": figure.k} if figure.k else "–"),
        (_("Method"), f"{figure.source.method}, SHA-256 {figure.source.sha256}"),
        (_("SHA-256 of what it rests on"), figure.digest),
    ]
    context = {
        "it": value.indicator,
        "figure": figure,
        "value": value,
        "facts": facts,
        "origins": origins,
        "said": _said(read_definition(figure.source.definition)),
        "revisions": list(revisions),
    }
    return render(request, "indicators/origin.html", context)


def _figure(pk: UUID) -> FlowFigure:
    rows = FlowFigure.objects.select_related("value__indicator", "source")
    return get_object_or_404(rows, pk=pk)


def _contract(name: str, major: int) -> DataContract:
    row = contracts().filter(contract=name, major=major).first()
    if row is None:
        raise Http404
    return row


def _origin(user: Reader, fed: dict[str, Any]) -> Origin:
    row = _contract(fed["contract"], fed["major"])
    whole = read_contract(row.document)
    title = title_of(whole)
    days = [(date.fromisoformat(day), sha) for day, sha in fed["days"]]
    return Origin(row, title, ", ".join(fed["versions"]), days, _agreement(user, row))


def _agreement(user: Reader, row: DataContract) -> Agreement | None:
    kind, _colon, key = row.subject.partition(":")
    try:
        pk = UUID(key)
    except ValueError:
        return None
    if kind != "agreement":
        return None
    return Agreement.objects.visible_to(user).select_related("collaboration").filter(pk=pk).first()


@require_safe
def origin_day(request: HttpRequest, pk: UUID, contract: str, major: int, day: str) -> HttpResponse:
    """From a released day of a figure to the files of the store and the batches they hold."""
    if limited(request, "origin.day", per_minute=60):
        return too_many(request)
    figure = _figure(pk)
    fed = next((one for one in figure.fed if (one["contract"], one["major"]) == (contract, major)), None)
    sha = dict(fed["days"]).get(day) if fed else None
    if sha is None:
        raise Http404
    at = date.fromisoformat(day)
    row = _contract(contract, major)
    found = next(iter(why(read_contract(row.document), [at])), None)
    return render(
        request,
        "indicators/origin_day.html",
        {
            "it": figure.value.indicator,
            "value": figure.value,
            "contract": row,
            "day": at,
            "title": date_format(at, "j F Y"),
            "sha": sha,
            "lineage": found,
            "unchanged": found is not None and found.sha256 == sha,
        },
    )


# --- what keepers say


class DefinitionForm(forms.Form):
    definition = forms.CharField(
        label=lazy("How it is computed"),
        help_text=lazy("TOML: aggregate, period, coverage, scale, and the parts it is computed from."),
        widget=forms.Textarea({"rows": 24, "spellcheck": "false"}),
        max_length=8000,
    )
    seen = forms.IntegerField(widget=forms.HiddenInput, min_value=0)


def _kept_city(user: Reader) -> City:
    """The city whose sources the person keeps: the hub's own where it is among them. Raises Refused."""
    codes = cities_kept(user)
    code = settings.DEFAULT_CITY if settings.DEFAULT_CITY in codes else min(codes, default="")
    require(may_revise_source(user, code))
    return City.objects.get(pk=code)


@login_required
@require_safe
def sources(request: HttpRequest) -> HttpResponse:
    """Which indicators of the person's city are computed from the flow, and how well."""
    city = _kept_city(request.user)
    rows = list(
        current_sources(city, retired=True).prefetch_related(
            Prefetch(
                "figures",
                queryset=FlowFigure.objects.filter(value__superseded_by=None)
                .select_related("value")
                .defer("fed", "zones")
                .order_by("-first"),
            )
        )
    )
    others = Indicator.objects.exclude(pk__in=[row.indicator_id for row in rows])
    context = {"city": city, "rows": rows, "others": list(others)}
    return render(request, "indicators/sources.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def source(request: HttpRequest, code: str) -> HttpResponse:
    """Read and change how one indicator is computed; with ``akhiri`` it is computed no more."""
    city = _kept_city(request.user)
    assert is_person(request.user)
    found = get_object_or_404(Indicator, pk=code.upper())
    now = current_sources(city, retired=True).filter(indicator=found).first()
    start = now.definition if now else shipped_sources().get(found.pk, EXAMPLE)
    initial = {"definition": start, "seen": now.revision if now else 0}
    form = DefinitionForm(request.POST or None, initial=initial)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            values = form.cleaned_data
            try:
                if "akhiri" in request.POST:
                    retire_source(by=request.user, city=city, indicator=found, seen=values["seen"])
                    messages.success(request, _("It is computed no more. What was computed stays."))
                else:
                    revise_source(
                        by=request.user,
                        city=city,
                        indicator=found,
                        definition=values["definition"],
                        seen=values["seen"],
                    )
                    messages.success(request, _("Saved. The next computation uses it."))
            except Invalid as fault:
                refuse(form, fault)
            except Stale as fault:
                form.add_error(None, str(fault.reason))
                status = 409
            else:
                return redirect("portal:flow_sources")
    history = FlowSource.objects.filter(city=city, indicator=found)
    context = {"it": found, "form": form, "now": now, "history": list(history)}
    return render(request, "indicators/source.html", context, status=status)


EXAMPLE = """\
aggregate = "sum"
period = "month"
coverage = 80

[[of]]
contract = ""
major = 1
purpose = "indicators"
measure = ""
"""
