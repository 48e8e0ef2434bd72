"""Every change of an agreement: drafted, negotiated, approved, signed, declined, sealed."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import IO, Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from balai.agreements import certified, numbers, rules
from balai.agreements.addenda import is_fit
from balai.agreements.codes import mark_of
from balai.agreements.drafting import first_terms, memorandum_terms, revised
from balai.agreements.models import (
    LIVE,
    Agreement,
    AgreementKind,
    AgreementState,
    AgreementVersion,
    Approval,
    LastRead,
    Party,
    RoundOutcome,
    Signature,
    SignatureMaker,
    SignedUpload,
    SigningRound,
)
from balai.agreements.queries import current_version, with_file, with_parties
from balai.agreements.sealing import trust_roots
from balai.agreements.tasks import seal_agreement
from balai.agreements.terms import AgreementTerms, Both, UnprintableError, tidy, unprintable
from balai.agreements.typesetting import MOST_PARTIES, typeset, typesetter
from balai.applications.models import Application
from balai.collaborations.actions import make_move
from balai.collaborations.models import Collaboration
from balai.core import documents, ledger
from balai.core.errors import Invalid, Refused, Stale, Text
from balai.core.inspection import PDF
from balai.core.models import Document, Follow
from balai.core.rules import require
from balai.observations.models import Dataset
from balai.people.models import City, Membership, Organisation, Role, User
from balai.people.rules import hats_in

LONGEST_NOTE = 500
LONGEST = {"signatory_name": 150, "signatory_title": 150, "mandate": 200, "number": 120}


def verify_address(agreement_id: UUID) -> str:
    """Where a printed copy can be checked, and under which authority it is to be sealed."""
    authority = next(iter(trust_roots()), None)
    return f"{settings.ORIGIN}/verifikasi/?dokumen={agreement_id}{mark_of(authority)}"


def draft_agreement(*, collaboration: Collaboration, by: User) -> Agreement:
    """Make version 1 from the scheme's articles and the application.

    Raises Refused off stage or for the wrong role, Stale where there is an agreement already.
    """
    require(rules.may_draft(by, collaboration))
    assert collaboration.agency is not None
    if Agreement.objects.filter(
        collaboration=collaboration, kind=AgreementKind.PKS, state__in=LIVE, documented=False
    ).exists():
        raise Stale(_("There is an agreement already. Open it to go on."))
    application = Application.objects.filter(collaboration=collaboration).first()
    datasets = list(Dataset.objects.filter(partner=collaboration.partner, city=collaboration.city))
    pk = uuid4()
    terms = first_terms(
        collaboration,
        answers=application.answers if application else {},
        datasets=datasets,
        today=timezone.localdate(),
        verify_at=verify_address(pk),
    )
    document = _file(terms, by=by, city=collaboration.city_id)
    answers = application.answers if application else {}
    agreement = Agreement(
        pk=pk,
        city=collaboration.city,
        kind=AgreementKind.PKS,
        collaboration=collaboration,
        title=terms.title.id,
        title_en=terms.title.en,
        starts_on=terms.starts_on,
        ends_on=terms.ends_on,
        spends_regional_budget=answers.get("regional_budget") == "yes",
        invented=collaboration.invented,
    )
    return _begin(agreement, terms, document, (collaboration.agency, collaboration.partner), datasets, by)


def draft_memorandum(
    *,
    city: City,
    parties: tuple[Organisation, ...],
    title: str,
    purpose: str,
    starts_on: date,
    ends_on: date,
    by: User,
    title_en: str = "",
    purpose_en: str = "",
    invented: bool = False,
) -> Agreement:
    """Make version 1 of an MoU between the city's side (first) and others; no collaboration is needed.

    Raises Refused unless ``by`` sits in the cooperation bureau of the city, Invalid for its contents.
    """
    if not any(hat.role == Role.BUREAU and hat.organisation.city_id == city.pk for hat in by.hats) or not any(
        hats_in(by, party) for party in parties[:1]
    ):
        raise Refused(_("Only the cooperation bureau drafts a memorandum, with itself as the first party."))
    if not 2 <= len(set(parties)) == len(parties) <= MOST_PARTIES:
        raise Invalid(_("A memorandum has 2 to %(most)s different parties.") % {"most": MOST_PARTIES})
    pk = uuid4()
    terms = memorandum_terms(
        reference=str(pk)[:8].upper(),
        title=Both(tidy(title), tidy(title_en)),
        purpose=Both(tidy(purpose), tidy(purpose_en)),
        city=city.name,
        parties=parties,
        starts_on=starts_on,
        ends_on=ends_on,
        today=timezone.localdate(),
        verify_at=verify_address(pk),
    )
    document = _file(terms, by=by, city=city.pk)
    agreement = Agreement(
        pk=pk,
        city=city,
        kind=AgreementKind.MOU,
        title=terms.title.id,
        title_en=terms.title.en,
        starts_on=starts_on,
        ends_on=ends_on,
        invented=invented,
    )
    return _begin(agreement, terms, document, parties, [], by)


def _begin(
    agreement: Agreement,
    terms: AgreementTerms,
    document: Document,
    parties: tuple[Organisation, ...],
    datasets: list[Dataset],
    by: User,
) -> Agreement:
    try:
        with transaction.atomic():
            agreement.save(force_insert=True)
            Party.objects.bulk_create(
                Party(agreement=agreement, organisation=organisation, place=place)
                for place, organisation in enumerate(parties, 1)
            )
            agreement.datasets.set(datasets)
            fresh = _fresh(agreement)
            side = rules.side_of(by, fresh)
            hat = side[1] if side else None
            _keep(agreement, terms, document, "", by, hat.organisation_id if hat else parties[0].pk)
            _note(agreement, "agreement.drafted", by, hat, public=True, data=_facts(terms, document))
            Follow.objects.get_or_create(user=by, thread=agreement.thread)
    except IntegrityError as clash:
        raise Stale(_("There is an agreement already. Open it to go on.")) from clash
    return _plain(agreement)


def propose_version(
    *,
    agreement: Agreement,
    changes: Mapping[str, Any],
    by: User,
    note: str = "",
    seen: int | None = None,
    procurement_reference: str | None = None,
    spends_regional_budget: bool | None = None,
) -> AgreementVersion:
    """Put a new text on the table; see `drafting.revised` for ``changes``. Approvals do not carry over.

    ``seen`` is the number of the version the person changed. Raises Refused, Invalid, and Stale where
    another text came first; a text without any change is returned as it is.
    """
    agreement = _fresh(agreement)
    require(rules.may_propose(by, agreement))
    latest = _latest(agreement, seen)
    changes = dict(changes)
    fields: dict[str, Any] = {}
    if procurement_reference is not None:
        fields["procurement_reference"] = tidy(procurement_reference)[:120]
    if spends_regional_budget is not None:
        fields["spends_regional_budget"] = spends_regional_budget
    _check_budget(agreement, fields, by)
    if fields and "procurement" in latest.reading.variables:
        text = _procurement(agreement, fields)
        changes["variables"] = {**changes.get("variables", {}), "procurement": text}
    terms = revised(latest.reading, changes)
    return _propose(agreement, latest, terms, by=by, note=note, fields=fields)


def set_signatory(
    *, party: Party, name: str, title: str, mandate: str, by: User, number: str | None = None
) -> AgreementVersion:
    """Name who signs for the person's own party, by which mandate, under which number of its own.

    They stand in the text, so this makes a new version. Raises Refused, Invalid or Stale.
    """
    agreement = _fresh(party.agreement)
    require(rules.may_propose(by, agreement))
    side = rules.side_of(by, agreement)
    if side is None or side[0].pk != party.pk:
        raise Refused(_("Each party names its own signatory."))
    own = side[0]
    values = {
        "signatory_name": tidy(name),
        "signatory_title": tidy(title),
        "mandate": tidy(mandate),
        "number": own.number if number is None else tidy(number),
    }
    faults: dict[str, list[Text]] = {}
    for field, value in values.items():
        limit = LONGEST[field]
        if "\n" in value or len(value) > limit:
            faults[field] = [_("One line of at most %(limit)s characters.") % {"limit": limit}]
        elif unprintable(value):
            faults[field] = [_("The document cannot show some of these characters.")]
        elif field in ("signatory_name", "signatory_title") and not value:
            faults[field] = [_("This is needed.")]
    if rules.is_city_side(own) and values["number"] != own.number:
        faults["number"] = [
            _("The city's number is reserved by the cooperation bureau once every party approved the text.")
        ]
    taken = Party.objects.filter(organisation=own.organisation_id, number=values["number"])
    if values["number"] and taken.exclude(pk=own.pk).exists():
        faults["number"] = [_("Your organisation uses this number on another agreement.")]
    if faults:
        raise Invalid(_("The signatory cannot be kept as given."), faults)
    latest = _latest(agreement, None)
    parties = tuple(
        replace(
            p,
            signatory_name=values["signatory_name"],
            signatory_title=values["signatory_title"],
            mandate=values["mandate"],
            number=values["number"],
        )
        if p.place == own.place
        else p
        for p in latest.reading.parties
    )
    note = _("Signatory, mandate and number of %(party)s") % {"party": own.organisation.name}
    return _propose(
        agreement, latest, replace(latest.reading, parties=parties), by=by, note=note, party=(own, values)
    )


def _propose(
    agreement: Agreement,
    latest: AgreementVersion,
    terms: AgreementTerms,
    *,
    by: User,
    note: str,
    fields: Mapping[str, Any] | None = None,
    party: tuple[Party, dict[str, str]] | None = None,
    also: Callable[[AgreementVersion], None] | None = None,
) -> AgreementVersion:
    """Keep the next version, and in the same transaction whatever else makes it one."""
    same = replace(terms, version=latest.number) == replace(latest.reading, version=latest.number)
    if same and not any(getattr(agreement, name) != value for name, value in (fields or {}).items()):
        return latest
    terms = replace(terms, version=latest.number + 1)
    document = _file(terms, by=by, city=agreement.city_id)
    side = rules.side_of(by, agreement)
    assert side is not None
    with transaction.atomic():
        locked = _locked(agreement)
        require(rules.may_propose(by, locked))
        _latest(locked, latest.number)
        values = {
            "title": terms.title.id,
            "title_en": terms.title.en,
            "starts_on": terms.starts_on,
            "ends_on": terms.ends_on,
            **(fields or {}),
        }
        Agreement.objects.filter(pk=agreement.pk).update(**values)
        if party:
            Party.objects.filter(pk=party[0].pk).update(**party[1])
            numbers.keep_typed(locked, party[0], party[1]["number"], by)
        kept = [flow.dataset for flow in terms.flows if flow.dataset]
        agreement.datasets.set(Dataset.objects.filter(pk__in=kept, partner__in=_organisations(locked)))
        version = _keep(agreement, terms, document, note, by, side[1].organisation_id)
        _note(agreement, "agreement.proposed", by, side[1], public=False, data=_facts(terms, document))
        Follow.objects.get_or_create(user=by, thread=agreement.thread)
        if also:
            also(version)
    return version


def approve_version(*, version: AgreementVersion, by: User, seen_sha256: str) -> Approval:
    """Say yes to exactly this text for one's party. Raises Refused, and Stale where it is not the latest."""
    with transaction.atomic():
        agreement = _locked(version.agreement)
        latest = _latest(agreement, version.number)
        _same(latest, seen_sha256)
        require(rules.may_approve(by, agreement, latest))
        side = rules.side_of(by, agreement)
        assert side is not None
        approval = Approval.objects.create(version=latest, party=side[0], by=by.pseudonym)
        mark_read(agreement=agreement, by=by, version=latest.number)
        _note(
            agreement,
            "agreement.approved",
            by,
            side[1],
            public=False,
            data={"version": latest.number, "sha256": latest.document.sha256, "party": side[0].place},
        )
    return approval


def open_signing(*, agreement: Agreement, by: User) -> Agreement:
    """Fix the text and ask for signatures. For a collaboration this is the scheme's move ``open_signing``."""
    with transaction.atomic():
        locked = _locked(agreement)
        collaboration = locked.collaboration
        if collaboration is not None and locked.amends_id is None:
            make_move(collaboration=collaboration, move="open_signing", by=by, seen=collaboration.stage)
            if agreement.collaboration is not None:
                agreement.collaboration.refresh_from_db()
        else:
            require(rules.may_open(by, locked))
            latest = _latest(locked, None)
            if latest.approvals.count() < len(rules.parties_of(locked)):
                raise Refused(_("Every party approves the latest text before signing opens."))
            if locked.amends_id is not None:
                require(is_fit(locked, latest.reading))
        Agreement.objects.filter(pk=locked.pk).update(state=AgreementState.SIGNING)
        if collaboration is None or locked.amends_id is not None:
            side = rules.side_of(by, locked)
            hat = side[1] if side else None
            number = _latest(locked, None).number
            _note(locked, "agreement.opened", by, hat, public=False, data={"version": number})
    return _plain(agreement)


def consent_sentence(party: Party, sha256: str) -> str:
    """What a signatory says by signing, in the reader's language."""
    return _(
        "I am %(name)s, %(title)s, and I am mandated by %(mandate)s to sign for %(party)s. I have read the"
        " document with SHA-256 %(sha256)s and agree to it. I consent to the electronic signature."
    ) % {
        "name": party.signatory_name,
        "title": party.signatory_title,
        "mandate": party.mandate,
        "party": party.organisation.name,
        "sha256": sha256,
    }


def sign(*, agreement: Agreement, by: User, seen_sha256: str, consent: bool | str) -> Signature:
    """Record a signatory's consent to the document they were shown; the last one starts the sealing.

    The caller has made sure the person signed in again just now. Raises Refused (role, mandate, stage),
    Invalid without consent, Stale where the text or the party's signature changed meanwhile.
    """
    if not consent:
        raise Invalid(_("Nothing was signed."), {"consent": [_("Tick the sentence to say that you agree.")]})
    with transaction.atomic():
        locked = _held(agreement)
        party = rules.party_to_sign(by, locked)
        if party is not None and hasattr(party, "signature"):
            raise Stale(_("%(party)s has signed already.") % {"party": party.organisation.name})
        require(rules.may_sign(by, locked, party))
        assert party is not None
        latest = _latest(locked, None)
        _same(latest, seen_sha256)
        parties = rules.parties_of(locked)
        if latest.approvals.count() < len(parties):
            raise Refused(_("Every party approves the latest text before anyone signs."))
        return _signed(locked, latest, party, by, rules.signing_hat(by, locked, party), SignatureMaker.HUB)


def bring_signed(
    *, agreement: Agreement, file: IO[bytes], name: str, by: User, provider: str = ""
) -> Signature:
    """Take in the file a party's signatory signed elsewhere; it counts like a consent given here.

    ``provider`` is the key of the remote signing service that made the signature, if one did.

    Raises Refused, Invalid (field ``file``) with the reason where it is not exactly the newest file under
    that one signature, Stale where another party's came first. What is refused is not kept.
    """
    agreement = _fresh(agreement)
    require(rules.may_bring(by, agreement))
    side = rules.party_to_bring(by, agreement)
    assert side is not None
    latest = _latest(agreement, None)
    if latest.approvals.count() < len(rules.parties_of(agreement)):
        raise Refused(_("Every party approves the latest text before anyone signs."))
    newest = certified.newest_file(agreement, latest)
    data = file.read(settings.UPLOAD_LIMIT_BYTES + 1)
    before = certified.content_of(newest)
    report = certified.check(data, before=before, agreement=agreement, party=side[0])
    document = documents.store(file=data, name=name, by=by, city=agreement.city_id, allow=frozenset({PDF}))
    with transaction.atomic():
        locked = _locked(agreement)
        require(rules.may_bring(by, locked))
        now = _latest(locked, latest.number)
        if certified.newest_file(locked, now).pk != newest.pk:
            raise Stale(_("Another party's signature came first. Sign the newest file given here."))
        facts = {"brought": document.sha256} | ({"provider": provider} if provider else {})
        signature = _signed(locked, now, side[0], by, side[1], SignatureMaker.CERTIFIED, **facts)
        SignedUpload.objects.create(
            agreement=locked, signature=signature, document=document, report=report, at=signature.at
        )
    return signature


def _signed(
    locked: Agreement,
    latest: AgreementVersion,
    party: Party,
    by: User,
    hat: Membership | None,
    maker: SignatureMaker,
    **facts: str,
) -> Signature:
    """Record a party's signature; the last one starts the sealing."""
    sha256 = latest.document.sha256
    signature = Signature.objects.create(
        agreement=locked,
        party=party,
        by=by.pseudonym,
        sha256=sha256,
        consent=consent_sentence(party, sha256) if maker == SignatureMaker.HUB else "",
        maker=maker,
        at=timezone.now(),
    )
    last = locked.signatures.count() == len(rules.parties_of(locked))
    Agreement.objects.filter(pk=locked.pk).update(
        state=AgreementState.SEALING if last else AgreementState.SIGNING
    )
    data = {"version": latest.number, "sha256": sha256, "party": party.place, "maker": str(maker), **facts}
    _note(locked, "agreement.signed", by, hat, public=True, data=data)
    if last:
        _close_round(locked, RoundOutcome.SIGNED)
        seal_agreement.enqueue(str(locked.pk))
    return signature


def _close_round(agreement: Agreement, outcome: RoundOutcome) -> None:
    SigningRound.objects.filter(agreement=agreement, closed_at=None).update(
        closed_at=timezone.now(), outcome=outcome
    )


def decline(*, agreement: Agreement, by: User, reason: str) -> Agreement:
    """Walk away from the agreement, saying why. The collaboration stays where it stands."""
    reason = tidy(reason)
    if not reason or len(reason) > 1000:
        raise Invalid(
            _("Say why."), {"reason": [_("A reason of 1 to 1,000 characters is needed; both sides read it.")]}
        )
    with transaction.atomic():
        locked = _locked(agreement)
        require(rules.may_decline(by, locked))
        side = rules.side_of(by, locked)
        party = side[0] if side else rules.party_to_sign(by, locked)
        hat = side[1] if side else party and rules.signing_hat(by, locked, party)
        Agreement.objects.filter(pk=locked.pk).update(state=AgreementState.DECLINED, declined_reason=reason)
        numbers.release(locked, by=by, reason=_("the agreement was declined"))
        _close_round(locked, RoundOutcome.DECLINED)
        _note(
            locked,
            "agreement.declined",
            by,
            hat or None,
            public=True,
            data={"party": party.place if party else 0},
        )
    return _plain(agreement)


def record_stamp(*, party: Party, serial: str, by: User) -> Party:
    """Keep the e-meterai serial of the person's own counterpart. Raises Refused or Invalid."""
    agreement = _fresh(party.agreement)
    side = rules.side_of(by, agreement)
    if side is None or side[0].pk != party.pk:
        raise Refused(_("Each party records its own e-meterai."))
    if agreement.state in (AgreementState.DECLINED, AgreementState.ENDED):
        raise Refused(_("The agreement is %(state)s.") % {"state": agreement.phase_label})
    serial = "".join(serial.split())
    if not (len(serial) == 22 and serial.isascii() and serial.isdigit()):
        raise Invalid(_("The serial cannot be kept."), {"serial": [_("An e-meterai serial has 22 digits.")]})
    if Party.objects.filter(stamp_serial=serial).exclude(pk=party.pk).exists():
        raise Invalid(
            _("The serial cannot be kept."), {"serial": [_("This serial is on another agreement.")]}
        )
    try:
        with transaction.atomic():
            Party.objects.filter(pk=party.pk).update(stamp_serial=serial)
            _note(agreement, "agreement.stamped", by, side[1], public=False, data={"party": side[0].place})
    except IntegrityError as clash:
        raise Invalid(
            _("The serial cannot be kept."), {"serial": [_("This serial is on another agreement.")]}
        ) from clash
    party.stamp_serial = serial
    return party


def publish_text(*, agreement: Agreement, by: User, public: bool) -> Agreement:
    """Let anyone read the sealed text, or only the parties, the city and its auditors."""
    with transaction.atomic():
        locked = _locked(agreement)
        require(rules.may_publish(by, locked))
        side = rules.side_of(by, locked)
        Agreement.objects.filter(pk=locked.pk).update(text_public=public)
        _note(
            locked, "agreement.published", by, side[1] if side else None, public=True, data={"public": public}
        )
    return _plain(agreement)


def mark_read(*, agreement: Agreement, by: User, version: int) -> None:
    """Remember up to which version the person has read."""
    LastRead.objects.update_or_create(agreement=agreement, user=by, defaults={"version": version})


def _file(terms: AgreementTerms, *, by: User, city: str) -> Document:
    """Typeset and store, outside any transaction."""
    try:
        pdf = typeset(terms)
    except UnprintableError as fault:
        shown = " ".join(f"U+{ord(c):04X}" for c in sorted(fault.characters))
        raise Invalid(
            _("The document cannot show these characters: %(shown)s.") % {"shown": shown}
        ) from fault
    name = f"{terms.reference}-v{terms.version}.pdf"
    return documents.store_made(pdf=pdf, name=name, by=by, city=city)


def _keep(
    agreement: Agreement, terms: AgreementTerms, document: Document, note: str, by: User, party: UUID
) -> AgreementVersion:
    version = AgreementVersion.objects.create(
        agreement=agreement,
        number=terms.version,
        terms=terms.as_json(),
        fingerprint=terms.fingerprint,
        change_note=tidy(note)[:LONGEST_NOTE],
        document=document,
        proposed_by=by.pseudonym,
        proposed_for_id=party,
    )
    LastRead.objects.update_or_create(agreement=agreement, user=by, defaults={"version": terms.version})
    return version


def _facts(terms: AgreementTerms, document: Document) -> dict[str, Any]:
    return {
        "version": terms.version,
        "sha256": document.sha256,
        "fingerprint": terms.fingerprint,
        "typesetter": typesetter(),
    }


def _note(
    agreement: Agreement,
    verb: str,
    by: User,
    hat: Membership | None,
    *,
    public: bool,
    data: Mapping[str, Any],
) -> None:
    ledger.append(
        verb=verb,
        subject=agreement.subject,
        thread=agreement.thread,
        by=by,
        role=hat.role if hat else "",
        organisation=hat.organisation_id if hat else None,
        city=agreement.city_id,
        public=public,
        data=data,
    )


def _check_budget(agreement: Agreement, fields: Mapping[str, Any], by: User) -> None:
    """What lifts the stop on regional budget is the city's to state, and names a procurement."""
    changed = {name for name, value in fields.items() if getattr(agreement, name) != value}
    if changed:
        require(rules.may_state_budget(by, agreement))
    reference = str(fields.get("procurement_reference", ""))
    if "procurement_reference" in changed and reference and not any(sign.isdigit() for sign in reference):
        text = _("A procurement reference has a number. Give it as the procurement system has it.")
        raise Invalid(_("The proposal cannot be kept as it is."), {"procurement_reference": [text]})


def _procurement(agreement: Agreement, fields: Mapping[str, Any]) -> Both:
    spends = fields.get("spends_regional_budget", agreement.spends_regional_budget)
    reference = fields.get("procurement_reference", agreement.procurement_reference)
    if reference:
        return Both(reference)
    return Both("") if spends else Both("tidak memakai APBD", "no regional budget is spent")


def _organisations(agreement: Agreement) -> list[UUID]:
    return [party.organisation_id for party in rules.parties_of(agreement)]


def _plain(agreement: Agreement) -> Agreement:
    """As it is now, nothing read ahead, so that a caller who goes on never sees an older text."""
    return Agreement.objects.select_related("collaboration", "city").get(pk=agreement.pk)


def _fresh(agreement: Agreement) -> Agreement:
    return with_file(Agreement.objects.all()).get(pk=agreement.pk)


def _locked(agreement: Agreement) -> Agreement:
    """The agreement as it is now, held until the transaction ends: two people take turns."""
    Agreement.objects.select_for_update().only("pk").get(pk=agreement.pk)
    return _plain(agreement)


def _held(agreement: Agreement) -> Agreement:
    """As `_locked`, with the parties read ahead: for one who signs and does not go on."""
    Agreement.objects.select_for_update().only("pk").get(pk=agreement.pk)
    rows = with_parties(Agreement.objects.select_related("collaboration__agency"))
    return rows.get(pk=agreement.pk)


def _latest(agreement: Agreement, seen: int | None) -> AgreementVersion:
    latest = current_version(agreement)
    if latest is None:
        raise Refused(_("This agreement is known from published sources only. It has no text here."))
    if seen is not None and latest.number != seen:
        raise Stale(
            _("Somebody was faster: the text is at version %(number)s now. Read what changed, then go on.")
            % {"number": latest.number}
        )
    return latest


def _same(latest: AgreementVersion, seen_sha256: str) -> None:
    if latest.document.sha256 != seen_sha256.strip().lower():
        raise Stale(_("The text changed since you read it. Nothing was recorded. Read it again, then go on."))
