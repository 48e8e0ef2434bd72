"""How an agreement ends: with its term, by consent of the parties, or by notice of one of them."""

import re
from datetime import date, timedelta
from hashlib import sha256
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from balai.agreements import lifecycle_rules as rules
from balai.agreements.actions import _locked, _note
from balai.agreements.addenda import Consolidated, consolidated, open_termination
from balai.agreements.clock import today_in
from balai.agreements.models import (
    Agreement,
    AgreementState,
    AgreementVersion,
    DocumentNumber,
    Handover,
    RoundOutcome,
    SigningRound,
    Termination,
    TerminationBasis,
    TerminationConsent,
    TerminationState,
    TermMark,
)
from balai.agreements.rules import bureau_hat, parties_of, side_of
from balai.agreements.terms import AgreementTerms, tidy
from balai.core import ledger, search
from balai.core.errors import Invalid, Refused, Stale, Text
from balai.core.rules import require
from balai.people.models import User

LONGEST_TEXT = 2000
DEFAULT_NOTICE_DAYS = 30
FURTHEST = timedelta(days=5 * 366)
NOTICE = "termination_notice"
HANDOVER = "handover_days"
ENDING = "ending"
_UNITS = {"hari": 1, "minggu": 7, "bulan": 30, "tahun": 365}
_TIME = re.compile(rf"\b(\d{{1,4}})(?: \([^()]*\))? ({'|'.join(_UNITS)})\b")


def notice_days(terms: AgreementTerms) -> int:
    """How many days before a one-sided end the agreement asks for notice; 30 where it names no number.

    Where the parties wrote the article on its end anew, without the blank, the longest time it names.
    """
    if NOTICE in terms.variables:
        return _days(terms, NOTICE, DEFAULT_NOTICE_DAYS)
    article = " ".join(part.id for clause in terms.clauses if clause.key == ENDING for part in clause.text)
    named = (int(found[1]) * _UNITS[found[2]] for found in _TIME.finditer(article))
    return max(named, default=DEFAULT_NOTICE_DAYS)


def _days(terms: AgreementTerms, name: str, default: int) -> int:
    text = terms.variables[name].id if name in terms.variables else ""
    found = re.search(r"\d{1,4}", text)
    if not found:
        return default
    return int(found[0]) * (30 if "bulan" in text else 7 if "minggu" in text else 1)


def digest(text: str, effective_on: date) -> str:
    """What both sides say yes to: the text and the last day, under one hash."""
    return sha256(f"{effective_on.isoformat()}\n{text}".encode()).hexdigest()


def propose_ending(*, agreement: Agreement, by: User, text: str, effective_on: date) -> Termination:
    """Ask the other parties to end the agreement by consent, on one text and one last day.

    Raises Refused, Invalid, and Stale where another ending is on its way.
    """
    return _begin(agreement, by, text, effective_on, TerminationBasis.CONSENT)


def give_notice(*, agreement: Agreement, by: User, text: str, effective_on: date) -> Termination:
    """End the agreement one-sidedly, with the notice its articles ask for and a public reason.

    Raises Refused, Invalid (the day comes too early), and Stale where another ending is on its way.
    """
    return _begin(agreement, by, text, effective_on, TerminationBasis.NOTICE)


def _begin(agreement: Agreement, by: User, text: str, effective_on: date, basis: str) -> Termination:
    text = tidy(text)
    with transaction.atomic():
        locked = _locked(agreement)
        if side_of(by, locked) and open_termination(locked):
            raise Stale(_("An ending is on its way already."))
        require(rules.may_end(by, locked))
        side = side_of(by, locked)
        assert side is not None
        today = today_in(locked.city_id)
        asked = notice_days(consolidated(locked).terms) if basis == TerminationBasis.NOTICE else None
        _check(locked, text, effective_on, today, asked)
        now = timezone.now()
        notice = basis == TerminationBasis.NOTICE
        try:
            with transaction.atomic():
                made = Termination.objects.create(
                    agreement=locked,
                    basis=basis,
                    party=side[0],
                    text=text,
                    sha256=digest(text, effective_on),
                    effective_on=effective_on,
                    notice_days=asked,
                    state=TerminationState.SET if notice else TerminationState.PROPOSED,
                    by=by.pseudonym,
                    at=now,
                    settled_at=now if notice else None,
                )
        except IntegrityError as clash:
            raise Stale(_("An ending is on its way already.")) from clash
        TerminationConsent.objects.create(termination=made, party=side[0], by=by.pseudonym, at=now)
        facts = {"ending": made.pk, "sha256": made.sha256, "on_last_day": effective_on}
        if notice:
            facts |= {"text": text, "notice_days": asked}
        _note(
            locked,
            "agreement.end_notified" if notice else "agreement.end_proposed",
            by,
            side[1],
            public=notice,
            data=facts,
        )
    return made


def _check(agreement: Agreement, text: str, effective_on: date, today: date, asked: int | None) -> None:
    faults: dict[str, list[Text]] = {}
    if not text or len(text) > LONGEST_TEXT:
        faults["text"] = [_("A text of 1 to 2,000 characters is needed; it becomes public.")]
    earliest = today + timedelta(days=asked or 0)
    if effective_on < earliest:
        faults["effective_on"] = [
            _("The agreement asks for %(days)s days of notice, so the earliest last day is %(day)s.")
            % {"days": asked, "day": date_format(earliest, "j F Y")}
            if asked
            else _("The last day lies in the past.")
        ]
    elif agreement.ends_on and effective_on >= agreement.ends_on:
        faults["effective_on"] = [
            _("The term ends by itself on %(day)s.") % {"day": date_format(agreement.ends_on, "j F Y")}
        ]
    elif effective_on > today + FURTHEST:
        faults["effective_on"] = [_("Choose a day within five years.")]
    if faults:
        raise Invalid(_("The ending cannot be kept as it is."), faults)


def agree_ending(*, termination: Termination, by: User, seen_sha256: str) -> Termination:
    """Say yes for one's party to exactly this text and day; the last yes settles the end.

    Raises Refused, and Stale where the proposal is another or closed meanwhile.
    """
    with transaction.atomic():
        locked = _locked(termination.agreement)
        fresh = _fresh(termination, locked)
        if fresh.sha256 != seen_sha256.strip().lower():
            raise Stale(_("The text changed since you read it. Nothing was recorded."))
        require(rules.may_answer_ending(by, fresh))
        if fresh.effective_on < today_in(locked.city_id):
            raise Refused(_("The last day proposed has passed. Propose another."))
        side = side_of(by, locked)
        assert side is not None
        now = timezone.now()
        TerminationConsent.objects.create(termination=fresh, party=side[0], by=by.pseudonym, at=now)
        settled = fresh.consents.count() == len(parties_of(locked))
        if settled:
            _move(fresh, TerminationState.SET, settled_at=now)
        facts: dict[str, Any] = {"ending": fresh.pk, "sha256": fresh.sha256, "party": side[0].place}
        if settled:
            facts |= {"text": fresh.text, "on_last_day": fresh.effective_on}
        _note(locked, "agreement.end_agreed", by, side[1], public=settled, data=facts)
    return fresh


def refuse_ending(*, termination: Termination, by: User) -> Termination:
    """Say no to a proposed end; the agreement goes on."""
    with transaction.atomic():
        locked = _locked(termination.agreement)
        fresh = _fresh(termination, locked)
        require(rules.may_answer_ending(by, fresh))
        side = side_of(by, locked)
        _move(fresh, TerminationState.REFUSED, settled_at=timezone.now())
        hat = side[1] if side else None
        _note(locked, "agreement.end_refused", by, hat, public=False, data={"ending": fresh.pk})
    return fresh


def withdraw_ending(*, termination: Termination, by: User) -> Termination:
    """Take back a proposal, or a notice that is not in effect yet; the agreement goes on."""
    with transaction.atomic():
        locked = _locked(termination.agreement)
        fresh = _fresh(termination, locked)
        require(rules.may_withdraw_ending(by, fresh))
        side = side_of(by, locked)
        public = fresh.state == TerminationState.SET
        _move(fresh, TerminationState.WITHDRAWN, settled_at=timezone.now())
        hat = side[1] if side else None
        _note(locked, "agreement.end_withdrawn", by, hat, public=public, data={"ending": fresh.pk})
    return fresh


def hand_over(*, duty: Handover, by: User) -> Handover:
    """Mark a duty of the exit clause as done, once. Raises Refused or Stale."""
    require(rules.may_hand_over(by, duty))
    agreement = duty.agreement
    side = side_of(by, agreement)
    hat = side[1] if side else bureau_hat(by, agreement)
    now = timezone.now()
    with transaction.atomic():
        rows = Handover.objects.filter(pk=duty.pk, done_at=None)
        if not rows.update(done_at=now, done_by=by.pseudonym):
            raise Stale(_("This is marked as done already."))
        _note(agreement, "agreement.handed_over", by, hat, public=True, data={"duty": duty.pk})
    duty.done_at = now
    return duty


def end_by_term(agreement: Agreement, *, today: date, marks: list[int] | None = None) -> bool:
    """End an agreement whose term is over on ``today``; False where there is nothing to end.

    Once only: a conditional update on its state and on the end it has. An addendum that every party has
    signed is sealed first, since it may move the end. ``marks`` are reminders that were slept over: the end
    tells of them.
    """
    with transaction.atomic():
        locked = _locked(agreement)
        over = locked.state == AgreementState.SEALED and locked.ends_on is not None and locked.ends_on < today
        sealing = Agreement.objects.filter(amends=locked, state=AgreementState.SEALING)
        if not over or locked.amends_id or locked.documented or sealing.exists():
            return False
        assert locked.ends_on is not None
        if not _end(locked, on=locked.ends_on, reason="term", facts={"marks": marks} if marks else {}):
            return False
        now = timezone.now()
        TermMark.objects.bulk_create(
            (
                TermMark(agreement=locked, ends_on=locked.ends_on, days=days, told_at=now)
                for days in marks or ()
            ),
            ignore_conflicts=True,
        )
        return True


def end_by_settlement(termination: Termination, *, today: date) -> bool:
    """End an agreement once its settled last day is over; False where there is nothing to end."""
    with transaction.atomic():
        locked = _locked(termination.agreement)
        fresh = _fresh(termination, locked)
        over = fresh.state == TerminationState.SET and fresh.effective_on < today
        sealing = Agreement.objects.filter(amends=locked, state=AgreementState.SEALING)
        if not over or locked.state != AgreementState.SEALED or sealing.exists():
            return False
        if not _move(fresh, TerminationState.DONE):
            return False
        facts = {"ending": fresh.pk, "sha256": fresh.sha256, "party": fresh.party.place}
        return _end(locked, on=fresh.effective_on, reason=fresh.basis, facts=facts)


def _end(locked: Agreement, *, on: date, reason: str, facts: dict[str, Any]) -> bool:
    """The one place where an agreement ends; its addenda with it. Inside the caller's transaction."""
    before = consolidated(locked) if AgreementVersion.objects.filter(agreement=locked).exists() else None
    rows = Agreement.objects.filter(pk=locked.pk, state=AgreementState.SEALED)
    if not rows.update(state=AgreementState.ENDED, ended_on=on):
        return False
    addenda = Agreement.objects.filter(amends=locked)
    addenda.filter(state=AgreementState.SEALED).update(state=AgreementState.ENDED, ended_on=on)
    dropped = list(addenda.filter(state__in=(AgreementState.DRAFTING, AgreementState.SIGNING)))
    for addendum in dropped:
        _drop(addendum)
    Termination.objects.filter(agreement=locked, state=TerminationState.PROPOSED).update(
        state=TerminationState.WITHDRAWN, settled_at=timezone.now()
    )
    if before is not None:
        _set_duties(locked, before, on)
    ledger.append(
        verb="agreement.ended",
        subject=locked.subject,
        thread=locked.thread,
        by=None,
        city=locked.city_id,
        public=True,
        data={"reason": reason, "last_day": on, "dropped": [str(row.pk) for row in dropped], **facts},
    )
    return True


def _drop(addendum: Agreement) -> None:
    """An addendum not signed in time goes with what it would have amended."""
    Agreement.objects.filter(pk=addendum.pk).update(state=AgreementState.ENDED)
    now = timezone.now()
    DocumentNumber.objects.filter(agreement=addendum, void_at=None).update(
        void_at=now, void_reason=_("the agreement it amends has ended")
    )
    SigningRound.objects.filter(agreement=addendum, closed_at=None).update(
        closed_at=now, outcome=RoundOutcome.EXPIRED
    )
    search.remove(addendum.subject)


def _set_duties(agreement: Agreement, now: Consolidated, on: date) -> None:
    """What the exit clause asks for, each with its last day."""
    due = on + timedelta(days=_days(now.terms, HANDOVER, DEFAULT_NOTICE_DAYS))
    Handover.objects.bulk_create(
        Handover(agreement=agreement, text=rule.id, text_en=rule.en, due_on=due) for rule in now.terms.exit
    )


def _fresh(termination: Termination, locked: Agreement) -> Termination:
    fresh = Termination.objects.select_related("party").get(pk=termination.pk)
    fresh.agreement = locked
    return fresh


def _move(termination: Termination, state: str, **values: Any) -> bool:
    rows = Termination.objects.filter(pk=termination.pk, state=termination.state)
    moved = bool(rows.update(state=state, **values))
    if moved:
        termination.state = state
    return moved
