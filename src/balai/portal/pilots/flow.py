"""A pilot's series from its partner's data: bound, shown with their lineage, ended, taken away as a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_POST, require_safe

from balai.core.rules import no
from balai.observations.contracts import Role, read_contract
from balai.observations.models import DataContract
from balai.observations.queries import contracts
from balai.pilots import flow, rules
from balai.pilots.models import FlowMeasure, FlowReading
from balai.portal import charts
from balai.portal.csv import csv_response
from balai.portal.once import once
from balai.portal.pilots.views import _form_page, _inside
from balai.portal.templatetags.collaborations import measure as written


class FlowForm(forms.Form):
    """``figure`` is a contract with one of its measures."""

    name = forms.CharField(label=lazy("Name of the series"), max_length=160)
    figure = forms.ChoiceField(label=lazy("What is computed"))
    aggregate = forms.ChoiceField(
        label=lazy("As"),
        choices=[("sum", lazy("sum")), ("count", lazy("number")), ("mean", lazy("mean"))],
    )
    purpose = forms.ChoiceField(label=lazy("For which purpose of the contract"))
    zones = forms.CharField(
        label=lazy("Zones the pilot works in"),
        help_text=lazy("The contract's own codes, one a line. Without any, everywhere."),
        widget=forms.Textarea({"rows": 4}),
        max_length=7000,
        required=False,
    )

    def __init__(self, *args: Any, offered: Sequence[DataContract], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.contracts = {f"{row.contract} v{row.major}": row for row in offered}
        figures: list[tuple[str, str]] = []
        purposes: dict[str, None] = {}
        for name, row in self.contracts.items():
            whole = read_contract(row.document)
            figures += [(f"{name}/{one.name}", f"{name}: {one.name}") for one in whole.by_role[Role.MEASURE]]
            figures.append((f"{name}/", f"{name}: {_('rows')}"))
            purposes |= dict.fromkeys(whole.purposes)
        self.fields["figure"].choices = figures  # type: ignore[attr-defined]
        self.fields["purpose"].choices = [(one, one) for one in purposes]  # type: ignore[attr-defined]

    def asked(self) -> dict[str, Any]:
        """What the action takes."""
        values = self.cleaned_data
        name, _slash, measure = values["figure"].partition("/")
        return {
            "name": values["name"],
            "contract": self.contracts[name],
            "measure": measure,
            "aggregate": values["aggregate"],
            "purpose": values["purpose"],
            "zones": values["zones"].split(),
        }


@login_required
@once
def bind(request: HttpRequest, reference: str) -> HttpResponse:
    """Let a series be computed from the partner's data."""
    collaboration, user = _inside(request, reference)
    offered = flow.contracts_for(collaboration)
    may = rules.may_bind_flow(user, collaboration)
    if may and not offered:
        may = no(_("The partner has no data contract in force."))
    form = FlowForm(request.POST or None, offered=offered)
    return _form_page(
        request,
        collaboration,
        title=_("Compute a series from the partner's data"),
        lead=_("It is computed week by week from what may be told, from twelve weeks before the start on."),
        form=form,
        act=lambda _values: flow.bind_flow(collaboration=collaboration, by=user, **form.asked()),
        done=_("The series is computed from the next run on."),
        may=may,
    )


@dataclass(frozen=True, slots=True)
class Drawn:
    """A series as the pages show it."""

    it: FlowMeasure
    readings: Sequence[FlowReading]
    chart: SafeString
    table: SafeString

    @property
    def simulated(self) -> bool:
        return any(reading.invented for reading in self.readings)


def drawn(measure: FlowMeasure, readings: Sequence[FlowReading]) -> Drawn:
    """Chart and table of the readings that stand, oldest first."""
    known = {one.week: float(one.value) for one in readings}
    weeks = range((readings[-1].week - readings[0].week).days // 7 + 1) if readings else ()
    mondays = [readings[0].week + timedelta(weeks=number) for number in weeks]
    points = [charts.Point(date_format(day, "j M"), known.get(day)) for day in mondays]
    simulated = any(one.invented for one in readings)
    title = _("%(name)s, by week") % {"name": measure.name}
    desc = _("%(n)s weeks from partners' data.") % {"n": len(readings)}
    if simulated:
        desc = f"{_('Simulated data.')} {desc}"
    series = charts.Series(_("simulated") if simulated else _("released"), points, dashed=simulated)
    rows = [
        (
            date_format(one.week, "j F Y"),
            written(one.value),
            _("%(n)s of 7") % {"n": one.days},
            one.rows,
            one.withheld,
        )
        for one in readings
    ]
    heads = [_("Week from"), _("Value"), _("Days released"), _("Rows behind it"), _("Rows left out")]
    return Drawn(
        measure,
        readings,
        charts.line([series], title=title, desc=desc, unit=measure.unit),
        charts.figure_table(heads, rows, caption=title),
    )


def _measure(request: HttpRequest, reference: str, pk: int) -> FlowMeasure:
    collaboration, _user = _inside(request, reference)
    rows = FlowMeasure.objects.select_related("pilot__collaboration")
    return get_object_or_404(rows, pk=pk, pilot__collaboration=collaboration)


@login_required
@require_safe
def series(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """One series: week by week, and from each week back to days, contract and partner."""
    measure = _measure(request, reference, pk)
    readings = list(flow.standing(measure))
    row = contracts().filter(contract=measure.contract, major=measure.major).first()
    weeks = [
        (one, [(date.fromisoformat(day), sha) for fed in one.fed for day, sha in fed["days"]])
        for one in reversed(readings)
    ]
    context = {
        "it": measure.pilot.collaboration,
        "measure": measure,
        "drawn": drawn(measure, readings),
        "contract": row,
        "weeks": weeks,
        "may_end": rules.may_bind_flow(request.user, measure.pilot.collaboration),
    }
    return render(request, "pilots/series.html", context)


@login_required
@require_safe
def panel_csv(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """Zone by zone and week by week, with and without the pilot, as a comparison of places reads it."""
    measure = _measure(request, reference, pk)
    simulated = measure.readings.filter(superseded_by=None, invented=True).exists()
    head = ["zone", "week", "value", "rows", "treated", "begun", "simulated"]
    lines = ([*line, simulated] for line in flow.panel(measure))
    return csv_response(f"{reference}-{pk}.csv", head, lines)


@login_required
@require_POST
def end(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """Compute it no more."""
    measure = _measure(request, reference, pk)
    _collaboration, user = _inside(request, reference)
    flow.end_flow(measure=measure, by=user)
    messages.success(request, _("The series has ended. What was computed stays."))
    return redirect("portal:pilot", reference=reference)
