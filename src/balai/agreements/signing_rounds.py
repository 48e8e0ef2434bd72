"""Rounds of signing: in which manner and order, until which day, and what happens on that day."""

from datetime import date, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from balai.agreements import rules
from balai.agreements.actions import _locked, _note
from balai.agreements.models import (
    Agreement,
    AgreementState,
    RoundOutcome,
    SigningMode,
    SigningReminder,
    SigningRound,
)
from balai.core import ledger
from balai.core.errors import Invalid
from balai.core.rules import require
from balai.people.models import User

REMIND_DAYS = (7, 1, 0)
LONGEST_DAYS = 366


def plan_signing(
    *, agreement: Agreement, mode: str, by: User, ordered: bool = False, until: date | None = None
) -> SigningRound:
    """Set how the text is signed. A round that is open is changed; after one that ended a new one opens.

    ``until`` is the last day; None for no end. Raises Refused or Invalid (fields ``mode``, ``until``).
    """
    today = timezone.localdate()
    if mode not in SigningMode.values:
        raise Invalid(_("The plan cannot be kept."), {"mode": [_("Choose one of the manners.")]})
    if until is not None and not today <= until <= today + timedelta(days=LONGEST_DAYS):
        raise Invalid(
            _("The plan cannot be kept."), {"until": [_("Choose a day from today to a year from now.")]}
        )
    with transaction.atomic():
        locked = _locked(agreement)
        require(rules.may_plan(by, locked))
        last = rules.current_round(locked)
        number = last.number if last else 0
        if last and last.closed_at is None:
            SigningRound.objects.filter(pk=last.pk).update(mode=mode, ordered=ordered, until=until)
            current = SigningRound.objects.get(pk=last.pk)
        else:
            number += 1
            current = SigningRound.objects.create(
                agreement=locked,
                number=number,
                mode=mode,
                ordered=ordered,
                until=until,
                opened_at=timezone.now(),
                opened_by=by.pseudonym,
            )
        data = {"round": number, "mode": str(mode), "ordered": ordered, "until": until}
        _note(locked, "agreement.planned", by, rules.bureau_hat(by, locked), public=False, data=data)
    return current


def remind(today: date | None = None) -> int:
    """Remind of every last day that is 7, 1 or 0 days away; returns how many reminders went out.

    Each goes out once, also where the worker slept: then the latest that is due, and no earlier one after it.
    """
    today = today or timezone.localdate()
    sent = 0
    rounds = SigningRound.objects.filter(
        closed_at=None, until__gte=today, until__lte=today + timedelta(days=max(REMIND_DAYS))
    ).select_related("agreement__collaboration")
    for current in rounds:
        assert current.until is not None
        agreement = current.agreement
        if agreement.phase != AgreementState.SIGNING:
            continue
        left = (current.until - today).days
        days = min(mark for mark in REMIND_DAYS if mark >= left)
        try:
            with transaction.atomic():
                SigningReminder.objects.create(
                    round=current, until=current.until, days=days, at=timezone.now()
                )
                _system_note(
                    agreement, "agreement.signing_due", {"round": current.number, "until": current.until}
                )
        except IntegrityError:
            continue
        sent += 1
    return sent


def expire(today: date | None = None) -> int:
    """Close the rounds whose last day is past; returns how many.

    Signatures given stay what they are, consents to one unchanged text, and another round may gather the
    rest. Where nobody had signed, a memorandum goes back to negotiation; a collaboration goes back by its
    scheme's own move, which asks a person for the reason.
    """
    today = today or timezone.localdate()
    closed = 0
    over = SigningRound.objects.filter(closed_at=None, until__lt=today)
    for pk in list(over.values_list("agreement", flat=True)):
        with transaction.atomic():
            locked = _locked(Agreement(pk=pk))
            changed = over.filter(agreement=locked).update(
                closed_at=timezone.now(), outcome=RoundOutcome.EXPIRED
            )
            if not changed:
                continue
            closed += 1
            signed = locked.signatures.count()
            reopened = bool(
                not signed
                and Agreement.objects.filter(pk=pk, collaboration=None, state=AgreementState.SIGNING).update(
                    state=AgreementState.DRAFTING
                )
            )
            _system_note(locked, "agreement.signing_expired", {"signed": signed, "reopened": reopened})
    return closed


def _system_note(agreement: Agreement, verb: str, data: dict[str, object]) -> None:
    ledger.append(
        verb=verb,
        subject=agreement.subject,
        thread=agreement.thread,
        by=None,
        city=agreement.city_id,
        public=False,
        data=data,
    )
