"""What flows under a contract, for those at either end: freshness, days, and the receipt of each batch."""

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.formats import date_format, number_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from balai.core.pagination import paginate
from balai.observations.models import DataContract, Receipt
from balai.observations.queries import budget_of, flow_of, freshness_of, receipts_of
from balai.portal import charts
from balai.portal.components import Count, Facts
from balai.portal.data.parts import inside, room

DAYS = 30
WEEK = 7
A_PAGE = 25


class ReceiptSearch(forms.Form):
    receipt = forms.CharField(
        label=lazy("Number of the receipt"),
        required=False,
        max_length=36,
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )


@login_required
@never_cache
@require_safe
def flow(request: HttpRequest, contract: str, major: int) -> HttpResponse:
    """Does it flow, how fresh is it, how much of it is wrong, and what became of one batch?"""
    row = inside(request, contract, major)
    context = room(row, "data_flow")
    form = ReceiptSearch(request.GET)
    found = receipts_of(row)
    if form.is_valid() and form.cleaned_data["receipt"]:
        found = found.filter(pk=form.cleaned_data["receipt"])
    whole = context["whole"]
    month, week = (budget_of(row, days, whole.bears) for days in (DAYS, WEEK))
    context |= _by_day(row)
    context |= {
        "fresh": _fresh(row, whole.refresh_minutes),
        "counts": [share_of(month, DAYS), share_of(week, WEEK)],
        "overdrawn": month.spent > 1,
        "bears": whole.bears,
        "form": form,
        "page": _page(found, request),
        "used": bool(request.GET),
    }
    return render(request, "data/flow.html", context)


def _page(rows: QuerySet[Receipt], request: HttpRequest) -> Any:
    return paginate(rows, request.GET.get("cursor"), by="received_at", size=A_PAGE)


def often(minutes: int) -> str:
    """ "every 15 minutes", "every 6 hours", "every day": the largest unit that says it whole."""
    if minutes % 1440 == 0:
        count = minutes // 1440
        return ngettext("every day", "every %(count)s days", count) % {"count": count}
    if minutes % 60 == 0:
        count = minutes // 60
        return ngettext("every hour", "every %(count)s hours", count) % {"count": count}
    return ngettext("every minute", "every %(count)s minutes", minutes) % {"count": minutes}


def _fresh(row: DataContract, minutes: int) -> Facts:
    fresh = freshness_of(row, minutes)
    facts: list[tuple[str, object]] = [
        (_("Newest batch"), _moment(fresh.last) if fresh.last else _("none yet")),
        (_("Promised refresh"), often(minutes)),
    ]
    if fresh.next:
        facts.append((_("Next one due"), _moment(fresh.next)))
    if fresh.missed_since:
        facts.append((_("Missed since"), _moment(fresh.missed_since)))
    return facts


def _moment(at: Any) -> str:
    return date_format(localtime(at), "j F Y, H.i")


def share_of(budget: Any, days: int) -> Count:
    return Count(
        charts.figure(budget.share * 100, "%", 2),
        _("of the rows quarantined"),
        _("%(bad)s of %(all)s rows in %(days)s days")
        % {
            "bad": number_format(budget.quarantined, force_grouping=True),
            "all": number_format(budget.received, force_grouping=True),
            "days": days,
        },
    )


def _by_day(row: DataContract) -> dict[str, object]:
    days = flow_of(row, DAYS)
    if not days:
        return {"taken": None}
    title, wrong = _("Rows accepted, by day"), _("Rows quarantined, by day")
    sums = {
        "accepted": number_format(sum(day.accepted for day in days), force_grouping=True),
        "quarantined": number_format(sum(day.quarantined for day in days), force_grouping=True),
        "days": len(days),
    }
    table = charts.figure_table(
        [_("Day"), _("Batches"), _("Received"), _("Accepted"), _("Quarantined"), _("Duplicates")],
        [
            (date_format(d.day, "j F Y"), d.batches, d.received, d.accepted, d.quarantined, d.duplicates)
            for d in days
        ],
    )
    return {
        "taken": charts.bars(
            [charts.Bar(date_format(day.day, "j M"), day.accepted) for day in days],
            title=title,
            desc=_("%(days)s days with batches, %(accepted)s rows accepted.") % sums,
        ),
        "wrong": charts.bars(
            [charts.Bar(date_format(day.day, "j M"), day.quarantined, quiet=True) for day in days],
            title=wrong,
            desc=_("%(days)s days with batches, %(quarantined)s rows quarantined.") % sums,
        ),
        "table": table,
    }
