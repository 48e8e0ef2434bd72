"""The open side of the hub: front page, partners, dimensions, search, the ledger, what the hub is."""

from collections import defaultdict
from typing import Any

from django import forms
from django.conf import settings
from django.db.models import Count, F, Prefetch, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_safe

from balai.challenges.models import Challenge, ChallengeState
from balai.collaborations.models import Collaboration
from balai.collaborations.queries import current_schemes
from balai.core import ledger
from balai.core import search as core_search
from balai.core.models import Entry, LedgerHead
from balai.core.narrative import said
from balai.core.pagination import paginate
from balai.indicators.flow.keeping import shipped_sources
from balai.indicators.flow.queries import current_sources
from balai.indicators.models import COMPUTED, Dimension, Indicator, Value
from balai.needs.models import Need, NeedState
from balai.people.models import Organisation, OrganisationKind, Role
from balai.people.rules import cities_audited, has_role
from balai.portal import charts
from balai.portal.collaborations.story import documented
from balai.portal.collaborations.views import rows_of, with_effect
from balai.portal.components import HOPS
from balai.portal.components import Count as Figure
from balai.portal.csv import csv_response
from balai.portal.indicators.flow import block
from balai.portal.limits import limited, too_many

_PLAN, _SEEN = "pilot__evaluation__target", "pilot__evaluation__effect__observed"
REACHED = Q(pilot__evaluation__effect__verified_at__isnull=False) & (
    Q(**{f"{_PLAN}__gt": F("pilot__evaluation__baseline"), f"{_SEEN}__gte": F(_PLAN)})
    | Q(**{f"{_PLAN}__lt": F("pilot__evaluation__baseline"), f"{_SEEN}__lte": F(_PLAN)})
)
"""Collaborations whose verified effect met the target, in the direction the plan wanted."""


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What is my city doing with whom, and does it work? Four queries for a stranger."""
    needs = Need.objects.filter(city=settings.DEFAULT_CITY).exclude(state=NeedState.HIDDEN)
    voiced = needs.aggregate(
        total=Count("pk"),
        answered=Count("pk", filter=Q(answered_at__isnull=False)),
        challenged=Count("pk", filter=Q(state=NeedState.CHALLENGED)),
    )
    public = Collaboration.objects.filter(city=settings.DEFAULT_CITY, public_since__isnull=False)
    done = public.filter(documented=False).aggregate(
        total=Count("pk", distinct=True),
        running=Count("pk", filter=Q(stage="running"), distinct=True),
        suspended=Count("pk", filter=Q(stage="suspended"), distinct=True),
        sealed=Count("pk", filter=Q(agreements__state="sealed"), distinct=True),
        measured=Count("pk", filter=Q(pilot__evaluation__effect__verified_at__isnull=False), distinct=True),
        reached=Count("pk", filter=REACHED, distinct=True),
        ended=Count("pk", filter=Q(ended_at__isnull=False), distinct=True),
        failed=Count("pk", filter=Q(outcome__in=("stopped", "terminated")), distinct=True),
        adopted=Count("pk", filter=Q(outcome__in=("adopted", "offered")), distinct=True),
    )
    recent = list(with_effect(public)[:5])
    calls = list(
        Challenge.objects.filter(city=settings.DEFAULT_CITY, state=ChallengeState.OPEN)
        .select_related("agency")
        .order_by("closes_on")
    )
    figures = {
        "need": (voiced["total"], _("voiced; %(n)s answered") % {"n": voiced["answered"]}),
        "challenge": (len(calls), _("open now; %(n)s needs became one") % {"n": voiced["challenged"]}),
        "decision": (done["total"], _("accepted by a panel")),
        "agreement": (done["sealed"], _("signed and sealed")),
        "pilot": (done["running"], _("running; %(n)s suspended") % {"n": done["suspended"]}),
        "effect": (done["measured"], _("measured; %(n)s reached the target") % {"n": done["reached"]}),
        "exit": (
            done["ended"],
            _("%(n)s adopted, %(m)s stopped") % {"n": done["adopted"], "m": done["failed"]},
        ),
    }
    register = reverse("portal:register")
    places = {
        "need": reverse("portal:need_list"),
        "challenge": reverse("portal:challenge_list"),
        "decision": register,
        "agreement": reverse("portal:agreement_list"),
        "pilot": f"{register}?state=running",
        "effect": f"{register}?state=measured",
        "exit": f"{register}?state=ended",
    }
    hops = [(key, HOPS[key], *figures[key], places[key]) for key in HOPS if key in figures]
    return render(
        request,
        "public/home.html",
        {"hops": hops, "rows": rows_of(recent), "calls": calls[:6], "dimensions": Dimension.choices},
    )


@require_safe
def about(request: HttpRequest) -> HttpResponse:
    """What the hub is for, what it rests on, and what nobody found."""
    return render(request, "public/about.html", {"schemes": current_schemes()})


@require_safe
def partner_list(request: HttpRequest) -> HttpResponse:
    """Who works with the city."""
    partners = (
        Organisation.objects.filter(kind=OrganisationKind.COMPANY, listed=True, active=True)
        .annotate(
            works=Count(
                "collaborations", filter=Q(collaborations__public_since__isnull=False), distinct=True
            ),
            flows=Count("datasets", distinct=True),
        )
        .order_by("invented", "name")
    )
    return render(request, "public/partner_list.html", {"partners": list(partners)})


@require_safe
def partner(request: HttpRequest, slug: str) -> HttpResponse:
    """What does this firm do with the city, what data flows, on what basis?"""
    found = get_object_or_404(
        Organisation.objects.prefetch_related("datasets"),
        slug=slug,
        listed=True,
        kind=OrganisationKind.COMPANY,
    )
    rows = with_effect(Collaboration.objects.filter(partner=found, public_since__isnull=False))
    return render(
        request,
        "public/partner.html",
        {
            "partner": found,
            "rows": rows_of(list(rows)),
            "datasets": list(found.datasets.all()),
            "documented": documented(f"organisation:{found.pk}"),
        },
    )


@require_safe
def dimension_list(request: HttpRequest) -> HttpResponse:
    """The six dimensions, how many indicators have a figure, and what the city does in each."""
    counted = {
        row["dimension"]: row
        for row in Indicator.objects.values("dimension").annotate(
            indicators=Count("pk", distinct=True),
            measured=Count(
                "pk",
                filter=Q(values__city=settings.DEFAULT_CITY, values__invented=False),
                distinct=True,
            ),
        )
    }
    works: dict[str, int] = defaultdict(int)
    public = Collaboration.objects.filter(city=settings.DEFAULT_CITY, public_since__isnull=False)
    for dimensions in public.values_list("dimensions", flat=True):
        for key in dimensions:
            works[key] += 1
    rows = [
        {"key": key, "works": works[key], **counted.get(key, {"indicators": 0, "measured": 0})}
        for key in Dimension.values
    ]
    return render(request, "public/dimension_list.html", {"rows": rows})


@require_safe
def dimension(request: HttpRequest, key: str) -> HttpResponse:
    """The indicators of one dimension: every figure with period, source and the sources that disagree."""
    if key not in Dimension.values:
        raise Http404
    sources = current_sources(settings.DEFAULT_CITY).values("pk")
    values = (
        Value.objects.standing()
        .filter(Q(flow=None) | Q(flow__source__in=sources), city=settings.DEFAULT_CITY)
        .select_related("flow")
        .defer("flow__fed", "flow__zones")
        .order_by("period", "as_of", "recorded_at")
    )
    indicators = list(
        Indicator.objects.filter(dimension=key).prefetch_related(Prefetch("values", queryset=values))
    )
    works = with_effect(
        Collaboration.objects.filter(
            city=settings.DEFAULT_CITY, public_since__isnull=False, dimensions__icontains=f'"{key}"'
        )
    )
    lines = [_indicator_row(indicator) for indicator in indicators]
    known = [line for line in lines if line["latest"] and not line["simulated"]]
    sums = [
        Figure(sum(line["trend"] == "better" for line in lines), _("better than before")),
        Figure(sum(line["trend"] == "worse" for line in lines), _("worse than before")),
        Figure(
            sum(bool(line["disagree"] or line["methods"]) for line in lines),
            _("not comparable: sources disagree or the method changed"),
        ),
        Figure(len(known), _("with a published figure, of %(n)s") % {"n": len(lines)}),
    ]
    fed = any(line["block"] for line in lines) or any(
        indicator.pk in shipped_sources() for indicator in indicators
    )
    return render(
        request,
        "public/dimension.html",
        {
            "sums": sums,
            "key": key,
            "name": Dimension(key).label,
            "rows": lines,
            "fed": fed,
            "works": rows_of(list(works[:20])),
            "documented": documented(*(f"indicator:{indicator.pk}" for indicator in indicators)),
        },
    )


def _indicator_row(indicator: Indicator) -> dict[str, Any]:
    every = list(indicator.values.all())
    told = [value for value in every if value.status not in COMPUTED]
    values = [value for value in told if not value.invented] or told
    periods: dict[str, list[Value]] = defaultdict(list)
    for value in values:
        periods[value.period].append(value)
    ends = [group[-1] for __, group in sorted(periods.items())]
    disagree = [period for period, group in periods.items() if len({v.value for v in group}) > 1]
    methods = len({v.method_version for v in values if v.method_version}) > 1
    series = [float(value.value) for value in ends]
    return {
        "it": indicator,
        "values": values,
        "simulated": bool(values) and values[0].invented,
        "block": block(indicator, [value.flow for value in every if value.status in COMPUTED]),
        "first": ends[0] if ends else None,
        "before": ends[-2] if len(ends) > 1 else None,
        "latest": ends[-1] if ends else None,
        "disagree": disagree,
        "methods": methods,
        "trend": ""
        if methods or disagree or len(ends) < 2 or values[0].invented
        else _trend(ends[-2], ends[-1], indicator),
        "spark": charts.sparkline(
            series, title=_("%(name)s over time") % {"name": indicator}, hue=indicator.dimension
        )
        if len(series) > 1
        else "",
    }


def _trend(before: Value, now: Value, indicator: Indicator) -> str:
    if now.value == before.value:
        return "same"
    return "better" if (now.value > before.value) == indicator.higher_is_better else "worse"


@require_safe
def indicators_csv(request: HttpRequest) -> HttpResponse:
    """Every value of the city with its source, as CSV."""
    head = "indicator dimension name unit period value as_of source source_url method note status simulated"
    values = Value.objects.filter(city=settings.DEFAULT_CITY).select_related("indicator")
    rows = (
        [
            value.indicator.pk,
            value.indicator.dimension,
            value.indicator.name,
            value.indicator.unit,
            value.period,
            value.value.normalize(),
            value.as_of or "",
            value.source,
            value.source_url,
            value.method_version,
            value.note,
            value.status,
            value.invented,
        ]
        for value in values.iterator(chunk_size=500)
    )
    return csv_response("indikator.csv", head.split(), rows)


class SearchForm(forms.Form):
    q = forms.CharField(label=lazy("Words"), required=False, max_length=200)


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Needs, challenges, collaborations, partners: one search, one query."""
    if limited(request, "search", per_minute=60):
        return too_many(request)
    form = SearchForm(request.GET)
    words = form.cleaned_data["q"].strip() if form.is_valid() else ""
    hits = core_search.search(words, limit=30) if words else []
    return render(request, "public/search.html", {"search_words": words, "hits": hits, "form": form})


@require_safe
def ledger_page(request: HttpRequest) -> HttpResponse:
    """Where the chain ends, how to check it; the entries for auditors."""
    head = LedgerHead.objects.first()
    auditor = has_role(request.user, Role.AUDITOR)
    page = None
    if auditor:
        rows = Entry.objects.filter(Q(city__in=cities_audited(request.user)) | Q(city=""))
        page = paginate(rows, request.GET.get("cursor"), by="seq", size=50)
    lines = [(entry, said(entry)) for entry in page.rows] if page else []
    return render(
        request,
        "public/ledger.html",
        {"head": head, "auditor": auditor, "page": page, "lines": lines, "genesis": ledger.GENESIS},
    )
