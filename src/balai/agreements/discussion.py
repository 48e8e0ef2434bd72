"""The discussion by the cooperation team (TKKSD): asked for, assigned, judged on three sides, closed.

Its clock runs in working days and rests while the applicant is asked to supply something.
"""

from collections.abc import Iterable
from typing import IO

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from balai.agreements.legal import PAPERS, hat_of, held, note, role_of, subject_of_case
from balai.agreements.legal_standing import SETTLED, standing_of
from balai.agreements.models import (
    Aspect,
    Discussion,
    DiscussionMember,
    DiscussionPause,
    Opinion,
    OpinionVerdict,
)
from balai.agreements.models.legal import LONGEST_REASON
from balai.agreements.stops import Subject
from balai.agreements.terms import tidy
from balai.applications.rules import detected_conflict
from balai.collaborations.models import Collaboration
from balai.core import documents, ledger
from balai.core.errors import Invalid, Refused, Stale, Text
from balai.core.rules import YES, Verdict, no, require
from balai.people.models import Role, User
from balai.people.rules import Reader, cities_audited, hats_in_city, is_person

STEP = "discussion"
LONGEST_OPINION = 4000
MOST_MEMBERS = 15


def candidates(subject: Subject) -> list[User]:
    """The members of the city's TKKSD who may discuss this: no seat at a partner, now or earlier."""
    people = User.objects.filter(
        is_active=True,
        memberships__ended_at=None,
        memberships__role=Role.TKKSD,
        memberships__organisation__kind="agency",
        memberships__organisation__active=True,
        memberships__organisation__city=subject.city_id,
    )
    return [person for person in people.distinct().order_by("name", "pk") if not _conflict(person, subject)]


def _conflict(user: User, subject: Subject) -> str:
    if isinstance(subject, Collaboration):
        return detected_conflict(user, subject.partner)
    parties = [p.organisation for p in subject.parties.all()]
    return next((c for o in parties if o.kind != "agency" and (c := detected_conflict(user, o))), "")


def may_request(user: Reader, subject: Subject) -> Verdict:
    """The cooperation bureau asks the TKKSD, once the application is accepted."""
    if not hat_of(user, subject, "bureau"):
        return no(_("Only the cooperation bureau asks the TKKSD for a discussion."))
    if isinstance(subject, Collaboration) and subject.ended_at is not None:
        return no(_("This collaboration has ended."))
    return YES


def member_of(user: Reader, discussion: Discussion) -> DiscussionMember | None:
    """The person's place in the discussion, while they still sit in the TKKSD."""
    if not is_person(user) or not hat_of(user, subject_of_case(discussion.case), "tkksd"):
        return None
    return next((m for m in discussion.members.all() if m.user_id == user.pk), None)


def may_judge(user: Reader, discussion: Discussion) -> Verdict:
    """Assigned members without a conflict give opinions until the discussion closes."""
    if member_of(user, discussion) is None:
        return no(_("Only the members assigned to this discussion give opinions."))
    assert is_person(user)
    if conflict := _conflict(user, subject_of_case(discussion.case)):
        return no(conflict)
    if discussion.closed_at is not None:
        return no(_("The discussion is closed."))
    return YES


def may_ask(user: Reader, discussion: Discussion) -> Verdict:
    """An assigned member or the bureau asks the applicant to supply something."""
    if not (may_judge(user, discussion) or hat_of(user, subject_of_case(discussion.case), "bureau")):
        return no(_("Only assigned members or the cooperation bureau ask the applicant."))
    if discussion.closed_at is not None:
        return no(_("The discussion is closed."))
    return YES


def may_supply(user: Reader, discussion: Discussion) -> Verdict:
    """The applicant supplies what was asked; the bureau may let the clock run on instead."""
    if not role_of(user, subject_of_case(discussion.case), ("applicant", "bureau")):
        return no(_("Only the applicant supplies what was asked, or the bureau lets the clock run on."))
    return YES


def may_close(user: Reader, discussion: Discussion) -> Verdict:
    """The chair or the bureau closes it."""
    member = member_of(user, discussion)
    if not (member and member.chair) and not hat_of(user, subject_of_case(discussion.case), "bureau"):
        return no(_("Only the chair of the discussion or the cooperation bureau closes it."))
    if discussion.closed_at is not None:
        return no(_("The discussion is closed."))
    return YES


def request_discussion(*, subject: Subject, members: Iterable[User], chair: User, by: User) -> Discussion:
    """Ask the TKKSD: the clock starts. Raises Refused, Invalid (members), Stale where one is under way."""
    people = list({person.pk: person for person in (chair, *members)}.values())
    try:
        with transaction.atomic():
            case = held(subject)
            now = standing_of(subject_of_case(case))
            require(may_request(by, now.subject))
            if "application.accepted" not in now.facts:
                raise Refused(_("The TKKSD discusses it once the application is accepted."))
            if STEP not in {row.step.key for row in now.steps}:
                raise Refused(_("This path has no discussion."))
            row = now.step(STEP)
            if row.state in SETTLED:
                raise Refused(_("The discussion is settled already."))
            able = {person.pk for person in candidates(now.subject)}
            if len(people) > MOST_MEMBERS or any(person.pk not in able for person in people):
                raise Invalid(
                    _("These people cannot discuss it."),
                    {"members": [_("Choose members of the city's TKKSD without a conflict of interest.")]},
                )
            if Discussion.objects.filter(case=case, closed_at=None).exists():
                raise Stale(_("A discussion is under way already."))
            made = Discussion.objects.create(
                case=case,
                clock=row.step.clock,
                requested_by=by.pseudonym,
                requested_at=timezone.now(),
            )
            DiscussionMember.objects.bulk_create(
                DiscussionMember(discussion=made, user=person, chair=person.pk == chair.pk)
                for person in people
            )
            data = {"clock": made.clock, "members": len(people)}
            note(case, "legal.discussion_requested", by, "bureau", public=True, data=data)
    except IntegrityError as clash:
        raise Stale(_("A discussion is under way already.")) from clash
    return made


def give_opinion(*, discussion: Discussion, aspect: str, verdict: str, text: str, by: User) -> Opinion:
    """Judge one side of the plan; again changes it. Raises Refused or Invalid."""
    text = tidy(text)
    faults: dict[str, list[Text]] = {}
    if aspect not in Aspect.values:
        faults["aspect"] = [_("Choose one of the list.")]
    if verdict not in OpinionVerdict.values:
        faults["verdict"] = [_("Choose one of the list.")]
    elif verdict != OpinionVerdict.AGREES and not text:
        faults["text"] = [_("Say what you note or object to.")]
    if len(text) > LONGEST_OPINION:
        faults["text"] = [_("At most %(limit)s characters.") % {"limit": LONGEST_OPINION}]
    with transaction.atomic():
        locked = _locked(discussion)
        require(may_judge(by, locked))
        if faults:
            raise Invalid(_("The opinion cannot be kept as it is."), faults)
        opinion, __ = Opinion.objects.update_or_create(
            discussion=locked,
            member=member_of(by, locked),
            aspect=aspect,
            defaults={"verdict": verdict, "text": text, "at": timezone.now()},
        )
        ledger.append(
            verb="legal.opinion",
            subject=f"legal:{locked.case_id}",
            thread=f"legal:{locked.case_id}",
            by=by,
            role="tkksd",
            city=str(subject_of_case(locked.case).city_id),
            public=False,
            data={"aspect": aspect, "verdict": verdict},
        )
    return opinion


def ask_applicant(*, discussion: Discussion, asked: str, by: User) -> DiscussionPause:
    """Ask the applicant to supply something: the clock rests. Raises Refused, Invalid or Stale."""
    asked = _said(asked, "asked")
    try:
        with transaction.atomic():
            locked = _locked(discussion)
            require(may_ask(by, locked))
            if locked.pauses.filter(until=None).exists():
                raise Stale(_("The applicant is asked already; the clock rests."))
            pause = DiscussionPause.objects.create(
                discussion=locked, asked=asked, asked_by=by.pseudonym, since=timezone.now()
            )
            role = "tkksd" if member_of(by, locked) else "bureau"
            note(locked.case, "legal.discussion_paused", by, role, public=True, data={})
    except IntegrityError as clash:
        raise Stale(_("The applicant is asked already; the clock rests.")) from clash
    return pause


def supply(
    *, discussion: Discussion, supplied: str, by: User, file: IO[bytes] | None = None, name: str = ""
) -> DiscussionPause:
    """Supply what was asked, or let the clock run on: it runs again. Raises Refused, Invalid or Stale."""
    supplied = _said(supplied, "supplied")
    subject = subject_of_case(discussion.case)
    require(may_supply(by, discussion))
    document = None
    if file is not None:
        document = documents.store(file=file, name=name, by=by, city=str(subject.city_id), allow=PAPERS)
    with transaction.atomic():
        locked = _locked(discussion)
        require(may_supply(by, locked))
        pause = locked.pauses.filter(until=None).first()
        if pause is None:
            raise Stale(_("Nothing is asked of the applicant now; the clock runs."))
        pause.until, pause.supplied, pause.document = timezone.now(), supplied, document
        pause.save(update_fields=["until", "supplied", "document"])
        role = role_of(by, subject_of_case(locked.case), ("applicant", "bureau"))
        note(locked.case, "legal.discussion_resumed", by, role, public=True, data={})
    return pause


def close_discussion(*, discussion: Discussion, agreed: bool, grounds: str, by: User) -> Discussion:
    """Close it. Agreed needs an opinion on each side and no objection; not agreed needs grounds.

    Raises Refused, Invalid, or Stale where it was closed already.
    """
    grounds = _said(grounds, "grounds") if grounds.strip() or not agreed else ""
    with transaction.atomic():
        locked = _locked(discussion)
        if locked.closed_at is not None:
            raise Stale(_("The discussion is closed already."))
        require(may_close(by, locked))
        now = timezone.now()
        if agreed:
            require(is_ripe(locked))
        locked.pauses.filter(until=None).update(until=now)
        rows = Discussion.objects.filter(pk=locked.pk, closed_at=None)
        rows.update(closed_at=now, agreed=agreed, grounds=grounds)
        member = member_of(by, locked)
        role = "tkksd" if member and member.chair else "bureau"
        note(locked.case, "legal.discussion_closed", by, role, public=True, data={"agreed": agreed})
    discussion.refresh_from_db()
    return discussion


def is_ripe(discussion: Discussion) -> Verdict:
    """Whether it can be closed as agreed."""
    opinions = list(discussion.opinions.all())
    missing = [a.label for a in Aspect if a.value not in {o.aspect for o in opinions}]
    if missing:
        return no(_("No opinion yet on: %(names)s.") % {"names": ", ".join(map(str, missing))})
    if any(o.verdict == OpinionVerdict.OBJECTS for o in opinions):
        return no(
            _("A member objects. The objection is settled and the opinion changed, or it is not agreed.")
        )
    if discussion.pauses.filter(until=None).exists():
        return no(_("The applicant has not supplied what was asked."))
    return YES


def _locked(discussion: Discussion) -> Discussion:
    """The discussion as it is now, held until the transaction ends."""
    Discussion.objects.select_for_update().only("pk").get(pk=discussion.pk)
    return Discussion.objects.select_related("case__collaboration", "case__agreement").get(pk=discussion.pk)


def _said(text: str, field: str) -> str:
    text = tidy(text)
    if not text:
        raise Invalid(_("Some words are needed."), {field: [_("This is needed.")]})
    if len(text) > LONGEST_REASON:
        raise Invalid(
            _("This is too long."), {field: [_("At most %(limit)s characters.") % {"limit": LONGEST_REASON}]}
        )
    return text


def may_read_opinions(user: Reader, subject: Subject) -> bool:
    """Bureau, TKKSD and auditors of the city; never the partner, nor whoever acted for it."""
    if not is_person(user) or hat_of(user, subject, "applicant"):
        return False
    if str(subject.city_id) in cities_audited(user):
        return True
    seats = hats_in_city(user, str(subject.city_id), Role.BUREAU, Role.TKKSD)
    return any(h.organisation.kind == "agency" for h in seats) and not _conflict(user, subject)
