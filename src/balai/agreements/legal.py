"""What people do on the legal path: publish it, settle its steps, file evidence, answer for the council."""

import datetime as dt
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import IO, Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from balai.agreements import legal_path
from balai.agreements.legal_path import HELD, SHIPPED, Step, shipped
from balai.agreements.legal_standing import SETTLED, PathStanding, StepStanding, kind_of, standing_of
from balai.agreements.models import (
    Agreement,
    AgreementKind,
    AgreementState,
    CouncilAnswer,
    CouncilApproval,
    LegalCase,
    LegalPaper,
    LegalPathVersion,
    StepRecord,
    StepState,
)
from balai.agreements.models.legal import LONGEST_REASON
from balai.agreements.stops import Subject
from balai.agreements.terms import tidy
from balai.collaborations.models import Collaboration
from balai.collaborations.registry import SEATS
from balai.collaborations.rules import hat_for
from balai.core import documents, ledger
from balai.core.errors import Invalid, Refused, Stale, Text
from balai.core.inspection import PDF
from balai.core.rules import YES, Verdict, no, require
from balai.people.models import Membership, Organisation, OrganisationKind, User
from balai.people.rules import Reader, hats_in, hats_in_city

MOST_PAPERS = 20
PAPERS = frozenset({PDF})
FILERS = ("bureau", "agency", "applicant")
LONGEST_NUMBER = 120


def publish_path(*, source: str) -> LegalPathVersion:
    """Store a path as an immutable version and make it the current one of its key.

    Publishing the same text again changes nothing. Raises LegalPathError for a text that does not validate
    and Invalid for other text under a version that exists.
    """
    path = legal_path.parse_cached(source)
    digest = sha256(source.encode()).hexdigest()
    with transaction.atomic():
        same = LegalPathVersion.objects.filter(key=path.key, version=path.version).first()
        if same and same.sha256 != digest:
            raise Invalid(
                _("%(key)s %(version)s is published already with another text. Give it a new version.")
                % {"key": path.key, "version": path.version}
            )
        if same:
            return same
        LegalPathVersion.objects.filter(key=path.key, current=True).update(current=False)
        stored = LegalPathVersion.objects.create(
            key=path.key, version=path.version, sha256=digest, source=source, published_at=timezone.now()
        )
        ledger.append(
            verb="legal.published",
            subject=f"legal-path:{stored.pk}",
            by=None,
            public=True,
            data={"key": path.key, "version": path.version, "sha256": digest},
        )
    return stored


def hat_of(user: Reader, subject: Subject, role: str) -> Membership | None:
    """The membership in which the person plays ``role`` for this path, if any."""
    if isinstance(subject, Collaboration):
        return hat_for(user, subject, role)
    parties: list[Organisation] = [p.organisation for p in subject.parties.all()]
    own = [o for o in parties if o.kind == OrganisationKind.AGENCY and o.city_id == subject.city_id]
    others = [o for o in parties if o not in own]
    if subject.documented:
        return None
    if role in ("applicant", "partner_signatory"):
        return next((h for o in others for h in hats_in(user, o, *SEATS[role])), None)
    if any(hats_in(user, o) for o in others):
        return None
    if role == "agency":
        return next((h for o in own for h in hats_in(user, o, *SEATS[role])), None)
    hats = hats_in_city(user, subject.city_id, *SEATS[role])
    return next((h for h in hats if h.organisation.kind == OrganisationKind.AGENCY), None)


def role_of(user: Reader, subject: Subject, roles: Iterable[str]) -> str:
    """The first of ``roles`` the person plays here; empty if none."""
    return next((role for role in roles if hat_of(user, subject, role)), "")


def may_settle(user: Reader, subject: Subject, step: Step) -> Verdict:
    """Whoever's desk it is, or the cooperation bureau, says that a step is done."""
    if step.is_told:
        return no(_("The hub's own records say when this is done; nobody enters it by hand."))
    if not role_of(user, subject, (step.who, "bureau")):
        return no(_("Only the desk the step lies on, or the cooperation bureau, says that it is done."))
    return YES


def may_waive(user: Reader, subject: Subject, step: Step) -> Verdict:
    """Those the path names leave a step out, under a rule; a hard stop never."""
    if step.key in HELD or step.stop or not step.waivable:
        return no(_("Nobody waives this step."))
    if not role_of(user, subject, step.waivable):
        return no(_("Only those the path names leave a step out."))
    return YES


def may_answer(user: Reader, subject: Subject) -> Verdict:
    """The cooperation bureau answers for the council, until every party has signed."""
    if kind_of(subject) != AgreementKind.PKS:
        return no(_("The council's approval is asked for before a PKS; this path leads to a memorandum."))
    if not hat_of(user, subject, "bureau"):
        return no(
            _("Only the cooperation bureau answers the two questions and files the council's approval.")
        )
    return YES


def may_file(user: Reader, subject: Subject, step: Step) -> Verdict:
    """Either side files evidence of a step."""
    if not step.papers:
        return no(_("This step asks for no document."))
    if not role_of(user, subject, (step.who, *FILERS)):
        return no(_("Only those who take part file documents."))
    return YES


def settle_step(
    *,
    subject: Subject,
    step: str,
    state: str,
    by: User,
    reason: str = "",
    rule: str = "",
    checks: Iterable[str] = (),
) -> StepRecord:
    """Say that a step is done, waived under a rule, or does not apply.

    Reason and rule are public. Raises Refused, Invalid, and Stale where it is settled already.
    """
    if state not in StepState.values:
        raise Invalid(_("There is no such state."))
    reason = tidy(reason)
    try:
        with transaction.atomic():
            case = held(subject)
            now = standing_of(subject_of_case(case))
            row = _row(now, step)
            if row.state in SETTLED:
                raise Stale(_("This step is settled already. Look at who settled it, and when."))
            if state == StepState.DONE:
                role = _may_be_done(now, row.step, by, list(checks))
            else:
                require(may_waive(by, now.subject, row.step))
                role = role_of(by, now.subject, row.step.waivable)
                _grounded(now, reason, rule)
            if len(reason) > LONGEST_REASON:
                raise Invalid(_("This cannot be kept."), {"reason": [_too_long()]})
            record = StepRecord.objects.create(
                case=case,
                step=step,
                state=state,
                reason=reason,
                rule=rule if state != StepState.DONE else "",
                checks=[check.key for check in row.step.checks] if state == StepState.DONE else [],
                role=role,
                by=by.pseudonym,
                at=timezone.now(),
            )
            facts = {"step": step, "state": state, "rule": record.rule, "reason": reason}
            note(case, "legal.settled", by, role, public=True, data=facts)
    except IntegrityError as clash:
        raise Stale(_("This step is settled already. Look at who settled it, and when.")) from clash
    return record


def _may_be_done(now: PathStanding, step: Step, by: User, ticked: list[str]) -> str:
    require(may_settle(by, now.subject, step))
    if now.step(step.key).state == "coming":
        waits = ", ".join(
            str(now.path.step(k).name) for k in step.after if k in {s.key for s in now.path.steps}
        )
        raise Refused(_("This step comes after: %(steps)s.") % {"steps": waits or _("an earlier step")})
    filed = {paper.kind for paper in now.step(step.key).papers}
    missing = [str(p.label) for p in step.papers if p.required and p.key not in filed]
    if missing:
        raise Refused(_("Still missing: %(papers)s. File it first.") % {"papers": ", ".join(missing)})
    open_checks = [str(c.label) for c in step.checks if c.key not in ticked]
    if open_checks:
        raise Invalid(
            _("Not everything is checked."),
            {"checks": [_("Not ticked: %(names)s.") % {"names": "; ".join(open_checks)}]},
        )
    return role_of(by, now.subject, (step.who, "bureau"))


def _grounded(now: PathStanding, reason: str, rule: str) -> None:
    faults: dict[str, list[Text]] = {}
    if not reason:
        faults["reason"] = [_("A reason is needed; anybody can read it.")]
    if rule not in {source.key for source in now.path.sources}:
        faults["rule"] = [_("Name the rule under which the step is left out.")]
    if faults:
        raise Invalid(_("A step is left out under a rule and with a reason."), faults)


def withdraw_record(*, record: StepRecord, reason: str, by: User) -> StepRecord:
    """Take back what was settled by mistake; it stays on file with the reason. Raises Refused or Stale."""
    reason = _reason(reason)
    with transaction.atomic():
        case = held(subject_of_case(record.case))
        require(_is_bureau(by, case))
        rows = StepRecord.objects.filter(pk=record.pk, withdrawn_at=None)
        if not rows.update(withdrawn_at=timezone.now(), withdrawn_reason=reason):
            raise Stale(_("It was taken back already."))
        data = {"step": record.step, "state": record.state, "reason": reason}
        note(case, "legal.withdrawn", by, "bureau", public=True, data=data)
    record.refresh_from_db()
    return record


def file_paper(
    *,
    subject: Subject,
    step: str,
    kind: str,
    file: IO[bytes],
    name: str,
    by: User,
    number: str = "",
    dated_on: dt.date | None = None,
) -> LegalPaper:
    """File a document as evidence of a step; it is checked first. Raises Refused or Invalid (field file)."""
    found = _step(subject, step)
    require(may_file(by, subject, found))
    if kind not in {paper.key for paper in found.papers}:
        raise Invalid(_("The step asks for no such document."), {"kind": [_("Choose one of the list.")]})
    number = _number(number, required=False)
    _not_ahead(dated_on)
    document = documents.store(file=file, name=name, by=by, city=_city(subject), allow=PAPERS)
    with transaction.atomic():
        case = held(subject)
        if LegalPaper.objects.filter(case=case, step=step).count() >= MOST_PAPERS:
            raise Refused(_("At most %(most)s documents are kept for a step.") % {"most": MOST_PAPERS})
        paper = LegalPaper.objects.create(
            case=case,
            step=step,
            kind=kind,
            document=document,
            number=number,
            dated_on=dated_on,
            by=by.pseudonym,
            at=timezone.now(),
        )
        role = role_of(by, subject, (found.who, *FILERS))
        data = {"step": step, "kind": kind, "sha256": document.sha256}
        note(case, "legal.filed", by, role, public=False, data=data)
    return paper


def answer_council(
    *,
    subject: Subject,
    burdens: bool,
    burdens_reason: str,
    unbudgeted: bool,
    unbudgeted_reason: str,
    by: User,
    seen: int | None = None,
) -> CouncilAnswer:
    """Answer the two questions, each with its reason. The newest answer counts.

    ``seen`` is the answer the person was shown (0 for none). Raises Refused (role, or once every party has
    signed), Invalid, and Stale where another answer came first.
    """
    reasons = {"burdens_reason": tidy(burdens_reason), "unbudgeted_reason": tidy(unbudgeted_reason)}
    faults: dict[str, list[Text]] = {
        name: [_("A reason is needed; anybody can read it.") if not text else _too_long()]
        for name, text in reasons.items()
        if not 0 < len(text) <= LONGEST_REASON
    }
    with transaction.atomic():
        case = held(subject)
        require(may_answer(by, subject_of_case(case)))
        _unsigned(case)
        if faults:
            raise Invalid(_("Each answer needs its reason."), faults)
        last = case.answers.first()
        if seen is not None and seen != (last.pk if last else 0):
            raise Stale(_("Somebody was faster: the two questions were answered. Read that answer first."))
        answer = CouncilAnswer.objects.create(
            case=case,
            burdens=burdens,
            unbudgeted=unbudgeted,
            by=by.pseudonym,
            at=timezone.now(),
            **reasons,
        )
        data = {"burdens": burdens, "unbudgeted": unbudgeted, "needed": answer.needs_council}
        note(case, "legal.council_answered", by, "bureau", public=True, data=data)
    return answer


def file_approval(
    *, subject: Subject, number: str, dated_on: dt.date, file: IO[bytes], name: str, by: User
) -> CouncilApproval:
    """File the council's approval: number, day, document. Raises Refused, Invalid or Stale."""
    require(may_answer(by, subject))
    number = _number(number, required=True)
    _not_ahead(dated_on)
    document = documents.store(file=file, name=name, by=by, city=_city(subject), allow=PAPERS)
    try:
        with transaction.atomic():
            case = held(subject)
            require(may_answer(by, subject_of_case(case)))
            _unsigned(case)
            approval = CouncilApproval.objects.create(
                case=case,
                number=number,
                dated_on=dated_on,
                document=document,
                by=by.pseudonym,
                at=timezone.now(),
            )
            data = {"number": number, "dated_on": dated_on, "sha256": document.sha256}
            note(case, "legal.council_approved", by, "bureau", public=True, data=data)
    except IntegrityError as clash:
        raise Stale(_("An approval is filed already. Take it back first if it is the wrong one.")) from clash
    return approval


def withdraw_approval(*, approval: CouncilApproval, reason: str, by: User) -> CouncilApproval:
    """Take back an approval filed by mistake; it stays on file. Raises Refused, Invalid or Stale."""
    reason = _reason(reason)
    with transaction.atomic():
        case = held(subject_of_case(approval.case))
        require(may_answer(by, subject_of_case(case)))
        _unsigned(case)
        rows = CouncilApproval.objects.filter(pk=approval.pk, withdrawn_at=None)
        if not rows.update(withdrawn_at=timezone.now(), withdrawn_reason=reason):
            raise Stale(_("It was taken back already."))
        data = {"number": approval.number, "reason": reason}
        note(case, "legal.council_withdrawn", by, "bureau", public=True, data=data)
    approval.refresh_from_db()
    return approval


def held(subject: Subject) -> LegalCase:
    """The subject's case, held until the transaction ends, opened if there is none.

    Agreements are locked before the collaboration, as everywhere, so that an answer and a signature or a
    move take turns.
    """
    if isinstance(subject, Collaboration):
        list(Agreement.objects.select_for_update().filter(collaboration=subject).order_by("pk").only("pk"))
        fresh = Collaboration.objects.select_for_update().get(pk=subject.pk)
        own: dict[str, Subject] = {"collaboration": fresh}
        open_now = not fresh.documented and fresh.submitted_at is not None
    else:
        Agreement.objects.select_for_update().only("pk").get(pk=subject.pk)
        memorandum = Agreement.objects.get(pk=subject.pk)
        own = {"agreement": memorandum}
        open_now = not memorandum.documented
        if memorandum.collaboration_id:
            raise Invalid(_("The path of this agreement is kept with its collaboration."))
    if not open_now:
        raise Refused(
            _("Nothing is recorded here: it is not submitted, or known from published sources only.")
        )
    case = LegalCase.objects.filter(**own).first()
    if case is None:
        case = LegalCase.objects.create(path_version=_current_version(), opened_at=timezone.now(), **own)
    return case


def _current_version() -> LegalPathVersion:
    current = LegalPathVersion.objects.filter(key=SHIPPED, current=True).first()
    return current or publish_path(source=shipped())


def subject_of_case(case: LegalCase) -> Subject:
    """The record whose path the case is."""
    subject = case.collaboration or case.agreement
    assert subject is not None
    return subject


def _row(now: PathStanding, step: str) -> StepStanding:
    try:
        return now.step(step)
    except KeyError:
        raise Invalid(_("There is no such step on this path.")) from None


def _step(subject: Subject, key: str) -> Step:
    return _row(standing_of(subject), key).step


def _is_bureau(by: User, case: LegalCase) -> Verdict:
    if not hat_of(by, subject_of_case(case), "bureau"):
        return no(_("Only the cooperation bureau takes back what was settled."))
    return YES


def _unsigned(case: LegalCase) -> None:
    """Once every party has signed, what they signed on stays as it was, until an addendum is on its way."""
    signed = (AgreementState.SEALING, AgreementState.SEALED)
    coming = (AgreementState.DRAFTING, AgreementState.SIGNING)
    mine = {"collaboration": case.collaboration_id} if case.collaboration_id else {"pk": case.agreement_id}
    agreements = Agreement.objects.filter(documented=False, **mine)
    if (
        agreements.filter(kind=AgreementKind.PKS, state__in=signed).exists()
        and not agreements.filter(amends__isnull=False, state__in=coming).exists()
    ):
        raise Refused(
            _("Every party has signed. What they relied on is not changed; an addendum may follow.")
        )


def _reason(text: str) -> str:
    text = tidy(text)
    if not text or len(text) > LONGEST_REASON:
        raise Invalid(
            _("Say why."),
            {"reason": [_("A reason is needed; anybody can read it.") if not text else _too_long()]},
        )
    return text


def _number(text: str, *, required: bool) -> str:
    text = tidy(text)
    if "\n" in text or len(text) > LONGEST_NUMBER:
        raise Invalid(
            _("The number cannot be kept."),
            {"number": [_("One line of at most %(limit)s characters.") % {"limit": LONGEST_NUMBER}]},
        )
    if required and not any(sign.isdigit() for sign in text):
        raise Invalid(
            _("The number cannot be kept."), {"number": [_("Give the number as the letter has it.")]}
        )
    return text


def _not_ahead(day: dt.date | None) -> None:
    if day is not None and day > timezone.localdate():
        raise Invalid(_("The day cannot be kept."), {"dated_on": [_("This day lies in the future.")]})


def _too_long() -> str:
    return _("At most %(limit)s characters.") % {"limit": LONGEST_REASON}


def _city(subject: Subject) -> str:
    return str(subject.city_id)


def note(
    case: LegalCase, verb: str, by: User | None, role: str, *, public: bool, data: Mapping[str, Any]
) -> None:
    """Write to the ledger, on the thread of the collaboration or memorandum."""
    subject = subject_of_case(case)
    hat = hat_of(by, subject, role) if by and role else None
    ledger.append(
        verb=verb,
        subject=f"legal:{case.pk}",
        thread=subject.thread,
        by=by,
        role=role,
        organisation=hat.organisation_id if hat else None,
        city=_city(subject),
        public=public and _is_public(subject),
        data=data,
    )


def _is_public(subject: Subject) -> bool:
    """What happens before the record is public stays inside."""
    return isinstance(subject, Collaboration) and subject.public_since is not None
