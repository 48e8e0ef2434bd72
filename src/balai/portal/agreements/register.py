"""The register of agreements: what was signed, with whom, until when; and the same as a file."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_safe

from balai.agreements import affairs, lifecycle_rules, register
from balai.agreements.models import Agreement, AgreementKind
from balai.agreements.queries import with_parties
from balai.agreements.term import term_of
from balai.core.pagination import paginate
from balai.people.models import Role
from balai.people.rules import is_person
from balai.portal.agreements.validity import validity
from balai.portal.components import Count
from balai.portal.csv import csv_response

ALL = ("", lazy("all"))
SCHEMES = [("playground", "Playground"), ("co-develop", "Co-Develop"), ("user", "User")]
STATES = {
    "force": lazy("in force"),
    "ending": lazy("ending within 90 days"),
    "coming": lazy("being negotiated or signed"),
    "over": lazy("ended or declined"),
    "paper": lazy("recorded from paper"),
    "documented": lazy("known from publications"),
}
SORTS = {
    "new": lazy("newest in the register"),
    "signed": lazy("last signed"),
    "ending": lazy("ending soonest"),
}
MOST_DAYS = 3660


class RegisterFilter(forms.Form):
    """Filters of the register; partners and agencies are those the register names."""

    q = forms.CharField(label=lazy("Words"), required=False, max_length=100)
    state = forms.ChoiceField(label=lazy("State"), required=False, choices=[ALL, *STATES.items()])
    kind = forms.ChoiceField(label=lazy("Kind"), required=False, choices=[ALL, *AgreementKind.choices])
    scheme = forms.ChoiceField(label=lazy("Scheme"), required=False, choices=[ALL, *SCHEMES])
    affair = forms.ChoiceField(label=lazy("Field of government"), required=False)
    partner = forms.ChoiceField(label=lazy("Partner"), required=False)
    agency = forms.ChoiceField(label=lazy("Agency"), required=False)
    year = forms.IntegerField(label=lazy("Year of signing"), required=False, min_value=1945, max_value=2100)
    within = forms.IntegerField(
        label=lazy("Ends within days"), required=False, min_value=0, max_value=MOST_DAYS
    )
    sort = forms.ChoiceField(label=lazy("Order"), required=False, choices=list(SORTS.items()))

    def __init__(self, *args: Any, offered: dict[str, list[tuple[str, str]]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = {"affair": [(key, str(name)) for key, name in affairs.names().items()], **offered}
        for name, values in offered.items():
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [ALL, *values]

    def values(self) -> dict[str, Any]:
        """The filters that make sense; one that does not is left out."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value not in ("", None)}


def _asked(request: HttpRequest) -> tuple[RegisterFilter, Any, dict[str, Any]]:
    form = RegisterFilter(request.GET, offered=register.choices(request.user))
    values = form.values()
    return form, register.narrowed(register.registered(request.user), values), values


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """What has been signed, with whom, until when?"""
    form, rows, values = _asked(request)
    ordered, by = register.ordered(with_parties(rows), values.get("sort", "new"))
    page = paginate(ordered, request.GET.get("cursor"), by=by, size=20)
    query = request.GET.copy()
    query.pop("cursor", None)
    hats = request.user.hats if is_person(request.user) else []
    return render(
        request,
        "agreements/register.html",
        {
            "form": form,
            "rows": [
                {"it": row, "valid": validity(row), "affair": affairs.name_of(row.affair)}
                for row in page.rows
            ],
            "page": page,
            "query": query.urlencode(),
            "counts": _counts(rows),
            "may_begin": any(hat.role == Role.BUREAU for hat in hats),
            "may_record": any(
                lifecycle_rules.register_hat(request.user, hat.organisation.city_id)
                for hat in hats
                if hat.organisation.city_id
            ),
        },
    )


def _counts(rows: Any) -> list[Count]:
    found = register.counts(rows)
    return [
        Count(str(found["total"]), _("in this list")),
        Count(str(found["force"]), _("in force")),
        Count(str(found["ending"]), _("ending within 90 days")),
        Count(str(found["coming"]), _("not in force yet")),
        Count(str(found["over"]), _("ended or declined")),
        Count(str(found["paper"]), _("recorded from paper")),
    ]


HEAD = [
    *("id", "kind", "title", "scheme", "affair", "parties", "numbers", "signed_on", "starts_on", "ends_on"),
    *("ended_on", "state", "days_left", "collaboration", "addendum_to", "origin", "source", "sha256"),
    *("invented", "url"),
]


@require_safe
def as_csv(request: HttpRequest) -> HttpResponse:
    """The register as CSV, with the filters of the page."""
    _form, rows, values = _asked(request)
    ordered, by = register.ordered(with_parties(rows), values.get("sort", "new"))
    found = ordered.order_by(f"-{by}", "-pk").iterator(chunk_size=500)
    return csv_response("perjanjian.csv", HEAD, (_line(request, row) for row in found))


def _line(request: HttpRequest, row: Any) -> list[Any]:
    parties = list(row.parties.all())
    term = term_of(row)
    return [
        row.pk,
        row.kind,
        row.title,
        row.collaboration.scheme_version.key if row.collaboration else "",
        row.affair,
        "; ".join(party.organisation.name for party in parties),
        "; ".join(party.number for party in parties),
        row.signed_on or "",
        row.starts_on or "",
        row.ends_on or "",
        row.ended_on or "",
        term.code,
        "" if term.days is None or not term.in_force else term.days,
        row.collaboration.reference if row.collaboration else "",
        row.amends_id or "",
        _origin(row),
        row.source,
        row.sealed_document.sha256 if row.sealed_document else "",
        row.invented,
        request.build_absolute_uri(reverse("portal:agreement", args=[row.pk])),
    ]


def _origin(row: Agreement) -> str:
    if row.from_paper:
        return "paper, not verified by the hub"
    return "publications" if row.documented else "hub"
