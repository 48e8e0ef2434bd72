"""One memorandum of understanding carries many cooperation agreements."""

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from balai.agreements import rules
from balai.agreements.actions import _fresh, _locked, _note, _plain
from balai.agreements.models import Agreement, AgreementKind, AgreementState
from balai.core.errors import Invalid
from balai.core.rules import require
from balai.people.models import User


def memoranda_for(agreement: Agreement) -> QuerySet[Agreement]:
    """Memoranda of the same city in force today, to which every other party of ``agreement`` is a party."""
    today = timezone.localdate()
    rows = Agreement.objects.filter(
        city=agreement.city_id, kind=AgreementKind.MOU, state=AgreementState.SEALED, documented=False
    )
    rows = rows.exclude(starts_on__gt=today).exclude(ends_on__lt=today)
    for party in rules.parties_of(agreement):
        if not rules.is_city_side(party):
            rows = rows.filter(parties__organisation=party.organisation_id)
    return rows.exclude(pk=agreement.pk).order_by("-sealed_at", "-pk")


def link_memorandum(*, agreement: Agreement, memorandum: Agreement | None, by: User) -> Agreement:
    """Say on which memorandum a cooperation agreement rests; None takes the link away.

    Raises Refused, or Invalid (field ``memorandum``) unless it is in force and between the same parties.
    """
    agreement = _fresh(agreement)
    with transaction.atomic():
        locked = _locked(agreement)
        require(rules.may_link(by, locked))
        if memorandum is not None and not memoranda_for(locked).filter(pk=memorandum.pk).exists():
            raise Invalid(
                _("The memorandum cannot be linked."),
                {"memorandum": [_("Choose a memorandum in force to which the same partner is a party.")]},
            )
        if locked.parent_id == (memorandum.pk if memorandum else None):
            return agreement
        Agreement.objects.filter(pk=locked.pk).update(parent=memorandum)
        data = {"memorandum": str(memorandum.pk) if memorandum else ""}
        _note(locked, "agreement.linked", by, rules.bureau_hat(by, locked), public=True, data=data)
    return _plain(agreement)
