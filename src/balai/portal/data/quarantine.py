"""Rows that were not taken: which, why, what became of them; and one of them, read and tried again."""

from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from balai.core.errors import Invalid
from balai.core.pagination import paginate
from balai.core.rules import require
from balai.observations import rules
from balai.observations.models import DataContract, DataKey, Quarantined
from balai.observations.quarantine import (
    LONGEST_ROW,
    account_of,
    contract_of,
    open_row,
    quarantine_of,
    reasons_of,
    try_again,
    try_all_again,
)
from balai.observations.queries import budget_of
from balai.portal import charts
from balai.portal.data.flow import DAYS, WEEK, share_of
from balai.portal.data.parts import inside, person, room
from balai.portal.forms import refuse

A_PAGE = 25
STATES = {
    "waiting": lazy("waiting"),
    "asked": lazy("about to be taken"),
    "taken": lazy("taken later"),
}


class QuarantineFilter(forms.Form):
    """``reasons`` are those that rows wait with; a choice is a place and a reason."""

    why = forms.ChoiceField(label=lazy("Reason"), required=False)
    day = forms.DateField(
        label=lazy("Day"), required=False, widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d")
    )
    state = forms.ChoiceField(label=lazy("State"), required=False)

    def __init__(self, *args: Any, reasons: list[tuple[str, str, int]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        why, state = self.fields["why"], self.fields["state"]
        assert isinstance(why, forms.ChoiceField)
        assert isinstance(state, forms.ChoiceField)
        why.choices = [("", _("all")), *((_code(p, r), f"{p or '/'} {r}") for p, r, _rows in reasons)]
        state.choices = [("", _("all")), *STATES.items()]


def _code(pointer: str, reason: str) -> str:
    return f"{pointer} {reason}"


def _chosen(request: HttpRequest, row: DataContract, data: dict[str, Any]) -> QuerySet[Quarantined]:
    pointer, space, reason = str(data.get("why") or "").partition(" ")
    day: date | None = data.get("day")
    return quarantine_of(row, pointer=pointer if space else None, reason=reason, day=day)


@login_required
@never_cache
@require_safe
def rows(request: HttpRequest, contract: str, major: int) -> HttpResponse:
    """How much is wrong, why, and what became of it?"""
    row = inside(request, contract, major)
    context = room(row, "data_quarantine")
    reasons = reasons_of(quarantine_of(row))
    form = QuarantineFilter(request.GET, reasons=reasons)
    chosen = _chosen(request, row, form.cleaned_data) if form.is_valid() else quarantine_of(row)
    state = form.cleaned_data.get("state") if form.is_valid() else ""
    if state == "taken":
        chosen = chosen.exclude(replayed_at=None)
    elif state:
        chosen = chosen.filter(replayed_at=None, asked_at__isnull=state == "waiting")
    bears = context["whole"].bears
    month, week = (budget_of(row, days, bears) for days in (DAYS, WEEK))
    context |= {
        "form": form,
        "used": bool(request.GET),
        "reasons": [(*one, f"?{urlencode({'why': _code(one[0], one[1])})}") for one in reasons],
        "account": account_of(row),
        "counts": [share_of(month, DAYS), share_of(week, WEEK)],
        "bears": charts.figure(bears * 100, "%"),
        "overdrawn": month.spent > 1,
        "page": paginate(chosen.defer("sealed"), request.GET.get("cursor"), by="received_at", size=A_PAGE),
        "sandbox": set(DataKey.objects.filter(contract=contract, sandbox=True).values_list("pk", flat=True)),
        "may_open": rules.may_open_rows(request.user, row),
        "chosen": {name: request.GET.get(name, "") for name in ("why", "day")},
    }
    return render(request, "data/quarantine.html", context)


@login_required
@require_POST
def again(request: HttpRequest, contract: str, major: int) -> HttpResponse:
    """Try the chosen rows again under the present version."""
    row = inside(request, contract, major)
    require(rules.may_open_rows(request.user, row))
    form = QuarantineFilter(request.POST, reasons=reasons_of(quarantine_of(row)))
    chosen = _chosen(request, row, form.cleaned_data if form.is_valid() else {})
    if not form.is_valid():
        raise Invalid(_("Choose a reason and a day from the list."))
    asked = try_all_again(by=person(request), contract=row, rows=chosen)
    if asked.right:
        messages.success(
            request,
            ngettext(
                "%(count)s row is right now and will be taken within a minute.",
                "%(count)s rows are right now and will be taken within a minute.",
                asked.right,
            )
            % {"count": asked.right},
        )
    if asked.wrong or not asked.right:
        messages.info(
            request,
            ngettext(
                "%(count)s row is still wrong or cannot be tried.",
                "%(count)s rows are still wrong or cannot be tried.",
                asked.wrong,
            )
            % {"count": asked.wrong},
        )
    query = {name: request.POST[name] for name in ("why", "day") if request.POST.get(name)}
    return redirect(
        reverse("portal:data_quarantine", args=(contract, major)) + (f"?{urlencode(query)}" if query else "")
    )


class RowForm(forms.Form):
    row = forms.CharField(
        label=lazy("The row"),
        strip=False,
        max_length=LONGEST_ROW,
        widget=forms.Textarea({"rows": 12, "spellcheck": "false", "autocomplete": "off", "class": "code"}),
    )


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def one(request: HttpRequest, pk: int) -> HttpResponse:
    """One row: why it was not taken. Whoever opens it is noted; whoever may mends it and tries again."""
    bad = Quarantined.objects.filter(pk=pk).first()
    if bad is None:
        raise Http404
    row = inside(request, bad.contract, int(bad.version.split(".")[0]))
    present = contract_of(bad)
    may_correct = rules.may_correct_rows(request.user, row)
    form, status, do = None, 200, request.POST.get("do")
    if request.method == "POST":
        if present is None:
            raise Invalid(_("No version of the contract is in force."))
        if do == "again":
            form = RowForm(request.POST)
            # The city tries the row as it came: it was never given a text to change.
            text = request.POST.get("row", "") if may_correct else ""
            try:
                try_again(by=person(request), contract=present, row=bad, corrected=text)
            except Invalid as fault:
                form.is_valid()
                refuse(form, fault)
                status = 422
            else:
                messages.success(request, _("The row is right now and will be taken within a minute."))
                return redirect("portal:data_quarantined", pk)
        else:
            form = RowForm({"row": open_row(by=person(request), row=bad, contract=present)})
            form.errors.clear()
    sandbox = DataKey.objects.filter(pk=bad.key, sandbox=True).exists()
    if form is not None and (sandbox or not may_correct):
        form.fields["row"].widget.attrs["readonly"] = True
    context = room(
        row,
        "data_quarantine",
        bad=bad,
        form=form,
        may_open=rules.may_open_rows(request.user, row),
        may_correct=may_correct,
        sandbox=sandbox,
    )
    return render(request, "data/quarantined.html", context, status=status)
