"""The public register in figures, and the yearly report as a file."""

from collections.abc import Iterable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from balai.agreements import affairs, reporting
from balai.agreements.reporting import Tally
from balai.core.errors import Text
from balai.portal import charts
from balai.portal.charts import figure
from balai.portal.components import Count
from balai.portal.csv import csv_response


def _figure(title: Text, rows: Iterable[Tally]) -> dict[str, Any]:
    found = list(rows)
    most = max(found, key=lambda row: row.count, default=None)
    desc = (
        _("Most: %(label)s, %(count)s. %(rows)s lines in all.")
        % {"label": most.label, "count": most.count, "rows": len(found)}
        if most
        else ""
    )
    bars = [charts.Bar(row.label, row.count, quiet=not row.key) for row in found]
    table = charts.figure_table([title, _("Agreements")], [(row.label, row.count) for row in found])
    return {
        "title": title,
        "svg": charts.bars(bars, title=title, desc=desc) if found else SafeString(""),
        "table": table,
        "empty": not found,
    }


@require_safe
def infographic(request: HttpRequest) -> HttpResponse:
    """How many agreements, with whom, on what, and how long does it take?"""
    now = reporting.summary()
    days = figure(round(now.days), "") if now.days is not None else "–"
    counts = [
        Count(str(now.signed), _("signed agreements")),
        Count(str(now.in_force), _("in force")),
        Count(str(now.ending), _("ending within 90 days")),
        Count(str(now.partners), _("partners")),
        Count(
            days,
            _("days from application to seal"),
            _("median of %(count)s agreements") % {"count": now.timed},
        ),
        Count(str(now.paper), _("recorded from paper"), _("not verified by the hub")),
    ]
    figures = [
        _figure(_("By year of signing"), now.by_year),
        _figure(_("By kind"), now.by_kind),
        _figure(_("By scheme"), now.by_scheme),
        _figure(_("By field of government"), now.by_affair),
        _figure(_("By partner"), now.by_partner),
    ]
    return render(
        request,
        "agreements/infographic.html",
        {
            "now": now,
            "counts": counts,
            "figures": figures,
            "years": reporting.years(request.user),
            "form": reporting.form(),
            "vocabulary": affairs.vocabulary(),
        },
    )


@require_safe
def yearly_report(request: HttpRequest, year: int) -> HttpResponse:
    """The yearly report as CSV: what the reader may see, by the map of columns."""
    if not 1945 <= year <= 2100:
        raise Http404
    rows = reporting.report_rows(year, request.user)
    return csv_response(f"laporan-kerja-sama-{year}.csv", reporting.heading(), rows, marked=True)
