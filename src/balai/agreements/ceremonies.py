"""Ceremonies: many agreements, one session. Each signatory signs all their documents with one press."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from django.db import DatabaseError, transaction
from django.db.models import Count, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from balai.agreements import actions, rules
from balai.agreements.models import (
    Agreement,
    AgreementState,
    AgreementVersion,
    Ceremony,
    CeremonyItem,
    CeremonyState,
    Party,
    Signature,
)
from balai.agreements.queries import with_file
from balai.agreements.terms import tidy
from balai.core import ledger
from balai.core.errors import BalaiError, Invalid, Refused, Stale, Text
from balai.core.rules import Verdict, no
from balai.people.models import City, User
from balai.people.rules import Reader

MOST_AGREEMENTS = 100
log = logging.getLogger(__name__)


def prepare_ceremony(
    *,
    city: City,
    title: str,
    place: str,
    starts_at: datetime,
    agreements: Sequence[Agreement],
    by: User,
    title_en: str = "",
) -> Ceremony:
    """Set a session at which up to a hundred agreements are signed. Raises Refused, Invalid or Stale."""
    hat = rules.tends_ceremonies_of(by, city)
    if hat is None:
        raise Refused(_("Only the city's cooperation bureau prepares a signing ceremony."))
    values = {"title": tidy(title), "title_en": tidy(title_en), "place": tidy(place)}
    faults: dict[str, list[Text]] = {}
    for name, value in values.items():
        if "\n" in value or len(value) > 200 or (not value and name != "title_en"):
            faults[name] = [_("One line of 1 to 200 characters.")]
    chosen = list({a.pk: a for a in agreements}.values())
    if not 1 <= len(chosen) <= MOST_AGREEMENTS:
        faults["agreements"] = [_("A ceremony has 1 to %(most)s agreements.") % {"most": MOST_AGREEMENTS}]
    else:
        ready = set(agreements_ready(city).filter(pk__in=[a.pk for a in chosen]).values_list("pk", flat=True))
        if wrong := [str(a) for a in chosen if a.pk not in ready]:
            faults["agreements"] = [
                _("Not ready: %(titles)s. Every party approves the text, and no other ceremony has it.")
                % {"titles": ", ".join(wrong)}
            ]
    if faults:
        raise Invalid(_("The ceremony cannot be kept as given."), faults)
    now = timezone.now()
    with transaction.atomic():
        ceremony = Ceremony.objects.create(
            city=city, starts_at=starts_at, prepared_by=by.pseudonym, created_at=now, **values
        )
        CeremonyItem.objects.bulk_create(
            CeremonyItem(ceremony=ceremony, agreement=agreement, place=place)
            for place, agreement in enumerate(chosen, 1)
        )
        _note(ceremony, "ceremony.prepared", by, {"agreements": len(chosen)})
    return ceremony


def open_ceremony(*, ceremony: Ceremony, by: User) -> Ceremony:
    """Begin: from now on its documents can be signed here."""
    return _turn(ceremony, CeremonyState.PLANNED, CeremonyState.OPEN, "ceremony.opened", by)


def close_ceremony(*, ceremony: Ceremony, by: User) -> Ceremony:
    """End it. What was signed stays; what was not can be signed in another round or ceremony."""
    return _turn(ceremony, CeremonyState.OPEN, CeremonyState.CLOSED, "ceremony.closed", by)


def _turn(ceremony: Ceremony, before: str, after: str, verb: str, by: User) -> Ceremony:
    if rules.tends_ceremonies_of(by, ceremony.city) is None:
        raise Refused(_("Only the city's cooperation bureau opens and closes a ceremony."))
    stamp = "opened_at" if after == CeremonyState.OPEN else "closed_at"
    with transaction.atomic():
        changed = Ceremony.objects.filter(pk=ceremony.pk, state=before).update(
            state=after, **{stamp: timezone.now()}
        )
        if not changed:
            raise Stale(_("Somebody was faster: look at the ceremony again."))
        _note(ceremony, verb, by, standing(ceremony).facts)
    return Ceremony.objects.select_related("city").get(pk=ceremony.pk)


@dataclass(frozen=True, slots=True)
class Paper:
    """One document on a signatory's table. ``verdict`` says whether and why not they can sign it now."""

    agreement: Agreement
    version: AgreementVersion
    party: Party
    verdict: Verdict

    @property
    def key(self) -> str:
        """What a tick stands for: this agreement in exactly this text."""
        return f"{self.agreement.pk}:{self.version.document.sha256}"

    @property
    def signed_at(self) -> datetime | None:
        return self.party.signature.at if hasattr(self.party, "signature") else None


def papers_of(user: Reader, ceremony: Ceremony) -> list[Paper]:
    """The documents of the ceremony that the person signs, in the order of the programme."""
    rows = with_file(Agreement.objects.filter(ceremony_items__ceremony=ceremony))
    papers = []
    for agreement in rows.order_by("ceremony_items__place"):
        party = rules.party_to_sign(user, agreement)
        version = next(iter(agreement.versions.all()), None)
        if party is None or version is None:
            continue
        papers.append(Paper(agreement, version, party, _verdict(user, ceremony, agreement, version, party)))
    return papers


def _verdict(
    user: Reader, ceremony: Ceremony, agreement: Agreement, version: AgreementVersion, party: Party
) -> Verdict:
    if ceremony.state != CeremonyState.OPEN:
        return no(_("The ceremony is %(state)s.") % {"state": CeremonyState(ceremony.state).label})
    if len(version.approvals.all()) < len(rules.parties_of(agreement)):
        return no(_("Every party approves the latest text before anyone signs."))
    return rules.may_sign(user, agreement, party)


@dataclass(frozen=True, slots=True)
class Signed:
    """What became of one tick: the signature, or the sentence that says why not."""

    agreement: str
    signature: Signature | None = None
    reason: Text = ""


def sign_many(
    *, ceremony: Ceremony, chosen: Iterable[tuple[UUID, str]], by: User, consent: bool | str
) -> list[Signed]:
    """Sign each ``(agreement, hash shown)``, each in a transaction of its own, in the given order.

    One that is refused leaves the others as they are; a result comes back for every one. The caller has made
    sure the person signed in again just now. Raises Refused where the ceremony is not under way, Invalid
    without consent or choice.
    """
    if not consent:
        raise Invalid(_("Nothing was signed."), {"consent": [_("Tick the sentence to say that you agree.")]})
    wanted = dict(chosen)
    if not wanted:
        raise Invalid(_("Nothing was signed."), {"papers": [_("Tick the documents you sign.")]})
    now = Ceremony.objects.get(pk=ceremony.pk)
    if now.state != CeremonyState.OPEN:
        raise Refused(_("The ceremony is %(state)s.") % {"state": CeremonyState(now.state).label})
    rows = Agreement.objects.filter(ceremony_items__ceremony=ceremony, pk__in=wanted).in_bulk()
    results = []
    for pk, sha256 in wanted.items():
        agreement = rows.get(pk)
        if agreement is None:
            results.append(Signed("", reason=_("This document is not part of the ceremony.")))
            continue
        try:
            signature = actions.sign(agreement=agreement, by=by, seen_sha256=sha256, consent=True)
        except BalaiError as fault:
            results.append(Signed(str(agreement), reason=fault.reason))
        except DatabaseError:
            log.exception("a signature in ceremony %s failed", ceremony.pk)
            reason = _("It could not be recorded just now. Press again in a moment.")
            results.append(Signed(str(agreement), reason=reason))
        else:
            results.append(Signed(str(agreement), signature))
    return results


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a ceremony is."""

    agreements: int
    complete: int
    sealed: int
    signatures: int
    wanted: int

    @property
    def facts(self) -> dict[str, int]:
        return asdict(self)


def standing(ceremony: Ceremony) -> Standing:
    """Counts of the ceremony; one query."""
    return standing_of(board(ceremony))


def board(ceremony: Ceremony) -> list[Agreement]:
    """Its agreements in the order of the programme, with ``signed_count`` and ``party_count``: one query."""
    return list(
        Agreement.objects.filter(ceremony_items__ceremony=ceremony)
        .select_related("collaboration")
        .annotate(
            signed_count=Count("signatures", distinct=True), party_count=Count("parties", distinct=True)
        )
        .order_by("ceremony_items__place")
    )


def standing_of(rows: list[Agreement]) -> Standing:
    """Counts of the rows of `board`."""
    done = (AgreementState.SEALING, AgreementState.SEALED)
    return Standing(
        agreements=len(rows),
        complete=sum(row.state in done for row in rows),
        sealed=sum(row.state == AgreementState.SEALED for row in rows),
        signatures=sum(row.signed_count for row in rows),  # type: ignore[attr-defined]
        wanted=sum(row.party_count for row in rows),  # type: ignore[attr-defined]
    )


def agreements_ready(city: City) -> QuerySet[Agreement]:
    """Agreements of the city that wait for signatures and are in no other ceremony to come."""
    taken = CeremonyItem.objects.exclude(ceremony__state=CeremonyState.CLOSED).values("agreement")
    rows = Agreement.objects.filter(city=city, documented=False).exclude(pk__in=taken)
    waiting = rows.filter(state=AgreementState.SIGNING, collaboration=None) | rows.filter(
        state__in=(AgreementState.DRAFTING, AgreementState.SIGNING), collaboration__stage="signing"
    )
    return waiting.order_by("title", "pk")


def ceremonies_of(city: City) -> QuerySet[Ceremony]:
    """Those of a city, newest first, with the number of their agreements."""
    return Ceremony.objects.filter(city=city).annotate(size=Count("items"))


def _note(ceremony: Ceremony, verb: str, by: User, data: dict[str, int]) -> None:
    hat = rules.tends_ceremonies_of(by, ceremony.city)
    ledger.append(
        verb=verb,
        subject=ceremony.subject,
        thread=ceremony.subject,
        by=by,
        role=hat.role if hat else "",
        organisation=hat.organisation_id if hat else None,
        city=ceremony.city_id,
        public=True,
        data=data,
    )
