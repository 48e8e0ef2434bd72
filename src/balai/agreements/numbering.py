"""Each party puts its own number on the document. The city's is reserved, never made up.

A number is no part of the wording: it is set into the text that every party approved, makes a version whose
wording has the same hash, and the approvals stand. See `AgreementTerms.wording`.
"""

from dataclasses import replace
from datetime import date
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from balai.agreements import numbers, rules
from balai.agreements.actions import _file, _fresh, _keep, _latest, _locked, _note
from balai.agreements.models import (
    Agreement,
    AgreementVersion,
    Approval,
    Certainty,
    DocumentNumber,
    NumberOrigin,
    NumberPattern,
    Party,
)
from balai.agreements.terms import tidy, unprintable
from balai.agreements.typesetting import typesetter
from balai.core import ledger
from balai.core.errors import Invalid, Refused, Stale, Text
from balai.core.rules import require
from balai.people.models import Organisation, User

LONGEST = 120
MOST_TRIES = 50


def reserve_number(*, agreement: Agreement, by: User, number: str = "", place: int = 0) -> DocumentNumber:
    """Reserve the city's number and set it into the text every party approved.

    ``number`` is what the letter office gave; empty takes the next of the series. ``place`` names the party
    where the city's side has several. Raises Refused, Invalid (field ``number``), or Stale.
    """
    given = tidy(number)
    agreement = _fresh(agreement)
    party = _city_party(agreement, place)
    _may_reserve(agreement, party, by)
    today = timezone.localdate()
    pattern = numbers.pattern_at(party.organisation, agreement.kind, today)
    if not given and pattern is None:
        raise Invalid(
            _("No number was reserved."),
            {
                "number": [
                    _("No pattern is on record for %(party)s. Enter the number its letter office gave.")
                    % {"party": party.organisation.name}
                ]
            },
        )
    origin = NumberOrigin.OFFICE if given else NumberOrigin.SERIES
    for _attempt in range(MOST_TRIES):
        text = given or numbers.proposal(party.organisation, agreement.kind, today)
        _check(text)
        try:
            return _place(agreement, party, text, by=by, origin=origin, pattern=pattern, today=today)
        except IntegrityError as clash:
            if given:
                raise numbers.taken(party) from clash
    raise Stale(_("Too many reserved a number at once. Nothing was reserved; press again."))


def put_number(*, party: Party, number: str, by: User) -> DocumentNumber:
    """Set the number a party other than the city gave itself. Approvals stand: no word changes.

    Raises Refused, Invalid (field ``number``) or Stale.
    """
    agreement = _fresh(party.agreement)
    own = next(p for p in rules.parties_of(agreement) if p.pk == party.pk)
    require(rules.may_put_number(by, agreement, own))
    text = tidy(number)
    _check(text)
    try:
        return _place(agreement, own, text, by=by, origin=NumberOrigin.OWN)
    except IntegrityError as clash:
        raise numbers.taken(own) from clash


def void_number(*, number: DocumentNumber, reason: str, by: User) -> DocumentNumber:
    """Take a number out of the text again. The row stays with its reason, and no series gives it again."""
    reason = _reason(reason)
    agreement = _fresh(number.agreement)
    party = next(p for p in rules.parties_of(agreement) if p.pk == number.party_id)
    require(rules.may_put_number(by, agreement, party))
    latest = _latest(agreement, None)
    with_number = next((p.number for p in latest.reading.parties if p.place == party.place), "")
    made = _numbered(latest, party, "", by=by, city=agreement.city_id) if with_number else None
    with transaction.atomic():
        locked = _locked(agreement)
        require(rules.may_put_number(by, locked, party))
        now = _latest(locked, latest.number)
        if not numbers.close(number, by=by, reason=reason):
            raise Stale(_("Somebody was faster: this number is void already."))
        Party.objects.filter(pk=party.pk).update(number="")
        if made:
            _carry(locked, now, made, by, party, note=_("Number taken out: %(reason)s") % {"reason": reason})
        data = {"number": number.number, "party": party.place, "reason": reason}
        _note(
            locked, "agreement.number_void", by, rules.number_hat(by, locked, party), public=True, data=data
        )
    number.refresh_from_db()
    return number


def add_pattern(
    *,
    organisation: Organisation,
    kind: str,
    template: str,
    classification: str = "",
    document_type: str = "",
    unit: str = "",
    digits: int = 1,
    source: str,
    certainty: str = Certainty.COUNSEL,
    by: User,
) -> NumberPattern:
    """Use a pattern from today on; the one before it ends. Raises Refused or Invalid."""
    hat = rules.keeps_numbers_of(by, organisation)
    if hat is None:
        raise Refused(_("Only the cooperation bureau of the city keeps its number patterns."))
    values = {
        "template": tidy(template),
        "classification": tidy(classification),
        "document_type": tidy(document_type),
        "unit": tidy(unit),
        "source": tidy(source),
    }
    faults: dict[str, list[Text]] = {}
    for name, value in values.items():
        most = {"template": 120, "source": 300}.get(name, 30)
        if "\n" in value or len(value) > most or unprintable(value):
            faults[name] = [
                _("One line of at most %(limit)s characters the document can show.") % {"limit": most}
            ]
    if not values["source"]:
        faults["source"] = [_("Say where the pattern comes from.")]
    for field, name in (("classification", "classification"), ("type", "document_type"), ("unit", "unit")):
        if f"{{{field}}}" in values["template"] and not values[name]:
            faults.setdefault(name, [_("The pattern uses this part, so it is needed.")])
    if not 1 <= digits <= 6:
        faults["digits"] = [_("A serial has one to six digits.")]
    if faults:
        raise Invalid(_("The pattern cannot be kept."), faults)
    numbers.check_template(values["template"])
    today, now = timezone.localdate(), timezone.now()
    try:
        with transaction.atomic():
            NumberPattern.objects.filter(organisation=organisation, kind=kind, valid_until=None).update(
                valid_until=today
            )
            pattern = NumberPattern.objects.create(
                organisation=organisation,
                kind=kind,
                digits=digits,
                certainty=certainty,
                valid_from=today,
                added_by=by.pseudonym,
                added_at=now,
                **values,
            )
            ledger.append(
                verb="number.pattern",
                subject=f"number:{pattern.pk}",
                thread=f"number:{organisation.pk}",
                by=by,
                role=hat.role,
                organisation=hat.organisation_id,
                city=hat.organisation.city_id or "",
                public=True,
                data={"kind": kind, "template": pattern.template, "certainty": pattern.certainty},
            )
    except IntegrityError as clash:
        raise Stale(_("Somebody was faster: another pattern came into use.")) from clash
    return pattern


def _city_party(agreement: Agreement, place: int) -> Party:
    sides = [p for p in rules.parties_of(agreement) if rules.is_city_side(p)]
    found = next((p for p in sides if p.place == place), None) if place else next(iter(sides), None)
    if found is None:
        raise Refused(_("No party of this agreement is the city's, so no number is reserved for it."))
    return found


def _may_reserve(agreement: Agreement, party: Party, by: User) -> None:
    require(rules.may_put_number(by, agreement, party))
    latest = _latest(agreement, None)
    if latest.approvals.count() < len(rules.parties_of(agreement)):
        raise Refused(
            _("A number is reserved once every party has approved the same text. Approvals are missing.")
        )
    if party.number or DocumentNumber.objects.filter(party=party, void_at=None).exists():
        raise Stale(_("%(party)s has a number already.") % {"party": party.organisation.name})


def _place(
    agreement: Agreement,
    party: Party,
    text: str,
    *,
    by: User,
    origin: str,
    pattern: NumberPattern | None = None,
    today: date | None = None,
) -> DocumentNumber:
    """Take the number and set it into the text in one transaction. Raises IntegrityError where taken."""
    latest = _latest(agreement, None)
    made = _numbered(latest, party, text, by=by, city=agreement.city_id)
    with transaction.atomic():
        locked = _locked(agreement)
        now = _latest(locked, latest.number)
        if rules.is_city_side(party):
            fresh = next(p for p in rules.parties_of(locked) if p.pk == party.pk)
            _may_reserve(locked, fresh, by)
        else:
            require(rules.may_put_number(by, locked, party))
            for held in DocumentNumber.objects.filter(party=party, void_at=None):
                numbers.close(held, by=by, reason=_("replaced by the party"))
        kept = numbers.record(locked, party, text, by=by, origin=origin, pattern=pattern, today=today)
        Party.objects.filter(pk=party.pk).update(number=text)
        note = _("Number %(number)s set in; no word changed") % {"number": text}
        version = _carry(locked, now, made, by, party, note=note)
        data = {
            "version": version.number,
            "sha256": version.document.sha256,
            "fingerprint": version.fingerprint,
            "typesetter": typesetter(),
            "wording": version.reading.wording,
            "party": party.place,
            "number": text,
            "origin": str(origin),
        }
        _note(locked, "agreement.numbered", by, rules.number_hat(by, locked, party), public=True, data=data)
    return kept


def _numbered(latest: AgreementVersion, party: Party, text: str, *, by: User, city: str) -> Any:
    """The same wording with another number, typeset and filed outside any transaction."""
    parties = tuple(replace(p, number=text) if p.place == party.place else p for p in latest.reading.parties)
    terms = replace(latest.reading, parties=parties, version=latest.number + 1)
    assert terms.wording == latest.reading.wording
    return terms, _file(terms, by=by, city=city)


def _carry(
    agreement: Agreement, before: AgreementVersion, made: Any, by: User, party: Party, *, note: str
) -> AgreementVersion:
    """Keep the numbered version; who approved the wording has approved it here too, at the time they did."""
    terms, document = made
    hat = rules.number_hat(by, agreement, party)
    version = _keep(
        agreement, terms, document, note, by, hat.organisation_id if hat else party.organisation_id
    )
    for approval in before.approvals.all():
        carried = Approval.objects.create(version=version, party_id=approval.party_id, by=approval.by)
        Approval.objects.filter(pk=carried.pk).update(at=approval.at)
    return version


def _check(text: str) -> None:
    fault = ""
    if not text:
        fault = _("Enter the number.")
    elif "\n" in text or len(text) > LONGEST:
        fault = _("One line of at most %(limit)s characters.") % {"limit": LONGEST}
    elif unprintable(text):
        fault = _("The document cannot show some of these characters.")
    if fault:
        raise Invalid(_("The number cannot be kept."), {"number": [fault]})


def _reason(text: str) -> str:
    text = tidy(text)
    if not text or len(text) > 500:
        raise Invalid(_("Say why."), {"reason": [_("A reason of 1 to 500 characters is needed.")]})
    return text
