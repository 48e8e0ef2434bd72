"""The index of the movement: the ranking and how sure it is, what decides it, and trying it otherwise."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_safe

from balai.core.errors import Invalid
from balai.indicators.models import Dimension, Indicator
from balai.people.models import City
from balai.portal import charts
from balai.portal.forms import refuse
from balai.portal.limits import limited, too_many
from balai.programme.models import IndexRun

# `balai.programme.indexing` brings NumPy and SciPy, half a second of every start; the views that compute
# load it when they are first asked.

NEAR = 10
"""Places on either side of the last one that are drawn."""
FACTORS = {
    "aggregation": lazy("how the six come together"),
    "normalisation": lazy("how figures come to one scale"),
    "weights": lazy("the weights"),
    "data": lazy("errors in the figures"),
}


def node_name(code: str) -> str:
    """The name of a dimension; of any other node its code."""
    return str(Dimension(code).label) if code in Dimension.values else code


@require_safe
def index(request: HttpRequest, pk: str | None = None) -> HttpResponse:
    """Who is among the hundred, how surely, and what decides it. Two queries."""
    if pk is None:
        found = IndexRun.objects.defer("data", "specification").first()
        if found is None:
            return render(request, "programme/index_none.html")
    else:
        found = get_object_or_404(IndexRun.objects.defer("data", "specification"), pk=pk)
    units = _named(found)
    last = found.chosen
    near = [row for row in units if row["rank"] is not None and abs(row["rank"] - last) <= NEAR]
    chart = charts.intervals(
        [
            charts.Interval(row["name"], row["middle"], row["low"], row["high"], quiet=row["p_top"] < 0.5)
            for row in near
            if row["middle"] is not None
        ],
        title=_("Ranks around the last place"),
        desc=_("The middle rank of each and the range that nine of ten computations fall into."),
        reference=(_("last place"), last),
    )
    shares = found.result["sensitivity"]
    decides = max(shares, key=lambda row: row["st"] or 0, default=None)
    return render(
        request,
        "programme/index.html",
        {
            "run": found,
            "units": units,
            "nodes": [(code, node_name(code)) for code in found.result["nodes"]],
            "chart": chart,
            "near": near,
            "sure": sum(row["p_top"] >= 0.95 for row in units),
            "undecided": [found.names.get(code, code) for code in found.result["undecided"]],
            "shares": charts.bars(
                [
                    charts.Bar(FACTORS.get(row["factor"], row["factor"]), 100 * (row["st"] or 0))
                    for row in sorted(shares, key=lambda row: -(row["st"] or 0))
                ],
                title=_("What decides the ranking"),
                desc=_("Share of the variation of the ranks that each choice has a part in, per cent."),
                unit="%",
            ),
            "shares_table": charts.figure_table(
                [_("What could be otherwise"), _("Alone, %"), _("With the others, %")],
                [
                    (
                        FACTORS.get(row["factor"], row["factor"]),
                        _share(row["s1"]),
                        _share(row["st"]),
                    )
                    for row in shares
                ],
            ),
            "decides": (FACTORS.get(decides["factor"], decides["factor"]), _share(decides["st"]))
            if decides
            else None,
            "others": list(IndexRun.objects.exclude(pk=found.pk).only("name", "name_en", "year")[:10]),
        },
    )


def _share(value: float | None) -> float | None:
    return None if value is None else round(100 * max(value, 0.0))


def _named(run: IndexRun) -> list[dict[str, Any]]:
    """The places with their names, and their scores as cells in the order of the specification."""
    return [
        {
            **row,
            "name": run.names.get(row["code"], row["code"]),
            "cells": [row["scores"][node] for node in run.result["nodes"]],
        }
        for row in run.result["units"]
    ]


class TryForm(forms.Form):
    """Weights of the dimensions, how they come together, how figures come to one scale."""

    power = forms.TypedChoiceField(
        label=lazy("How the dimensions come together"),
        choices=[
            ("0", lazy("a weak one is made up for only in part (geometric mean)")),
            ("1", lazy("a strong one makes up for a weak one (arithmetic mean)")),
            ("-1", lazy("a weak one weighs heavily (harmonic mean)")),
        ],
        coerce=float,
        initial="0",
    )
    normalise = forms.ChoiceField(
        label=lazy("How figures come to one scale"),
        choices=[
            ("goalposts", lazy("between fixed points")),
            ("minmax", lazy("between the least and the greatest of all places")),
        ],
        initial="goalposts",
    )

    def __init__(self, *args: Any, nodes: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for code in nodes:
            self.fields[f"w_{code}"] = forms.FloatField(
                label=_("Weight of %(dimension)s") % {"dimension": node_name(code)},
                min_value=0,
                max_value=10,
                initial=1,
                widget=forms.NumberInput({"step": "0.1"}),
            )
        self.order_fields([*(f"w_{code}" for code in nodes), "power", "normalise"])


@require_safe
def index_try(request: HttpRequest, pk: str) -> HttpResponse:
    """What would be otherwise: by form, on the data of the run."""
    if request.GET and limited(request, "index.try", per_minute=30):
        return too_many(request)
    found = get_object_or_404(IndexRun, pk=pk)
    nodes = found.result["nodes"]
    form = TryForm(request.GET or None, nodes=nodes)
    context: dict[str, Any] = {"run": found, "form": form}
    status = 200
    if request.GET:
        status = 422
        if form.is_valid():
            from balai.programme.indexing import tried

            values = form.cleaned_data
            try:
                moved = tried(
                    found,
                    {code: values[f"w_{code}"] for code in nodes},
                    values["power"],
                    values["normalise"],
                )
            except Invalid as fault:
                refuse(form, fault)
            else:
                status = 200
                last = found.chosen
                named = [(found.names.get(one.code, one.code), one) for one in moved]
                context |= {
                    "moved": named,
                    "comes": [n for n, one in named if _in(one.after, last) and not _in(one.before, last)],
                    "leaves": [n for n, one in named if _in(one.before, last) and not _in(one.after, last)],
                    "most": sorted(named, key=lambda pair: -abs(pair[1].up))[:10],
                }
    return render(request, "programme/index_try.html", context, status=status)


def _in(rank: float | None, last: int) -> bool:
    return rank is not None and rank <= last


@require_safe
def index_compare(request: HttpRequest, pk: str) -> HttpResponse:
    """Two places side by side in the six, and how surely one is before the other."""
    if request.GET and limited(request, "index.compare", per_minute=30):
        return too_many(request)
    found = get_object_or_404(IndexRun, pk=pk)
    units = {row["code"]: row for row in _named(found)}
    choices = [(code, row["name"]) for code, row in sorted(units.items(), key=lambda item: item[1]["name"])]
    form = CompareForm(request.GET or None, choices=choices)
    context: dict[str, Any] = {"run": found, "form": form}
    status = 200
    if request.GET:
        status = 422
        if form.is_valid():
            from balai.programme.indexing import beats

            status = 200
            one, other = units[form.cleaned_data["one"]], units[form.cleaned_data["other"]]
            sure = beats(found, one["code"], other["code"])
            context |= {
                "one": one,
                "other": other,
                "rows": [
                    (code, one["scores"][code], other["scores"][code]) for code in found.result["nodes"]
                ],
                "sure": round(100 * max(sure, 1 - sure)),
                "ahead": one if sure >= 0.5 else other,
                "tie": 0.05 < sure < 0.95,
            }
    return render(request, "programme/index_compare.html", context, status=status)


class CompareForm(forms.Form):
    one = forms.ChoiceField(label=lazy("One place"))
    other = forms.ChoiceField(label=lazy("The other"))

    def __init__(self, *args: Any, choices: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("one", "other"):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = list(choices)


@require_safe
def index_unit(request: HttpRequest, pk: str, code: str) -> HttpResponse:
    """The arithmetic of one place: every figure on its way into the index. Three queries."""
    if limited(request, "index.unit", per_minute=60):
        return too_many(request)
    found = get_object_or_404(IndexRun, pk=pk)
    row = next((row for row in _named(found) if row["code"] == code), None)
    if row is None:
        raise Http404
    from balai.methods.index.account import account
    from balai.programme.indexing import built_of

    spec, built = built_of(found)
    names = {one.pk: str(one) for one in Indicator.objects.filter(pk__in=spec.codes)}
    lines = []
    for line in account(spec, built, code):
        steps = list(line.steps.values())
        leaf = line.code in spec.codes
        lines.append(
            {
                "depth": line.depth,
                "name": names.get(line.code) or node_name(line.code),
                "leaf": leaf,
                "raw": steps[0] if leaf else None,
                "score": line.score,
                "weight": 100 * line.weight,
            }
        )
    lines[0]["name"] = str(found)
    return render(
        request,
        "programme/index_unit.html",
        {
            "run": found,
            "row": row,
            "lines": lines,
            "city": None if found.invented else City.objects.filter(pk=code).first(),
        },
    )


@require_safe
def index_bundle(request: HttpRequest, pk: str) -> HttpResponse:
    """Everything needed to compute the run again."""
    found = get_object_or_404(IndexRun, pk=pk)
    from balai.programme.indexing import bundle

    response = HttpResponse(bundle(found), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="indeks-{found.year}-{found.data_hash[:8]}.zip"'
    return response
