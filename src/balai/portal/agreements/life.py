"""What the page of one agreement says of its life after the seal."""

from typing import Any

from django import forms
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from balai.agreements import affairs
from balai.agreements import lifecycle_rules as rules
from balai.agreements.models import (
    Agreement,
    AgreementState,
    Handover,
    PaperCorrection,
    PaperRecord,
    Termination,
    TerminationState,
)
from balai.agreements.rules import side_of
from balai.agreements.term import term_of
from balai.people.rules import Reader
from balai.portal.agreements.validity import validity

FIELDS = {
    "kind": lazy("Kind"),
    "title": lazy("Title, Bahasa Indonesia"),
    "title_en": lazy("Title, English"),
    "city_party": lazy("Party of the city"),
    "city_number": lazy("Number of the city"),
    "partners": lazy("Partners"),
    "partner_numbers": lazy("Numbers of the partners"),
    "signed_on": lazy("Signed on"),
    "starts_on": lazy("From"),
    "ends_on": lazy("Until"),
    "ended_on": lazy("Ended early on"),
    "affair": lazy("Field of government"),
    "source": lazy("Source"),
    "certainty": lazy("How sure"),
}
"""What a record from paper says, field by field."""


class AffairForm(forms.Form):
    affair = forms.ChoiceField(label=lazy("Field of government"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["affair"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", _("not classified")), *((k, str(n)) for k, n in affairs.names().items())]


def with_life(rows: QuerySet[Agreement]) -> QuerySet[Agreement]:
    """The rows, each saying whether it has addenda and endings, so that nothing is read in vain."""
    return rows.annotate(
        has_addenda=Exists(Agreement.objects.filter(amends=OuterRef("pk"))),
        has_endings=Exists(Termination.objects.filter(agreement=OuterRef("pk"))),
    )


def life(user: Reader, agreement: Agreement, *, inside: bool) -> dict[str, Any]:
    """What the page of an agreement says of its life after the seal, as far as the reader may know it."""
    addenda = Agreement.objects.filter(amends=agreement).order_by("addendum_number", "created_at")
    known = (TerminationState.SET, TerminationState.DONE)
    rows = Termination.objects.filter(agreement=agreement).select_related("party__organisation")
    over = agreement.state == AgreementState.ENDED
    keeps = bool(rules.may_classify(user, agreement))
    paper = PaperRecord.objects.filter(agreement=agreement).first() if agreement.from_paper else None
    signed = agreement.sealed_document_id is not None
    began = signed and getattr(agreement, "has_endings", True)
    termination = (rows if inside else rows.filter(state__in=known)).first() if began else None
    amended = signed and getattr(agreement, "has_addenda", True)
    return {
        "term": term_of(agreement),
        "addenda": [{"it": row, "valid": validity(row)} for row in addenda] if amended else [],
        "amends": agreement.amends,
        "affair": affairs.name_of(agreement.affair) if agreement.affair else "",
        "affair_form": AffairForm(initial={"affair": agreement.affair}) if keeps else None,
        "termination": termination,
        "duties": list(Handover.objects.filter(agreement=agreement)) if over else [],
        "may_amend": signed and inside and rules.may_amend(user, agreement),
        "may_end": signed and inside and rules.may_end(user, agreement),
        "may_hand_over": over and inside and side_of(user, agreement) is not None,
        "paper": paper,
        "corrections": _corrections(agreement) if paper else [],
        "keeps": keeps,
    }


def _corrections(agreement: Agreement) -> list[dict[str, Any]]:
    """Every correction of a record from paper, newest first, with what it said before."""
    return [
        {
            "it": row,
            "changes": [
                {"label": FIELDS[name], "was": was, "now": now} for name, (was, now) in row.changes.items()
            ],
        }
        for row in PaperCorrection.objects.filter(agreement=agreement)
    ]
