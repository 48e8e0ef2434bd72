"""What partners send the city, under which contract; and for those at either end, what flows."""

import json
from datetime import timedelta

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_safe

from balai.observations import rules
from balai.observations.contracts import Contract, Field, read_contract
from balai.observations.describing import example_event
from balai.observations.models import DataContract
from balai.observations.queries import (
    budget_of,
    contracts,
    flow_of,
    keys_of,
    last_received,
    newest_contracts,
    receipts_of,
)
from balai.observations.release import Answer, ask, sums_of
from balai.portal import charts
from balai.portal.components import Count, Facts

DAYS = 30
RECEIPTS = 20
PUBLIC_PURPOSE = "indicators"
ROLES = {
    "event": lazy("number of the event"),
    "time": lazy("time"),
    "zone": lazy("place"),
    "subject": lazy("whom it speaks of, as a keyed digest"),
    "subjects": lazy("how many it speaks of"),
    "dimension": lazy("grouping"),
    "measure": lazy("measure"),
    "attribute": lazy("other"),
}


def _title(contract: Contract) -> str:
    return contract.title_en if get_language() == "en" and contract.title_en else contract.title


@require_safe
def contract_list(request: HttpRequest) -> HttpResponse:
    """Every contract in force of the city, whoever asks."""
    rows = []
    for row in newest_contracts(settings.DEFAULT_CITY):
        whole = read_contract(row.document)
        rows.append({"it": row, "whole": whole, "title": _title(whole)})
    return render(request, "data/list.html", {"rows": rows})


@require_safe
def contract(request: HttpRequest, contract: str, major: int) -> HttpResponse:
    """One contract: what, why, on what basis, and what may be told; inside, what flows."""
    row = _find(contract, major)
    whole = read_contract(row.document)
    inside = bool(rules.may_see_flow(request.user, row))
    context = {
        "it": row,
        "whole": whole,
        "title": _title(whole),
        "facts": _facts(row, whole),
        "fields": [(field, _words(field), ROLES[field.role], _limits(field)) for field in whole.fields],
        "example": json.dumps(example_event(whole), indent=2, ensure_ascii=False),
        "versions": list(contracts().filter(contract=contract)),
        "told": _told(whole),
        "inside": inside,
    }
    if inside:
        context |= _flow(row)
    return render(request, "data/contract.html", context)


@require_safe
def document(request: HttpRequest, contract: str, major: int) -> HttpResponse:
    """The contract's document as it was put in force."""
    row = _find(contract, major)
    response = HttpResponse(row.document, content_type="application/yaml; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{row.contract}-{row.version}.odcs.yaml"'
    return response


def _find(contract: str, major: int) -> DataContract:
    row = contracts().filter(contract=contract, major=major).first()
    if row is None:
        raise Http404
    return row


def _words(field: Field) -> str:
    return field.description_en if get_language() == "en" and field.description_en else field.description


def _limits(field: Field) -> str:
    parts = [", ".join(field.values)] if field.values else []
    if field.minimum is not None or field.maximum is not None:
        low = "" if field.minimum is None else number_format(field.minimum, force_grouping=True)
        high = "" if field.maximum is None else number_format(field.maximum, force_grouping=True)
        parts.append(f"{low} – {high}".strip())
    if field.unit:
        parts.append(field.unit)
    return " ".join(parts)


def _facts(row: DataContract, whole: Contract) -> Facts:
    return [
        (_("Partner"), row.partner.name),
        (_("Version"), f"{row.version}, {row.get_state_display()}"),
        (_("One row is"), whole.granularity or "–"),
        (_("Refresh"), _("every %(minutes)s minutes") % {"minutes": whole.refresh_minutes}),
        (_("Kept"), _("%(days)s days") % {"days": whole.retention_days}),
        (_("Personal data"), _("yes") if whole.personal else _("no")),
        (_("Legal basis"), whole.legal_basis or "–"),
        (_("Controller"), whole.controller or "–"),
        (_("Used for"), ", ".join(whole.purposes) or "–"),
        (
            _("Told of at least"),
            _("%(k)s subjects together") % {"k": whole.k} if whole.personal else _("no person is concerned"),
        ),
        ("SHA-256", row.sha256),
    ]


def _told(whole: Contract) -> dict[str, object] | None:
    """The released rows by day: what anyone may know of the flow."""
    if PUBLIC_PURPOSE not in whole.purposes:
        return None
    last = timezone.localdate() - timedelta(days=1)
    answer: Answer = ask(
        whole,
        purpose=PUBLIC_PURPOSE,
        aggregate="count",
        by=("day",),
        first=last - timedelta(days=DAYS - 1),
        last=last,
    )
    if not answer.days:
        return None
    by_day = {figure.key[0]: figure.of for figure in answer.figures}
    sums = sums_of(whole, answer.days)
    title = _("Rows that may be told, by day")
    bars = [charts.Bar(date_format(day, "j M"), by_day.get(day.isoformat(), 0)) for day in answer.days]
    table = charts.figure_table(
        [_("Day"), _("Rows"), _("SHA-256 of the day’s sums")],
        [
            (date_format(day, "j F Y"), by_day.get(day.isoformat(), 0), sums.get(day, "–"))
            for day in answer.days
        ],
    )
    desc = _("%(days)s days, %(rows)s rows in sums of at least %(k)s subjects.") % {
        "days": len(answer.days),
        "rows": number_format(sum(by_day.values()), force_grouping=True),
        "k": answer.k,
    }
    return {"svg": charts.bars(bars, title=title, desc=desc), "table": table, "k": answer.k, "desc": desc}


def _flow(row: DataContract) -> dict[str, object]:
    days, budget = flow_of(row, DAYS), budget_of(row, DAYS)
    title = _("Rows accepted, by day")
    bars = [charts.Bar(date_format(day.day, "j M"), day.accepted) for day in days]
    table = charts.figure_table(
        [_("Day"), _("Batches"), _("Received"), _("Accepted"), _("Quarantined"), _("Duplicates")],
        [
            (date_format(d.day, "j F Y"), d.batches, d.received, d.accepted, d.quarantined, d.duplicates)
            for d in days
        ],
    )
    return {
        "flow": {"svg": charts.bars(bars, title=title, desc=""), "table": table} if days else None,
        "counts": [
            Count(number_format(budget.received, force_grouping=True), _("rows received"), _("last 30 days")),
            Count(f"{budget.share:.2%}", _("of them quarantined"), _("the contract bears 1 %")),
        ],
        "overdrawn": budget.spent > 1,
        "reasons": budget.reasons,
        "last": last_received(row),
        "keys": list(keys_of(row)),
        "receipts": list(receipts_of(row)[:RECEIPTS]),
    }
