"""Tables of figures: sent, read, confirmed; and how the dimension sets lie across each other."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_POST, require_safe

from balai.core.documents import accepted
from balai.core.errors import Invalid
from balai.core.inspection import DATA
from balai.core.pagination import paginate
from balai.core.rules import require
from balai.indicators.actions import confirm, discard, read_table
from balai.indicators.models import DimensionSet, ImportBatch, ImportState, SetDimension
from balai.indicators.planning import LABELS, Kind, counted, plan
from balai.indicators.rules import (
    cities_kept,
    is_ministry,
    may_bring_any,
    may_close_batch,
    may_see_batch,
)
from balai.indicators.tables import HEADINGS, Defaults
from balai.people.models import City
from balai.people.rules import is_person
from balai.portal.csv import csv_response
from balai.portal.forms import refuse
from balai.portal.limits import limited, too_many

SHOWN = 200
"""Rows a preview shows; the file has them all."""
TONES = {
    Kind.NEW: "go",
    Kind.BESIDE: "wait",
    Kind.CORRECTION: "wait",
    Kind.SAME: "neutral",
    Kind.EMPTY: "neutral",
    Kind.FAULT: "stop",
}


@require_safe
def crosswalk(request: HttpRequest) -> HttpResponse:
    """What each set of dimensions calls what the other has; three queries."""
    parts = SetDimension.objects.order_by("place").prefetch_related(
        Prefetch("counterparts", queryset=SetDimension.objects.order_by("of", "place"))
    )
    sets = list(DimensionSet.objects.prefetch_related(Prefetch("dimensions", queryset=parts)))
    return render(request, "indicators/crosswalk.html", {"sets": sets})


class TableForm(forms.Form):
    city = forms.ModelChoiceField(label=lazy("Of which city"), queryset=City.objects.none(), required=False)
    file = forms.FileField(
        label=lazy("Table (CSV or XLSX)"),
        help_text=lazy(
            "One figure a row, with the columns city, indicator, period, value; where you have them also "
            "source, source_url, as_of, method, status and note."
        ),
        widget=forms.ClearableFileInput({"accept": accepted(DATA)}),
    )
    source = forms.CharField(label=lazy("Source of rows that name none"), max_length=300, required=False)
    source_url = forms.URLField(
        label=lazy("Address of that source"), max_length=500, required=False, assume_scheme="https"
    )
    decimal = forms.ChoiceField(
        label=lazy("Decimal sign"),
        choices=[
            ("", lazy("as the table shows it; what is unclear is refused")),
            (",", lazy("comma: 1.250,5")),
            (".", lazy("point: 1,250.5")),
        ],
        required=False,
    )

    def __init__(self, *args: Any, cities: Any, everywhere: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["city"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = cities
        field.required = not everywhere
        field.empty_label = str(_("all cities: the table names them")) if everywhere else None


@login_required
def batch_new(request: HttpRequest) -> HttpResponse:
    """Send a table; it is read at once and changes nothing yet."""
    require(may_bring_any(request.user))
    assert is_person(request.user)
    everywhere = is_ministry(request.user)
    cities = City.objects.filter(pk__in=cities_kept(request.user))
    if everywhere:
        cities = City.objects.filter(hosted=True) | cities
    form = TableForm(request.POST or None, request.FILES or None, cities=cities, everywhere=everywhere)
    status = 200
    if request.method == "POST":
        if limited(request, "values.read", per_minute=10):
            return too_many(request)
        status = 422
        if form.is_valid():
            values = form.cleaned_data
            try:
                made = read_table(
                    file=values["file"],
                    name=values["file"].name,
                    by=request.user,
                    city=values["city"],
                    defaults=Defaults(
                        source=values["source"],
                        source_url=values["source_url"],
                        decimal=values["decimal"],
                    ),
                )
            except Invalid as fault:
                refuse(form, fault)
            else:
                return redirect("portal:value_batch", pk=made.pk)
    return render(request, "indicators/batch_new.html", {"form": form}, status=status)


@login_required
@require_safe
def batches(request: HttpRequest) -> HttpResponse:
    """Tables the person's cities brought in, the latest first; two queries."""
    require(may_bring_any(request.user))
    rows = ImportBatch.objects.select_related("city").defer("rows")
    if not is_ministry(request.user):
        rows = rows.filter(city__in=cities_kept(request.user))
    page = paginate(rows, request.GET.get("cursor"), by="at")
    context = {"page": page, "computes": bool(cities_kept(request.user))}
    return render(request, "indicators/batches.html", context)


@login_required
@require_safe
def batch(request: HttpRequest, pk: str) -> HttpResponse:
    """What the table would change, row by row; then what it changed."""
    found = _find(request, pk)
    steps = plan(found) if found.state == ImportState.PREVIEWED else []
    order = {Kind.FAULT: 0, Kind.CORRECTION: 1, Kind.BESIDE: 2, Kind.NEW: 3, Kind.EMPTY: 4, Kind.SAME: 5}
    shown = sorted(steps, key=lambda step: (order[step.kind], step.row.number))[:SHOWN]
    return render(
        request,
        "indicators/batch.html",
        {
            "batch": found,
            "counted": [(label, number, TONES[kind]) for kind, label, number in counted(steps)],
            "rows": [(step, LABELS[step.kind], TONES[step.kind]) for step in shown],
            "hidden": len(steps) - len(shown),
            "takes": sum(step.kind in (Kind.NEW, Kind.BESIDE, Kind.CORRECTION) for step in steps),
            "may_close": may_close_batch(request.user, found),
        },
    )


@login_required
@require_safe
def faults_csv(request: HttpRequest, pk: str) -> HttpResponse:
    """The rows that could not be taken over, as they stood, with the reason: to be mended and sent again."""
    found = _find(request, pk)
    faulty = [row for row in found.rows if row["faults"]]
    known = list(HEADINGS)
    names = {name for row in faulty for name in row["cells"]}
    # The database gives the cells back in an order of its own.
    head = sorted(names, key=lambda name: (known.index(name) if name in known else len(known), name))
    lines = (
        [row["number"], *(row["cells"].get(name, "") for name in head), " ".join(row["faults"])]
        for row in faulty
    )
    return csv_response("galat.csv", [_("row"), *head, _("reason")], lines, marked=True)


@login_required
@require_POST
def batch_act(request: HttpRequest, pk: str, what: str) -> HttpResponse:
    """Confirm or discard."""
    found = _find(request, pk)
    assert is_person(request.user)
    match what:
        case "ambil":
            done = confirm(batch=found, by=request.user)
            messages.success(request, _("%(n)s figures were taken over.") % {"n": done.written})
        case "buang":
            discard(batch=found, by=request.user)
            messages.success(request, _("The table was put away. No figure changed."))
        case _:
            raise Http404
    return redirect("portal:value_batch", pk=found.pk)


def _find(request: HttpRequest, pk: str) -> ImportBatch:
    """The table, for those who may see it; for anybody else there is none."""
    found = get_object_or_404(ImportBatch.objects.select_related("city"), pk=pk)
    if not may_see_batch(request.user, found):
        raise Http404
    return found
