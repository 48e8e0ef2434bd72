"""What partners send the city, under which contract; and for those at either end, what flows."""

import json
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_safe

from balai.agreements.models import Agreement
from balai.agreements.term import is_in_force
from balai.observations import rules
from balai.observations.contracts import Contract, Field, Role, read_contract
from balai.observations.describing import example_event
from balai.observations.models import DataContract
from balai.observations.queries import contracts, newest_contracts
from balai.observations.release import Answer, ask, sums_of
from balai.people.rules import Reader
from balai.portal import charts
from balai.portal.components import Facts
from balai.portal.data.flow import often
from balai.portal.data.parts import find, tabs_of, title_of

DAYS = 30
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


@require_safe
def contract_list(request: HttpRequest) -> HttpResponse:
    """Every contract in force of the city, whoever asks."""
    rows = []
    for row in newest_contracts(settings.DEFAULT_CITY):
        whole = read_contract(row.document)
        rows.append({"it": row, "whole": whole, "title": title_of(whole)})
    keeps = bool(rules.may_keep_contracts(request.user, settings.DEFAULT_CITY))
    return render(request, "data/list.html", {"rows": rows, "keeps": keeps})


@require_safe
def contract(request: HttpRequest, contract: str, major: int) -> HttpResponse:
    """One contract: what, why, on what basis, and what may be told; inside, what flows."""
    row = find(contract, major)
    whole = read_contract(row.document)
    inside = bool(rules.may_see_flow(request.user, row))
    keeps = bool(rules.may_keep_contracts(request.user, row.city_id))
    context = {
        "it": row,
        "whole": whole,
        "title": title_of(whole),
        "plain": _plainly(row, whole),
        "bond": _bond(request.user, row),
        "facts": _facts(row, whole),
        "fields": [(field, _words(field), ROLES[field.role], _limits(field)) for field in whole.fields],
        "example": json.dumps(example_event(whole), indent=2, ensure_ascii=False),
        "versions": list(contracts().filter(contract=contract)),
        "told": _told(whole),
        "tabs": tabs_of(row, whole, "data_contract") if inside else [],
        "keeps": keeps,
    }
    return render(request, "data/contract.html", context)


@require_safe
def document(request: HttpRequest, contract: str, major: int) -> HttpResponse:
    """The contract's document as it was put in force."""
    row = find(contract, major)
    response = HttpResponse(row.document, content_type="application/yaml; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{row.contract}-{row.version}.odcs.yaml"'
    return response


def _plainly(row: DataContract, whole: Contract) -> list[str]:
    """Who does what with these data, on what basis, and what is done so that nobody is named."""
    names = {"partner": row.partner.name, "city": row.city.name, "often": often(whole.refresh_minutes)}
    said = [_("%(partner)s sends these rows to %(city)s, %(often)s.") % names]
    if whole.personal:
        said.append(
            _("They speak of people. %(controller)s is responsible for them, on this legal basis: %(basis)s.")
            % {"controller": whole.controller, "basis": whole.legal_basis}
        )
    else:
        said.append(_("They hold no personal data."))
    if whole.purposes:
        said.append(
            _("They may be used for %(purposes)s. A question for anything else is refused.")
            % {"purposes": ", ".join(whole.purposes)}
        )
    said.append(_("They are kept %(days)s days, then deleted.") % {"days": whole.retention_days})
    subject = whole.one(Role.SUBJECT)
    if subject is not None:
        said.append(
            _(
                "What names a person or a device (%(field)s) is replaced by a number before it is stored."
                " The key to it changes each day; once it is destroyed, nobody can find the person again."
            )
            % {"field": subject.name}
        )
    elif whole.one(Role.SUBJECTS) is not None:
        said.append(_("Nobody is named: each row is a sum and says of how many."))
    if whole.personal:
        said.append(_("Figures are told of at least %(k)s people or devices together.") % {"k": whole.k})
    return said


def _bond(user: Reader, row: DataContract) -> dict[str, object] | None:
    """The agreement that schedules these data; unnamed for whom the register does not show it."""
    kind, _colon, pk = row.subject.partition(":")
    found = Agreement.objects.filter(pk=pk).first() if kind == "agreement" else None
    if found is None:
        return None
    seen = Agreement.objects.visible_to(user).filter(pk=pk).exists()
    return {
        "agreement": found if seen else None,
        "line": row.dataset if seen else None,
        "in_force": bool(is_in_force(found)),
    }


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
        (_("Refresh"), often(whole.refresh_minutes)),
        (_("Kept"), _("%(days)s days") % {"days": whole.retention_days}),
        (_("Personal data"), _("yes") if whole.personal else _("no")),
        (_("Legal basis"), whole.legal_basis or "–"),
        (_("Controller"), whole.controller or "–"),
        (_("Used for"), ", ".join(whole.purposes) or "–"),
        (_("Wrong rows it bears"), charts.figure(whole.bears * 100, "%")),
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
